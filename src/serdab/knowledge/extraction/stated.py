"""Values that a program wrote: each behind its label at the head of a line, taken as it stands."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

import msgspec

from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.identifiers import WRONG_DIGITS, find_ibans
from serdab.knowledge.extraction.records import Look, Record, Row, Value

T = TypeVar("T", Value, Row, Look)

_WHY = "stated in the electronic invoice"
#: Fields in which pages and invoice must agree; one that pages do not tell is no disagreement.
_COMPARED = frozenset(["number", "date", "total", "iban"])
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MONEY = re.compile(r"-?\d+\.\d+(?: [A-Z]{3})?")
_DATES, _AMOUNTS = ("date", "due_date"), ("total", "tax", "net")
_NOTHING = re.compile(r"-?0+\.0+(?: [A-Z]{3})?")


def find_stated(text: str, labels: Mapping[str, Sequence[str]]) -> dict[str, list[Field]]:
    """The values of each field behind its labels, the one that counts first; those that are zero come last.

    Args:
        text: in normal form, one label a line.
        labels: by field, those of its value.
    """
    first: dict[str, re.Match[str]] = {}
    for line in re.finditer(r"^([^:\n\f\t]{1,40}): (\S[^\n\f]*)", text, re.M):
        first.setdefault(line[1], line)
    stated = {name: [_field(name, first[label]) for label in names if label in first] for name, names in labels.items()}
    return {
        name: sorted(filter(None, found), key=lambda field: _NOTHING.fullmatch(field.value) is not None)
        for name, found in stated.items()
    }


def _field(name: str, line: re.Match[str]) -> Field | None:
    value, reason = line[2], _WHY
    if (name in _DATES and not _is_date(value)) or (name in _AMOUNTS and _MONEY.fullmatch(value) is None):
        return None
    if name == "iban":
        value = value.replace(" ", "")
        known = next(find_ibans(value), None)
        reason = _WHY if known is None or (known.value == value and known.confidence > 0.5) else f"its {WRONG_DIGITS}"
    return Field(kind=name, value=value, start=line.start(2), end=line.end(2), confidence=0.99, reason=reason)


def _is_date(value: str) -> bool:
    try:
        return _DATE.fullmatch(value) is not None and datetime.date.fromisoformat(value) is not None
    except ValueError:
        return False


def joined_records(
    pages: Record | None, exact: Record, stated: Mapping[str, Sequence[Field]], text: str, fields: Sequence[Field]
) -> Record:
    """The values of an electronic invoice, those of its pages where it has none, and a look where they differ.

    Args:
        pages: as read from the pages before it; None: they say nothing.
        exact: as the invoice states it, its places those of the whole text.
        stated: all values of the invoice, by field.
        text: of the pages.
        fields: of the pages.
    """
    if pages is None:
        return exact
    told = {value.name for value in exact.values}
    added = [value for value in pages.values if value.name not in told]
    filled = {value.name for value in added}
    looks = [look for look in exact.looks if look.end or look.field not in filled]
    return msgspec.structs.replace(
        exact, values=[*exact.values, *added], rows=exact.rows or pages.rows,
        looks=[*_disagreements(pages, stated, text, fields), *looks],
    )  # fmt: skip


def moved(record: Record, by: int, pages: int) -> Record:
    """A record of the end of a text with the places and pages of the whole."""
    return msgspec.structs.replace(
        record,
        values=[_moved(each, by, page=each.page + pages) for each in record.values],
        rows=[_moved(each, by, page=each.page + pages) for each in record.rows],
        looks=[_moved(each, by) if each.end else each for each in record.looks],
    )


def _moved(each: T, by: int, **more: int) -> T:
    return msgspec.structs.replace(each, start=each.start + by, end=each.end + by, **more)


def _disagreements(
    pages: Record, stated: Mapping[str, Sequence[Field]], text: str, fields: Sequence[Field]
) -> Iterator[Look]:
    for shown in pages.values:
        told = stated.get(shown.name, ()) if shown.name in _COMPARED else ()
        # Where a part is paid already, some pages end with the total and some with what is due: both are stated.
        if told and not any(_agree(shown, each.value, text, fields) for each in told):
            reason = f"{shown.name} is {told[0].value} in the electronic invoice, but {shown.value} on its pages"
            yield Look(reason=reason, field=shown.name, start=shown.start, end=shown.end)


def _agree(shown: Value, told: str, text: str, fields: Sequence[Field]) -> bool:
    """Whether pages say what is stated: the total as theirs; a number, date or account wherever they have it."""
    if shown.kind == "money":
        (one, *currency), (other, *stated) = shown.value.split(" "), told.split(" ")
        return abs(Decimal(one)) == abs(Decimal(other)) and (not currency or not stated or currency == stated)
    if shown.kind == "date":
        return any(each.kind == "date" and each.value == told for each in fields)
    return _squeezed(told) in _squeezed(text)


def _squeezed(text: str) -> str:
    return "".join(text.split()).casefold()
