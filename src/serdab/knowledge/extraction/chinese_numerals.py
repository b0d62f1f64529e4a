"""Amounts in the capital numerals that Chinese papers write beside the digits, such as 壹仟贰佰叁拾肆元伍角陆分."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from serdab.knowledge.extraction.fields import Field

_WRITTEN = ("零〇", "壹", "贰貳", "叁參", "肆", "伍", "陆陸", "柒", "捌", "玖")
_DIGITS = {char: value for value, chars in enumerate(_WRITTEN) for char in chars}
_UNITS = {"拾": 10, "佰": 100, "仟": 1_000}
_GROUPS = {"万": 10_000, "萬": 10_000, "亿": 100_000_000, "億": 100_000_000}
_CAPITALS = "".join([*_DIGITS, *_UNITS, *_GROUPS])
_AMOUNT = re.compile(
    rf"([{_CAPITALS}]{{1,40}})[元圆圓](?:([{''.join(_DIGITS)}])角)?(?:零?([{''.join(_DIGITS)}])分)?整?"
)


def find_capital_amounts(text: str) -> Iterator[Field]:
    """Every amount of yuan in capital numerals, as a decimal with its currency."""
    if text.isascii():
        return
    for match in _AMOUNT.finditer(text):
        cents = 10 * _DIGITS.get(match[2] or "", 0) + _DIGITS.get(match[3] or "", 0)
        value = Decimal(whole_number(match[1])) + Decimal(cents) / 100
        yield Field(
            kind="amount", value=f"{value:.2f} CNY", start=match.start(), end=match.end(), confidence=0.95,
            reason="capital numerals of yuan",
        )  # fmt: skip


def whole_number(capitals: str) -> int:
    """The number that capital numerals write: units within a group of four, groups by 万 and 亿."""
    total = group = digit = 0
    for char in capitals:
        if char in _DIGITS:
            digit = _DIGITS[char]
        elif char in _UNITS:
            group, digit = group + (digit or 1) * _UNITS[char], 0
        else:
            unit = _GROUPS[char]
            part = group + digit
            # 亿 stands behind a whole number, so that what came before counts with it.
            total = (total + part) * unit if unit > 10_000 else total + part * unit
            group = digit = 0
    return total + group + digit
