"""What a type of document holds: its fields, the words that announce them, and what must agree."""

from __future__ import annotations

import dataclasses
import datetime
import types
import typing
from decimal import Decimal
from typing import Any, Literal

import msgspec

from serdab.core import expected
from serdab.knowledge.errors import BadSchema
from serdab.knowledge.extraction.traits import Trait

#: How the value of a field is read and in which form it is told.
Kind = Literal[
    "date", "money", "decimal", "text", "iban", "vat", "card", "phone", "email", "address", "party", "id", "duration",
    "rows",
]  # fmt: skip
#: Finders of the package that know one field well; `finder` of a field names one.
Finder = Literal[
    "", "company", "address", "total", "parties", "effective_date", "jurisdiction", "term", "payments", "first_line",
    "lines", "due_date", "period_start", "period_end", "net", "tax", "customer",
]  # fmt: skip
#: By language, two letters; "any" holds for all of them.
Words = dict[str, list[str]]


class FieldRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field of a schema."""

    name: str
    kind: Kind
    #: A document without it needs a look.
    required: bool = False
    #: Whether all values are told, or only the surest.
    many: bool = False
    #: The first of them counts, and none behind it is a doubt: a mail within a mail has a subject, too.
    first: bool = False
    #: What stands before its value, by language.
    words: Words = {}
    #: Taken from anywhere in the text when no word announces it.
    anywhere: bool = False
    finder: Finder = ""
    #: A pattern of its own, of the linear kind (see `LinearPattern`); the group is the value.
    pattern: str = ""


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must agree between fields.

    `total`: the first is the sum of the rows, with or without the others; `sum`: the first is the sum of all others;
    `order`: dates follow each other; `net`: total, amount before tax and tax, in this order, agree.
    """

    check: Literal["total", "sum", "order", "net"]
    fields: list[str]


class Schema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, eq=False):
    """A type of document; the same object is the same schema, so that what is made of it can be kept."""

    schema: str
    #: Other names that documents of the type are brought under.
    doc_types: list[str] = []
    #: Words that a document of the type is known by, by language, and those that other documents have as well.
    words: Words = {}
    hints: Words = {}
    #: What a document of the type calls itself at its head; none given: its name and its other names.
    titles: list[str] | None = None
    #: How it is built, each trait with what it weighs; a word weighs 1.
    traits: dict[Trait, float] = {}
    #: `lines`: its words name values and are rarely within a sentence; `any`: they count wherever they stand.
    layout: Literal["any", "lines"] = "any"
    fields: list[FieldRule]
    checks: list[Check] = []


_KINDS: dict[Any, Kind] = {datetime.date: "date", Decimal: "decimal", str: "text", datetime.timedelta: "duration"}


def schema_of(described: type) -> Schema:
    """The schema that a dataclass describes.

    A field's kind is that of its annotation (`date`, `Decimal`, `str`, `timedelta`; `list[…]`: all values; `… | None`:
    not required), or `metadata={"kind": "iban", "words": {"en": ["pay to"]}}`, which may hold whatever `FieldRule` has.

    Raises:
        BadSchema: it is no dataclass, or a field's kind cannot be told.
    """
    if not dataclasses.is_dataclass(described):
        raise BadSchema(expected("a schema", "a dataclass", repr(described), "decorate it with @dataclass"))
    hints = typing.get_type_hints(described)
    return Schema(
        schema=described.__name__.lower(),
        fields=[_rule_of(described, field, hints[field.name]) for field in dataclasses.fields(described)],
    )


def _rule_of(described: type, field: dataclasses.Field[Any], hint: Any) -> FieldRule:
    parts = [part for part in typing.get_args(hint) if part is not types.NoneType]
    optional = types.NoneType in typing.get_args(hint)
    if optional and len(parts) == 1:
        hint = parts[0]
    many = typing.get_origin(hint) is list
    if many:
        hint = typing.get_args(hint)[0]
    given = {"kind": _KINDS.get(hint), "required": not optional, "many": many, "anywhere": True} | dict(field.metadata)
    try:
        return msgspec.convert(given | {"name": field.name}, FieldRule)
    except msgspec.ValidationError as error:
        what = f"the field {field.name} of {described.__name__}"
        todo = 'give its kind: field(metadata={"kind": "text"})'
        raise BadSchema(expected(what, "a rule that can be used", str(error), todo)) from error
