"""Which version runs, where it came from, and what was learned here."""

from serdab.models.linear_head import Examples, LinearHead, train_head

__all__ = ["Examples", "LinearHead", "train_head"]
