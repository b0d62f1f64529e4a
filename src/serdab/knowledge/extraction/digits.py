"""Digits and signs of all scripts as those of ASCII, one character for one, so that places stay the same."""

from __future__ import annotations

import re

_FROM = "٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९０１２３４５６７８９٫٬，．：－／−–\u00a0\u202f"
_TO = "0123456789012345678901234567890123456789.,,.:-/-- "

_PLAIN = str.maketrans(_FROM, _TO + " " * (len(_FROM) - len(_TO)))
#: A digit of any script: dates, amounts and most numbers of things have one, and most short texts none.
ANY_DIGIT = re.compile(r"\d")


def plain_digits(text: str) -> str:
    """The same text with plain digits, separators and signs."""
    return text.translate(_PLAIN)
