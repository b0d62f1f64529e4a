"""Spaces within a number and spaces between numbers: `10 125,00` is one amount, `2 125,00 250,00` are three numbers."""

from __future__ import annotations

import re
from decimal import Decimal

from serdab.knowledge.extraction.currencies import LEADING_MARK, MARK
from serdab.knowledge.extraction.digits import plain_digits
from serdab.knowledge.extraction.totals import names_sum

#: A space that does not break, or a high comma, never parts two numbers.
_BOUND = re.compile(r"(?<=\d)[\u00a0\u2009\u202f’](?=\d{3}(?!\d))")
_SPACED = re.compile(r"(?<![\d.,'/])(?<!\d[:-])(\d{1,3})((?: \d{3}){1,4}(?:([.,])\d{1,2})?)(?![\d%])(?![.,'-]?\d)")
#: Numbers that say how this text writes thousands: by another sign, or by none.
_OTHER_SIGN = re.compile(r"(?<![\d.,'])\d{1,3}(?:(?:\.\d{3}){1,4},|(?:[,']\d{3}){1,4}\.)\d{2}(?!\d)")
#: An account, 1503.22.44556, and a day, 2025.03.10, are none of these.
_NO_SIGN = re.compile(r"(?<![\d.,'])\d{4,12}(?=[.,]\d{2}(?![.,]?\d))")
_MARK_BEHIND = re.compile(rf" ?(?:{MARK})(?![a-z])", re.I)
_MARK_BEFORE = re.compile(rf"(?<![a-z])(?:{LEADING_MARK}) ?-?$", re.I)
_LABEL = re.compile(r"[:=] ?-?$")
_CELL_BEGINS, _CELL_ENDS = re.compile(r"(?:^|[\t|\n\f]| {3}) ?-?$"), re.compile(r" ?(?:$|[\t|\n\f])")
_NUMBER = re.compile(r"(?<![\d.,'])(?:\d{1,3}(?: \d{3}){1,4}|\d{1,9})[.,]\d{2}(?!\d)")
#: Characters before and behind a number that are looked at.
_BEFORE, _BEHIND = 60, 80


def join_thousands(text: str) -> str:
    """The text with plain digits, and `'` for each space that parts the thousands of one number; places stay the same.

    A space is taken for that where a currency stands before the number. Unless the text writes thousands in another
    way, also where one stands behind it, where the number has several such spaces, fills a cell or a line, stands
    behind a colon or in the line of a sum, or where a zero follows the space; then in all of the text. Never where the
    first figure times the second is a third one of the line.
    """
    plain = plain_digits(_BOUND.sub("'", text))
    spaced = list(_SPACED.finditer(plain))
    if not spaced:
        return plain
    is_usual = _OTHER_SIGN.search(plain) is None
    widest = max((len(match[0]) for match in _NO_SIGN.finditer(plain)), default=0)
    marked = {match.start() for match in spaced if _is_marked(plain, match)}
    sure = {match.start() for match in spaced if _stands_as_one(plain, match)}
    told = marked | sure
    everywhere = any(match[3] == "," and match.start() in told for match in spaced)

    def join(match: re.Match[str]) -> str:
        is_told = match.start() in sure or (everywhere and match[3] == "," and _stands_free(plain, match))
        is_one = match.start() in marked or (is_usual and is_told and _digits(match) > widest)
        return match[0].replace(" ", "'") if is_one and not _is_product(plain, match) else match[0]

    return _SPACED.sub(join, plain)


def _is_marked(plain: str, match: re.Match[str]) -> bool:
    """Whether a currency stands before it: no quantity has one."""
    return _MARK_BEFORE.search(plain[max(match.start() - _BEFORE, 0) : match.start()]) is not None


def _stands_free(plain: str, match: re.Match[str]) -> bool:
    return not plain[max(match.start() - 1, 0) : match.start()].isalnum()


def _stands_as_one(plain: str, match: re.Match[str]) -> bool:
    start, end = match.span()
    before, behind = plain[max(start - _BEFORE, 0) : start], plain[end : end + 2]
    if not _stands_free(plain, match):
        return False
    if match[2].startswith(" 0") and match[3] is not None:
        return True  # No amount is written 035.50: it is the end of one.
    if match[3] is None or _MARK_BEHIND.match(plain, end):
        return _MARK_BEHIND.match(plain, end) is not None
    if _CELL_BEGINS.search(before) and _CELL_ENDS.match(behind) and (match[3] == "," or "\t" in before[-2:] + behind):
        return True
    line = before.rpartition("\n")[2]
    return match[3] == "," and (match[2].count(" ") > 1 or _LABEL.search(line) is not None or names_sum(line))


def _digits(match: re.Match[str]) -> int:
    return sum(map(str.isdigit, match[0].partition(match[3])[0] if match[3] else match[0]))


def _is_product(plain: str, match: re.Match[str]) -> bool:
    """Whether a quantity and a price stand here: what they make together stands behind them."""
    product = Decimal(match[1]) * _value(match[2])
    behind = plain[match.end() : match.end() + _BEHIND].partition("\n")[0].replace("'", " ")
    return any(_value(number[0]) == product for number in _NUMBER.finditer(behind))


def _value(written: str) -> Decimal:
    return Decimal(written.replace(" ", "").replace(",", "."))
