"""Electronic invoices: every value as its writer's program put it, and what paper and program say differently."""

from __future__ import annotations

import base64

import pytest

from document_samples import eml
from einvoice_samples import IBAN, VALUES, cii, embedding, page_of_invoice, ubl
from serdab.knowledge.extracting import Extracted, extract_all
from serdab.knowledge.extraction import Record
from serdab.knowledge.normalising import normalise_text
from serdab.knowledge.reading import MalformedDocument, UnsupportedDocument, read_document


def read(data: bytes, name: str = "a.xml") -> tuple[str, Extracted]:
    """The text in normal form, and what is extracted of it."""
    document = read_document(data, name)
    text = normalise_text(document.text)
    return text.text, extract_all(text.text, text.lang, "", "", document.electronic_page)


def record_of(data: bytes, name: str = "a.xml") -> Record:
    record = read(data, name)[1].record
    assert record is not None
    return record


def told(record: Record) -> dict[str, str | None]:
    return {name: record.value(name) for name in VALUES}


@pytest.mark.parametrize(
    "data",
    [
        ubl(), ubl("n1"), ubl(credit=True), cii(), cii("381"), b"\n" + cii(),
        ubl().decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        ubl().decode().replace("UTF-8", "ISO-8859-1").encode("latin-1"),
    ],
    ids=["ubl", "prefix", "credit", "cii", "cii-credit", "blank", "utf-16", "latin-1"],
)  # fmt: skip
def test_every_field_of_both_syntaxes_is_told_with_its_place(data: bytes) -> None:
    text, extracted = read(data)
    record = extracted.record
    assert record is not None
    assert (record.schema, told(record), record.looks) == ("invoice", VALUES, [])
    assert all(text[value.start : value.end] == value.value for value in record.values)
    rows = [(row.cells["description"], row.cells["quantity"], row.cells["amount"]) for row in record.rows]
    assert rows == [("Desk, oak", "2", "800.00 EUR"), ("Handbook", "10", "200.00 EUR")]
    assert extracted.summary["company"] == VALUES["company"]


@pytest.mark.parametrize(
    ("data", "title", "head"),
    [(ubl(), "Invoice RE 2026/17", "Invoice\n"), (cii("381"), "Credit note RE 2026/17", "Credit note\n")],
)
def test_the_text_says_what_it_is(data: bytes, title: str, head: str) -> None:
    document = read_document(data, "upload.bin.txt")
    assert (document.title, document.media_type) == (title, "application/xml")
    assert document.text.startswith(head)
    assert "Discount (Loyal): -100.00 EUR\nSurcharge (Freight): 20.00 EUR\nTotal net: 920.00 EUR" in document.text
    assert "VAT rate 19 % of 720.00 EUR: 136.80 EUR" in document.text


def test_what_somebody_writes_freely_is_no_label() -> None:
    text, extracted = read(ubl())
    assert "Note: Thank you Amount due: 9999.00 EUR" in text
    assert extracted.record is not None
    assert extracted.record.value("total") == "1000.00 EUR"
    assert [field.value for field in extracted.fields if field.kind == "total"] == ["1000.00 EUR"]


def test_a_total_that_is_paid_already_is_that_of_the_invoice() -> None:
    paid = ubl().replace(b">70.80<", b">1070.80<").replace(b">1000.00</cbc:Payable", b">0</cbc:Payable")
    record = record_of(paid)
    assert (record.value("total"), record.looks) == ("1070.80 EUR", [])


@pytest.mark.parametrize(
    ("old", "new", "name", "value"),
    [
        (b"2026-01-31</", b"2026-01-31+01:00</", "date", "2026-01-31"),
        (b"RE 2026/17", b"7", "number", "7"),
        (b"RE 2026/17", "№ A-9/Żółw: 1".encode(), "number", "№ A-9/Żółw: 1"),
        (b'currencyID="EUR"', b'currencyID="ISK"', "tax", "150.80 ISK"),
        (b"DE89370400440532013000", b"DE89 3704 0044 0532 0130 00", "iban", IBAN),
    ],
)
def test_odd_forms_are_taken_as_they_stand(old: bytes, new: bytes, name: str, value: str) -> None:
    assert record_of(ubl().replace(old, new)).value(name) == value


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"DE89370400440532013000", b"DE89370400440532013001", "the check digits of this iban are wrong"),
        (b">1000.00<", b">1010.00<", "total is 1010.00, but its 2 lines make"),
        (b">2026-01-31<", b">2026-02-31<", "date is required and was not found"),
        (b">2026-02-14<", b">2025-02-14<", "due_date 2025-02-14 is before date 2026-01-31"),
    ],
)
def test_what_is_wrong_in_itself_needs_a_look(old: bytes, new: bytes, reason: str) -> None:
    assert reason in "; ".join(look.reason for look in record_of(ubl().replace(old, new)).looks)


def test_files_within_are_named_and_not_read() -> None:
    inside = base64.b64encode(bytes(12_000_000)).decode()
    held = f'<cbc:EmbeddedDocumentBinaryObject filename="hours.pdf">{inside}</cbc:EmbeddedDocumentBinaryObject>'
    within = f"<cac:Attachment>{held}</cac:Attachment>"
    extra = f"<cac:AdditionalDocumentReference>{within}</cac:AdditionalDocumentReference>"
    text, extracted = read(ubl(extra=extra))
    assert "Attached, not read: hours.pdf" in text
    assert len(text) < 5_000
    assert extracted.record is not None
    assert told(extracted.record) == VALUES


def test_of_a_long_invoice_the_totals_stand_behind_as_many_lines_as_have_rows() -> None:
    start, end = (ubl().index(tag) for tag in (b"<cac:InvoiceLine>", b"</q:Invoice>"))
    many = ubl()[:start] + ubl()[start:end] * 1_500 + ubl()[end:]
    text, extracted = read(many)
    assert "\n3000\tHandbook" in text
    assert extracted.record is not None
    assert (told(extracted.record), len(extracted.record.rows), extracted.record.looks) == (VALUES, 500, [])


@pytest.mark.parametrize(
    ("data", "name", "kind", "why"),
    [
        (b"<order xmlns='urn:x'/>", "a.xml", UnsupportedDocument, r"one that begins with \{urn:x\}order"),
        (b"<Invoice/>", "a.xml", UnsupportedDocument, "an electronic invoice"),
        (b"just words", "a.xml", MalformedDocument, "well-formed XML"),
        (ubl()[:-200], "a.xml", MalformedDocument, "well-formed XML"),
        (ubl().replace(b"UTF-8", b"UTF-99"), "a.xml", MalformedDocument, "XML"),
        (ubl().replace(b"?><q:", b"?><!DOCTYPE x [<!ENTITY a 'b'>]><q:"), "a.xml", MalformedDocument, "document type"),
    ],
)
def test_other_xml_and_broken_invoices_are_refused_with_a_reason(
    data: bytes, name: str, kind: type[Exception], why: str
) -> None:
    with pytest.raises(kind, match=why):
        read_document(data, name)


@pytest.mark.parametrize("name", ["factur-x.xml", "ZUGFeRD-invoice.xml", "xrechnung.xml"])
def test_values_of_a_pdf_are_those_of_the_invoice_embedded_in_it(name: str) -> None:
    text, extracted = read(embedding(page_of_invoice(), cii(), name), "a.pdf")
    record = extracted.record
    assert record is not None
    assert (told(record), record.looks, len(record.rows)) == (VALUES, [], 2)
    assert f"\fEmbedded: {name} (" in text
    for value in record.values:
        assert (text[value.start : value.end], value.page) == (value.value, 2)


@pytest.mark.parametrize(
    ("page", "reason", "place"),
    [
        (
            page_of_invoice("10,000.00 EUR"),
            "total is 1000.00 EUR in the electronic invoice, but 10000.00 EUR on its pages",
            "10,000.00 EUR",
        ),
        (
            page_of_invoice(iban="DE02 1203 0000 0000 2020 51"),
            f"iban is {IBAN} in the electronic invoice, but DE02120300000000202051 on its pages",
            "DE02 1203 0000 0000 2020 51",
        ),
    ],
)
def test_what_paper_and_program_say_differently_needs_a_look(
    page: list[tuple[float, float, str]], reason: str, place: str
) -> None:
    text, extracted = read(embedding(page, cii()), "a.pdf")
    assert extracted.record is not None
    (look,) = extracted.record.looks
    assert (look.reason, text[look.start : look.end]) == (reason, place)
    assert told(extracted.record) == VALUES


def test_pages_tell_what_the_embedded_invoice_does_not() -> None:
    bare = cii().replace(b"<ram:IBANID>" + IBAN.encode() + b"</ram:IBANID>", b"")
    record = record_of(embedding(page_of_invoice(), bare), "a.pdf")
    assert (record.value("iban"), [value.page for value in record.values if value.name == "iban"]) == (IBAN, [1])


def test_a_picture_of_an_invoice_is_read_by_what_is_embedded() -> None:
    assert told(record_of(embedding([], ubl()), "a.pdf")) == VALUES


def test_an_embedded_invoice_that_is_broken_needs_a_look_and_its_pages_are_read() -> None:
    text, extracted = read(embedding(page_of_invoice(), cii()[:-300]), "a.pdf")
    assert "not read, expected the electronic invoice to be well-formed XML" in text
    assert extracted.record is not None
    assert extracted.record.looks[0].reason.startswith("the electronic invoice within it was not read")
    assert extracted.record.value("total") == "1000.00 EUR"


def test_an_invoice_attached_to_a_mail_is_a_page_of_it() -> None:
    text, _ = read(eml([("rechnung.xml", cii())]), "a.eml")
    assert "\fAttachment: rechnung.xml" in text
    assert "Amount due: 1000.00 EUR" in text
