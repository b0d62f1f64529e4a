"""The currency of an amount that has no mark beside it, or one that several currencies share."""

from __future__ import annotations

import functools
import re

import msgspec

from serdab.knowledge.extraction.currencies import SYMBOLS
from serdab.knowledge.extraction.fields import Field

#: Codes that are words, too: TRY AGAIN.
_WORDS = frozenset(["try", "ils", "sek", "euro", "rs", "fr.", "kr"])
_ALONE = "|".join(
    sorted((re.escape(mark if not mark.isascii() else mark.upper()) for mark in SYMBOLS if mark not in _WORDS),
           key=len, reverse=True)
)  # fmt: skip
#: A mark as a word of its own, as in the head of a column or before a colon: TOTAL EUR, Betrag (€).
_MARK = re.compile(rf"(?<![^\W\d_])(?:{_ALONE}|Euro)(?![^\W\d_])")
#: Currencies that are written with `$`, by their codes and the marks that tell them apart.
_DOLLARS = frozenset(["CAD", "AUD", "SGD", "HKD", "MXN", "NZD"])
#: Whose dollar or peso it is where no mark tells: by the numbers and the names of taxes that only one country has.
_BY_TAXES = (
    ("MXN", re.compile(r"\bRFC:? ?[A-ZÑ&]{3,4} ?-?\d{6}")), ("AUD", re.compile(r"\bABN:? ?\d\d")),
    ("CAD", re.compile(r"\b(?:HST|TVQ|QST)\b")), ("ARS", re.compile(r"\bCUIT:? ?\d\d")),
    ("CLP", re.compile(r"\bR\.?U\.?T\.?:? ?\d{1,2}\.\d{3}\.\d{3}-[\dkK]")),
)  # fmt: skip
_CROWNS = {"sv": "SEK", "nb": "NOK", "no": "NOK", "nn": "NOK", "da": "DKK"}
_CROWN = re.compile(r"(?<![^\W\d_])kr\b", re.I)
_KANA = re.compile(r"[\u3040-\u30ff]|株式会社|円")
_HAN = re.compile(r"[\u4e00-\u9fff]")
#: Characters of a text that are looked at, and of a line before an amount.
_MOST, _MOST_LINE = 20_000, 200


class Denominations:
    """The currencies that a text names."""

    def __init__(self, text: str, lang: str) -> None:
        self._text = text
        self._lang = lang

    def of(self, amount: Field) -> Field:
        """The amount with its currency: the mark beside it, that of its line, else the only one of the text."""
        amount = self.told_apart(amount)
        number, _, code = amount.value.partition(" ")
        code = code or self._of_line(amount.start) or self._only
        return msgspec.structs.replace(amount, value=f"{number} {code}".rstrip())

    def told_apart(self, amount: Field) -> Field:
        """The amount, its currency by the rest of the text where several currencies share the mark beside it."""
        number, _, code = amount.value.partition(" ")
        written = self._text[amount.start : amount.end]
        if code == "USD" and "$" in written and "U" not in written.upper() and len(self._dollars) == 1:
            (code,) = self._dollars
        elif code == "JPY" and "¥" in written and self._is_yuan(number):
            code = "CNY"
        else:
            return amount
        return msgspec.structs.replace(amount, value=f"{number} {code}")

    def _is_yuan(self, number: str) -> bool:
        return not self._has_kana and ("." in number or self._has_han)

    @functools.cached_property
    def _has_kana(self) -> bool:
        return _KANA.search(self._text, 0, _MOST) is not None

    @functools.cached_property
    def _has_han(self) -> bool:
        return _HAN.search(self._text, 0, _MOST) is not None

    def _of_line(self, end: int) -> str:
        start = max(self._text.rfind("\n", 0, end) + 1, end - _MOST_LINE)
        marks = _MARK.findall(self._text, start, end)
        return SYMBOLS[marks[-1].lower()] if marks else ""

    @functools.cached_property
    def _named(self) -> frozenset[str]:
        return frozenset(SYMBOLS[mark.lower()] for mark in _MARK.findall(self._text, 0, _MOST))

    @functools.cached_property
    def _dollars(self) -> frozenset[str]:
        named = self._named & _DOLLARS
        if re.search(r"\bUSD?\b|US\$", self._text[:_MOST]):
            return frozenset()
        return named or frozenset(code for code, number in _BY_TAXES if number.search(self._text, 0, _MOST))

    @functools.cached_property
    def _only(self) -> str:
        named = self._dollars or self._named
        if not named and _CROWN.search(self._text, 0, _MOST):
            return _CROWNS.get(self._lang, "")
        if named == {"JPY"} and self._is_yuan(""):
            return "CNY"
        return next(iter(named)) if len(named) == 1 else ""
