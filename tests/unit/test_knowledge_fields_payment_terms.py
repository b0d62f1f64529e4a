"""By when an invoice is to be paid that tells how long it gives, and what else papers give a time for."""

from __future__ import annotations

import pytest

from serdab.knowledge import FieldRule, Record, Schema, read_record

INVOICE = "Maple Works Ltd\nInvoice no. 118\nDate: 2024-03-05\n\nShelf 10.00\nTotal 10.00 EUR\n{}\n"


def read(line: str, text: str = INVOICE) -> Record:
    record = read_record(text.format(line), doc_type="invoice")
    assert record is not None
    return record


@pytest.mark.parametrize(
    ("line", "day", "phrase"),
    [
        ("Payable within 14 days.", "2024-03-19", "14 days"),
        ("Payment is due within thirty (30) days of the invoice date.", "2024-04-04", "thirty (30) days"),
        ("Payment terms\nNET30", "2024-04-04", "NET30"),
        ("Payment terms:\t30 days", "2024-04-04", "30 days"),
        ("2/10, net 30", "2024-04-04", "net 30"),
        ("Please settle this account within two weeks.", "2024-03-19", "two weeks"),
        ("Please remit within one month", "2024-04-05", "one month"),
        ("Our terms are strictly 28 days from the date of this bill.", "2024-04-02", "28 days"),
        ("Payable within 30 days from 1 April 2024", "2024-05-01", "30 days"),
        ("Payment no later than 21 days after the date of this invoice.", "2024-03-26", "21 days"),
        ("Zahlbar innerhalb von 14 Tagen", "2024-03-19", "14 Tagen"),
        ("Bitte überweisen Sie den\nBetrag binnen vierzehn Tagen.", "2024-03-19", "vierzehn Tagen"),
        ("Sofern nicht anders vereinbart, zahlbar innerhalb von 14 Tagen.", "2024-03-19", "14 Tagen"),
        ("Zahlungsziel: 30 Tage netto", "2024-04-04", "30 Tage"),
        ("Paiement à 30 jours", "2024-04-04", "30 jours"),
        ("Règlement à 60 jours date de facture, sans escompte.", "2024-05-04", "60 jours"),
        ("Forma de pago: transferencia a 30 días", "2024-04-04", "30 días"),
        ("Vencimiento: 30 días fecha factura", "2024-04-04", "30 días"),
        ("Gelieve binnen 30 dagen na factuurdatum te betalen", "2024-04-04", "30 dagen"),
        ("Pagamento a 30 giorni", "2024-04-04", "30 giorni"),
        ("Rimessa diretta 30 gg data fattura", "2024-04-04", "30 gg"),
        ("يرجى السداد خلال 30 يوماً", "2024-04-04", "30 يوماً"),
        ("الدفع خلال ٣٠ يومًا من تاريخ الفاتورة", "2024-04-04", "٣٠ يومًا"),
        ("Termin płatności: 14 dni", "2024-03-19", "14 dni"),
        ("Betalningsvillkor: 30 dagar netto", "2024-04-04", "30 dagar"),
        ("付款期限：30天", "2024-04-04", "30天"),
    ],
)
def test_the_day_to_pay_by_is_counted_from_the_date_of_the_invoice(line: str, day: str, phrase: str) -> None:
    record = read(line)
    (due,) = [value for value in record.values if value.name == "due_date"]
    assert (due.value, INVOICE.format(line)[due.start : due.end]) == (day, phrase)
    assert " from " in due.reason
    assert record.looks == []


@pytest.mark.parametrize(
    "line",
    [
        "Goods may be returned within 14 days.", "Reklamationen innerhalb von 8 Tagen nach Rechnungsdatum.",
        "Lieferung innerhalb von 14 Tagen nach Zahlungseingang", "Warranty 24 months", "Garantie 24 Monate netto 9,90",
        "Interest at 8% is charged on payments after 30 days.", "Beratung 3 Tage à 500,00 netto", "Net 100",
        "2% discount if paid within 10 days.", "Bei Zahlung innerhalb von 10 Tagen gewähren wir 2 % Skonto.",
        "Paiement sous 10 jours ouvrables", "الدفع خلال 10 أيام عمل", "Paiement à 45 jours fin de mois le 10",
        "Salaries are paid at the end of the month.", "Payment terms: in advance. Report: end of month",
        "Zahlbar innerhalb von 14 Tagen nach Lieferung", "Payments received in the last 30 days: 0.00",
        "The salary is paid for a period of six months.", "Payment received, thank you. Items ship in 5 days.",
        "Workshop 2 days net 800.00",
    ],
)  # fmt: skip
def test_another_time_makes_no_day_to_pay_by(line: str) -> None:
    assert read(line).value("due_date") is None


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("2% discount if paid within 10 days, otherwise net 60 days", "2024-05-04"),
        ("Zahlung innerhalb 8 Tagen mit 2 % Skonto, 30 Tage netto.", "2024-04-04"),
        ("Payable within 14 days.\nInterest at 8% is charged after 30 days.", "2024-03-19"),
        ("Zahlbar binnen 14 Tagen. Reklamationen innerhalb von 8 Tagen.", "2024-03-19"),
    ],
)
def test_the_time_for_a_discount_or_a_complaint_is_not_that_for_the_payment(line: str, day: str) -> None:
    assert read(line).value("due_date") == day


@pytest.mark.parametrize("line", ["Due date: 2024-03-31\tTerms: net 30", "Terms: net 30   Due: 2024-03-31"])
def test_a_day_that_is_named_goes_before_one_that_is_counted(line: str) -> None:
    assert read(line).value("due_date") == "2024-03-31"


def test_a_date_behind_the_terms_is_the_day_to_pay_by_only_where_it_is_called_so() -> None:
    assert read("Payment due: net 30   Shipped: 2024-03-09").value("due_date") == "2024-04-04"


def test_terms_make_no_day_in_a_paper_without_a_date() -> None:
    assert read("Payable within 14 days.", INVOICE.replace("Date: 2024-03-05\n", "")).value("due_date") is None


def test_a_day_counted_from_a_receipt_that_is_not_told_is_less_sure() -> None:
    lines = ("Payable within 14 days of the invoice date.", "Payable within 14 days of its receipt.")
    told, untold = (value for line in lines for value in read(line).values if value.name == "due_date")
    assert told.value == untold.value == "2024-03-19"
    assert told.confidence > 0.7 > 0.6 > untold.confidence
    assert "receipt is not told" in untold.reason


def test_a_month_later_ends_with_its_month_and_no_day_comes_after_the_year_9999() -> None:
    line = "Payable within 1 month"
    assert read(line, INVOICE.replace("2024-03-05", "2024-01-31")).value("due_date") == "2024-02-29"
    assert read(line, INVOICE.replace("2024-03-05", "9999-12-31")).value("due_date") is None


def test_a_date_that_a_schema_of_the_house_reads_as_text_makes_no_day() -> None:
    fields = [
        FieldRule(name="date", kind="text", words={"en": ["date"]}),
        FieldRule(name="due_date", kind="date", finder="due_date"),
    ]
    schema = Schema(schema="note", fields=fields)
    for line in ("Payable within 14 days.", "Zahlbar bis 17.03."):
        record = read_record(INVOICE.format(line), doc_type="note", schemas=[schema])
        assert record is not None
        assert record.value("due_date") is None


@pytest.mark.parametrize(
    ("line", "day", "other"),
    [
        ("Payment terms: 30 days end of month", "2024-05-30", "2024-05-31"),
        ("Terms: net 30 EOM", "2024-05-30", "2024-05-31"),
        ("Paiement à 30 jours fin de mois", "2024-05-31", "2024-05-30"),
        ("Règlement : 30 jours date de facture, fin de mois", "2024-05-31", "2024-05-30"),
        ("Zahlbar 30 Tage zum Monatsende", "2024-05-31", "2024-05-30"),
        ("Pagamento: bonifico 30 giorni fine mese", "2024-05-31", "2024-05-30"),
        ("Rimessa diretta 30 gg. d.f.f.m.", "2024-05-31", "2024-05-30"),
        ("RB 30 gg data fattura fine mese", "2024-05-31", "2024-05-30"),
        ("Forma de pago: 30 días fin de mes", "2024-05-31", "2024-05-30"),
        ("Betalingstermijn: 30 dagen einde maand", "2024-05-31", "2024-05-30"),
    ],
)
def test_the_end_of_a_month_is_counted_as_its_language_does_and_the_other_reading_is_told(
    line: str, day: str, other: str
) -> None:
    # Given: an invoice whose month ends on another day by each reading.
    record = read(line, INVOICE.replace("2024-03-05", "2024-04-15"))
    assert record.value("due_date") == day
    (look,) = record.looks
    assert look.field == "due_date"
    assert other in look.reason


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("Paiement à 30 jours fin de mois", "2024-04-30"),
        ("Net 30 days from end of month", "2024-04-30"),
        ("Payment due 14 days after the end of the month", "2024-04-14"),
        ("Zahlbar zum Monatsende", "2024-03-31"),
        ("Zahlbar bis Ende des Folgemonats", "2024-04-30"),
        ("Payment terms: end of following month", "2024-04-30"),
        ("Paiement : fin de mois", "2024-03-31"),
    ],
)
def test_the_end_of_a_month_needs_no_look_where_it_is_one_day(line: str, day: str) -> None:
    record = read(line)
    assert (record.value("due_date"), record.looks) == (day, [])


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("Payable within 10 working days", "2024-03-19"),
        ("Please pay within five (5) business days of the invoice date.", "2024-03-12"),
        ("Zahlbar innerhalb von 10 Werktagen", "2024-03-19"),
        ("Zahlungsziel: 10 Arbeitstage netto", "2024-03-19"),
        ("Paiement sous 10 jours ouvrés", "2024-03-19"),
        ("Plazo de pago: 10 días hábiles", "2024-03-19"),
        ("Pagamento entro 10 giorni lavorativi", "2024-03-19"),
        ("Terms: net 10 working days", "2024-03-19"),
    ],
)
def test_working_days_are_counted_from_monday_to_friday_and_need_a_look_as_holidays_are_not_known(
    line: str, day: str
) -> None:
    record = read(line)
    assert record.value("due_date") == day
    (look,) = record.looks
    assert (look.field, "public holidays are not known" in look.reason) == ("due_date", True)
    assert INVOICE.format(line)[look.start : look.end] in line
