"""Names of companies in plain fields and in contracts: whole over the end of a line, and nothing of what is beside."""

from __future__ import annotations

import pytest

from serdab.knowledge.extraction import extract_fields, read_record, summary_fields
from serdab.knowledge.extraction.parties import find_parties

BROKEN = (
    "This agreement is made\nbetween Harbour Foods Limited, a company registered in England, and Castlegate\n"
    "Logistics GmbH, a company registered in Germany.\n"
)


def test_a_name_goes_on_behind_the_end_of_a_full_line() -> None:
    assert [field.value for field in find_parties(BROKEN)] == ["Harbour Foods Limited", "Castlegate Logistics GmbH"]
    assert [BROKEN[field.start : field.end] for field in find_parties(BROKEN)][1] == "Castlegate\nLogistics GmbH"


def test_the_rest_of_a_name_is_not_the_company_at_the_head() -> None:
    text = BROKEN.removeprefix("This agreement is made\n").replace(", a company registered in Germany", "")
    assert "company" not in summary_fields(text, extract_fields(text))


@pytest.mark.parametrize("text", [BROKEN, BROKEN.replace("registered in", "under the laws of")])
def test_a_contract_has_its_second_party_behind_the_place_of_the_first(text: str) -> None:
    record = read_record(text, doc_type="contract")
    assert record is not None
    assert record.all_values("party") == ["Harbour Foods Ltd.", "Castlegate Logistics GmbH"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A sentence that ends before the name of the company, in full. Bremen.\nHansa Werkzeug GmbH\n",
         ["Hansa Werkzeug GmbH"]),
        ("Bremen\nHansa Werkzeug GmbH\n", ["Hansa Werkzeug GmbH"]),
        ("2019 Apprentice, Hansa Werkzeug GmbH\n", ["Hansa Werkzeug GmbH"]),
        ("2017 - 2019 Senior Engineer, Nordsee Technik AG\n", ["Nordsee Technik AG"]),
        ("2019, Nordsee Technik AG\n", ["Nordsee Technik AG"]),
        ("Vision 2000 Software Ltd\n", ["Vision 2000 Software Ltd"]),
        ("2010 Hansa, Inc.\n", ["2010 Hansa, Inc."]),
        ("Smith and Jones Limited\n", ["Smith and Jones Limited"]),
        ("House of Fraser and Sons Limited\n", ["House of Fraser and Sons Limited"]),
    ],
)  # fmt: skip
def test_what_stands_before_a_name_is_none_of_it(text: str, names: list[str]) -> None:
    assert [field.value for field in find_parties(text)] == names
