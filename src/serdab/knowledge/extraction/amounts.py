"""Amounts of money, and which of them is the total."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from serdab.knowledge.extraction.fields import Field

_SYMBOLS = {
    "$": "USD", "us$": "USD", "usd": "USD", "€": "EUR", "eur": "EUR", "£": "GBP", "gbp": "GBP", "¥": "JPY",
    "rm": "MYR", "myr": "MYR", "sar": "SAR", "ر.س": "SAR", "ريال": "SAR", "aed": "AED", "د.إ": "AED", "درهم": "AED",
    "egp": "EGP", "ج.م": "EGP", "chf": "CHF", "cny": "CNY", "元": "CNY",
}  # fmt: skip
_MARK = "|".join(sorted((re.escape(mark) for mark in _SYMBOLS), key=len, reverse=True))
_NUMBER = r"\d{1,3}(?:[,.٬' ]\d{3}){1,4}(?:[.,٫]\d{1,2})?(?!\d)|\d{1,12}(?:[.,٫]\d{1,2})?(?!\d)"
#: Marks that stand before their number; words of Arabic and Chinese stand behind it.
_LATIN_MARK = "|".join(
    sorted((re.escape(m) for m in _SYMBOLS if ord(m[0]) < 0x600 or m in "€£¥"), key=len, reverse=True)
)
_BEFORE = re.compile(rf"(?<![a-z])({_LATIN_MARK}) ?(-?(?:{_NUMBER}))", re.I)
_AFTER = re.compile(rf"(?<![\d.,])((?:{_NUMBER})) ?({_MARK})(?![a-z])", re.I)
_PLAIN = re.compile(r"(?<![\d.,/-])(?:(?<!\w)-)?(?:\d{1,9}|(?<!\w))[.,]\d{2}(?![\d%/])(?!-\d)(?! ?%)|(?<![\d.,])\d{1,3}(?:,\d{3})+\.\d{2}(?!\d)")
_ARABIC_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫٬", "01234567890123456789.,")

#: Words that stand before a total, the surest first.
_TOTALS = (
    ("grand total", 0.96), ("total amount due", 0.96), ("amount due", 0.95), ("total due", 0.95),
    ("balance due", 0.94), ("total payable", 0.94), ("nett total", 0.94), ("net total", 0.93),
    ("total inclusive", 0.93), ("total incl", 0.93), ("rounded total", 0.95), ("total rounded", 0.95),
    ("total sales", 0.9), ("total amount", 0.9), ("الإجمالي", 0.9), ("المجموع", 0.9), ("المبلغ المستحق", 0.93),
    ("总计", 0.9), ("合计", 0.9), ("total", 0.85),
)  # fmt: skip
_NOT_TOTALS = ("sub total", "subtotal", "sub-total", "total qty", "total item", "total discount", "total tax",
               "total gst", "tax total", "total saving", "excluding", "excl")  # fmt: skip
#: How far after the word its amount may stand, characters.
REACH = 80


def find_amounts(text: str) -> Iterator[Field]:
    """Every amount, with its currency where one stands beside it."""
    plain = text.translate(_ARABIC_DIGITS)  # one character for one: places stay the same
    taken: list[tuple[int, int]] = []
    for pattern, mark, number in ((_BEFORE, 1, 2), (_AFTER, 2, 1)):
        for match in pattern.finditer(plain):
            if _is_free(taken, match):
                currency = _SYMBOLS[match[mark].lower()]
                yield _field(match, f"{_decimal(match[number])} {currency}", 0.95, f"currency {match[mark]} beside it")
    for match in _PLAIN.finditer(plain):
        if _is_free(taken, match):
            yield _field(match, _decimal(match[0]), 0.6, "two decimals, no currency")


def find_total(text: str, amounts: Sequence[Field]) -> Field | None:
    """The amount behind the surest word for a total; of equals the last one, as totals stand at the end."""
    lower = text.lower()
    best: Field | None = None
    for word, confidence in _TOTALS:
        place = lower.find(word)
        while place >= 0:
            near = lower[max(place - 6, 0) : place + len(word) + 12]
            if not any(wrong in near for wrong in _NOT_TOTALS):
                amount = _first_after(amounts, place + len(word))
                if amount is not None and (best is None or (confidence, amount.start) > (best.confidence, best.start)):
                    best = Field(
                        kind="total", value=amount.value, start=amount.start, end=amount.end, confidence=confidence,
                        reason=f"behind the words {word!r}",
                    )  # fmt: skip
            place = lower.find(word, place + 1)
    return best


def _first_after(amounts: Sequence[Field], place: int) -> Field | None:
    near = [amount for amount in amounts if place <= amount.start <= place + REACH]
    return min(near, key=lambda amount: amount.start, default=None)


def _is_free(taken: list[tuple[int, int]], match: re.Match[str]) -> bool:
    # Matches of one pattern come in order and do not overlap: only the last few of the others can be in the way.
    if any(start < match.end() and match.start() < end for start, end in taken[-2000:]):
        return False
    taken.append(match.span())
    return True


def _field(match: re.Match[str], value: str, confidence: float, reason: str) -> Field:
    start, end = match.span()
    return Field(kind="amount", value=value, start=start, end=end, confidence=confidence, reason=reason)


def _decimal(written: str) -> str:
    """`1,234.56`, `1.234,56` and `1 234,56` as 1234.56: the last separator is the decimal one if two digits follow."""
    digits = written.replace(" ", "").replace("'", "")
    last = max(digits.rfind("."), digits.rfind(","))
    if last >= 0 and len(digits) - last - 1 <= 2:
        return f"{digits[:last].replace('.', '').replace(',', '')}.{digits[last + 1 :]:0<2}"
    return digits.replace(".", "").replace(",", "")
