"""Numbers that prove themselves by check digits or by the plan of their country, and those that fail."""

from __future__ import annotations

import pytest

from serdab.knowledge import FieldRule, Schema, read_record
from serdab.knowledge.extraction.identifiers import find_cards, find_ibans, find_phones, find_vat_numbers
from serdab.knowledge.extraction.schemas import Kind


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("VAT Reg No: GB 980 7806 84", "GB980780684"),
        ("CHE-107.787.577 MWST", "CHE107787577MWST"),
        ("USt-IdNr.: DE136695976", "DE136695976"),
        ("DE 136 695 976 ABC", "DE136695976"),
    ],
)
def test_vat_numbers_of_more_than_the_union_are_read(written: str, value: str) -> None:
    assert [found.value for found in find_vat_numbers(written)] == [value]


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [
        ("vat", "USt-IdNr. DE136695977", "USt-IdNr. DE136695976"),
        ("card", "Card no. 4111 1111 1111 1112", "Card no. 4111 1111 1111 1111"),
        ("iban", "IBAN DE89 3704 0044 0532 0130 01", "IBAN DE89 3704 0044 0532 0130 00"),
    ],
)
def test_wrong_check_digits_need_a_look(kind: Kind, wrong: str, right: str) -> None:
    schema = Schema(schema="slip", fields=[FieldRule(name="number", kind=kind, anywhere=True)])

    def looks(text: str) -> list[str]:
        record = read_record(text, doc_type="slip", schemas=[schema])
        assert record is not None
        return [look.reason for look in record.looks]

    assert looks(right) == []
    assert looks(wrong) == [f"the check digits of this {kind} are wrong"]


def test_wrong_check_digits_need_a_look_behind_the_words_of_their_field_too() -> None:
    record = read_record(
        "Velo OHG\nRechnung 88\nUSt-IdNr.: DE136695978\nGesamtbetrag 5,00 €\n3.6.2024", doc_type="invoice"
    )
    assert record is not None
    assert [look.field for look in record.looks] == ["vat_id"]


def test_letters_and_digits_that_nobody_calls_a_number_of_these_are_none() -> None:
    assert list(find_vat_numbers("Article DE136695977")) == []
    assert list(find_cards("Tracking 4111 1111 1111 1112")) == []


@pytest.mark.parametrize(
    ("text", "lang", "value"),
    [
        ("Tel 0117 922 2000, Bristol BS6 5QT", "en", "+441179222000"),
        ("Tel 044 668 18 00 Zürich", "de", "+41446681800"),
        ("tel. 22 621 02 41", "pl", "+48226210241"),
        ("Tel. (11) 91234-5678 São Paulo", "pt", "+5511912345678"),
    ],
)
def test_a_number_without_country_code_is_one_of_where_the_paper_is_from(text: str, lang: str, value: str) -> None:
    assert [found.value for found in find_phones(text, lang)] == [value]


def test_the_number_of_a_fax_is_less_sure_than_that_of_a_telephone() -> None:
    phone, fax = find_phones("Tel 330-555-0199  Fax 330-555-0198, Akron OH 44310", "en")
    assert phone.confidence > fax.confidence


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("Invoice no. 7", "7"), ("Invoice 7", "7"), ("Invoice number\t7", "7"), ("Invoice no. 7, 14 March 2024", "7"),
        ("Rechnung Nr. 3 Osnabrück, 2. Mai 2024", "3"), ("Facture numéro 9", "9"), ("Fattura n. 5 del 12/02/2024", "5"),
        ("رقم الفاتورة: ٩", "9"), ("发票号码：2", "2"), ("Invoice no. 7/24", "7/24"),
        ("Honorarnote Nr. 2024/12", "2024/12"), ("Invoice no. 7 / 2024", "7/2024"),
        ("Abschlagsrechnung Nr. 2 / 2024-31", "2/2024-31"), ("Provisionsgutschrift Nr. 88", "88"),
        ("Rechnung Nr. 4711 / 12.03.2024", "4711"),
    ],
)  # fmt: skip
def test_the_number_of_an_invoice_may_be_one_digit(line: str, number: str) -> None:
    record = read_record(f"Acme Ltd\n{line}\nTotal 9.00 EUR\n", doc_type="invoice")
    assert record is not None
    assert record.value("number") == number


@pytest.mark.parametrize(
    "line",
    [
        "Invoice 1 of 2", "Invoice no. 1 of 3", "Invoice 2 copies", "Invoice no. 8\n5664",
        "Rechnung 2. Mahnung", "Rechnung: 5 Stück", "Factura 3 de 4",
    ],
)  # fmt: skip
def test_a_digit_that_counts_or_begins_something_else_is_no_number_of_an_invoice(line: str) -> None:
    record = read_record(f"Acme Ltd\n{line}\nTotal 9.00 EUR\n", doc_type="invoice")
    assert record is not None
    assert record.value("number") is None


def test_what_is_shorter_than_any_iban_is_none_whose_digits_are_wrong() -> None:
    assert list(find_ibans("P.IVA IT01234567897, PS 841804278308")) == []
