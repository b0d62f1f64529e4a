"""Which documents a person should see."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest

from serdab.knowledge import Receipt, Record
from serdab.knowledge.outcomes.looking import looks_of


def receipt(label: str, schema: str) -> Receipt:
    return Receipt(
        document_id=UUID(int=1), source="a.txt", title="a", media_type="text/plain", lang="en", doc_type="",
        characters=10, chunks=1, chunks_indexed=1, label=label, confidence=0.53, reasons=["like another"], fields=[],
        summary={}, similar=[], delivered_to="",
        record=Record(schema=schema, confidence=0.6, values=[], rows=[], looks=[]),
    )  # fmt: skip


def test_a_kind_that_contradicts_the_schema_needs_a_look_which_names_both() -> None:
    (look,) = looks_of(receipt("receipt", "invoice"))
    assert look.reason == "the kind is receipt (0.53), but the values were read by the schema invoice"


def test_that_no_labels_are_known_is_no_matter_of_one_document() -> None:
    unknown = msgspec.structs.replace(receipt("invoice", "invoice"), label=None, abstained=True)
    assert looks_of(unknown) == []


@pytest.mark.parametrize(
    ("label", "schema"),
    [
        ("invoice", "invoice"),
        ("Bill", "invoice"),
        ("complaint", "email"),
        ("order status", "email"),
        ("invoice", "ours"),
    ],
)
def test_a_kind_that_names_the_schema_or_none_that_ships_needs_none(label: str, schema: str) -> None:
    assert looks_of(receipt(label, schema)) == []
