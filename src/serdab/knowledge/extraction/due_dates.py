"""By when an invoice in German asks for its money: bis zum 17.03., the year left out more often than not."""

from __future__ import annotations

import re

from serdab.knowledge.extraction.dates import find_dates
from serdab.knowledge.extraction.fields import Field

_WORDS = (
    r"(?:zahlbar|erbeten|zahlung|zahlungseingang|zahlen|überweisen) bis(?: zum)?|"
    r"fällig (?:am|zum|bis(?: zum)?)|(?:spätestens )?bis (?:spätestens )?(?:zum|am)|"
    r"spätestens (?:am|zum)"
)
#: Right before the words no day, "01.02. bis zum 28.02." is a span; right behind them one, perhaps with its weekday.
_ASKED = re.compile(
    rf"(?<!\d )(?<!\d\. )(?<!\w)(?:{_WORDS}) ?:? ?(?:den |[a-z]{{4,10}}, ?(?:den )?)?"
    r"((\d{1,2}\. ?(?:\d{1,2}(?!\d)\.?|[a-zä]{3,9}\.?))( ?\d{4}|\d{2})?)(?![\d,])",
    re.I,
)
#: What a line that asks for money speaks of, and how far around the day, characters.
_PAYING = re.compile(r"zahl|überweis|begleich|fällig|betrag|rechnung|summe", re.I)
_AROUND = 100
#: Most places that are looked at.
_MOST_PLACES = 50


def find_due_date(text: str, own: str | None) -> Field | None:
    """The first day by which money is asked for.

    Args:
        text: of the invoice.
        own: its own date, ISO: a day without a year is the next one from there on. None: such days are left out.
    """
    for count, match in enumerate(_ASKED.finditer(text)):
        if count >= _MOST_PLACES:
            return None
        if not _is_about_paying(text, match):
            continue
        value = _day(match[2], match[3]) if match[3] else _next_day(match[2], own) if own else None
        if value is not None:
            reason = "the day by which to pay" + ("" if match[3] else ", in the year of the document's date")
            start, end = match.span(1)
            return Field(
                kind="date", value=value, start=start, end=end, confidence=0.9 if match[3] else 0.8, reason=reason
            )
    return None


def _is_about_paying(text: str, match: re.Match[str]) -> bool:
    """Whether its line says so, or, where it goes on with a small letter, the line before."""
    first, last = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
    if first == match.start() and text[first].islower():
        first = text.rfind("\n", 0, max(first - 1, 0)) + 1
    end = match.end() + _AROUND if last < 0 else min(last, match.end() + _AROUND)
    return _PAYING.search(text, max(first, match.start() - _AROUND), end) is not None


def _next_day(day: str, own: str) -> str | None:
    """The first such day that is not before a date."""
    years = (int(own[:4]), int(own[:4]) + 1)
    return next((value for year in years if (value := _day(day, str(year))) is not None and value >= own), None)


def _day(day: str, year: str) -> str | None:
    written = day.replace(". ", ".")
    found = find_dates(
        f"{written}{'' if written.endswith('.') else '.' if written[-1].isdigit() else ' '}{year.strip()}"
    )
    return next((field.value for field in found), None)
