"""Whose invoice it is, and whom it is for, where the customer's block stands first."""

from __future__ import annotations

import pytest

from serdab.knowledge import Record, read_record

BODY = "\nRechnung Nr. 77\nDatum 3.6.2024\nArbeit\t100,00\nMwSt 19%\t19,00\nGesamtbetrag\t119,00\n\n"
FOOT = "Glaserei Hempel GmbH · Werkstr. 22 · 04177 Leipzig · USt-IdNr. DE136695976\n"


def read(text: str, doc_type: str = "invoice") -> Record:
    record = read_record(text, lang="de", doc_type=doc_type)
    assert record is not None
    return record


def parties(text: str) -> tuple[str | None, str | None]:
    record = read(text)
    return record.value("company"), record.value("customer")


@pytest.mark.parametrize(
    ("head", "customer"),
    [
        ("Frau\nKatharina Vogt\nLindenallee 9\n04155 Leipzig\n", "Katharina Vogt"),
        ("Frau Dr. Helga Wirth\nParkweg 2\n79100 Freiburg\n", "Dr. Helga Wirth"),
        ("Firma\nBäckerei Thielen KG\nMarktstr. 3\n54290 Trier\n", "Bäckerei Thielen KG"),
        ("Kunde:\nAutohaus Reuter GmbH\nIndustriering 12\n66115 Saarbrücken\n", "Autohaus Reuter GmbH"),
        ("Autohaus Reuter GmbH\nIndustriering 12\n66115 Saarbrücken\n", "Autohaus Reuter GmbH"),
    ],
)
def test_the_supplier_at_the_foot_is_told_and_who_stands_at_the_head_is_the_customer(head: str, customer: str) -> None:
    assert parties(head + BODY + FOOT) == ("Glaserei Hempel GmbH", customer)


@pytest.mark.parametrize(
    ("foot", "company"),
    [
        ("Torbau Lauer GmbH & Co. KG, Gewerbestr. 8, 66386 St. Ingbert\nHRA 9921\n", "Torbau Lauer GmbH & Co. KG"),
        ("Lavandería Costa Limpia, S.L. - CIF B93112233 - C/ Industria 7\n", "Lavandería Costa Limpia, S.L."),
        ("Malerbetrieb Jonas Krüger | Hauptstr. 50 | 54292 Trier | Steuernr. 42/110/30817\n",
         "Malerbetrieb Jonas Krüger"),
        ("Remit to: Cascade IT Partners LLC, PO Box 4410, Portland\n", "Cascade IT Partners LLC"),
        ("Make checks payable to Lone Star Care LLC\n1420 Burnet Rd | 512-555-0177\n", "Lone Star Care LLC"),
        ("Sparkasse Leipzig AG, Markt 1, USt-IdNr. DE136695976\n", None),
        ("Vielen Dank, ein schönes Wochenende!\n", None),
    ],
)  # fmt: skip
def test_at_the_foot_a_name_counts_by_its_own_numbers_or_as_who_is_paid(foot: str, company: str | None) -> None:
    assert parties(f"Kunde:\nAutohaus Reuter GmbH\nRing 12\n66115 Saarbrücken\n{BODY}{foot}")[0] == company


def test_a_supplier_below_the_customer_is_told() -> None:
    text = "INVOICE\n\nBill to:\nHarrow & Finch Ltd\nLeeds LS1 4AB\n\n{}Bluebell Supplies Ltd\nVAT No GB 1\n" + BODY
    for label in ("", "From:\n"):
        assert parties(text.format(label)) == ("Bluebell Supplies Ltd", "Harrow & Finch Ltd")


def test_two_parties_side_by_side_are_told_by_their_labels() -> None:
    text = "INVOICE\nFROM\tBILL TO\nJuniper Studio LLC\tMaple Outfitters Inc.\n18 Elm St\t77 Church St\n"
    assert parties(text + BODY) == ("Juniper Studio LLC", "Maple Outfitters Inc.")


def test_a_head_with_its_own_numbers_stays_and_so_does_one_that_the_foot_names_in_full() -> None:
    with_numbers = (
        "Elektro Steiner GmbH\nBahnhofstraße 11\nTel. 0512 4412090\n\nFrau\nAnna Kern\nWeg 1\n6020 Innsbruck\n"
    )
    assert parties(with_numbers + BODY + FOOT) == ("Elektro Steiner GmbH", "Anna Kern")
    mark = "HEMPEL GLAS GmbH\nWerkstraße 22\n04177 Leipzig\n"
    assert parties(mark + BODY + FOOT) == ("HEMPEL GLAS GmbH", None)


def test_a_title_before_the_name_of_a_shop_addresses_nobody() -> None:
    shop = "MR. D.I.Y. (M) SDN BHD\nLOT 1851, JALAN KPB 6\n43300 SERI KEMBANGAN\nTOTAL 12.00\n"
    assert read(shop, "receipt").value("company") == "MR. D.I.Y. (M) SDN BHD"


def test_numbers_and_dates_below_a_row_of_labels_are_those_of_their_column() -> None:
    text = "Invoice #\tDate\tDue Date\n55-20418\t2025-06-12\t2025-07-12\nTotal due $12.00\n"
    record = read(text)
    told = [record.value(name) for name in ("number", "date", "due_date")]
    assert told == ["55-20418", "2025-06-12", "2025-07-12"]


@pytest.mark.parametrize(
    ("addressed", "customer"),
    [
        ("株式会社さくら商事 御中", "株式会社さくら商事"),
        ("山田太郎様", "山田太郎"),
        ("주식회사 한빛 귀중", "주식회사 한빛"),
    ],
)
def test_who_is_addressed_with_respect_is_the_customer(addressed: str, customer: str) -> None:
    head = f"請求書\n\n{addressed}\t請求番号: 2026-31\n下記の通りご請求申し上げます。\t請求日: 2026年2月28日"
    text = f"{head}\n\t株式会社北斗精機\n\n"
    assert parties(text + "合計 ¥132,000") == ("株式会社北斗精機", customer)


@pytest.mark.parametrize("line", ["Total: EUR 120.00", "Gross: GBP 1'200", "Summe: EUR 40,00"])
def test_a_line_that_states_a_figure_is_nobodys_name(line: str) -> None:
    assert read(f"Invoice 77\n{line}\nDate: 2026-02-03\n").value("company") is None
