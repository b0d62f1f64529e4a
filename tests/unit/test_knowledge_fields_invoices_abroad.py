"""Invoices and receipts of northern, eastern and southern Europe, in Arabic and in Hebrew, without a given type."""

from __future__ import annotations

import pytest

from serdab.knowledge.extraction import Record, read_record
from serdab.knowledge.normalising import normalise_text

FINNISH = """Pohjan Puutyöt Oy\tLASKU
Satamakatu 3
20100 Turku

Laskun numero\t100873
Laskun päivämäärä\t4.8.2025
Maksuehto\t14 pv netto

Laskutusosoite
Asunto Oy Kallio
Kirstinkatu 5

Kuvaus\tMäärä\tYksikköhinta\tYhteensä
Asennustyö\t6,5\t58,00\t377,00
Tarvikkeet\t1\t23,00\t23,00

Veroton summa\t400,00 €
ALV 25,5 %\t102,00 €
Maksettava yhteensä\t502,00 €
"""
CZECH = """Faktura - daňový doklad č. 2025040

Dodavatel:
Truhlářství Kolář s.r.o.
Nádražní 112

Odběratel:
Základní škola Lipová
Lipová 15

Datum vystavení: 2. 4. 2025
Datum splatnosti: 16. dubna 2025

Popis\tMnožství\tCena za MJ\tCelkem
Lavice\t10 ks\t2 350,00\t23 500,00
Doprava\t1\t900,00\t900,00

Základ daně\t24 400,00 Kč
DPH 21 %\t5 124,00 Kč
Celkem k úhradě\t29 524,00 Kč
"""
DANISH = """Havnens Service ApS
Kajgade 2
5700 Svendborg

FAKTURA

Til:
Sejlklubben Vega
Strandvej 40

Fakturanr: 7712
Fakturadato: 03-03-2025
Forfaldsdato: 17-03-2025

Beskrivelse\tAntal\tEnhedspris\tBeløb
Bundmaling\t9\t475,00\t4.275,00

Subtotal\t4.275,00
Moms 25%\t1.068,75
I alt DKK\t5.343,75
"""
NORWEGIAN = """Fjellheim Rør AS
Industriveien 6

Faktura
Kunde: Førde Barnehage SA
Fakturanummer 30091
Fakturadato 14.01.2025
Forfallsdato 28.01.2025

Beskrivelse\tAntall\tPris\tBeløp
Arbeid rørlegger\t3,5\t890,00\t3 115,00

Netto\t3 115,00
Merverdiavgift 25 %\t778,75
Å betale NOK\t3 893,75
"""
PORTUGUESE = """Serralharia Mondego, Lda.
Rua da Sofia, 88

Fatura FT 2025/331

Exmo.(s) Sr.(s)
Condomínio Atlântico
Av. da Liberdade, 210

Data de emissão: 12 de fevereiro de 2025
Data de vencimento: 14/03/2025

Designação\tQtd.\tPreço unit.\tTotal
Dobradiças\t4\t22,50\t90,00

Total ilíquido\t90,00 €
IVA (23%)\t20,70 €
Total a pagar\t110,70 €
"""
DUTCH = """Hoveniersbedrijf De Linde
Molenweg 31

FACTUUR

Aan:
Stichting Wijkcentrum Zuid
Pleinstraat 2

Factuurnummer: 2025-0098
Factuurdatum: 7 november 2025
Vervaldatum: 7 december 2025

Omschrijving\tAantal\tPrijs\tBedrag
Snoeien hagen\t8 uur\t€ 48,50\t€ 388,00

Totaal excl. btw\t€ 388,00
21% btw\t€ 81,48
Te betalen\t€ 469,48
"""
ARABIC_DIGITS = """مكتب الريادة للاستشارات الهندسية
عمّان – شارع مكة

فاتورة رقم ٤٥٢
التاريخ: ١٥/٠٣/٢٠٢٥
السادة: شركة النخبة للتطوير العقاري

البيان\tالكمية\tالسعر\tالقيمة
إعداد مخططات\t١\t١٬٢٠٠٫٠٠\t١٬٢٠٠٫٠٠

المجموع\t١٬٢٠٠٫٠٠ دينار
ضريبة المبيعات ١٦٪\t١٩٢٫٠٠ دينار
المبلغ الإجمالي\t١٬٣٩٢٫٠٠ دينار

يرجى السداد خلال ٣٠ يوماً من تاريخ الفاتورة
"""
EGYPTIAN = """ورشة السلام لأعمال الألومنيوم
١٧ شارع الجمهورية، طنطا

فاتورة مبيعات
مسلسل: 1183
تحريراً في: 20/11/2025
المطلوب من السيد / محمود عبد الرحمن

م   الصنف                العدد    الفئة      القيمة
1   شباك ألومنيوم 120x100   3     2,400.00   7,200.00
2   باب شاور                1     3,850.00   3,850.00

الإجمالي                                  11,050.00 جنيه
"""
HEBREW = """סטודיו גל עיצוב
רחוב הרצל 40
לכבוד
חברת אור תקשורת בע״מ
חשבונית מס קבלה 118
תאריך 02.05.2025
תאריך פירעון: 01/06/2025

תיאור       כמות     מחיר יחידה      סה"כ
עיצוב לוגו      1      2,500.00    2,500.00
כרטיסי ביקור     300    1.20      360.00

סה"כ לפני מע"מ    2,860.00
מע״מ 18%    514.80
סה״כ לתשלום    3,374.80 ש"ח
"""
FIELDS = ("company", "customer", "number", "date", "due_date", "tax", "total")


def read(text: str) -> Record:
    normal = normalise_text(text)
    record = read_record(normal.text, lang=normal.lang)
    assert record is not None
    return record


@pytest.mark.parametrize(
    ("text", "values", "rows"),
    [
        (
            FINNISH,
            "Pohjan Puutyöt Oy|Asunto Oy Kallio|100873|2025-08-04|2025-08-18|102.00 EUR|502.00 EUR",
            ["377.00", "23.00"],
        ),
        (
            CZECH,
            "Truhlářství Kolář s.r.o.|Základní škola Lipová|2025040|2025-04-02|2025-04-16|5124.00 CZK|29524.00 CZK",
            ["23500.00", "900.00"],
        ),
        (
            DANISH,
            "Havnens Service ApS|Sejlklubben Vega|7712|2025-03-03|2025-03-17|1068.75 DKK|5343.75 DKK",
            ["4275.00"],
        ),
        (
            NORWEGIAN,
            "Fjellheim Rør AS|Førde Barnehage SA|30091|2025-01-14|2025-01-28|778.75 NOK|3893.75 NOK",
            ["3115.00"],
        ),
        (
            PORTUGUESE,
            "Serralharia Mondego, Lda.|Condomínio Atlântico|FT 2025/331|2025-02-12|2025-03-14|20.70 EUR|110.70 EUR",
            ["90.00"],
        ),
        (
            DUTCH,
            "Hoveniersbedrijf De Linde|Stichting Wijkcentrum Zuid|2025-0098|2025-11-07|2025-12-07|81.48 EUR|469.48 EUR",
            ["388.00 EUR"],
        ),
        (
            ARABIC_DIGITS,
            "مكتب الريادة للاستشارات الهندسية|شركة النخبة للتطوير العقاري|"
            "452|2025-03-15|2025-04-14|192.00 JOD|1392.00 JOD",
            ["1200.00"],
        ),
        (
            EGYPTIAN,
            "ورشة السلام لأعمال الألومنيوم|محمود عبد الرحمن|1183|2025-11-20|None|None|11050.00 EGP",
            ["7200.00", "3850.00"],
        ),
        (
            HEBREW,
            "סטודיו גל עיצוב|חברת אור תקשורת בע״מ|118|2025-05-02|2025-06-01|514.80 ILS|3374.80 ILS",
            ["2500.00", "360.00"],
        ),
    ],
    ids=["fi", "cs", "da", "nb", "pt", "nl", "ar", "eg", "he"],
)
def test_an_invoice_is_known_and_read_in_its_language(text: str, values: str, rows: list[str]) -> None:
    record = read(text)
    assert record.schema == "invoice"
    assert "|".join(str(record.value(name)) for name in FIELDS) == values
    assert [row.cells["amount"] for row in record.rows] == rows


def test_numbers_for_tax_of_the_gulf_are_read_where_they_are_called_so() -> None:
    head = "شركة أفق البناء للمقاولات\n{}: 310122393500003\nفاتورة ضريبية\nرقم الفاتورة: 71\nالإجمالي\t115.00 ريال\n"
    assert read(head.format("الرقم الضريبي")).value("vat_id") == "310122393500003"
    assert read(head.format("رقم الحساب")).value("vat_id") is None


def test_a_label_in_two_languages_is_no_part_of_its_value() -> None:
    text = "Najm Co. LLC\nTax Invoice\nInvoice No / رقم الفاتورة: NP-3320\nBill To / فاتورة إلى: Dune FZE\n"
    assert read(text).value("customer") == "Dune FZE"


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        (
            "عقد تقديم خدمات\n\nالطرف الأول: شركة الأفق للتقنية\nالطرف الثاني: مؤسسة البيان للتسويق\n\n"
            "المادة الأولى: يلتزم الطرف الثاني بتقديم خدمات التسويق.\n"
            "المادة الثانية: قيمة العقد 60,000 ريال تدفع مقابل فاتورة ضريبية، وتضاف ضريبة القيمة المضافة.\n"
            "المادة الثالثة: يسدد العميل كل فاتورة خلال 30 يوماً من تاريخ الفاتورة.\n"
            "المادة الرابعة: مدة العقد سنة واحدة تبدأ من تاريخ توقيعه.\n",
            "contract",
        ),
        (
            "من: سارة يوسف\nإلى: قسم الحسابات\nالموضوع: استفسار عن فاتورة شهر مايو\n\nالسلام عليكم،\n"
            "لم تصلنا حتى الآن الفاتورة رقم 771 بمبلغ 3,200 ريال، وتاريخ الاستحقاق اقترب.\n",
            "email",
        ),
        (
            "السادة الكرام،\nتحية طيبة وبعد،\nنود إعلامكم بأن المبلغ المستحق على الفاتورة رقم 220 هو 1,500.00 دينار.\n"
            "وتفضلوا بقبول فائق الاحترام،\nليلى منصور\n",
            "email",
        ),
        (
            "مطعم بيت الشام\nفاتورة ضريبية مبسطة\nرقم الإيصال: 5521\nالتاريخ: 2025-10-02  الوقت: 21:14\nالكاشير: أحمد\n"
            "شاورما   2   24.00\nالإجمالي 24.00 ريال\nنقدا 30.00\nالباقي 6.00\n",
            "receipt",
        ),
        (
            "صيدلية الشفاء\nإيصال رقم ٩٠٨١٢\n٢٠٢٥/٠٤/١٧  ١٠:٢٢\nفيتامين سي   ٦٠٫٠٠\nالإجمالي   ٦٠٫٠٠ جنيه\n"
            "بطاقة ****1234\n",
            "receipt",
        ),
    ],
)
def test_another_paper_in_arabic_is_no_invoice(text: str, schema: str) -> None:
    assert read(text).schema == schema


def test_what_there_is_without_a_tax_is_not_the_tax() -> None:
    lines = "Totaal exclusief 21% btw 458,00\nTotaal zonder btw: 458,00\n21% btw: 96,18\nTe betalen: 554,18\n"
    assert read(f"De Linde B.V.\nFACTUUR\nFactuurnummer: 98\n{lines}").value("tax") == "96.18"


@pytest.mark.parametrize(
    ("table", "tax"),
    [
        ("Taxa   Base    IVA\n13 %    5,66    0,74", "0.74 EUR"), ("Taxa Base IVA\n13 % 5,66 0,74", "0.74 EUR"),
        ("Base\tIVA\n5,66\t0,74", "0.74 EUR"), ("Total IVA\n0,74 €", "0.74 EUR"),
    ],
)  # fmt: skip
def test_a_tax_below_its_head_stands_in_the_same_column(table: str, tax: str) -> None:
    record = read_record(f"PASTELARIA\nFatura Simplificada FS A/208\nTOTAL   6,40 €\n\n{table}\n", doc_type="receipt")
    assert record is not None
    assert (record.value("tax"), record.value("number")) == (tax, "FS A/208")
