"""Names that go on in the next line, as narrow columns and heads of letters have them."""

from __future__ import annotations

import pytest

from serdab.knowledge.extraction import extract_fields, read_record

INVOICE = "{}\n\nINVOICE\nInvoice no. 118\nDate: 2024-03-05\n{}\n\nShelf 10.00\nTotal 10.00 EUR\n"


def value(name: str, head: str, customer: str) -> str | None:
    record = read_record(INVOICE.format(head, customer), doc_type="invoice")
    assert record is not None
    return record.value(name)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("Bergische Werkzeug- und\nMaschinenfabrik GmbH\nAm Ring 5", "Bergische Werkzeug- und Maschinenfabrik GmbH"),
        ("Society for the Protection of\nUrban Birds Ltd\n4 Mill Ln", "Society for the Protection of Urban Birds Ltd"),
        ("Associação dos Amigos da\nMúsica Antiga\nRua Nova 3", "Associação dos Amigos da Música Antiga"),
        ("Neuburger Wasserversorgungs-\ngesellschaft mbH\nAm Ring 2", "Neuburger Wasserversorgungsgesellschaft mbH"),
        ("Acme Tools Ltd\n1 Main Road", "Acme Tools Ltd"),
    ],
)  # fmt: skip
def test_a_company_at_the_head_is_whole(head: str, name: str) -> None:
    assert value("company", head, "") == name


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ("Bill to:\nNorthern Lights and\nEducation Trust\n12 High Street", "Northern Lights and Education Trust"),
        ("Customer: Blue River Logistics\n          GmbH & Co. KG\nHafenweg 3", "Blue River Logistics GmbH & Co. KG"),
        ("Kunde: Stadtwerke Neuburg Netz-\ngesellschaft mbH\nAm Ring 2", "Stadtwerke Neuburg Netzgesellschaft mbH"),
        ("Bill to:\nMaria Lopez\nHotel Astoria\n12 High Street", "Maria Lopez"),
        ("Bill to: Smith Brothers Ltd\nLimited offer", "Smith Brothers Ltd"),
        ("Bill to: Harbour Café and\n12 High Street", "Harbour Café and"),
    ],
)  # fmt: skip
def test_a_customer_is_whole_and_takes_nothing_of_the_next_line_else(lines: str, name: str) -> None:
    assert value("customer", "Acme Tools Ltd\n1 Main Road", lines) == name


def test_a_party_whose_legal_form_stands_in_the_next_line_is_found() -> None:
    text = "This agreement is made between Blue River Logistics\nLimited and Orion Freight Services\nInc., a company."
    found = [field for field in extract_fields(text) if field.kind == "party"]
    assert [field.value for field in found] == ["Blue River Logistics Limited", "Orion Freight Services Inc."]
    assert text[found[0].start : found[0].end] == "Blue River Logistics\nLimited"


def test_a_listed_party_goes_on_behind_a_link() -> None:
    text = (
        "Dienstvertrag\n\nzwischen\nBergische Werkzeug- und\nMaschinenfabrik GmbH, nachfolgend Auftraggeber,\nund\n"
        "Hafen Logistik Nord GmbH, nachfolgend Auftragnehmer"
    )
    record = read_record(text, doc_type="contract")
    assert record is not None
    assert record.all_values("party") == ["Bergische Werkzeug- und Maschinenfabrik GmbH", "Hafen Logistik Nord GmbH"]
