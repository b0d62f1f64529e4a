"""By which schema a text is read."""

from __future__ import annotations

import pytest

from serdab.knowledge import FieldRule, Schema, shipped_schemas
from serdab.knowledge.extraction.choosing import choose_schema

FIELDS = [FieldRule(name="x", kind="text")]
BILL = Schema(
    schema="bill", doc_types=["phone bill"], fields=FIELDS,
    words={"en": ["due date", "Total", "#no", "no."], "de": ["größe"], "ar": ["فاتورة"]},
)  # fmt: skip
LETTER = Schema(schema="letter", fields=FIELDS, words={"en": ["dear", "total", "sincerely", "re:"]})


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("TOTAL 5, due date: today, #No 7", ("bill", 0.6)),
        ("Total. The due date is no. 4 of them", ("bill", 0.6)),
        ("die Größe, no. 7, DUE DATE", ("bill", 0.75)),
        ("total_no. 4 and its due date", ("bill", 0.6)),
        ("الفاتورة total no. 4", ("bill", 0.6)),
        ("Dear sir, re: the total. Sincerely", ("letter", 0.6667)),
        ("totally undue dates, piano. dearest", None),
        ("total, due  date, #number", None),
        ("total due date", None),
        ("dear, total, re: due date, no.", None),
        ("", None),
    ],
)
def test_the_schema_with_most_words_at_the_head_is_chosen(text: str, chosen: tuple[str, float] | None) -> None:
    found = choose_schema(text, "", (BILL, LETTER))
    assert (found and (found[0].schema, found[1])) == chosen


@pytest.mark.parametrize("doc_type", ["bill", "Phone Bill", "a bill/scanned"])
def test_a_named_type_chooses_whatever_the_text_says(doc_type: str) -> None:
    assert choose_schema("Dear sir, sincerely, re: x", doc_type, [LETTER, BILL]) == (BILL, 1.0)


INVOICE = "Harrow Dental Inc\n{line}\nTotal due: $2,450.75\n"


@pytest.mark.parametrize(
    ("line", "chosen"),
    [
        ("Invoice No: HD-88213", "invoice"),
        ("# INVOICE", "invoice"),
        ("Rechnung 2025/17 vom 3. März", "invoice"),
        ("فاتورة رقم: ٣١", "invoice"),
        ("Invoices 7 and 8", None),
        ("Invoice policy", None),
        ("Invoice 7 is what this long line is about, and so it is a sentence and no head.", None),
        ("Our order of yesterday, invoice no. 7", None),
    ],
)
def test_a_short_paper_is_what_a_line_of_its_head_says(line: str, chosen: str | None) -> None:
    found = choose_schema(INVOICE.format(line=line), "", shipped_schemas())
    assert (found and found[0].schema) == chosen


@pytest.mark.parametrize(
    "text", ["Invoice 4471 was charged twice", "Invoice 7\nand order", "\n".join(["word"] * 16 + ["Invoice 7"])]
)
def test_a_message_that_begins_with_the_name_of_a_type_is_not_of_it(text: str) -> None:
    assert choose_schema(text, "", shipped_schemas()) is None


def test_a_paper_that_names_two_types_is_of_none() -> None:
    assert choose_schema(INVOICE.format(line="Invoice 7\nOrder no 12"), "", shipped_schemas()) is None


def test_without_schemas_there_is_none() -> None:
    assert choose_schema("total due date no. #no", "", ()) is None
