"""By which schema a text is read."""

from __future__ import annotations

import pytest

from serdab.knowledge import FieldRule, Schema
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


def test_without_schemas_there_is_none() -> None:
    assert choose_schema("total due date no. #no", "", ()) is None
