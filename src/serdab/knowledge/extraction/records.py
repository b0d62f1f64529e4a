"""What a document says by the schema of its type: typed values, rows, and what needs a look."""

from __future__ import annotations

import msgspec


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """The value of a field, with its place: `text[start:end]` is what was read."""

    name: str
    kind: str
    #: In one form for all ways of writing: ISO date, decimal number with currency, digits without spaces.
    value: str
    start: int
    end: int
    #: From 1, by the page breaks before its place.
    page: int
    #: 0 to 1, by rule.
    confidence: float
    reason: str


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a table, or what else has several values at once."""

    #: The field that it belongs to.
    name: str
    #: By the name of the column.
    cells: dict[str, str]
    start: int
    end: int
    page: int


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person should look at."""

    reason: str
    #: The field that it is about.
    field: str
    #: Where; 0 and 0 when it is nowhere.
    start: int = 0
    end: int = 0


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A document by its schema."""

    schema: str
    #: How sure the schema was chosen: 1 when the document was brought as one.
    confidence: float
    values: list[Value]
    rows: list[Row]
    looks: list[Look]

    def value(self, name: str) -> str | None:
        """The surest value of a field."""
        found = [each for each in self.values if each.name == name]
        return max(found, key=lambda each: each.confidence).value if found else None

    def all_values(self, name: str) -> list[str]:
        """All values of a field, in the order of the text."""
        return [each.value for each in self.values if each.name == name]
