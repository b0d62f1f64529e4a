"""Small letters as words are looked up by: a pattern that is blind to case takes ſ for s, ı and İ for i."""

from __future__ import annotations

_ALIKE = str.maketrans("ſıİ\u212a", "siik")


def lower(written: str) -> str:
    """The text in small letters, one character for one where a pattern that is blind to case took it for a word."""
    return written.translate(_ALIKE).lower()
