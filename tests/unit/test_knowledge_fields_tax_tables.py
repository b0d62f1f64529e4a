"""Net, tax and total where they stand in a table of tax rates."""

from __future__ import annotations

import pytest

from serdab.knowledge import Record, read_record
from serdab.knowledge.extraction.tax_tables import columns_of_rates

HEAD = "Harbour Tools Ltd\nInvoice no 77\nDate 3 June 2024\n"
ITEMS = "Item\tQty\tPrice\tAmount\nHammer\t10\t10.00\t100.00\n"


def read(end: str, doc_type: str = "invoice") -> Record:
    record = read_record(HEAD + end, lang="en", doc_type=doc_type)
    assert record is not None
    return record


@pytest.mark.parametrize(
    ("head", "columns"),
    [
        ("VAT rate\tNet\tVAT\tGross", ("net", "tax", "gross")),
        ("Aliquota\tImponibile\tIVA\tTotale", ("net", "tax", "gross")),
        ("Base imponible\tIVA 21%\tTotal factura", ("net", "tax", "gross")),
        ("Taux HT TVA TTC", ("net", "tax", "gross")),
        ("MwSt-Satz Nettobetrag MwSt-Betrag Bruttobetrag", ("net", "tax", "gross")),
        ("MWST-Satz Netto CHF MWST CHF Brutto CHF", ("net", "tax", "gross")),
        ("Sazba DPH\tZáklad DPH\tDPH\tCelkem s DPH", ("net", "tax", "gross")),
        ("BTW %\tExcl. btw\tBTW\tIncl. btw", ("net", "tax", "gross")),
        ("Moms% Moms Netto Brutto", ("tax", "net", "gross")),
        ("MVA% Grunnlag MVA Totalt", ("net", "tax", "gross")),
        ("ALV VEROTON VERO VEROLLINEN", ("net", "tax", "gross")),
        ("VAT rate Net VAT", ("net", "tax")),
        ("Item Net VAT Gross", ()),
        ("Description Qty Net VAT Gross", ()),
        ("Total VAT", ()),
        ("Net VAT", ()),
    ],
)
def test_a_head_of_rates_names_its_columns_and_that_of_things_sold_is_none(head: str, columns: tuple[str, ...]) -> None:
    assert columns_of_rates(head) == columns


def test_one_rate_tells_net_tax_and_a_total_that_nothing_else_tells() -> None:
    record = read(f"{ITEMS}VAT rate\tNet\tVAT\tGross\n20%\t100.00\t20.00\t120.00\n")
    assert (record.all_values("net"), record.value("tax"), record.value("total")) == (["100.00"], "20.00", "120.00")
    assert len(record.rows) == 1
    assert not record.looks


def test_the_row_of_sums_tells_all_rates_whatever_the_order_of_the_columns() -> None:
    table = "Rate Gross VAT Net\n0% 25.00 0.00 25.00\n20% 120.00 20.00 100.00\nTotal 145.00 20.00 125.00\n"
    record = read(table, "receipt")
    assert (record.all_values("net"), record.value("tax"), record.value("total")) == (["125.00"], "20.00", "145.00")
    assert not record.looks


def test_without_a_row_of_sums_the_nets_are_told_each_and_the_taxes_together() -> None:
    text = "Totalt 180,00\nMoms% Moms Netto Brutto\n12,00 10,82 90,18 101,00\n25,00 15,80 63,20 79,00\n"
    record = read(text, "receipt")
    (tax,) = (value for value in record.values if value.name == "tax")
    assert (record.all_values("net"), tax.value, record.value("total")) == (["90.18", "63.20"], "26.62", "180.00")
    assert (HEAD + text)[tax.start : tax.end].split() == ["10,82", "90,18", "101,00", "25,00", "15,80"]
    assert tax.reason == "made of the taxes of 2 rates"
    assert not record.looks


def test_two_columns_agree_by_the_rate_of_their_row() -> None:
    told = read("VAT rate\tNet\tVAT\n20.0%\t345.00\t69.00\n0.0%\t12.00\t0.00\nInvoice total £426.00\n")
    assert (told.all_values("net"), told.value("tax")) == (["345.00 GBP", "12.00 GBP"], "69.00 GBP")
    others = read("VAT rate\tNet\tVAT\n20.0%\t345.00\t70.00\nInvoice total £426.00\n")
    assert others.all_values("net") != ["345.00 GBP"]


def test_a_table_that_comes_to_another_total_says_nothing() -> None:
    record = read("Net total 500.00\nVAT 100.00\nTotal due 600.00\nRate Net VAT Gross\n20% 100.00 20.00 120.00\n")
    assert (record.all_values("net"), record.value("tax"), record.value("total")) == (["500.00"], "100.00", "600.00")


def test_rows_that_do_not_agree_are_no_table() -> None:
    record = read("Rate Net VAT Gross\n20% 100.00 20.00 130.00\n")
    assert record.value("total") is None


def test_rates_are_no_things_that_are_sold() -> None:
    table = "Aliquota\tImponibile\tIVA\tTotale\n22%\t100.00\t22.00\t122.00\n"
    assert [row.cells["description"] for row in read(ITEMS + table).rows] == ["Hammer"]
    assert [row.cells["description"] for row in read(table + ITEMS).rows] == ["Hammer"]


def test_an_account_says_nothing_of_how_thousands_are_written() -> None:
    text = "MVA %\tGrunnlag\tMVA\tSum\n25\t7 100,00\t1 775,00\t8 875,00\nÅ betale NOK 8 875,00\nKonto 1503.22.44556\n"
    record = read(text)
    assert (record.all_values("net"), record.value("tax")) == (["7100.00 NOK"], "1775.00 NOK")
