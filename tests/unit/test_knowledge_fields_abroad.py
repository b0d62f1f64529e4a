"""Papers of languages that were added later, and contracts of the Continent and Britain."""

from __future__ import annotations

import pytest

from serdab.knowledge import Record, read_record

INVOICES = {
    "nl": (
        "Van der Meer B.V.\nHoofdweg 212, 2131 MA Hoofddorp\nFACTUUR\nFactuurnummer: 2406\nFactuurdatum: 11-06-2024\n"
        "Vervaldatum: 25-06-2024\nKlant: De Linde\nSubtotaal € 419,50\nBTW 21% € 88,10\nTotaal te betalen € 507,60"
    ),
    "pl": (
        "Faktura VAT nr 2406\nData wystawienia: 11.06.2024\nTermin płatności: 25.06.2024\n"
        "Sprzedawca: Van der Meer B.V.\nNabywca: De Linde\nRazem netto 419,50 zł\n"
        "Kwota VAT 88,10 zł\nDo zapłaty 507,60 EUR"
    ),
    "sv": (
        "Van der Meer B.V.\nFaktura\nFakturanummer: 2406\nFakturadatum: 2024-06-11\nFörfallodatum: 2024-06-25\n"
        "Kund: De Linde\nNetto 419,50\nMoms 21% 88,10\nAtt betala 507,60 EUR"
    ),
    "it": (
        "Van der Meer B.V.\nFattura n. 2406\nData: 11/06/2024\nScadenza: 25/06/2024\nSpett.le De Linde\n"
        "Imponibile 419,50\nIVA 21% 88,10\nTotale fattura € 507,60"
    ),
    "pt": (
        "Fatura nº 2406\nFornecedor: Van der Meer B.V.\nData de emissão: 11/06/2024\nData de vencimento: 25/06/2024\n"
        "Cliente: De Linde\nIVA 21% 88,10\nTotal a pagar 507,60 €"
    ),
}  # fmt: skip


@pytest.mark.parametrize("lang", INVOICES)
def test_an_invoice_is_read_in_the_words_of_its_language(lang: str) -> None:
    record = read_record(INVOICES[lang], lang=lang)
    assert record is not None
    assert record.schema == "invoice"
    assert {name: record.value(name) for name in ("company", "number", "date", "due_date", "customer", "total")} == {
        "company": "Van der Meer B.V.", "number": "2406", "date": "2024-06-11", "due_date": "2024-06-25",
        "customer": "De Linde", "total": "507.60 EUR",
    }  # fmt: skip
    assert str(record.value("tax")).startswith("88.10")
    assert record.looks == []


@pytest.mark.parametrize("mark", ['"', "״"])
def test_an_invoice_in_hebrew_has_its_number_its_total_and_the_company_that_is_not_its_title(mark: str) -> None:
    text = (
        'חשבונית מס\nאלון מערכות בע"מ\nרחוב האלה 12, חיפה\nמספר חשבונית: 2406\nתאריך: 11/06/2024\n'
        'תאריך פירעון: 25/06/2024\nלכבוד: גליל סחר\nסה"כ לפני מע"מ 1,000.00 ₪\nמע"מ 17% 170.00 ₪\n'
        'סה"כ לתשלום: 1,170.00 ₪\n'
    ).replace('"', mark)
    record = read_record(text)
    assert record is not None
    assert {value.name: value.value for value in record.values} == {
        "company": f"אלון מערכות בע{mark}מ", "address": "רחוב האלה 12, חיפה", "number": "2406", "date": "2024-06-11",
        "due_date": "2024-06-25", "total": "1170.00 ILS", "tax": "170.00 ILS", "net": "1000.00 ILS",
        "customer": "גליל סחר",
    }  # fmt: skip
    assert record.looks == []


@pytest.mark.parametrize(("title", "number"), [("חשבונית מס מספר 2406", "2406"), ("חשבונית מס' 88", "88")])
def test_the_number_of_an_invoice_in_hebrew_may_stand_in_its_title(title: str, number: str) -> None:
    record = read_record(f'{title}\nאלון מערכות בע"מ\nסה"כ 500.00 ₪\n', doc_type="invoice")
    assert record is not None
    assert [record.value(name) for name in ("number", "company", "total")] == [number, 'אלון מערכות בע"מ', "500.00 ILS"]


def contract(text: str) -> Record:
    record = read_record(text, doc_type="contract")
    assert record is not None
    return record


@pytest.mark.parametrize(
    ("text", "parties"),
    [
        (
            "Vertrag\nzwischen\n\nRheinwerk Logistik GmbH, Hafenstraße 12, Duisburg\n- nachfolgend „Auftraggeber“ -\n\n"
            "und\n\n"
            "Clara Wendt, Essen\n- nachfolgend „Auftragnehmer“ -\n",
            ["Rheinwerk Logistik GmbH", "Clara Wendt"],
        ),
        (
            "Zwischen der Nordwest GmbH, vertreten durch Lars Petersen (im Folgenden „Vermieter“) und Frau "
            "Mirja Lohmann, Hamburg (im Folgenden „Mieterin“) wird vereinbart:",
            ["Nordwest GmbH", "Mirja Lohmann"],
        ),
        (
            "ENTRE LES SOUSSIGNÉS :\nLa société Hélios SAS, au capital de 100 €, ci-après dénommée « le Client »,\n"
            "ET\nLa société Cabinet Morel SARL, ci-après dénommée « le Prestataire »,",
            ["Hélios SAS", "Cabinet Morel SARL"],
        ),
        (
            "De una parte, Inmobiliaria Vega, S.L., en adelante el Arrendador, y de otra parte, Doña Lucía Moreno, en "
            "adelante la Arrendataria.",
            ["Inmobiliaria Vega, S.L.", "Lucía Moreno"],
        ),
        (
            "PARTIES\n(1) THISTLEDOWN LIMITED incorporated in England whose office is at 5 Moorgate (Discloser)\n"
            "(2) NORTHGATE LIMITED incorporated in Scotland (Recipient)\n",
            ["THISTLEDOWN Ltd.", "NORTHGATE Ltd."],
        ),
        (
            "This Lease is made between Greystone Properties LP, as Landlord, and Juniper Studio LLC, as Tenant.",
            ["Greystone Properties LP", "Juniper Studio LLC"],
        ),
    ],
)  # fmt: skip
def test_parties_are_found_where_their_country_lists_them(text: str, parties: list[str]) -> None:
    found = contract(text)
    assert found.all_values("party") == parties
    assert not [look for look in found.looks if look.field == "party"]


def test_one_name_that_is_called_otherwise_is_no_list() -> None:
    assert contract("Die Verträge zwischen der Nordwest GmbH (nachfolgend „N“) und anderen").all_values("party") == []


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("Der Vertrag hat eine Laufzeit von 12 Monaten.", "12 months"),
        ("Die Dauer beträgt zwei Jahre.", "2 years"),
        ("conclu pour une durée de deux ans", "2 years"),
        ("La duración del contrato es de tres años.", "3 years"),
        ("De looptijd is 6 maanden.", "6 months"),
        ("Die Laufzeit beträgt ſechs Monate.", "6 months"),
        ("conclu pour une durée de dıx mois", "10 months"),
        ("This MSA continues for a period of ſix months.", "6 months"),
        ("Die Kündigungsfrist beträgt drei Monate.", None),
        ("The term of this Lease shall be five (5) years, commencing on June 1, 2023.", "5 years"),
        ("This MSA continues for a period of twenty-four (24) months.", "24 months"),
    ],
)
def test_the_term_is_read_in_several_languages(text: str, term: str | None) -> None:
    assert contract(text).value("term") == term


@pytest.mark.parametrize(
    "text",
    [
        "Der Vertrag tritt am 01.04.2024 in Kraft.",
        "Le contrat est conclu à compter du 1er avril 2024.",
        "EMPLOYMENT AGREEMENT\n\nThis Employment Agreement is effective as of the 1st day of April, 2024.",
        "En Sevilla, a 1 de abril de 2024",
    ],
)
def test_the_day_from_which_a_contract_holds_is_read_in_several_languages(text: str) -> None:
    assert contract(text).value("effective_date") == "2024-04-01"


@pytest.mark.parametrize(
    ("head", "company"),
    [
        ("PURCHASE ORDER\nNorthwind Hospital Trust\n2 Infirmary Road", "Northwind Hospital Trust"),
        ("Werk Kranz AG, Werkstraße 5, 38440 Wolfsburg", "Werk Kranz AG"),
        ("SHREE TEXTILES\nPlot 45\nBuyer: Kaveri Garments Pvt Ltd", "SHREE TEXTILES"),
        ("請求書\n株式会社みなと商会 御中\n株式会社さくら印刷", "株式会社さくら印刷"),
        ("請求書\n株式会社さくら印刷\n東京都千代田区1-1", "株式会社さくら印刷"),
        ("Vercors SAS au capital de 50 000 €\nZA Les Glovettes", "Vercors SAS"),
        ("WELCOME TO\nQUIKFILL #771\n8100 HWY 29 N", "QUIKFILL #771"),
        ("Rosen-Apotheke\nInh. Dr. Petra Vogt e.K.\nMarienplatz 4", "Rosen-Apotheke"),
    ],
)
def test_whose_paper_it_is_stands_before_addresses_titles_and_recipients(head: str, company: str) -> None:
    record = read_record(f"{head}\n\n3 June 2024\nTotal 5.00", doc_type="receipt")
    assert record is not None
    assert record.value("company") == company


@pytest.mark.parametrize(
    "below", ["\nGemeinde Edling\nRathausplatz 2\n", "Semmel 5x        1,95 B\nButter           2,79 B\n"]
)
def test_an_address_ends_at_an_empty_line_and_at_an_amount(below: str) -> None:
    record = read_record(f"Lechner GmbH\nAm Sägewerk 2\n83512 Wasserburg\n{below}", doc_type="receipt")
    assert record is not None
    assert record.value("address") == "Am Sägewerk 2 83512 Wasserburg"


@pytest.mark.parametrize(
    ("written", "start", "end"),
    [
        ("Zeitraum: 01.05.2024 - 31.05.2024", "2024-05-01", "2024-05-31"),
        ("Statement period: 09/01/2024 through 09/30/2024", "2024-09-01", "2024-09-30"),
        ("01 Feb 2024 to 29 Feb 2024", "2024-02-01", "2024-02-29"),
    ],
)
def test_a_period_is_two_dates_of_a_line(written: str, start: str, end: str) -> None:
    record = read_record(f"First Bank\n{written}\n", doc_type="bank statement")
    assert record is not None
    assert (record.value("period_start"), record.value("period_end")) == (start, end)


def test_a_date_behind_another_field_ends_no_period_that_has_not_begun() -> None:
    record = read_record("First Bank\nIBAN: DE89370400440532013000   printed 03.05.2024\n", doc_type="bank statement")
    assert record is not None
    assert (record.value("period_start"), record.value("period_end")) == (None, None)


def test_an_overdrawn_balance_is_negative_and_agrees_with_its_lines() -> None:
    record = read_record(
        "First Bank\nOpening balance £40.00 CR\nDate    Details     Debit    Credit\n"
        "29 Mar  Council     95.10    \n02 Mar  Salary               10.00\nClosing balance £45.10 DR\n",
        doc_type="bank statement",
    )  # fmt: skip
    assert record is not None
    assert (record.value("opening_balance"), record.value("closing_balance")) == ("40.00 GBP", "-45.10 GBP")
    assert record.looks == []


def test_a_label_at_the_head_of_a_column_has_its_value_below() -> None:
    record = read_record(
        "Bill To:                    Invoice #: HF-18\nCrest Group                 Date: 3 June 2024\n",
        doc_type="invoice",
    )
    assert record is not None
    assert (record.value("customer"), record.value("number")) == ("Crest Group", "HF-18")


@pytest.mark.parametrize("line", ["Customer No. 7731", "Kundennummer 7731"])
def test_the_number_of_a_customer_is_not_his_name(line: str) -> None:
    record = read_record(f"Invoice 12\n{line}\n", doc_type="invoice")
    assert record is not None
    assert record.value("customer") is None


@pytest.mark.parametrize(
    "text",
    [
        "Invoice number F3A9-0002\nDate of issue November 4, 2024\nDate due November 18, 2024",
        "Lyon, le 4 novembre 2024\nFacture n° 2024-5\nDate limite de paiement : 18/11/2024",
        "Facture n° 2024-5\nLyon, le 4 novembre 2024\nDate d'échéance : 18/11/2024",
    ],
)
def test_the_words_of_one_field_are_not_those_of_another_that_begins_with_them(text: str) -> None:
    record = read_record(f"Vercors SAS\n{text}\nTotal 29,00 EUR\n", doc_type="invoice")
    assert record is not None
    assert (record.value("date"), record.value("due_date")) == ("2024-11-04", "2024-11-18")
    assert record.looks == []


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        ("TAX INVOICE\nNo. : CS-180319", "CS-180319"), ("FACTUUR\nNummer: 6", "6"), ("Bill number: 8", "8"),
        ("Parcella n. 14/2024", "14/2024"), ("Factuur\nDorpsstraat 41, Ede", None),
        ("INVOICE\nNo. 27, Mill Lane", None), ("INVOICE\nNo. 5, Mill Lane", None),
    ],
)  # fmt: skip
def test_a_number_stands_below_its_title_where_it_is_called_one(lines: str, number: str | None) -> None:
    record = read_record(f"Van Houten VOF\n{lines}\nTotal 29,00 EUR\n", doc_type="invoice")
    assert record is not None
    assert record.value("number") == number
