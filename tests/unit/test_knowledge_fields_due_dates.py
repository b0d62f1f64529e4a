"""By when an invoice in German asks for its money."""

from __future__ import annotations

import pytest

from serdab.knowledge import read_record
from serdab.knowledge.extraction.due_dates import find_due_date

INVOICE = """Bergmann Werkzeuge GmbH
Rechnung Nr. RE-118
Rechnungsdatum: 05.03.2024
Leistungszeitraum: 01.02. bis zum 28.02.2024
Gesamtbetrag: 119,00 €
{line}
"""


@pytest.mark.parametrize(
    ("line", "day", "place"),
    [
        ("Bitte überweisen Sie den Betrag bis zum 17.03. auf unser Konto.", "2024-03-17", "17.03."),
        ("Bitte überweisen Sie 119,00 € bis zum 17. März", "2024-03-17", "17. März"),
        ("Bitte überweisen Sie den Betrag ohne Abzug\nbis zum 17.03.", "2024-03-17", "17.03."),
        ("Zahlbar bis 17.03.", "2024-03-17", "17.03."),
        ("Zahlbar bis: 17.3.24", "2024-03-17", "17.3.24"),
        ("Fällig am 17.03.", "2024-03-17", "17.03."),
        ("Zahlungseingang erbeten bis 17.03.2024", "2024-03-17", "17.03.2024"),
        ("Bitte zahlen Sie bis zum Montag, 18.03. 12 Uhr", "2024-03-18", "18.03."),
        ("Fällig am: 17.03.2024", "2024-03-17", "17.03.2024"),
        ("Der Rechnungsbetrag ist spätestens am 17. März 2024 zu zahlen.", "2024-03-17", "17. März 2024"),
        ("Zahlbar bis zum 05.01.", "2025-01-05", "05.01."),
    ],
)
def test_the_day_to_pay_by_has_the_year_of_the_invoice(line: str, day: str, place: str) -> None:
    text = INVOICE.format(line=line)
    record = read_record(text, lang="de", doc_type="invoice")
    assert record is not None
    (due,) = [value for value in record.values if value.name == "due_date"]
    assert (due.value, text[due.start : due.end]) == (day, place)
    assert not [look for look in record.looks if look.field == "due_date"]


@pytest.mark.parametrize(
    "line", ["Das Angebot gilt bis zum 31.12.", "Rechnung\nLieferung bis zum 20.03.2024\nBetrag", "Fällig am 45.17."]
)
def test_other_days_are_none_to_pay_by(line: str) -> None:
    assert find_due_date(f"Sehr geehrte Damen und Herren,\n{line}", "2024-03-05") is None


def test_a_day_without_a_year_is_unknown_in_a_paper_without_a_date() -> None:
    assert find_due_date("Zahlbar bis 17.03.", None) is None
    found = find_due_date("Zahlbar bis 17.03.\nZahlbar bis 18.03.2024", None)
    assert found is not None
    assert found.value == "2024-03-18"


@pytest.mark.parametrize(
    ("line", "day", "place"),
    [
        ("Merci de régler avant le 30 juin 2024.", "2024-06-30", "30 juin 2024"),
        ("Nous vous prions de régler la somme de 240,00 € avant le 30/06/2024.", "2024-06-30", "30/06/2024"),
        ("Paiement au plus tard le 1er juillet 2024", "2024-07-01", "1er juillet 2024"),
        ("Merci de payer avant le lundi 8 juillet", "2024-07-08", "8 juillet"),
        ("Gelieve het bedrag voor 26 juni 2024 over te maken.", "2024-06-26", "26 juni 2024"),
        ("Graag ontvangen wij het bedrag vóór 1 augustus op onze rekening.", "2024-08-01", "1 augustus"),
        ("Wij verzoeken u het bedrag\nuiterlijk op 26-06-2024 te voldoen.", "2024-06-26", "26-06-2024"),
        ("Rogamos abonen el importe antes del 30 de junio de 2024.", "2024-06-30", "30 de junio de 2024"),
        ("Vi preghiamo di effettuare il pagamento entro il 30 giugno 2024.", "2024-06-30", "30 giugno 2024"),
    ],
)
def test_a_sentence_that_asks_for_money_tells_the_day_to_pay_by(line: str, day: str, place: str) -> None:
    found = find_due_date(line, "2024-05-20")
    assert found is not None
    assert (found.value, line[found.start : found.end]) == (day, place)


@pytest.mark.parametrize(
    "line",
    [
        "Livraison avant le 30 juin 2024. Montant à payer : 100,00 €",
        "Si vous réglez avant le 10 juin 2024, un escompte de 2 % est accordé.",
        "De goederen worden voor 26 juni 2024 geleverd. Het bedrag is betaald.",
        "Factuur voor 26 juni 2024",
        "U heeft het bedrag voor 26 juni 2024 betaald.",
        "Cette facture a été réglée avant le 10 mai 2024.",
        "Consegna entro il 30 giugno 2024. Pagamento: bonifico",
    ],
)
def test_a_day_of_delivery_or_of_a_discount_is_none_to_pay_by(line: str) -> None:
    assert find_due_date(line, "2024-05-20") is None
