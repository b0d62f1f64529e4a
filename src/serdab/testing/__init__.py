"""What tests of your own workflows need: a whole house in a folder, with a worker inside the test."""

from serdab.testing.houses import running

__all__ = ["running"]
