"""Which number a mark of a currency belongs to, and which digits are one number."""

from __future__ import annotations

import pytest

from serdab.knowledge.extraction.amounts import find_amounts
from serdab.knowledge.extraction.candidates import Candidates
from serdab.knowledge.extraction.tables import find_rows
from serdab.knowledge.normalising import normalise_text


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("1.250,00 € 2.500,00 €", ["1250.00 EUR", "2500.00 EUR"]),
        ("Beratung 10 h 125,00 € 1.250,00 €", ["125.00 EUR", "1250.00 EUR"]),
        ("1250 € 2500 €", ["1250 EUR", "2500 EUR"]),
        ("1.250,00€ 2.500,00€", ["1250.00 EUR", "2500.00 EUR"]),
        ("5,00€ 6,00", ["5.00 EUR", "6.00"]),
        ("€ 1.250,00 € 2.500,00", ["1250.00 EUR", "2500.00 EUR"]),
        ("€1,250.00 €2,500.00", ["1250.00 EUR", "2500.00 EUR"]),
        ("2 $5.00 $10.00", ["5.00 USD", "10.00 USD"]),
        ("RM 5.00 RM 10.00", ["5.00 MYR", "10.00 MYR"]),
        ("100 EUR 50 USD", ["100 EUR", "50 USD"]),
        ("3 € 5.00", ["5.00 EUR"]),
        ("2 € 5.00 € 10.00", ["5.00 EUR", "10.00 EUR"]),
        ("€ 7.00\n1 € 2 €", ["7.00 EUR", "1 EUR", "2 EUR"]),
        ("U\u017f$ 7.00", ["7.00 USD"]),
    ],
)
def test_a_mark_is_that_of_the_number_it_touches_or_follows_throughout_its_line(line: str, wanted: list[str]) -> None:
    found = sorted(find_amounts(line), key=lambda field: field.start)
    assert [field.value for field in found] == wanted


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("10 125,00 €", "10125.00 EUR"),
        ("10\u00a0125,00\u00a0€", "10125.00 EUR"),
        ("10\u202f125,00 €", "10125.00 EUR"),
        ("-10\u2009125,00 €", "-10125.00 EUR"),
        ("RM10 125,00", "10125.00 MYR"),
        ("Total TTC 10 125,00", "10125.00"),
        ("Loyer : 10 125,00", "10125.00"),
        ("Loyer\t10 125.00", "10125.00"),
        ("R 2 035.50", "2035.50"),
        ("1 234 567,89 руб", "1234567.89"),
        ("1 234,56", "1234.56"),
        ("1'234.56", "1234.56"),
        ("1’234.56", "1234.56"),
        ("1.234,56", "1234.56"),
        ("-1.234,56", "-1234.56"),
        ("12,34,567.00", "1234567.00"),
        ("₹ 12,34,567.00", "1234567.00 INR"),
        ("١٠٬١٢٥٫٠٠", "10125.00"),
        ("١٠٬١٢٥٫٠٠ ر.س", "10125.00 SAR"),
    ],
)
def test_signs_between_thousands_are_part_of_a_number(written: str, value: str) -> None:
    assert [field.value for field in find_amounts(normalise_text(written).text)] == [value]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Beratung 2 125,00 € 250,00 €", ["125.00 EUR", "250.00 EUR"]),
        ("Beratung 12 125,00 € 1 500,00 €", ["125.00 EUR", "1500.00 EUR"]),
        ("Filiale 12 125,00", ["125.00"]),
        ("2 125.00", ["125.00"]),
        ("Summe 2 125,00\nRechnung 1.125,00", ["125.00", "1125.00"]),
        ("Summe 2 125,00\nRechnung 1125,00", ["125.00", "1125.00"]),
        ("Kaffee\t2\t125,00\t250,00", ["125.00", "250.00"]),
        ("charged $2 500.00, as $2,500.00", ["2500.00 USD", "2500.00 USD"]),
        ("12.05.24 125,00", ["125.00"]),
    ],
)
def test_numbers_of_columns_stay_apart(text: str, values: list[str]) -> None:
    assert [field.value for field in sorted(find_amounts(text), key=lambda field: field.start)] == values


def test_one_amount_that_is_sure_tells_of_the_others() -> None:
    text = "Prestation 8 437,50\nTVA 1 687,50\nTotal TTC 10 125,00"
    assert [field.value for field in find_amounts(text)] == ["8437.50", "1687.50", "10125.00"]


def test_rows_of_plain_text_keep_their_columns() -> None:
    rows = find_rows(
        "Article Quantité Prix Montant\nBureau 12 2 1 250,00 2 500,00\nLampe 3 125,00 375,00\nTotal : 2 875,00"
    )
    assert [row.cells for row in rows] == [
        {"description": "Bureau 12", "quantity": "2", "price": "1250.00", "amount": "2500.00"},
        {"description": "Lampe", "quantity": "3", "price": "125.00", "amount": "375.00"},
    ]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1.234,56", ["1234.56"]), ("1'234.56", ["1234.56"]), ("12,34,567.00", ["1234567.00"]),
        ("٣٬٤٥٦٫٧", ["3456.7"]), ("12 500", ["12500"]), ("2 125,00 250,00", ["2", "125.00", "250.00"]),
    ],
)  # fmt: skip
def test_decimal_numbers_are_read_in_the_same_forms(text: str, values: list[str]) -> None:
    assert [field.value for field in Candidates(text, "").of_kind("decimal")] == values
