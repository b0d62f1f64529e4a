"""Serdab: run AI in your own house. Durable steps on PostgreSQL, and documents through them."""

__version__ = "0.1.0"
