"""Tables to rows, whatever their columns are called and however they are parted."""

from __future__ import annotations

import pytest

from serdab.knowledge.extraction.tables import find_rows


def amounts(text: str) -> list[str]:
    return [row.cells["amount"] for row in find_rows(text)]


@pytest.mark.parametrize(
    ("head", "row", "end"),
    [
        ("Item        Qty   Unit price   Extension", "Bolt M8     40    0.25         10.00", "Subtotal   10.00"),
        ("Pos  Ware    Menge  Einzelpreis  Gesamtpreis", "1    Bolzen  40     0,25         10,00", "Nettobetrag 10,00"),
        ("Code   Description   Qty   Unit   VAT%   Net", "B8     Bolt          40    0.25   20     10.00", "Net 10.00"),
        ("Omschrijving   Aantal   Prijs   Bedrag", "Bout           40       0,25    10,00", "Subtotaal 10,00"),
        ("Nazwa   Ilość   Cena netto   Wartość netto", "Śruba   40      0,25         10,00", "Razem netto 10,00"),
        ("Beskrivning   Antal   Pris   Belopp", "Skruv         40      0,25   10,00", "Netto 10,00"),
        ("品名\t数量\t単価\t金額", "ボルト\t40\t0.25\t10.00", "小計\t10.00"),
        ("Artikel;Menge;Preis;Betrag", "Schraube;40;0,25;10,00", "Summe: 10,00"),
        ("Pos\tLeistung\tMenge\tEP\tGP\tStelle", "1\tRohr\t40\t0,25\t10,00\t7", "Summe: 10,00"),
    ],
)  # fmt: skip
def test_the_sums_of_a_table_stand_in_its_last_column(head: str, row: str, end: str) -> None:
    assert amounts(f"{head}\n{row}\n{end}") == ["10.00"]


def test_a_line_of_a_sum_that_stands_far_to_the_right_is_no_row() -> None:
    gap = " " * 40
    assert amounts(
        f"Description     Qty   Rate   Amount\nWorkshop        2     50.00  100.00\n{gap}Total   100.00"
    ) == ["100.00"]


def test_cells_that_are_empty_keep_the_others_below_their_columns() -> None:
    statement = (
        "Date      Details          Debit      Credit     Balance\n"
        "04 Mar    Card             45.10                 494.90\n"
        "15 Mar    Salary                      600.00     1,094.90\n"
    )
    assert amounts(statement) == ["-45.10", "600.00"]
    assert amounts("Item\tHours\tRate\tAmount\nTravel\t\t\t36.40") == ["36.40"]


@pytest.mark.parametrize(
    ("head", "row", "amount"),
    [
        ("Buchungstag\tVerwendungszweck\tSoll\tHaben", "02.01.2024\tMiete\t2.500,00", "-2500.00"),
        ("Date\tAmount\tPaid by\tNote", "2024-03-05\t40.00", "40.00"),
    ],
)
def test_a_row_whose_last_cells_are_empty_is_a_row(head: str, row: str, amount: str) -> None:
    assert amounts(f"{head}\n{row}") == [amount]
    assert amounts(f"{head}\nthe month\tin words") == []


def test_a_table_goes_on_below_its_head_on_the_next_page() -> None:
    text = "Item\tQty\tAmount\nRope\t1\t5.00\fPage 2\nItem\tQty\tAmount\nHook\t2\t3.00\nTotal\t\t8.00"
    assert [(row.cells["amount"], row.page) for row in find_rows(text)] == [("5.00", 1), ("3.00", 2)]


def test_a_date_that_one_space_parts_from_its_text_has_its_own_column() -> None:
    (row,) = find_rows("Date\tDescription\tAmount\tBalance\n08/02/2024 Deposit\t500.00\t1,500.00")
    assert (row.cells["date"], row.cells["description"], row.cells["amount"]) == ("08/02/2024", "Deposit", "500.00")


@pytest.mark.parametrize("written", ["12.00-", "(12.00)", "12.00 DR", "-12.00"])
def test_an_amount_that_went_out_is_negative(written: str) -> None:
    assert amounts(f"Item\tQty\tAmount\nReturn\t1\t{written}") == ["-12.00"]


@pytest.mark.parametrize(("written", "amount"), [("2400.5", "2400.50"), ("-900", "-900.00"), ("2400,5", "2400.50")])
def test_a_number_as_workbooks_write_it_is_an_amount(written: str, amount: str) -> None:
    assert amounts(f"Date\tDescription\tAmount\n2026-02-09\tSalary\t{written}") == [amount]


def test_delivery_is_a_line_where_nothing_else_is_sold() -> None:
    table = "Description\tAmount\nDelivery of 3 pallets\t120.00\nInsurance\t8.00\nSubtotal\t128.00"
    assert amounts(table) == ["120.00", "8.00"]


def test_a_discount_in_a_table_is_no_line_of_it() -> None:
    assert amounts("Item\tQty\tAmount\nRope\t1\t5.00\nDiscount 10 %\t\t-0.50\nDelivery\t1\t2.00") == ["5.00", "2.00"]


@pytest.mark.parametrize(
    ("head", "columns"),
    [
        ("Buchungstag;Wertstellung;Verwendungszweck;Betrag;Saldo", ["date", "value_date", "description", "amount"]),
        ("Bu-Tag\tWertstellung\tText\tSoll\tHaben", ["date", "value_date", "column_3", "debit", "amount"]),
        ("Date\tDate valeur\tLibellé\tMontant", ["date", "value_date", "description", "amount"]),
        (
            "תאריך\tתאריך ערך\tתיאור\tחובה\tזכות\tיתרה",
            ["date", "value_date", "description", "debit", "balance", "amount"],
        ),
    ],
)
def test_the_days_of_booking_and_of_value_have_columns_of_their_own(head: str, columns: list[str]) -> None:
    sign = ";" if ";" in head else "\t"
    cells = ["02.01.2024", "03.01.2024", "Miete", "850,00", "", "1.150,00"][: head.count(sign) + 1]
    if ";" in head:
        cells[4] = "1.150,00"
        columns = [*columns, "balance"]
    (row,) = find_rows(f"{head}\n{sign.join(cells)}")
    assert sorted(row.cells) == sorted(columns)


@pytest.mark.parametrize(
    ("head", "columns"),
    [
        (
            "Buchung\tValuta\tAuftraggeber/Empfänger\tVerwendungszweck\tBetrag",
            ["date", "value_date", "counterparty", "description", "amount"],
        ),
        (
            "Bu-Tag\tWert\tBegünstigter/Zahlungspflichtiger\tText\tUmsatz",
            ["date", "value_date", "counterparty", "column_4", "amount"],
        ),
        (
            "Data\tValuta\tControparte\tDescrizione\tImporto",
            ["date", "value_date", "counterparty", "description", "amount"],
        ),
    ],
)
def test_a_statement_tells_the_other_side_and_the_day_of_value(head: str, columns: list[str]) -> None:
    (row,) = find_rows(f"{head}\n02.05.2024\t03.05.2024\tStadtwerke Ulm\tAbschlag Mai\t-80,00")
    assert list(row.cells) == columns
    assert row.cells["amount"] == "-80.00"


def test_a_currency_is_no_day_of_value() -> None:
    (row,) = find_rows("Data\tDescrizione\tValuta\tImporto\n02/05/2024\tAffitto\tEUR\t-80,00")
    assert "value_date" not in row.cells


def test_debit_and_credit_in_hebrew_have_their_signs() -> None:
    head = "תאריך\tתיאור\tחובה\tזכות\tיתרה"
    rows = "02/01/2024\tשכר דירה\t850.00\t\t1,150.00\n05/01/2024\tהפקדה\t\t500.00\t1,650.00"
    assert amounts(f"{head}\n{rows}\nיתרת סגירה\t\t\t\t1,650.00") == ["-850.00", "500.00"]
