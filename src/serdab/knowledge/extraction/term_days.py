"""The day on which a time for payment ends: so many days, working days, weeks or months, or the end of a month."""

from __future__ import annotations

import calendar
import datetime
import re
from dataclasses import dataclass

_OF_MONTH = (
    r"(?:(?P<english>(?:the )?(?:end of (?:the )?(?P<next>following |next )?month|month[ -]end)|eom\b)|"
    r"fin du mois|fin de mois|fin de mes|fine mese|f\.? ?m\b|d\.? ?f\.? ?f\.? ?m\b|(?:het )?einde? (?:van de )?maand|"
    r"monatsende|ende des (?P<folge>folge)?monats|fim d[eo] mês)"
)
#: Right behind a time: that it runs to the end of a month, or begins there. A day of the month behind that is told.
_TO_MONTH_END = re.compile(
    r"[\s,]{1,2}(?:(?P<after>(?:from|after|following|nach) )|(?:nett?o?s?|date|de|du|la|invoice|facture|data|della|"
    r"fattura|fecha|factura|ab|zum|bis|rechnungsdatum|vanaf|na|factuurdatum|a|al|per),?\s){0,5}"
    rf"{_OF_MONTH}\.?(?P<day>,?\s{{1,2}}(?:(?:le|il|el|am|plus|on)\s|\+)\s?(?:the\s)?\d)?",
    re.I,
)
#: The end of a month as the only time.
MONTH_END = re.compile(rf"(?<!\w)(?:(?:zum|bis|am|at|by|à|a|en|per|eind)\s(?:zum\s)?)?{_OF_MONTH}(?!\w)", re.I)
_SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthEnd:
    """That a time has to do with the end of a month."""

    #: Place behind the words.
    end: int
    #: Whether the time is counted from there, as in English; else it runs on to the end of the month that it reaches.
    is_first: bool
    #: Whether its words leave no other reading.
    is_sure: bool = False
    #: Whether the end of the month after it is meant.
    is_next: bool = False
    #: Whether a day of the month follows, which is not read.
    is_more: bool = False


def month_end_behind(text: str, place: int) -> MonthEnd | None:
    """The end of a month to or from which the time counts that stands before a place."""
    match = _TO_MONTH_END.match(text, place)
    return None if match is None else _of(match, is_sure=bool(match["after"]), is_more=bool(match["day"]))


def month_end_alone(match: re.Match[str]) -> MonthEnd:
    """The same for a match of `MONTH_END`."""
    return _of(match, is_sure=True)


def _of(match: re.Match[str], *, is_sure: bool, is_more: bool = False) -> MonthEnd:
    return MonthEnd(
        end=match.end(), is_first=is_sure or bool(match["english"]), is_sure=is_sure,
        is_next=bool(match["next"] or match["folge"]), is_more=is_more,
    )  # fmt: skip


def last_day(day: str, count: int, unit: str, month_end: MonthEnd | None) -> tuple[str, str] | None:
    """The last day of a time and, where it needs a look, why; None: it is none of the calendar.

    Args:
        day: from which it counts, ISO.
        count: how many.
        unit: day, work (days from Monday to Friday), week or month.
        month_end: to or from which it runs.
    """
    begun = datetime.date.fromisoformat(day)
    try:
        if month_end is None:
            doubt = "is counted from Monday to Friday: public holidays are not known" if unit == "work" else ""
            return _later(begun, count, unit).isoformat(), doubt
        first = _end_of_month(_later(begun, 1, "month") if month_end.is_next else begun)
        days = _later(first, count, unit), _end_of_month(_later(begun, count, unit))
    except (ValueError, OverflowError):  # After the year 9999.
        return None
    told, other = days if month_end.is_first else days[::-1]
    if month_end.is_sure or told == other:
        return told.isoformat(), ""
    how = "the end of the month that the time reaches" if month_end.is_first else "counted from the end of the month"
    return told.isoformat(), f"may also be {other}, {how}"


def _later(begun: datetime.date, count: int, unit: str) -> datetime.date:
    if unit == "month":
        years, month = divmod(begun.month - 1 + count, 12)
        last = calendar.monthrange(begun.year + years, month + 1)[1]
        return datetime.date(begun.year + years, month + 1, min(begun.day, last))
    if unit != "work":
        return begun + datetime.timedelta(days=count * (7 if unit == "week" else 1))
    day = begun
    while count:
        day += datetime.timedelta(days=1)
        count -= day.weekday() < _SATURDAY
    return day


def _end_of_month(day: datetime.date) -> datetime.date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])
