"""How fields are compared: by pairs of a field and a value, ways of writing folded, what is absent counted."""

from __future__ import annotations

import pytest

from serdab.knowledge import FieldFigures, FieldRule, Record, Row, Schema
from serdab.knowledge.extraction import fields_never_read, micro_f1, tabulate_fields
from serdab.knowledge.extraction.scoring import canonical_value


def figures(table: dict[str, FieldFigures], name: str) -> tuple[int, int, int]:
    return table[name].expected, table[name].found, table[name].right


def test_fields_are_counted_by_their_pairs() -> None:
    table = tabulate_fields([
        ({"party": ["Alder Inc.", "Birch LLC"], "term": "2 years"}, {"party": ["ALDER, INC", "Cedar"]}, None),
        ({"party": ["Dogwood"]}, {"party": ["dogwood"], "term": "1 year"}, None),
    ])  # fmt: skip
    assert figures(table, "party") == (3, 3, 2)
    assert figures(table, "term") == (1, 1, 0)
    assert (table["party"].precision, table["party"].recall) == (2 / 3, 2 / 3)
    assert table["party"].recall_low < 2 / 3 < table["party"].recall_high
    assert micro_f1(table) == 2 * 2 / (4 + 4)
    assert micro_f1({}) is None


def test_fields_that_nothing_looks_for_have_no_figures() -> None:
    told: list[tuple[dict[str, str], dict[str, str | None], Record | None]] = [
        ({"date": "2026-01-02", "created_at": "2026-01-02", "iban": "DE00", "question": "?"}, {"date": None}, None)
    ]
    schema = Schema(schema="invoice", fields=[FieldRule(name="iban", kind="iban")])
    left_out = fields_never_read(told, [schema])
    assert left_out == ["created_at"]
    assert set(tabulate_fields(told, left_out)) == {"answer", "date", "iban"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$1,234.50", "1234.50 USD"),
        ("RM 7.00", "7 MYR"),
        ("10 125,00 €", "10125.00 EUR"),
        ("1.234,56", "1234.56"),
        ("19/10/2018", "2018-10-19"),
        ("12 Mill Lane, Whitby.", "12 MILL LANE WHITBY"),
        ("2 years", "2 Years"),
    ],
)
def test_ways_of_writing_one_value_are_the_same(one: str, other: str) -> None:
    assert canonical_value(one) == canonical_value(other)


@pytest.mark.parametrize(
    ("one", "other"), [("7.10", "7.01"), ("2 years", "2 months"), ("12 Mill Lane", "21 Mill Lane"), ("1 year", "1")]
)
def test_different_values_are_not(one: str, other: str) -> None:
    assert canonical_value(one) != canonical_value(other)


@pytest.mark.parametrize(
    ("ideal", "question", "right"),
    [
        ("$5.00", "value paid to Alder?", 1),
        ("unknown", "value paid to Alder?", 0),
        ("unknown", "value paid by Alder?", 1),
        ("$5.00 and $6.00", "value paid to Alder?", 1),
    ],
)
def test_the_answer_to_a_question_is_a_field(ideal: str, question: str, right: int) -> None:
    cells = {"amount": "5.00 USD", "role": "sent", "payer": "you", "payee": "Alder"}
    row = Row(name="amounts_paid", cells=cells, start=0, end=1, page=1)
    record = Record(schema="email", confidence=1.0, values=[], rows=[row], looks=[])
    table = tabulate_fields([({"question": question, "ideal": ideal}, {}, record)])
    assert table["answer"].right == right
