"""Documents of each shipped type, in several languages: typed values with their places, rows, and what needs a look."""

from __future__ import annotations

import pytest

from serdab.knowledge import FieldRule, Record, Schema, Value, read_record
from serdab.knowledge.extraction.checks import places_are_true
from serdab.knowledge.extraction.letterheads import find_letterhead
from serdab.knowledge.extraction.summary import summary_fields

INVOICE_EN = """Northwind Lamps Ltd
12 Harbour Road, Dover CT16 1AA
Invoice No: NL-2041
Invoice date: 3 March 2024
Due date: 2 April 2024
Bill to: Castle Hotel

Description\tQty\tUnit price\tAmount
Desk lamp\t2\t40.00\t80.00
Bulb E27\t10\t1.50\t15.00
Subtotal\t\t\t95.00
VAT 20%: 19.00
Total due: £114.00
\fIBAN GB82 WEST 1234 5698 7654 32
Phone +44 20 7946 0958
"""
INVOICE_DE = """Bergmann Werkzeuge GmbH
Lindenstraße 5
10969 Berlin
Rechnung
Rechnungsnummer: RE-2024-118
Rechnungsdatum: 05.04.2024
Fällig am: 19.04.2024
Bezeichnung\tMenge\tEinzelpreis\tBetrag
Hammer\t3\t12,50\t37,50 €
Säge\t1\t1.062,50\t1.062,50 €
Zwischensumme\t\t\t1.100,00 €
MwSt 19%: 209,00 €
Gesamtbetrag: 1.309,00 €
IBAN DE89 3704 0044 0532 0130 00
USt-IdNr. DE136695976
"""
INVOICE_AR = """شركة النور للتجارة
شارع الملك فهد، الرياض
فاتورة
رقم الفاتورة: ١٢٣٤
تاريخ الفاتورة: ٥ مارس ٢٠٢٤
تاريخ الاستحقاق: ٢٠٢٤/٠٢/٠١
الوصف\tالكمية\tالسعر\tالمبلغ
ورق\t٢\t١٠٠٫٠٠\t٢٠٠٫٠٠ ريال
حبر\t١\t٥٠٫٠٠\t٥٠٫٠٠ ريال
ضريبة القيمة المضافة: ٣٧٫٥٠ ريال
المجموع الكلي: ٢٩٠٫٠٠ ريال
"""
ORDER_ZH = """订单
订单号：PO-7781
订单日期：2024年5月6日
交货日期：2024年5月20日
名称\t数量\t单价\t金额
螺丝\t100\t0.50\t50.00元
螺母\t50\t1.00\t50.00元
合计：100.00元
"""
STATEMENT_DE = """Hanseatische Sparbank AG
Kontoauszug
IBAN: DE89 3704 0044 0532 0130 00
Zeitraum vom 01.02.2024 bis 29.02.2024
Datum\tVerwendungszweck\tBetrag
02.02.2024\tMiete\t-800,00 EUR
15.02.2024\tGehalt\t2.500,00 EUR
Anfangssaldo: 100,00 EUR
Endsaldo: 1.800,00 EUR
"""
CV_EN = """Curriculum Vitae
Mona Haddad
Email: mona.haddad@example.org
Phone: +49 30 901820
Date of birth: 4 May 1990
Work experience
Skills
Education: BSc Physics, Cairo University
"""
RECEIPT_EN = """BLUE HERON CAFE
14 Mill Lane, Whitby
Receipt no: 5521
Date: 14/06/2023
Coffee 2 x 2.50 5.00
Cake 3.22
TOTAL 8.22
ROUNDING -0.02
AMOUNT TO PAY 8.20
CASH 10.00
CHANGE 1.80
Thank you
"""
CONTRACT_EN = """MUTUAL NON-DISCLOSURE AGREEMENT
This Agreement is made as of March 4, 2019 by and between Juniper Valve Works, Incorporated, an Ohio corporation
(“Juniper”), and Harriet B. Osgood, an individual (“Consultant”). The parties agree as follows:
1. Confidential Information. Consultant shall not, for a period of one (1) year, solicit employees of Juniper.
2. Term. This Agreement shall terminate three (3) years from the date hereof.
3. Governing Law. This Agreement shall be governed by the laws of the State of Ohio, without regard to conflicts.
JUNIPER VALVE WORKS, INCORPORATED
"""


def values(record: Record | None) -> dict[str, str]:
    assert record is not None
    return {value.name: value.value for value in record.values}


@pytest.mark.parametrize(
    ("text", "schema", "wanted"),
    [
        (
            INVOICE_EN,
            "invoice",
            {
                "company": "Northwind Lamps Ltd",
                "number": "NL-2041",
                "date": "2024-03-03",
                "due_date": "2024-04-02",
                "total": "114.00 GBP",
                "tax": "19.00 GBP",
                "customer": "Castle Hotel",
                "iban": "GB82WEST12345698765432",
                "phone": "+442079460958",
            },
        ),
        (
            INVOICE_DE,
            "invoice",
            {
                "company": "Bergmann Werkzeuge GmbH",
                "address": "Lindenstraße 5 10969 Berlin",
                "number": "RE-2024-118",
                "date": "2024-04-05",
                "total": "1309.00 EUR",
                "tax": "209.00 EUR",
                "vat_id": "DE136695976",
            },
        ),
        (
            INVOICE_AR,
            "invoice",
            {"number": "1234", "date": "2024-03-05", "tax": "37.50 SAR", "total": "290.00 SAR"},
        ),
        (
            ORDER_ZH,
            "order",
            {"number": "PO-7781", "date": "2024-05-06", "delivery_date": "2024-05-20", "total": "100.00 CNY"},
        ),
        (
            STATEMENT_DE,
            "bank_statement",
            {
                "iban": "DE89370400440532013000",
                "period_start": "2024-02-01",
                "period_end": "2024-02-29",
                "opening_balance": "100.00 EUR",
                "closing_balance": "1800.00 EUR",
            },
        ),
        (
            CV_EN,
            "cv",
            {"name": "Mona Haddad", "email": "mona.haddad@example.org", "phone": "+4930901820"},
        ),
        (
            RECEIPT_EN,
            "receipt",
            {
                "company": "BLUE HERON CAFE",
                "address": "14 Mill Lane, Whitby",
                "date": "2023-06-14",
                "total": "8.20",
                "number": "5521",
            },
        ),
        (
            CONTRACT_EN,
            "contract",
            {"effective_date": "2019-03-04", "jurisdiction": "Ohio", "term": "3 years"},
        ),
    ],
)
def test_a_document_is_read_by_the_schema_that_its_words_choose(text: str, schema: str, wanted: dict[str, str]) -> None:
    record = read_record(text)
    assert record is not None
    assert record.schema == schema
    found = values(record)
    assert {name: found.get(name) for name in wanted} == wanted


def test_the_parties_of_a_contract_have_their_legal_form_in_one_way_and_nobody_else_is_one() -> None:
    record = read_record(CONTRACT_EN)
    assert record is not None
    assert record.all_values("party") == ["Juniper Valve Works Inc.", "Harriet B. Osgood"]


def test_rows_of_a_table_have_their_columns_and_amounts_as_decimals() -> None:
    record = read_record(INVOICE_DE)
    assert record is not None
    assert [row.cells for row in record.rows] == [
        {"description": "Hammer", "quantity": "3", "price": "12,50", "amount": "37.50 EUR"},
        {"description": "Säge", "quantity": "1", "price": "1.062,50", "amount": "1062.50 EUR"},
    ]


@pytest.mark.parametrize("text", [INVOICE_EN, INVOICE_DE, ORDER_ZH, STATEMENT_DE, RECEIPT_EN, CONTRACT_EN])
def test_a_document_in_which_all_agrees_needs_no_look(text: str) -> None:
    record = read_record(text)
    assert record is not None
    assert record.looks == []


@pytest.mark.parametrize("text", [INVOICE_EN, INVOICE_DE, INVOICE_AR, ORDER_ZH, STATEMENT_DE, CV_EN, CONTRACT_EN])
def test_every_value_has_a_place_that_holds_it_and_its_page(text: str) -> None:
    record = read_record(text)
    assert record is not None
    for value in record.values:
        assert text[value.start : value.end].strip()
        assert value.page == 1 + text.count("\f", 0, value.start)
    assert {value.page for value in record.values if value.name == "iban" and text is INVOICE_EN} <= {2}


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        (INVOICE_EN.replace("£114.00", "£141.00"), "total", "its 2 lines make 95.00 + 19.00"),
        (INVOICE_EN.replace("2 April 2024", "2 February 2024"), "due_date", "before date 2024-03-03"),
        (INVOICE_EN.replace("GB82 WEST", "GB83 WEST"), "iban", "check digits"),
        (INVOICE_EN.replace("Invoice No: NL-2041", ""), "number", "is required"),
        (STATEMENT_DE.replace("1.800,00", "1.900,00"), "closing_balance", "its 2 lines make 1700.00 + 100.00"),
        (INVOICE_AR, "total", "250.00 + 37.50"),
        (INVOICE_EN + "Invoice No: NL-9999\n", "number", "may also be NL-9999"),
    ],
)
def test_what_does_not_agree_needs_a_look_that_says_why_and_where(text: str, field: str, reason: str) -> None:
    record = read_record(text)
    assert record is not None
    looks = [look for look in record.looks if look.field == field and reason in look.reason]
    assert len(looks) == 1
    if "required" not in reason:
        assert text[looks[0].start : looks[0].end].strip()


def test_the_type_that_a_document_is_brought_as_chooses_its_schema() -> None:
    record = read_record(INVOICE_EN, doc_type="contract_nda")
    assert record is not None
    assert (record.schema, record.confidence) == ("contract", 1.0)


def test_a_text_that_is_no_known_type_has_no_record() -> None:
    assert read_record("The heron stood in the mill pond all morning.") is None


def test_a_card_is_told_by_its_last_digits_only() -> None:
    schema = Schema(schema="slip", fields=[FieldRule(name="card", kind="card", anywhere=True)])
    record = read_record("Card 4111 1111 1111 1111, not 4111 1111 1111 1112", doc_type="slip", schemas=[schema])
    assert values(record) == {"card": "**** 1111"}


@pytest.mark.parametrize(
    ("kind", "value", "is_there"),
    [
        ("money", "1250.00 EUR", True),
        ("money", "1350.00 EUR", False),
        ("phone", "+4925000", True),
        ("phone", "+4925001", False),
        ("text", "whatever", True),
    ],
)
def test_a_value_that_its_place_does_not_hold_needs_a_look(kind: str, value: str, is_there: bool) -> None:
    told = Value(name="x", kind=kind, value=value, start=4, end=12, page=1, confidence=0.9, reason="")
    assert [look.field for look in places_are_true("pay 1.250,00 now", [told])] == ([] if is_there else ["x"])


@pytest.mark.parametrize(
    "text",
    [
        "I am writing to you because the lamp that I bought arrived broken.\nIt hums all night.",
        "I am still waiting for my parcel",
        "كتبت إليكم لأن الطلب الذي وصل أمس كان ناقصا وينتظر العميل الرد.",
        "我上周订购的灯到货时已经坏了，请尽快换一个新的给我。",
        "The owner of Blue Heron Cafe Ltd, who has been a customer of ours for twenty years, wants another machine.",
    ],
)
def test_a_sentence_is_no_company(text: str) -> None:
    assert "company" not in summary_fields(text, [])
    assert "company" not in find_letterhead(text)


def test_the_company_at_the_head_of_a_letter_is_told() -> None:
    letter = "Bergmann Werkzeuge Sdn. Bhd.\n12 Lindenweg\n\nDear Ms Okafor,\nthe saw that you asked about is here.\n"
    assert summary_fields(letter, [])["company"] == "Bergmann Werkzeuge Sdn. Bhd."


MAIL_WITH_A_MAIL = """From: Jürgen <j@ex.de>
To: Anna <a@ex.de>
Date: Mon, 03 Mar 2025 09:03:00 +0100
Subject: AW: Angebot

Hallo Anna, bitte liefern Sie bis zum 20.03.2025.
Mit freundlichen Grüßen
\fAttachment: mail.eml
From: Anna <a@ex.de>
Date: Sun, 02 Mar 2025 09:02:00 +0100
Subject: Angebot
"""


def test_a_mail_is_its_own_head_and_no_mail_or_date_within_is_a_doubt() -> None:
    record = read_record(MAIL_WITH_A_MAIL)
    assert record is not None
    assert {value.name: value.value for value in record.values} == {
        "subject": "AW: Angebot",
        "sender": "Jürgen <j@ex.de>",
        "date": "2025-03-03",
    }
    assert record.looks == []


def test_a_mail_with_an_invoice_attached_is_a_mail() -> None:
    head = "From: Anna Roth <anna@castlegate.example>\nTo: office@northwind.example\nDate: Tue, 10 Mar 2026 09:12:00"
    mail = f"{head}\nSubject: Invoice NL-2041\n\nDear team,\n\nplease find it attached.\n\nBest regards\nAnna"
    record = read_record(f"{mail}\fAttachment: inv.pdf (23,471 bytes)\n{INVOICE_EN}")
    assert record is not None
    assert (record.schema, record.value("subject")) == ("email", "Invoice NL-2041")


def test_the_name_and_the_address_of_a_head_are_without_what_stands_around_them() -> None:
    order = find_letterhead("Purchase order PO-3391\nOrder date: 2026-03-02\nSupplier: Delta Tools Inc")
    assert order["company"].value == "Delta Tools Inc"
    receipt = find_letterhead(
        "JOE'S HARDWARE\n1200 Main St, Springfield, IL 62701\n02/13/2026 4:12 PM\nHammer  $19.99\nVISA ending 1881"
    )
    assert receipt["address"].value == "1200 Main St, Springfield, IL 62701"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Credit note CN-77\nDate: 3 April 2024\nTotal: -120.50 EUR\nRefund for invoice 2024-001", "CN-77"),
        ("Gutschrift G-2024-15\nDatum: 03.04.2024\nzu Rechnung Nr. 2024-001\nGesamtbetrag: 120,50 EUR", "G-2024-15"),
        ("Nota di credito n. 12/2024\nData: 03/04/2024\nrif. fattura n. 5/2024\nTotale: 120,50 EUR", "12/2024"),
        ('חשבונית זיכוי מספר 77\nתאריך: 03/04/2024\nעבור חשבונית 2024-001\nסה"כ: 120.50 ₪', "77"),
        ("Invoice no. 55-1\nDate: 3 April 2024\nless credit note CN-5: -10.00\nTotal: 90.00 EUR", "55-1"),
    ],
)
def test_a_credit_note_has_its_own_number_and_not_that_of_the_invoice(text: str, number: str) -> None:
    record = read_record(text, doc_type="invoice")
    assert record is not None
    assert record.value("number") == number


def test_the_head_of_a_file_of_rows_names_no_bank() -> None:
    record = read_record(
        "Buchungstag\tVerwendungszweck\tSoll\tHaben\n02.01.2024\tMiete\t2.500,00", doc_type="bank_statement"
    )
    assert record is not None
    assert record.value("bank") is None
