"""What stands in a text of a document: fields, record, summary; an electronic invoice is read beside its pages."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from serdab.knowledge.extraction import (
    Field,
    Look,
    Record,
    Schema,
    extract_fields,
    find_stated,
    joined_records,
    load_schemas,
    moved,
    read_record,
    summary_fields,
)
from serdab.knowledge.reading import EINVOICE_LABELS

#: Values by the names that documents usually have.
Summary = dict[str, str | list[str] | None]


class Extracted(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a text, all of it and in short."""

    fields: list[Field]
    summary: Summary
    record: Record | None = None


def extract_all(text: str, lang: str, doc_type: str, schemas: str, electronic_page: int = 0) -> Extracted:
    """Fields, record and summary of a text.

    Args:
        text: in normal form.
        lang: two letters.
        doc_type: names the schema; empty: the text chooses it.
        schemas: file or folder with those of the house.
        electronic_page: from which page on it is an electronic invoice; 0: nowhere.
    """
    rules, fields = load_schemas(schemas), list(extract_fields(text, lang))
    if electronic_page:
        record = _beside_pages(text, lang, doc_type, rules, electronic_page, fields)
        fields = _with_total_of(record, fields)
    else:
        record = read_record(text, lang=lang, doc_type=doc_type, schemas=rules)
    return Extracted(fields=fields, summary=summary_fields(text, fields, record), record=record)


def _with_total_of(record: Record | None, fields: Sequence[Field]) -> list[Field]:
    """Fields without the total that words of the text seem to name, such as a note, but with that of the record."""
    totals = [
        Field(kind="total", value=total.value, start=total.start, end=total.end, confidence=total.confidence,
              reason=total.reason)
        for total in (record.values if record is not None else [])
        if total.name == "total"
    ]  # fmt: skip
    return sorted([*totals, *(each for each in fields if each.kind != "total")], key=lambda field: field.start)


def _beside_pages(
    text: str, lang: str, doc_type: str, rules: Sequence[Schema], page: int, fields: Sequence[Field]
) -> Record | None:
    """The record of an electronic invoice, compared with that of the pages before it."""
    start = sum(len(each) + 1 for each in text.split("\f")[: page - 1])
    pages, electronic = text[:start], text[start:]
    shown = read_record(pages, lang=lang, doc_type=doc_type or "invoice", schemas=rules) if pages.strip() else None
    stated = find_stated(electronic, EINVOICE_LABELS)
    if not stated["number"] and shown is not None:
        reason = "the electronic invoice within it was not read; what its pages say was compared with nothing"
        look = Look(reason=reason, field="", start=start, end=len(text))
        return msgspec.structs.replace(shown, looks=[look, *shown.looks])
    exact = read_record(electronic, lang=lang, doc_type=doc_type or "invoice", schemas=rules, stated=stated)
    if exact is None:
        return shown
    return joined_records(
        shown, moved(exact, start, page - 1), stated, pages, [each for each in fields if each.end <= start]
    )
