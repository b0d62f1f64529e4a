"""By which schema a text is read."""

from __future__ import annotations

import pytest

from serdab.knowledge import FieldRule, Schema, shipped_schemas
from serdab.knowledge.extraction.choosing import choose_schema

FIELDS = [FieldRule(name="x", kind="text")]
BILL = Schema(
    schema="bill", doc_types=["phone bill"], fields=FIELDS,
    words={"en": ["due date", "Total", "#no", "no."], "de": ["größe"], "ar": ["فاتورة"]},
)  # fmt: skip
LETTER = Schema(schema="letter", fields=FIELDS, words={"en": ["dear", "total", "sincerely", "re:"]})


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("TOTAL 5, due date: today, #No 7", ("bill", 0.6)),
        ("Total. The due date is no. 4 of them", ("bill", 0.6)),
        ("die Größe, no. 7, DUE DATE", ("bill", 0.75)),
        ("#No 7\n- Due date: today\n**Größe**", ("bill", 0.75)),
        ("total_no. 4 and its due date", ("bill", 0.6)),
        ("الفاتورة total no. 4", ("bill", 0.6)),
        ("Dear sir, re: the total. Sincerely", ("letter", 0.6667)),
        ("totally undue dates, piano. dearest", None),
        ("total, due  date, #number", None),
        ("total due date", None),
        ("dear, total, re: due date, no.", None),
        ("", None),
    ],
)
def test_the_schema_with_most_words_at_the_head_is_chosen(text: str, chosen: tuple[str, float] | None) -> None:
    found = choose_schema(text, "", (BILL, LETTER))
    assert (found and (found[0].schema, found[1])) == chosen


@pytest.mark.parametrize("doc_type", ["bill", "Phone Bill", "a bill/scanned"])
def test_a_named_type_chooses_whatever_the_text_says(doc_type: str) -> None:
    assert choose_schema("Dear sir, sincerely, re: x", doc_type, [LETTER, BILL]) == (BILL, 1.0)


INVOICE = "Harrow Dental Inc\n{line}\nTotal due: $2,450.75\n"


@pytest.mark.parametrize(
    ("line", "chosen"),
    [
        ("Invoice No: HD-88213", "invoice"),
        ("# INVOICE", "invoice"),
        ("Rechnung 2025/17 vom 3. März", "invoice"),
        ("فاتورة رقم: ٣١", "invoice"),
        ("Invoices 7 and 8", None),
        ("Invoice policy", None),
        ("Invoice 7 is what this long line is about, and so it is a sentence and no head.", None),
        ("Our order of yesterday, invoice no. 7", None),
    ],
)
def test_a_short_paper_is_what_a_line_of_its_head_says(line: str, chosen: str | None) -> None:
    found = choose_schema(INVOICE.format(line=line), "", shipped_schemas())
    assert (found and found[0].schema) == chosen


@pytest.mark.parametrize(
    "text", ["Invoice 4471 was charged twice", "Invoice 7\nand order", "\n".join(["word"] * 16 + ["Invoice 7"])]
)
def test_a_message_that_begins_with_the_name_of_a_type_is_not_of_it(text: str) -> None:
    assert choose_schema(text, "", shipped_schemas()) is None


def test_an_invoice_may_name_the_order_that_it_is_for() -> None:
    found = choose_schema(INVOICE.format(line="Invoice 7\nOrder no 12"), "", shipped_schemas())
    assert found is not None
    assert found[0].schema == "invoice"


PAPERS = [
    ("receipt", "SPAR Nørreport\nRugbrød  18,50\nOst  42,00\nTotal  60,50\nDankort  60,50\n03.05.24 12:11"),
    ("receipt", "Kiosk am Eck\nWasser 1,20\nZeitung 2,90\nSumme 4,10\nBar 5,00\nRückgeld 0,90\n11:02 Uhr"),
    ("invoice", "Honorarrechnung Nr. 88\nKlara Stein, Lektorat\nGutachten  420,00\nzahlbar bis 1.7.2024  420,00 EUR"),
    ("invoice", "СЧЁТ № 7 от 3 мая 2024\nПоставщик: ООО Ромашка\nДоски 12 000,00\nК оплате 12 000,00 руб."),
    ("invoice", "FACTURĂ seria AB nr. 12\nFurnizor: Lemn SRL\nScânduri  900,00\nTotal de plată  900,00"),
    ("order", "Sipariş No: 5\nTeslim tarihi: 3.6.2024\nTeslimat adresi: Depo 2\nVida  100  1,20  120,00"),
    ("order", "주문서\n주문번호 77\n납기: 2024-06-01\n볼트 100 1,200 120,000"),
    ("bank_statement", "Výpis z účtu\nPočáteční zůstatek  1.200,00\n02.05. Nájem  -900,00\nKonečný zůstatek  300,00"),
    ("cv", "Ada Byron\nKoulutus\n2010 - 2014 Yliopisto\nTyökokemus\n2014 - 2020 Konepaja Oy\nKielitaito\nenglanti"),
    ("contract", "Mietvertrag\nzwischen Frau Roth (nachfolgend „Mieter“) und Herrn Weiß\n§ 1 Mietsache\n§ 2 Laufzeit"),
    ("contract", "Umowa najmu\nzawarta w dniu 3 maja 2024, zwany dalej Najemcą\n1. Przedmiot umowy\n2. Czynsz"),
    ("email", "Von: Ute\nAn: Kai\nBetreff: Rechnung 12\n\nHallo Kai,\nanbei Rechnung 12 über 80,00 EUR.\nGruß Ute"),
    ("email", "Dear Mr Lee,\nthe invoice over 80.00 EUR is paid.\nKind regards\nUte"),
]


@pytest.mark.parametrize(("schema", "text"), PAPERS)
def test_a_paper_is_of_the_type_that_most_speaks_for(schema: str, text: str) -> None:
    found = choose_schema(text, "", shipped_schemas())
    assert found is not None
    assert found[0].schema == schema


@pytest.mark.parametrize(
    "text",
    [
        "Minutes of the board\nPresent: all\n1. Invoice 12 over 80.00 EUR was approved.\n2. The order was put off.",
        "Order page is slow\nSteps:\n1. open an order\n2. click ship to\nInvoice and receipt load in 3 s, v1.20",
        "Ann: is the invoice paid?\nBob: yes, the receipt is here\nAnn: and the order of 40.00?",
        "Keep every receipt and each invoice. The due date is on the invoice, the order number on the order.\nHR\nMay",
        "Speisekarte\nSuppe  4,50\nSchnitzel  14,90\nKuchen  3,80",
        "The bank and its union signed an agreement over 4.50 percent. Both parties said the balance was right.",
    ],
)
def test_what_only_speaks_of_papers_is_none(text: str) -> None:
    assert choose_schema(text, "", shipped_schemas()) is None


UTILITY = Schema(
    schema="utility_bill", doc_types=["electricity bill"], fields=FIELDS,
    words={"en": ["meter reading", "kwh", "tariff", "standing charge"]},
)  # fmt: skip
POWER = "Electricity bill\nInvoice no 7\nDue date 1 May 2024\nMeter reading 4012\n210 kWh\nAmount due 80.00\nVAT 4.00"


def test_a_schema_of_the_house_that_fits_goes_before_those_that_ship() -> None:
    shipped = choose_schema(POWER, "", shipped_schemas())
    assert shipped is not None
    assert shipped[0].schema == "invoice"
    for schemas in ((UTILITY, *shipped_schemas()), (*shipped_schemas(), UTILITY)):
        found = choose_schema(POWER, "", schemas)
        assert found is not None
        assert found[0] is UTILITY
    without = choose_schema(INVOICE.format(line="Invoice no 7"), "", (UTILITY, *shipped_schemas()))
    assert without is not None
    assert without[0].schema == "invoice"


def test_a_schema_without_words_is_known_by_those_of_its_fields() -> None:
    words = [("plate", ["plate"]), ("left", ["exit"]), ("came", ["entry"])]
    fields = [FieldRule(name=name, kind="text", words={"en": said}) for name, said in words]
    parking = Schema(schema="parking", fields=fields)
    found = choose_schema("Plate: B-X 1\nEntry: 9:00\nExit: 9:30", "", (*shipped_schemas(), parking))
    assert found is not None
    assert found[0] is parking


def test_traits_and_titles_are_weighed_as_a_schema_says() -> None:
    steps = Schema(schema="steps", fields=FIELDS, titles=["how to"], traits={"clauses": 1.5})
    text = "How to\n1. Open it\n2. Fill it\n3. Close it"
    assert choose_schema(text, "", [steps]) == (steps, round(4.5 / 5.5, 4))
    assert choose_schema(text.replace("How to", "How"), "", [steps]) is None


def test_a_word_that_is_empty_says_nothing() -> None:
    empty = Schema(schema="empty", fields=FIELDS, words={"en": ["", "a", " "]})
    assert choose_schema("a text", "", [empty]) is None


def test_without_schemas_there_is_none() -> None:
    assert choose_schema("total due date no. #no", "", ()) is None
