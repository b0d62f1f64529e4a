"""Texts written to make patterns go back and forth: every schema ends with them, and looks at a bounded part."""

from __future__ import annotations

import pytest

from serdab.knowledge import read_record, shipped_schemas
from serdab.knowledge.extraction.recording import MOST_CHARACTERS, MOST_OF_A_FIELD
from serdab.knowledge.extraction.tables import MOST_ROWS

HOSTILE = [
    "$1 ", "1,", "12/", "Co & ", "a.b-", "(“", "total 1.00\n", "between A ", "Inc, ", "GB82 ", "two (2) years ", "+1 ",
    "the laws of the State of ", "sent $1 to a ", "x: ", "1\t", "no. ", "شركة ", "12.", "\f\n", "date: ", "@a",
    "شركة محمد وا", "net 30 ", "pay in 1 day ", "Invoice no. 7 ", "a ",
    "Net VAT Gross\n1.00 0.20 1.20\n", "% vat ", "Herr\n", "bill to\t", "Due date\t",
    "A GmbH, Tel. 1\n", "payable to A, ",
]  # fmt: skip


@pytest.mark.parametrize("part", HOSTILE)
def test_every_schema_ends_with_a_hostile_text_and_its_places_are_true(part: str) -> None:
    text = part * (30_000 // len(part))
    for schema in shipped_schemas():
        record = read_record(text, doc_type=schema.schema)
        assert record is not None
        for value in record.values:
            assert text[value.start : value.end].strip()


@pytest.mark.parametrize("part", ["Aa ", "(", "9"])
def test_a_million_characters_are_read_up_to_the_bound(part: str) -> None:
    text = part * (1_000_000 // len(part))
    record = read_record(text + "\nIBAN DE89 3704 0044 0532 0130 00", doc_type="invoice")
    assert record is not None
    assert record.value("iban") is None
    assert record == read_record(text[:MOST_CHARACTERS], doc_type="invoice")


def test_a_table_without_an_end_is_told_up_to_the_bound() -> None:
    record = read_record("Item\tQty\tAmount\n" + "screw\t1\t2.00\n" * 5_000, doc_type="order")
    assert record is not None
    assert len(record.rows) == MOST_ROWS


def test_a_contract_of_many_names_is_told_up_to_the_bound() -> None:
    names = ", ".join(f"Alder{place:04} Works Inc." for place in range(1_000))
    record = read_record(f"Agreement by and between {names}", doc_type="contract")
    assert record is not None
    assert 0 < len(record.all_values("party")) <= MOST_OF_A_FIELD
