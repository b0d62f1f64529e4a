"""The amount before tax, in many languages, and whether it agrees with tax and total."""

from __future__ import annotations

import pytest

from serdab.knowledge import Record, read_record

HEAD = "Harbour Tools Ltd\nInvoice no 77\nDate 3 June 2024\n"


def read(end: str) -> Record:
    record = read_record(HEAD + end, lang="en", doc_type="invoice")
    assert record is not None
    return record


def looks(end: str) -> list[str]:
    return [look.reason for look in read(end).looks]


@pytest.mark.parametrize(
    "end",
    [
        "Net total 100.00\nVAT 20% 20.00\nTotal amount due 120.00",
        "Net amount 100.00\nVAT 20% 20.00\nTotal 120.00",
        "Net amount\t100.00\nVAT 20%\t20.00\nTotal\t120.00\nPaid\t120.00",
        "Subtotal\t100.00\nSales tax\t20.00\nTotal\t120.00",
        "Total excl. VAT: 100.00\nVAT: 20.00\nTotal incl. VAT: 120.00",
        "Net 100.00 VAT 20.00 Total 120.00",
        "Grand total 120.00\nNet 100.00\nVAT 20.00",
        "Net weight 12.50 kg\nPayment terms net 30 days\nNet 100.00\nVAT 20.00\nTotal 120.00",
        "Subtotal 90.00\nFreight 10.00\nNet total 100.00\nVAT 20.00\nInvoice total 120.00",
        "Nettobetrag 100,00 €\nMwSt. 20 % 20,00 €\nBrutto 120,00 €",
        "Zwischensumme (netto)\t100,00 EUR\nUSt. 20 %\t20,00 EUR\nGesamtbetrag\t120,00 EUR",
        "Total HT 100,00 €\nTVA 20 % 20,00 €\nTotal TTC 120,00 €",
        "Imponibile € 100,00\nIVA 20% € 20,00\nTotale fattura € 120,00",
        "Base imponible 100,00 €\nIVA 20% 20,00 €\nTotal factura 120,00 €",
        "Totaal excl. btw € 100,00\nBtw 20% € 20,00\nTe betalen € 120,00",
        "Suma netto 100,00 zł\nKwota VAT 20,00 zł\nDo zapłaty 120,00 zł",
        "Total ilíquido 100,00 €\nIVA 20,00 €\nTotal a pagar 120,00 €",
        "Belopp exkl. moms 100,00 kr\nMoms 20,00 kr\nAtt betala 120,00 kr",
        "Beløb ekskl. moms 100,00 kr\nMoms 20,00 kr\nI alt at betale 120,00 kr",
        "Sum eks. mva 100,00 kr\nMva 20,00 kr\nÅ betale 120,00 kr",
        "Veroton yhteensä 100,00 €\nALV 20,00 €\nMaksettava yhteensä 120,00 €",
        "Základ daně 100,00 Kč\nDPH 20,00 Kč\nCelkem k úhradě 120,00 Kč",
        "小計 ¥100.00\n消費税 ¥20.00\n合計金額 ¥120.00",
        "الإجمالي قبل الضريبة 100.00\nضريبة القيمة المضافة 20.00\nالمبلغ المستحق 120.00",
        "المجموع الفرعي 100.00\nضريبة القيمة المضافة 20.00\nالإجمالي 120.00",
        'סה"כ לפני מע"מ 100.00\nמע"מ 20.00\nסה"כ לתשלום 120.00',
        "不含税金额 ¥100.00\n税额 ¥20.00\n价税合计 ¥120.00",
    ],
)
def test_net_tax_and_total_are_told_each_and_agree(end: str) -> None:
    record = read(end)
    told = [(record.value(name) or "").split(" ")[0] for name in ("net", "tax", "total")]
    assert told == ["100.00", "20.00", "120.00"]
    assert record.looks == []


def test_the_last_sum_of_a_till_is_its_total_also_when_it_is_called_net() -> None:
    record = read_record("CORNER SHOP\nTOTAL 10.02\nROUNDING -0.02\nNETT TOTAL 10.00\nCASH 20.00\nCHANGE 10.00\n",
                         lang="en", doc_type="receipt")  # fmt: skip
    assert record is not None
    assert (record.value("total"), record.value("net")) == ("10.00", None)


@pytest.mark.parametrize(
    "end",
    [
        "Rope\t2\t50.00\t100.00\nVAT 20.00\nTotal 120.00",
        "Total 120.00",
        "Subtotal 120.00\nTotal 120.00\nincludes VAT 20.00",
        "Subtotal 120.00\nDiscount 10% -12.00\nShipping 8.00\nTax 9.28\nTotal 125.28",
        "Net weight 12.50\nVAT 20.00\nTotal 120.00",
        "Fishing net 12.50\nVAT 20.00\nTotal 120.00",
        "Payment net 30 days from 100.00\nTotal 120.00",
        "Net payable 120.00\nVAT 20.00",
    ],
)
def test_where_a_paper_prints_no_net_none_is_made_up(end: str) -> None:
    assert read(end).value("net") is None


@pytest.mark.parametrize(
    "end",
    [
        "Net 100.00\nVAT 20.00\nTotal 130.00",
        "Nettobetrag 100,00 €\nMwSt. 20 % 20,00 €\nBrutto 130,00 €",
        "Net 7% 50.00\nVAT 7% 3.50\nNet 19% 70.00\nVAT 19% 13.30\nTotal 156.80",
        "Description\tQty\tPrice\tAmount\nRope\t2\t60.00\t120.00\nNet\t110.00\nVAT\t20.00\nTotal\t140.00",
        "Veroton yhteensä 100,00 €\nALV 20,00 €\nMaksettava yhteensä 130,00 €",
        "Belopp exkl. moms 100,00 kr\nMoms 20,00 kr\nAtt betala 130,00 kr",
        "Základ daně 100,00 Kč\nDPH 20,00 Kč\nCelkem k úhradě 130,00 Kč",
        "Rope\t2\t60.00\t110.00\nTotal net\t100.00\nVAT\t20.00\nTotal\t130.00",
    ],
)
def test_a_total_that_net_and_tax_do_not_make_needs_one_look(end: str) -> None:
    (look,) = read(end).looks
    assert (look.field, "make" in look.reason) == ("total", True)


@pytest.mark.parametrize(
    "end",
    [
        "Net 100.00\nVAT 20.00\nRounding 0.03\nTotal 120.03",
        "Net 100.00\nShipping 8.00\nVAT 21.60\nTotal 129.60",
        "Base imponible 100,00 €\nIVA 21% 21,00 €\nRetención IRPF 15% -15,00 €\nTotal 106,00 €",
        "Net 100.00\nVAT 20.00\nTotal 120.00\nPrevious balance 30.00\nAmount due 150.00",
        "Amount due 150.00\nNet 100.00\nVAT 20.00\nGross 120.00",
        "Net 100.00\nReverse charge\nTotal 100.00",
        "Net 100.00\nCGST 9% 9.00\nSGST 9% 9.00\nTotal 118.00",
        "Credit note\nNet 100.00\nVAT 20.00\nTotal -120.00",
        "Rate\tNet\tVAT\tGross\n7%\t50.00\t3.50\t53.50\n19%\t70.00\t13.30\t83.30\nTotal\t\t\t136.80",
    ],
)
def test_what_else_stands_between_net_and_total_is_no_fault(end: str) -> None:
    assert looks(end) == []


def test_the_nets_of_several_rates_are_told_where_together_they_make_the_total() -> None:
    record = read("Net 7% 50.00\nVAT 7% 3.50\nNet 19% 70.00\nVAT 19% 13.30\nTotal 136.80")
    assert record.all_values("net") == ["50.00", "70.00"]
    assert record.looks == []


def test_one_net_of_all_rates_is_told_alone() -> None:
    record = read("Net 7% 50.00\nNet 19% 70.00\nTotal net 120.00\nVAT 7% 3.50\nVAT 19% 13.30\nTotal 136.80")
    assert record.all_values("net") == ["120.00"]
