"""Dates as people write them, in English, Arabic and Chinese."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from serdab.knowledge.extraction.fields import Field

_ENGLISH = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_ARABIC = (
    ("يناير", "كانون الثاني"), ("فبراير", "شباط"), ("مارس", "آذار"), ("أبريل", "ابريل", "نيسان"), ("مايو", "أيار"),
    ("يونيو", "حزيران"), ("يوليو", "تموز"), ("أغسطس", "اغسطس", "آب"), ("سبتمبر", "أيلول"),
    ("أكتوبر", "اكتوبر", "تشرين الأول"), ("نوفمبر", "تشرين الثاني"), ("ديسمبر", "كانون الأول"),
)  # fmt: skip
_MONTHS = (
    {name: number for number, name in enumerate(_ENGLISH, 1)}
    | {name[:3]: number for number, name in enumerate(_ENGLISH, 1)}
    | {"sept": 9}
    | {name: number for number, names in enumerate(_ARABIC, 1) for name in names}
)
_NAMES = "|".join(sorted((re.escape(name) for name in _MONTHS), key=len, reverse=True))

_ISO = re.compile(r"(?<!\d)(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)")
_NUMERIC = re.compile(r"(?<![\d/.-])(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?![\d/-])")
_DAY_FIRST = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?[ -]?(?:of |day of |من )?({_NAMES})[a-z]{{0,6}}[.,]?[ -]?"
    r"(\d{4}|\d{2}(?!\d))",
    re.I,
)
_MONTH_FIRST = re.compile(rf"(?<![a-z])({_NAMES})[a-z]{{0,6}}\.? ?(\d{{1,2}})(?:st|nd|rd|th)?,? ?(\d{{4}})(?!\d)", re.I)
_CHINESE = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日")


def find_dates(text: str) -> Iterator[Field]:
    """Every date of a text; a day and a month that could be either are read day first, with less confidence."""
    for match in _CHINESE.finditer(text):
        yield from _field(match, match[1], match[2], match[3], 0.98, "year, month and day named")
    for match in _ISO.finditer(text):
        yield from _field(match, match[1], match[3], match[4], 0.98, "year first")
    for match in _DAY_FIRST.finditer(text):
        yield from _field(match, match[3], match[2], match[1], 0.97, "month named")
    for match in _MONTH_FIRST.finditer(text):
        yield from _field(match, match[3], match[1], match[2], 0.97, "month named")
    for match in _NUMERIC.finditer(text):
        first, second = int(match[1]), int(match[3])
        if first <= 12 < second:
            yield from _field(match, match[4], match[1], match[3], 0.93, "only the second number can be a day")
        else:
            sure = first > 12 or first == second
            reason = "only the first number can be a day" if sure else "day first, by rule"
            yield from _field(match, match[4], match[3], match[1], 0.93 if sure else 0.75, reason)


def _field(match: re.Match[str], year: str, month: str, day: str, confidence: float, reason: str) -> Iterator[Field]:
    number = int(month) if month.isdecimal() else _MONTHS.get(month.lower(), 0)
    full = int(year) if len(year) == 4 else 2000 + int(year) if int(year) < 70 else 1900 + int(year)
    try:
        date = datetime.date(full, number, int(day))
    except ValueError:
        return
    yield Field(
        kind="date", value=date.isoformat(), start=match.start(), end=match.end(), confidence=confidence, reason=reason
    )
