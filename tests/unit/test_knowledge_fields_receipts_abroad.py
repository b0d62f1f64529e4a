"""Receipts and mails as tills and people write them in German, French, Spanish, Arabic, Chinese and Hebrew."""

from __future__ import annotations

import pytest

from serdab.knowledge import read_record

GASTHAUS = """Gasthaus Zum Goldenen Hirschen
Familie Brandstätter
Hauptplatz 12
8010 Graz
ATU61234567

13.06.2024  21:17
2x Wiener Schnitzel   á 18,90   37,80
1x Kaiserschmarrn               9,50
2x Gösser 0,5l        á 4,80    9,60
1x Mineral 0,33                 3,40

Summe EUR                      60,30
inkl. 10% USt                   4,30
inkl. 20% USt                   2,17
Trinkgeld                       5,70
Bezahlt Karte                  66,00
"""
BISTROT = """LE BISTROT DU CANAL
52 quai de Valmy 75010 Paris
Jeudi 11 janvier 2024      22:36
3 x Menu du soir 29,00       87,00
1 x Pichet Côtes du Rhône    18,50
3 x Café                      7,50
Total à payer               113,00 EUR
dont TVA 10%                  8,59
dont TVA 20%                  3,08
CB                          113,00
"""
SLIP = """CARTE BANCAIRE
CONTACTLESS
le 09/02/24 a 13:05:44
PHARMACIE DE LA GARE
67000 STRASBOURG
########4417
MONTANT :
    23,85 EUR
TICKET CLIENT
"""
BOOKSHOP = """* * K-U-N-D-E-N-B-E-L-E-G * *
Buchhandlung Schwanthaler
Sendlinger Str. 14
80331 München
Datum:          28.11.2023
Betrag EUR          36,80
"""
MERCERIA = """MERCERÍA HERMANOS RUIZ, S.L.
C/ Sierpes, 31
41004 Sevilla
NIF: B41234567
Fecha: 06/09/2024   Hora: 12:48
2    Hilo algodón         1,95     3,90
1    Cremallera 40cm      2,50     2,50
3    Botón nácar          0,75     2,25
TOTAL (IVA INCLUIDO)             8,65 €
ENTREGADO                       10,00 €
CAMBIO                           1,35 €

BASE IMP.   % IVA   CUOTA
7,15        21      1,50
"""
TAQUERIA = """TAQUERÍA LA MORENITA
RFC: MOLA800101AB3
15/MAR/2024 20:19
3 TACOS AL PASTOR      $ 75.00
SUBTOTAL              $ 75.00
IVA 16%               $ 12.00
TOTAL                 $ 87.00
"""
MARKET = """أسواق الربيع المركزية
الرياض - حي العليا - شارع التحلية
التاريخ: ٢٠٢٤/٠٥/١٤   الوقت: ١٩:٢٢
حليب طازج ٢ لتر        ١٢٫٥٠
تمر سكري ١ كغ          ٣٩٫٠٠
المجموع قبل الضريبة     ٤٤٫٧٨
ضريبة القيمة المضافة ١٥٪   ٦٫٧٢
الإجمالي شامل الضريبة   ٥١٫٥٠ ر.س
نقداً                   ٦٠٫٠٠
الباقي                   ٨٫٥٠
"""
PHARMACY = """صيدلية النهضة
١٥ شارع قصر العيني - القاهرة
ت: ٠٢٢٧٩٤٥٥٦٦
بتاريخ ٣ مارس ٢٠٢٤
الإجمالي: ١٠٩٫٥٠ جنيه
"""
SHOP = """星河便利店
地址：广州市天河区体育西路103号
电话：020-38880000
时间：2024年5月3日 21:07
矿泉水     2   4.00
薯片       1   7.50
总计：¥11.50
微信支付：¥11.50
"""
DRUGSTORE = """סופר פארם דיזנגוף בע"מ
רח' דיזנגוף 99 תל אביב
ע.מ. 512345678
12/09/24 16:40
שמפו             24.90
אקמול            19.90
סה"כ כולל מע"מ   ₪44.80
מתוכו מע"מ 17%    6.51
"""


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        (GASTHAUS, "address", "Hauptplatz 12 8010 Graz"),
        (GASTHAUS, "total", "60.30 EUR"),
        (GASTHAUS, "tax", "6.47 EUR"),
        (BISTROT, "tax", "11.67 EUR"),
        (SLIP, "company", "PHARMACIE DE LA GARE"),
        (BOOKSHOP, "address", "Sendlinger Str. 14 80331 München"),
        (MERCERIA, "address", "C/ Sierpes, 31 41004 Sevilla"),
        (MERCERIA, "tax", "1.50 EUR"),
        (TAQUERIA, "date", "2024-03-15"),
        (TAQUERIA, "total", "87.00 MXN"),
        (MARKET, "tax", "6.72 SAR"),
        (PHARMACY, "address", "١٥ شارع قصر العيني - القاهرة"),
        (SHOP, "address", "广州市天河区体育西路103号"),
        (DRUGSTORE, "address", "רח' דיזנגוף 99 תל אביב"),
        (DRUGSTORE, "tax", "6.51 ILS"),
    ],
)
def test_a_receipt_abroad_tells_its_values(text: str, name: str, value: str) -> None:
    record = read_record(text, doc_type="receipt")
    assert record is not None
    assert record.value(name) == value
    assert not [look for look in record.looks if "does not occur" in look.reason]


def test_taxes_of_rates_that_do_not_make_the_total_are_not_added() -> None:
    record = read_record(BISTROT.replace("113,00 EUR", "150,00 EUR"), doc_type="receipt")
    assert record is not None
    assert record.value("tax") != "11.67 EUR"


def test_a_till_that_takes_payments_by_telephone_gives_receipts() -> None:
    record = read_record(SHOP)
    assert record is not None
    assert record.schema == "receipt"


@pytest.mark.parametrize(
    ("head", "values"),
    [
        ("De: Lucía <l@a.example>\nEnviado: 8 de abril de 2024\nAsunto: Factura", ["Factura", "Lucía <l@a.example>"]),
        ("מאת: דנה <d@a.example>\nתאריך: 21/04/2024\nנושא: חשבונית", ["חשבונית", "דנה <d@a.example>"]),
        ("Da: Ugo <u@a.example>\nInviato: 8 aprile 2024\nOggetto: Fattura", ["Fattura", "Ugo <u@a.example>"]),
        ("Van: Jan <j@a.example>\nVerzonden: 8 april 2024\nOnderwerp: Factuur", ["Factuur", "Jan <j@a.example>"]),
    ],
)
def test_a_mail_tells_its_subject_and_its_sender(head: str, values: list[str]) -> None:
    record = read_record(f"{head}\n\nText\n", doc_type="email")
    assert record is not None
    assert [record.value("subject"), record.value("sender")] == values


@pytest.mark.parametrize(
    ("number", "total"),
    [
        ("RFC: MOLA800101AB3", "87.00 MXN"), ("ABN 51 824 753 556", "87.00 AUD"), ("HST 13%", "87.00 CAD"),
        ("RUT: 76.123.456-K", "87.00 CLP"), ("NIT: 0614-240289-101-2", "87.00 USD"), ("RFC 2616", "87.00 USD"),
    ],
)  # fmt: skip
def test_a_dollar_is_that_of_the_country_whose_taxes_are_told(number: str, total: str) -> None:
    record = read_record(f"La Morenita\n{number}\nTOTAL $ 87.00\n", doc_type="receipt")
    assert record is not None
    assert record.value("total") == total
