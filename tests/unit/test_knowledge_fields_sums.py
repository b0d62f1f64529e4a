"""A total agrees with its lines and what stands between, or needs a look."""

from __future__ import annotations

import pytest

from serdab.knowledge import Record, read_record
from serdab.knowledge.extraction import extract_fields

HEAD = "Harbour Tools Ltd\nInvoice no 77\nDate 3 June 2024\n"
TABLE = "Description\tQty\tPrice\tAmount\nRope\t2\t50.00\t100.00\nHook\t4\t5.00\t20.00\n"


def read(text: str) -> Record:
    record = read_record(text, lang="en", doc_type="invoice")
    assert record is not None
    return record


def looks(text: str) -> list[str]:
    return [look.reason for look in read(text).looks]


@pytest.mark.parametrize(
    "end",
    [
        "Total 120.00",
        "VAT 20%\t24.00\nTotal\t144.00",
        "Subtotal\t120.00\nDiscount 10%\t-12.00\nShipping\t8.00\nTax\t9.28\nTotal\t125.28",
        "Discount\t12.00\nTotal\t108.00",
        "VAT 7%\t3.50\nVAT 19%\t13.30\nTotal\t136.80",
        "CGST 9%\t10.80\nSGST 9%\t10.80\nTotal\t141.60",
    ],
)
def test_what_stands_between_the_lines_and_the_total_is_no_fault(end: str) -> None:
    assert looks(HEAD + TABLE + end) == []


@pytest.mark.parametrize(
    ("end", "made"),
    [
        ("Total 121.00", "its 2 lines make 120.00"),
        ("Subtotal\t120.00\nShipping\t8.00\nTax\t9.28\nTotal\t173.28", "120.00 + 17.28"),
        ("VAT 7%\t3.50\nVAT 19%\t13.30\nTotal\t163.80", "120.00 + 16.80"),
    ],
)
def test_a_total_that_nothing_makes_needs_a_look(end: str, made: str) -> None:
    (reason,) = looks(HEAD + TABLE + end)
    assert made in reason


def test_a_subtotal_is_checked_where_there_is_no_table() -> None:
    end = "Labour 3 hours 285.00\nSubtotal 327.75\nTax 23.76\nTotal {}"
    assert looks(HEAD + end.format("351.51")) == []
    (reason,) = looks(HEAD + end.format("361.51"))
    assert "its subtotal and what is added make 327.75 + 23.76" in reason


def test_a_subtotal_behind_which_something_unknown_stands_is_not_checked() -> None:
    assert looks(HEAD + "Subtotal 327.75\nCrating 10.00\nTotal 361.51") == []


def test_what_is_the_value_of_another_field_is_no_doubt() -> None:
    text = (
        "Officine Rossetti S.r.l.\nFattura n. 88/2024\nData: 15/05/2024\nScadenza: 14/06/2024\nTotale fattura € 56,00\n"
    )
    assert looks(text) == []
    assert (read(text).value("date"), read(text).value("due_date")) == ("2024-05-15", "2024-06-14")


@pytest.mark.parametrize(
    ("line", "total"),
    [
        ("Total EUR 40.00", "40.00 EUR"),
        ("TOTAL USD      40.00", "40.00 USD"),
        ("Betrag in CHF\nTotal 40.00", "40.00 CHF"),
        ("All prices in CAD\nTotal $40.00", "40.00 CAD"),
        ("Total MXN $40.00", "40.00 MXN"),
        ("单价 ¥20.00\n合计 ¥40.00", "40.00 CNY"),
        ("合計金額 ¥4,000 (円)", "4000 JPY"),
        ("5 EUR 6 USD\nTotal 40.00", "40.00"),
        ("Total\t40", "40"),
        ("Total credit   ($40.00)", "-40.00 USD"),
        ("Total 40.00-", "-40.00"),
        ("Gesamtwert netto EUR 40,00", "40.00 EUR"),
        ("Net total 30.00\nVAT 10.00\nInvoice total £40.00", "40.00 GBP"),
    ],
)
def test_a_total_has_the_currency_and_the_sign_that_stand_around_it(line: str, total: str) -> None:
    assert read(HEAD + line).value("total") == total


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("单价 ¥20.00\n合计 ¥40.00", ["20.00 CNY", "40.00 CNY"]),
        ("合計金額 ¥4,000 (円)", ["4000 JPY"]),
        ("All prices in CAD\nTotal $40.00", ["40.00 CAD"]),
        ("All prices in EUR\nTotal $40.00 and 5.00", ["40.00 USD", "5.00"]),
    ],
)
def test_the_amounts_of_a_text_have_the_currency_that_its_record_has(text: str, amounts: list[str]) -> None:
    assert [field.value for field in extract_fields(text) if field.kind == "amount"] == amounts


@pytest.mark.parametrize(
    ("end", "total"),
    [
        ("Nettobetrag 100,00 €\nMwSt. 19 % 19,00 €\nBrutto 119,00 €", "119.00 EUR"),
        ("Summe netto\t100,00 EUR\nUSt. 19 %\t19,00 EUR\nBruttobetrag\t119,00 EUR", "119.00 EUR"),
        ("Kundennummer\t10233\nNetto\t100,00\nGesamt brutto\t119,00", "119.00"),
        ("Total HT 100,00 €\nTVA 20 % 20,00 €\nTTC 120,00 €", "120.00 EUR"),
        ("Base imponible 100,00 €\nIVA 21% 21,00 €\nIVA incluido 121,00 €", "121.00 EUR"),
        ("Netto 100,00 €\nBtw 21% 21,00 €\nBruto € 121,00", "121.00 EUR"),
        ("Gutschrift\nNetto -100,00 €\nMwSt. 19 % -19,00 €\nBrutto -119,00 €", "-119.00 EUR"),
        ("Brutto 119,00 €\nRechnungsbetrag 109,00 €", "109.00 EUR"),
        ("Importe 121,00 €\nIVA incluido (21%) 21,00 €", "121.00 EUR"),
    ],
)
def test_what_holds_the_tax_is_the_total_where_no_better_words_stand(end: str, total: str) -> None:
    assert read(f"Harbour Tools\n{end}\n").value("total") == total


def test_a_tax_is_the_amount_before_the_next_word() -> None:
    assert read(HEAD + "MwSt 0,35 Brutto 2,20\nTotal 2,20 EUR").value("tax") == "0.35 EUR"
    assert read(HEAD + "VAT 20% on 198.00  39.60\nTotal 237.60").value("tax") == "39.60"


@pytest.mark.parametrize(
    "text",
    [
        "The Employee's salary is GBP 48,000 a year, paid monthly in arrears.\n",
        "The Company gives GBP 48,000 per annum, paid on the last day of each month.\n",
        "Annual gross salary, payment at the end of the month\nGBP 48,000\n",
        "Gehalt 48.000,00 EUR, bar\n",
    ],
)
def test_what_is_paid_again_and_again_is_no_total(text: str) -> None:
    assert not [field for field in extract_fields(text) if field.kind == "total"]


@pytest.mark.parametrize("text", ["Payment monthly plan\nTotal USD 20.00\n", "PAYMENT RM 20.00\n", "Cash 20.00\n"])
def test_what_was_paid_once_is_the_total_as_before(text: str) -> None:
    assert [field for field in extract_fields(text) if field.kind == "total"]
