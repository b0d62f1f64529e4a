"""Papers that speak of others: credit notes and reminders, and invoices that take off what was paid before."""

from __future__ import annotations

import pytest

from serdab.knowledge import Record, read_record

SELLER = "Falk Druck GmbH\nGutenbergstr. 12\n70176 Stuttgart\n\n"


def read(text: str, lang: str = "de", doc_type: str = "") -> Record:
    record = read_record(text, lang=lang, doc_type=doc_type)
    assert record is not None
    assert record.schema == "invoice"
    return record


@pytest.mark.parametrize(
    ("title", "number"),
    [
        ("Avoir n° A-12 du 04/03/2024 sur facture n° F-2024-5", "A-12"),
        ("AVOIR\nN° : A-12\nConcernant la facture n° F-2024-5", "A-12"),
        ("Facture de solde n° FS-19\nAcompte versé (facture n° FA-8)", "FS-19"),
        ("Credit Note\nNumber: CN-5\nOriginal invoice: INV-9", "CN-5"),
        ("Credit note CN-5 against invoice no. INV-9", "CN-5"),
        ("Invoice no. INV-9\nLess deposit invoice no. INV-4", "INV-9"),
        ("Creditnota 2024-88\nBetreft factuur 2024-61", "2024-88"),
        ("Gutschrift\nNummer: G-7\nzu Rechnungsnummer: R-55", "G-7"),
        ("Stornorechnung Nr. S-9\nzu Rechnung Nr. R-55", "S-9"),
        ("Rechnungskorrektur Nr. K-9\nzu unserer Rechnung R-55", "K-9"),
        ("Schlussrechnung Nr. SR-7\nabzüglich Abschlagsrechnung AR-5", "SR-7"),
        ("Factura rectificativa nº R-3\nFactura original: F-99", "R-3"),
        ("NOTA DE ABONO\nNúmero: AB-31\nCorresponde a la factura nº F-118", "AB-31"),
        ("2. Mahnung\nzu unserer Rechnung Nr. R-55", "R-55"),
    ],
)
def test_the_number_is_that_of_the_paper_and_of_another_only_where_it_has_none(title: str, number: str) -> None:
    record = read(f"{SELLER}{title}\nDatum 04.05.2024\nKundennummer: 4711\n\nTotal 120,00 €\n", doc_type="invoice")
    assert record.value("number") == number
    assert not [look for look in record.looks if look.field == "number"]


def test_a_credit_note_of_any_country_is_read_as_an_invoice() -> None:
    for title in ("Rechnungskorrektur Nr. K-9", "Creditfactuur 2024-88", "Factura rectificativa nº R-3", "Avoir n° 4"):
        read(f"{SELLER}{title}\n04.05.2024\n\nTotal -120,00 €\n")


FINAL = f"""{SELLER}Schlussrechnung Nr. SR-7
Datum: 30.09.2024
Leistung\tMenge\tEP\tGP
Dach\t1\t20.000,00\t20.000,00

Summe netto\t20.000,00
19 % MwSt\t3.800,00
Gesamtsumme brutto\t23.800,00
abzüglich 1. Abschlagsrechnung AR-5\t-11.900,00
Restbetrag\t11.900,00
"""
FIRST = """Plomberie Martin SARL
8 rue du Port
44000 Nantes

Facture d'acompte n° FA-8
Désignation\tQté\tPrix\tMontant
Salle de bain\t1\t9000,00\t9000,00

Total HT\t9000,00 €
TVA 10 %\t900,00 €
Total TTC\t9900,00 €
Acompte 30 %\t2970,00 €
Net à payer\t2970,00 €
"""


def test_what_is_left_to_pay_is_the_total_and_the_net_is_that_of_the_whole() -> None:
    told = read(FINAL)
    assert [told.value(name) for name in ("total", "tax", "net")] == ["11900.00", "3800.00", "20000.00"]
    assert not told.looks
    last = FIRST.replace("d'acompte", "de solde").replace("Acompte 30 %\t", "Acompte versé\t-")
    assert read(last.replace("Net à payer\t2970", "Reste à payer\t6930"), "fr").value("total") == "6930.00 EUR"


def test_an_invoice_on_account_asks_for_what_the_last_one_takes_off() -> None:
    told = read(FIRST, "fr")
    assert [told.value(name) for name in ("total", "net")] == ["2970.00 EUR", "9000.00 EUR"]
    assert not [look for look in told.looks if look.field == "total"]


def test_a_number_of_a_sheet_whose_last_zero_is_not_shown_is_an_amount() -> None:
    sheet = f"{SELLER}Rechnung\nRechnungsnummer\tR-7\nNetto\t202.1\nMwSt 19%\t38.4\nGesamtbetrag\t240.5\n"
    told = read(sheet)
    assert [told.value(name) for name in ("total", "tax", "net")] == ["240.50", "38.40", "202.10"]
    assert read(sheet.replace(".", ",")).value("total") == "240.50"
    assert read(sheet.replace("240.5", "1.240")).value("total") != "1.24"


def test_numbers_of_taxes_and_papers_are_no_telephones() -> None:
    text = f"{SELLER}3. Teilrechnung 2024/044\nSteuernummer 203/123/45678\nSumme 9,00 €\n"
    assert read(text, doc_type="invoice").value("phone") is None
    assert read(f"{text}Tel.-Nr. 0711 123456\n", doc_type="invoice").value("phone") == "+49711123456"


def test_numbers_below_the_customer_are_his_where_others_are_there() -> None:
    customer = "Kunde: Praxis Dr. Ahn\nSteig 4\n8010 Graz\nahn@praxis.at\nUID: ATU13585627\n"
    told = read(f"{SELLER}{customer}\nRechnung 88\nSumme 9,00 €\nUSt-IdNr. DE136695976, druck@falk.de\n")
    assert [told.value(name) for name in ("vat_id", "email")] == ["DE136695976", "druck@falk.de"]
    assert read(f"{SELLER}{customer}\nRechnung 88\nSumme 9,00 €\n").value("email") == "ahn@praxis.at"


def test_a_net_between_the_words_for_a_tax_and_its_amount_is_not_the_tax() -> None:
    for line in (
        "MwSt 19%  Netto 34,87  Steuer 6,63",
        "MwSt 19% auf netto 34,87 = 6,63",
        "MwSt 19%  6,63  Netto 34,87",
    ):
        told = read(f"{SELLER}Rechnung 7\n04.05.2024\n{line}\nSumme 41,50 €\n", doc_type="invoice")
        assert (told.value("tax") or "").startswith("6.63")


def test_what_was_paid_is_taken_off_in_dutch_and_a_discount_leaves_no_net_above_the_total() -> None:
    sums = "Omschrijving\tAantal\tPrijs\tBedrag\nBrood\t100\t1,50\t150,00\nSubtotaal\t150,00\nBTW 9%\t13,50\n"
    told = read(
        f"{SELLER}Factuur\nNummer: 51\nDatum: 03-06-2024\n{sums}Reeds voldaan\t-50,00\nTe betalen\t113,50\n", "nl"
    )
    assert [told.value(name) for name in ("number", "total")] == ["51", "113.50"]
    assert not told.looks
    cut = f"{SELLER}Invoice 7\n04.05.2024\nSubtotal\t60.60\nDiscount\t27.60\nGrand total\t33.00\nVAT included\t1.87\n"
    assert read(cut, "en", "invoice").value("net") is None


def test_below_a_title_in_a_column_stands_a_number_only_alone_in_its_cell() -> None:
    head = "SARL Dubreuil\tFacture pro-forma no. PF-31\n1 chemin des Vignes\tDate : 12/06/2024\n"
    told = read(f"{head}33330 Libourne\nRCS Libourne 123 456 789\n\nTotal TTC 9,00 €\n", "fr", "invoice")
    assert told.value("number") != "12/06/2024"
    assert told.value("phone") is None


def test_the_customer_stands_below_his_label_where_another_label_stands_beside_it() -> None:
    text = "INVOICE 7\nCascade LLC\n\nBill To:\t\tShip To:\nGreen Foods Inc.\t\tGreen Foods Depot\n\nTotal $9.00\n"
    assert read(text, "en", "invoice").value("customer") == "Green Foods Inc."
