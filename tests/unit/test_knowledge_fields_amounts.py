"""Which number a mark of a currency belongs to."""

from __future__ import annotations

import pytest

from serdab.knowledge.extraction.amounts import find_amounts


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
    ],
)
def test_a_mark_is_that_of_the_number_it_touches_or_follows_throughout_its_line(line: str, wanted: list[str]) -> None:
    found = sorted(find_amounts(line), key=lambda field: field.start)
    assert [field.value for field in found] == wanted
