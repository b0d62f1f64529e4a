"""Amounts of money in the ways that people write them."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator

from serdab.knowledge.extraction.chinese_numerals import find_capital_amounts
from serdab.knowledge.extraction.currencies import LEADING_MARK, MARK, SYMBOLS
from serdab.knowledge.extraction.digits import ANY_DIGIT
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.lettercase import lower
from serdab.knowledge.extraction.thousands import join_thousands

#: Thousands parted by one sign (of three digits, or of two as in India), then decimals; or no thousands at all.
_NUMBER = (
    r"\d{1,3}(?:[,.']\d{3}){1,4}(?:[.,]\d{1,2})?(?!\d)|\d{1,2}(?:,\d{2}){1,4},\d{3}(?:\.\d{1,2})?(?!\d)|"
    r"\d{1,12}(?:[.,]\d{1,2})?(?!\d)|(?<!\d)\.\d{2}(?!\d)"
)
#: Looked at first, at each character: most begin no mark, and few marks have a digit behind them.
_MAY_BEGIN = "[" + "".join(sorted({re.escape(mark[0]) for mark in SYMBOLS})) + r"]\D{0,5}\d"
_BEFORE = re.compile(rf"(?={_MAY_BEGIN})(?<![a-z])({LEADING_MARK}) ?(-?(?:{_NUMBER}))", re.I)
_AFTER = re.compile(rf"(?<![\d.,])(-?(?:{_NUMBER})) ?({MARK})(?![a-z])", re.I)
_PLAIN = re.compile(
    r"(?<![\d.,'])(?:(?<!\w)-)?(?:\d{1,3}(?:[,']\d{3}){1,4}\.\d{2}|\d{1,3}(?:[.']\d{3}){1,4},\d{2}|"
    r"\d{1,2}(?:,\d{2}){1,4},\d{3}\.\d{2})(?!\d)|"
    r"(?<![\d.,'/-])(?:(?<!\w)-)?(?:\d{1,9}|(?<!\w))[.,]\d{2}(?![\d%/])(?![.-]\d)(?! ?%)"
)


def find_amounts(text: str) -> Iterator[Field]:
    """Every amount, with its currency where one stands beside it."""
    if ANY_DIGIT.search(text) is not None:
        yield from _in_digits(text)
    yield from find_capital_amounts(text)


def _in_digits(text: str) -> Iterator[Field]:
    plain = join_thousands(text)  # one character for one: places stay the same
    taken = _Taken()
    after = list(_AFTER.finditer(plain))
    before = _their_own(plain, list(_BEFORE.finditer(plain)), after)
    for matches, mark, number in ((before, 1, 2), (after, 2, 1), (list(_PLAIN.finditer(plain)), 0, 0)):
        for match, is_free in zip(matches, taken.take([match.span() for match in matches]), strict=True):
            if not is_free:
                continue
            if mark:
                currency = SYMBOLS[lower(match[mark])]
                yield _field(match, f"{_decimal(match[number])} {currency}", 0.95, f"currency {match[mark]} beside it")
            else:
                yield _field(match, _decimal(match[0]), 0.6, "two decimals, no currency")


def _their_own(plain: str, before: list[re.Match[str]], after: list[re.Match[str]]) -> list[re.Match[str]]:
    """The numbers behind a mark, without those whose mark is that of the number before it.

    A mark between two numbers is that of the one it touches. Where it touches both or none, it is that of the first if
    in this line other marks follow their number and none stands before it: `1 € 2 €`, but `€ 1 € 2` and `3 € 5`.
    """
    leading, following = {match.start(1) for match in before}, {match.start(2) for match in after}
    between = leading & following
    if not between:
        return before
    ends = [place for place, char in enumerate(plain) if char == "\n"]
    led, followed = ({bisect.bisect(ends, place) for place in places - between} for places in (leading, following))

    def is_of_the_first(match: re.Match[str]) -> bool:
        touches_first, touches_second = plain[match.start() - 1] != " ", match.end(1) == match.start(2)
        if touches_first != touches_second:
            return touches_first
        return bisect.bisect(ends, match.start()) in followed - led

    return [match for match in before if match.start() not in between or not is_of_the_first(match)]


class _Taken:
    """Places that are taken; no two of them overlap, so that the nearest on each side tell whether one is free."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []

    def take(self, spans: list[tuple[int, int]]) -> list[bool]:
        """Which of the places, in their order, were free; those are taken now."""
        free = []
        for start, end in spans:
            near = bisect.bisect_left(self._spans, (start, end))
            beside = self._spans[max(near - 1, 0) : near + 1]
            free.append(all(end <= first or last <= start for first, last in beside))
        self._spans = sorted([*self._spans, *(span for span, is_free in zip(spans, free, strict=True) if is_free)])
        return free


def _field(match: re.Match[str], value: str, confidence: float, reason: str) -> Field:
    start, end = match.span()
    return Field(kind="amount", value=value, start=start, end=end, confidence=confidence, reason=reason)


def _decimal(written: str) -> str:
    """`1,234.56`, `1.234,56` and `1'234,56` as 1234.56: the last separator is the decimal one if two digits follow."""
    digits = written.replace("'", "")
    last = max(digits.rfind("."), digits.rfind(","))
    if last >= 0 and len(digits) - last - 1 <= 2:
        return f"{digits[:last].replace('.', '').replace(',', '')}.{digits[last + 1 :]:0<2}"
    return digits.replace(".", "").replace(",", "")
