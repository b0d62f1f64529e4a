"""Which documents a search is about: by type, label, language, date, place and the values that stand in them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Self

import msgspec

from serdab.core import BadInput, expected
from serdab.knowledge.facts import fact_of

#: Most conditions on values in one search.
MOST_CONDITIONS = 16
_CONDITION = re.compile(r"\s*([A-Za-z_][\w.-]{0,99})\s*(<=|>=|=|<|>)\s*(.{1,500})", re.DOTALL)
_ALL_NUMBERS = Decimal("1e60")
_ONE_DAY = datetime.timedelta(days=1)


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison with a value that was extracted: `total >= 100`, `date < 2026-01-01`, `company = ACME`."""

    name: str
    #: `=`, `<`, `<=`, `>` or `>=`.
    comparison: str
    value: str

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `name=value`, `name>=value` and the like.

        Raises:
            BadInput: it is none of these, or `<` and `>` are asked of what is neither a number nor a date.
        """
        match = _CONDITION.fullmatch(text)
        if match is None:
            todo = "write total>=100, date<2026-01-01 or company=ACME"
            raise BadInput(expected("the condition on a field", "a name, =, <, <=, > or >=, and a value", text, todo))
        found = cls(name=match[1], comparison=match[2], value=match[3].strip())
        found.bounds()
        return found

    def bounds(self) -> tuple[Any, ...]:
        """How the database compares: name, words, lowest and highest number, one left out, first and last day.

        Raises:
            BadInput: the value has no order.
        """
        fact = fact_of(self.name, self.value)
        if self.comparison == "=":
            return self.name, fact.folded or None, fact.number, fact.number, None, fact.day, fact.day
        below, open_ended = self.comparison.startswith("<"), "=" not in self.comparison
        if fact.day is not None:
            step = _ONE_DAY if open_ended else datetime.timedelta()
            first = datetime.date.min if below else fact.day + step
            last = fact.day - step if below else datetime.date.max
            return self.name, None, None, None, None, first, last
        if fact.number is not None:
            low, high = (-_ALL_NUMBERS, fact.number) if below else (fact.number, _ALL_NUMBERS)
            return self.name, None, low, high, fact.number if open_ended else None, None, None
        todo = "compare with a number or an ISO date, or by ="
        raise BadInput(expected(f"the value of {self.name}{self.comparison}", "a number or a date", self.value, todo))


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """All that is given must hold; of several values of one filter, one."""

    doc_types: Sequence[str] = ()
    labels: Sequence[str] = ()
    langs: Sequence[str] = ()
    #: First and last day of the document: the date that stands in it, else that on which it came (UTC).
    since: datetime.date | None = None
    until: datetime.date | None = None
    #: Beginning of the place where it came from.
    source: str = ""
    conditions: Sequence[Condition] = ()

    def __bool__(self) -> bool:
        """Whether anything is filtered."""
        return any(bool(getattr(self, name)) for name in self.__struct_fields__)

    def arguments(self) -> list[Any]:
        """In the order of the statements: one for each filter, then the conditions column by column.

        Raises:
            BadInput: there are too many conditions, or one cannot be compared.
        """
        if len(self.conditions) > MOST_CONDITIONS:
            raise BadInput(expected("the conditions of a search", f"at most {MOST_CONDITIONS}", len(self.conditions)))
        rows = [condition.bounds() for condition in self.conditions]
        columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(7)]
        lists = (list(values) or None for values in (self.doc_types, self.labels, self.langs))
        return [*lists, self.since, self.until, self.source or None, *columns]
