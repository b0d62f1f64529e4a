"""Digits and signs of all scripts as those of ASCII, one character for one, so that places stay the same."""

from __future__ import annotations

_FROM = "٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९０１２３４５６７８９٫٬，．：－／−–\u00a0\u202f"
_TO = "0123456789012345678901234567890123456789.,,.:-/-- "

_PLAIN = str.maketrans(_FROM, _TO + " " * (len(_FROM) - len(_TO)))


def plain_digits(text: str) -> str:
    """The same text with plain digits, separators and signs."""
    return text.translate(_PLAIN)
