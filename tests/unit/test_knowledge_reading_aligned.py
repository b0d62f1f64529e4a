"""Tables of plain text whose columns are aligned by spaces."""

from __future__ import annotations

import pytest

from serdab.knowledge import Record, read_record
from serdab.knowledge.normalising import normalise_text
from serdab.knowledge.reading.plain import read_text

INVOICE = """Bergmann Werkzeuge GmbH
Rechnung
Rechnungsnummer: RE-118
Rechnungsdatum: 05.04.2024

Pos.  Bezeichnung            Menge   Einzelpreis      Betrag
------------------------------------------------------------
1     Hammer mit Stiel           3       12,50 €     37,50 €
2     Säge                       1    1.062,50 €  1.062,50 €
      gehärtet

Zwischensumme                                     1.100,00 €
MwSt 19 %                                           209,00 €
Gesamtbetrag                                      1.309,00 €
"""
ORDER = """Purchase order PO-3391
Date: 18 March 2024
Deliver to: Side entrance

Description        Quantity    Price    Amount

Envelopes C5            120     0.08      9.60
Folders, grey            30     2.50     75.00

Total                                    84.60
"""
STATEMENT = """Hanseatische Sparbank AG
Kontoauszug
Zeitraum vom 01.02.2024 bis 29.02.2024
Anfangssaldo: 100,00 EUR
Datum        Verwendungszweck         Betrag
02.02.2024   Miete Februar       -800,00 EUR
15.02.2024   Gehalt             2.500,00 EUR
Endsaldo: 1.800,00 EUR
"""
PROSE = """He came at 5.  She went.  It rained
until 7.  Then the sun shone.  All was well at 8

Sentences here.  Two spaces apart.  No digits at all
go on like this.  And so on.  To the end
"""


def read(text: str, newline: str = "\n") -> Record:
    plain, _ = read_text(text.replace("\n", newline).encode())
    record = read_record(normalise_text(plain).text)
    assert record is not None
    return record


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_an_invoice_has_its_rows_and_they_make_its_total(newline: str) -> None:
    record = read(INVOICE, newline)
    assert [row.cells for row in record.rows] == [
        {
            "column_1": "1",
            "description": "Hammer mit Stiel",
            "quantity": "3",
            "price": "12,50 €",
            "amount": "37.50 EUR",
        },
        {"column_1": "2", "description": "Säge", "quantity": "1", "price": "1.062,50 €", "amount": "1062.50 EUR"},
    ]
    assert (record.value("total"), record.value("tax")) == ("1309.00 EUR", "209.00 EUR")
    assert not [look for look in record.looks if look.field == "total"]


def test_an_order_and_a_bank_statement_have_their_rows() -> None:
    order = read(ORDER)
    assert (order.schema, [row.cells["amount"] for row in order.rows]) == ("order", ["9.60", "75.00"])
    statement = read(STATEMENT)
    assert statement.schema == "bank_statement"
    assert [(row.cells["date"], row.cells["amount"]) for row in statement.rows] == [
        ("02.02.2024", "-800.00 EUR"),
        ("15.02.2024", "2500.00 EUR"),
    ]
    assert statement.looks == []


def test_prose_with_wide_spaces_has_no_cells() -> None:
    assert read_text(PROSE.encode())[0] == PROSE
