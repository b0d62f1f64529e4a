"""Which documents a person should see, and where in them."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import msgspec

from serdab.knowledge.extraction import schema_named, shipped_schemas
from serdab.knowledge.triaging import Receipt

#: Confidence below which a label, and a value that stands for the document, needs a look.
UNSURE_LABEL, UNSURE_VALUE = 0.5, 0.5
#: Reasons that are told of one document at most.
MOST_REASONS = 6


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """A reason to look at a document, with the place that it is about."""

    document_id: UUID
    source: str
    title: str
    lang: str
    reason: str
    #: Place in the normalised text, characters; both 0: the whole document is meant.
    start: int = 0
    end: int = 0
    #: The place, and the text around it.
    before: str = ""
    place: str = ""
    behind: str = ""


def looks_of(receipt: Receipt) -> list[Look]:
    """The reasons to look at a document; none for most."""
    found = []
    for reason, start, end in _reasons(receipt):
        look = Look(
            document_id=receipt.document_id,
            source=receipt.source,
            title=receipt.title,
            lang=receipt.lang,
            reason=reason,
            start=start,
            end=end,
        )
        found.append(look)
        if len(found) == MOST_REASONS:
            break
    return found


def _reasons(receipt: Receipt) -> Iterator[tuple[str, int, int]]:
    if receipt.label is None:
        pass  # No labels are known: that is told of none of the documents in particular.
    elif receipt.abstained and receipt.reasons:
        yield f"the kind {receipt.label}: {receipt.reasons[-1]}", 0, 0
    elif receipt.confidence < UNSURE_LABEL:
        yield f"the kind {receipt.label} is not sure ({receipt.confidence:.2f})", 0, 0
    if receipt.record is not None and _contradict(receipt.label or "", receipt.record.schema):
        how_sure = f"{receipt.label} ({receipt.confidence:.2f})"
        yield f"the kind is {how_sure}, but the values were read by the schema {receipt.record.schema}", 0, 0
    if receipt.chunks_indexed < receipt.chunks:
        yield f"search finds only the first {receipt.chunks_indexed:,} of its {receipt.chunks:,} parts", 0, 0
    if receipt.record is not None:
        for look in receipt.record.looks:
            yield f"{look.field}: {look.reason}" if look.field else look.reason, look.start, look.end
    values = {str(each) for value in receipt.summary.values() for each in _each(value)}
    told: set[str] = set()
    for field in receipt.fields:
        if field.value in values and field.value not in told and field.confidence < UNSURE_VALUE:
            told.add(field.value)
            yield (
                f"{field.kind} {field.value} is not sure ({field.confidence:.2f}): {field.reason}",
                field.start,
                field.end,
            )


def _contradict(label: str, schema: str) -> bool:
    """Whether a label names another shipped schema than the one that was used; labels may also name what has none."""
    shipped = shipped_schemas()
    named = schema_named({label.lower()}, shipped)
    return named is not None and schema in {each.schema for each in shipped} - {named.schema}


def _each(value: str | list[str] | None) -> list[str]:
    return value if isinstance(value, list) else [] if value is None else [value]
