"""What the cells of a workbook show beside the numbers that they hold."""

from __future__ import annotations

import io

import pytest

from serdab.knowledge.reading import read_document


def shown(value: float, code: str) -> str:
    from openpyxl import Workbook

    book = Workbook()
    cell = book.worksheets[0].cell(1, 1, value)
    cell.number_format = code
    made = io.BytesIO()
    book.save(made)
    return read_document(made.getvalue(), "a.xlsx").text.partition("\n")[2]


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (0.1 + 0.2, "General", "0.3"),
        (1234.5, "#,##0.00", "1234.50"),
        (-12, "0.00", "-12.00"),
        (1.005, "0.00", "1.005"),
        (1e-9, "0.00", "1e-09"),
        (0.19, "0%", "19%"),
        (0.075, "0.0%", "7.5%"),
        (0.07, "0.00%", "7%"),
        (1234.5, '#,##0.00 "€"', "1234.50 €"),
        (1234.5, "#,##0.00\\ [$€-407]", "1234.50 €"),
        (-99.9, "[$$-409]#,##0.00;[Red]-[$$-409]#,##0.00", "-$99.90"),
        (12, '_-* #,##0.00 "EUR"_-;-* #,##0.00 "EUR"_-', "12.00 EUR"),
        (12, "[$AED] #,##0.00", "AED 12.00"),
        (12, "€#,##0", "€12"),
        (7, '0 "of 9"', "7"),
        (1.5625, "[h]:mm", "37:30"),
        (1.5, "[h]:mm:ss", "36:00"),
        (0.5, "hh:mm", "12:00:00"),
        (46083, "dd.mm.yyyy", "2026-03-02"),
        (7001, "00000", "07001"),
        (1e20, "0%", "1e+22%"),
    ],
)
def test_currency_percent_elapsed_time_and_leading_zeros_are_read(value: float, code: str, text: str) -> None:
    assert shown(value, code) == text
