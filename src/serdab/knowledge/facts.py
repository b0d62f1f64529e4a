"""Values of a document that can be asked for: as words, as a number, as a day."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

import msgspec

from serdab.knowledge.words import fold, plain_form

#: Longest value that is kept, characters, and most values of one document.
MOST_LETTERS, MOST_FACTS = 500, 200
#: Years beyond these are misread, and would leave no room for the day before or after.
_FIRST_YEAR, _LAST_YEAR = 1000, 9000
_NUMBER = re.compile(r"(?:[A-Z]{3} ?)?([+-]?[0-9]{1,30}(?:\.[0-9]{1,12})?)(?: ?[A-Z]{3})?")


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One value by its name."""

    name: str
    value: str
    #: The value as words in plain letters, by which it is compared.
    folded: str
    number: Decimal | None
    day: datetime.date | None


def facts_of(values: Mapping[str, str | list[str] | None]) -> list[Fact]:
    """The facts of a receipt's values; each of a list is one of its own."""
    return list(_facts(values))[:MOST_FACTS]


def fact_of(name: str, value: str) -> Fact:
    """A value in all the ways in which it can be compared."""
    value = value[:MOST_LETTERS]
    plain = plain_form(value)
    return Fact(name=name, value=value, folded=plain_form(fold(value)), number=number_of(plain), day=day_of(plain))


def number_of(value: str) -> Decimal | None:
    """A decimal number, a currency beside it or not; None: it is none."""
    match = _NUMBER.fullmatch(value.strip())
    return None if match is None else Decimal(match[1])


def day_of(value: str) -> datetime.date | None:
    """An ISO date; None: it is none."""
    try:
        day = datetime.date.fromisoformat(value.strip())
    except ValueError:
        return None
    return day if _FIRST_YEAR < day.year < _LAST_YEAR else None


def _facts(values: Mapping[str, str | list[str] | None]) -> Iterator[Fact]:
    for name, value in values.items():
        for each in value if isinstance(value, list) else [value]:
            if each:
                yield fact_of(name, str(each))
