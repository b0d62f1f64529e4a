"""The head of a table: which of its columns says how many, for how much each, and what that makes."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

#: By what columns are parted: tabs, bars, semicolons, wide spaces.
CELLS = re.compile(r"\t+|\s{0,3}\|\s{0,3}| ?; ?| {2,}")
#: Longest name of a column, characters.
MOST_NAME = 40

#: The words of a column, asked in this order: "total price" is an amount, "unit price" a price.
_COLUMNS = (
    ("debit", r"^(?:debits?|soll|débit|debe|cargos?|withdrawals?|(?:paid|money) out|payments? out|dare|addebit[io]|"
     r"مدين|חובה|借方)\b"),
    ("credit", r"^(?:credits?|haben|crédit|haber|abonos?|deposits?|(?:paid|money) in|payments? in|avere|accredit[io]|"
     r"دائن|זכות|贷方)\b"),
    ("balance", r"^(?:balance|running balance|saldo|solde|kontostand|الرصيد|יתרה|余额)"),
    ("amount", r"^gp\b|total price|gesamtpreis|prix total|precio total|prezzo totale|totaalprijs|wartość|"
     r"celková cena|cena celkem|(?:إجمالي|اجمالي) السعر|السعر (?:الإجمالي|الاجمالي|الكلي)|מחיר כולל|סה[\"״”]כ מחיר"),
    ("quantity", r"qty|quantity|units\b|menge|anzahl|quantité|qté|cantidad|cant|quantità|q\.tà|aantal|ilość|antal|qtd|"
     r"quantidade|antall|m[æe]ngde|määrä|\bmnožství|\bpočet|الكمي[ةه]|الكميات|العدد|عدد|כמות|数量"),
    ("price", r"^ep\b|unit price|price|rate\b|u/p|s/price|u\.price|einzelpreis|preis|prix(?: unitaire)?|p\.u\.|precio|"
     r"prezzo|"
     r"prijs|cena|preço|\bpris\b|-pris\b|enhe[dt]spris|(?:yksikkö)?hinta|valor unit|سعر|السعر|الفئة|מחיר|单价|単価"),
    ("amount", r"amount|amt|line total|extension|total|betrag|gesamt|summ[ea]\b|\bi alt\b|\bwert\b|montant|importe|"
    r"importo|bedrag|"
        r"belopp|"
     r"beløp|beløb|kwota|\bumsatz\b|\bvalor\b|yhteensä|celkem|částka|(?:ال)?مبلغ|(?:ال)?[إا]جمالي|(?:ال)?مجموع|القيمة|סה[\"״”]כ|"
     r"סכום|金额|金額|小计|小計"),
    ("description", r"description|desc|item|article|product|service|details|bezeichnung|beschreibung|artikel|leistung|"
     r"verwendungszweck|désignation|libellé|descripción|concepto|descrizione|omschrijving|\bnazwa|descrição|"
     r"designação|benämning|beskriv(?:ning|else)|varenavn|kuvaus|tuote|nimike|\bpopis\b|položka|název|material|"
     r"(?:ال)?وصف|(?:ال)?بيان|الصنف|الأصناف|المنتج|الخدمة|"
     r"התיאור|תיאור|פירוט|פריט|שם המוצר|品名|项目|名称|摘要|商品"),
    ("counterparty", r"auftraggeber|zahlungspflichtige|begünstigte|zahlungsempfänger|zahlungsbeteiligte|gegenkonto|"
     r"(?:payee|payer|counterparty|contrepartie|controparte|contraparte|tegenpartij|ordinante|beneficiario|beneficiary)\b"),
    ("value_date", r"value date|wertstellung|valuta[- ]?datum|valutadag|date (?:de )?valeur|"
     r"fecha (?:de )?valor|data valuta|תאריך ערך"),
    ("date", r"date|buchungstag|^buchung$|bu[.-]?\s?tag|datum|fecha|\bdata\b|\bdato\b|التاريخ|תאריך|日期|日付"),
)  # fmt: skip
_NAMES = tuple((name, re.compile(words, re.I)) for name, words in _COLUMNS)
_AMOUNTS = tuple(words for name, words in _NAMES if name == "amount")
#: Alone this is a value or a currency; behind the date of a booking, where sums have a column, the day it counts from.
_VALUE_DATE = re.compile(r"wert|valuta|valeur|valor", re.I)
#: A line with digits names columns only where these are a rate or a year.
_MAY_NAME = re.compile(r"%|\d{4}")
#: Columns of which one is there in any table that has sums.
_SUMS = frozenset(["amount", "debit", "credit"])


@dataclass(frozen=True, slots=True)
class Head:
    """The columns of a table, each with the place of its name in the line."""

    columns: tuple[str, ...]
    #: Empty where the names are not parted.
    places: tuple[tuple[int, int], ...] = ()

    @property
    def has_sums(self) -> bool:
        """Whether a row of the table says an amount."""
        return bool(_SUMS & set(self.columns))


# The first lines of a text are asked about twice: as its letterhead, and as the head of a table.
@functools.lru_cache(maxsize=64)
def find_head(line: str) -> Head | None:
    """The columns that a line names, in their order; at least two, one of them of sums."""
    has_digits = any(map(str.isdigit, line))
    if has_digits and _MAY_NAME.search(line) is None:
        return None
    parts = [(match.start(), match.end()) for match in _parts(line)]
    if len(parts) >= 2:
        named = [_column(line[start:end]) for start, end in parts]
        named = _with_value_date(named, [line[start:end] for start, end in parts])
        known = len([each for each in named if each])
        if not _SUMS & set(named) and not named[-1] and (known >= 3 or (known == 2 and "quantity" in named)):
            named[-1] = "amount"  # What quantity and price make stands last, whatever it is called.
        elif not _SUMS & set(named) and named[-2:] == ["price", "price"]:
            named[-1] = "amount"
        if _SUMS & set(named) and known >= 2:
            return Head(_once([each or f"column_{place}" for place, each in enumerate(named, 1)]), tuple(parts))
    return None if has_digits else _running_head(line)


def _with_value_date(named: list[str], parts: list[str]) -> list[str]:
    """The names of columns, with that of the day of value where it is called as a value or a currency is."""
    for place in range(1, len(parts)):
        others = _SUMS & set(named[:place] + named[place + 1 :])
        if named[place - 1] == "date" and others and _VALUE_DATE.fullmatch(parts[place].strip()):
            return [*named[:place], "value_date", *named[place + 1 :]]
    return named


def _parts(line: str) -> list[re.Match[str]]:
    return list(re.finditer(r"[^\s|;](?:[^\t|;\n ]| (?! )){0,200}", line))


def _running_head(line: str) -> Head | None:
    """The head of a table whose columns single spaces part."""
    if not any(words.search(line) for words in _AMOUNTS):
        return None
    found = sorted({name: match.start() for name, words in reversed(_NAMES) if (match := words.search(line))}.items(),
                   key=lambda pair: pair[1])  # fmt: skip
    names = tuple(name for name, _ in found)
    return Head(names) if len(names) >= 3 and "amount" in names else None


def _column(part: str) -> str:
    return next((name for name, words in _NAMES if len(part) <= MOST_NAME and words.search(part)), "")


def _once(names: list[str]) -> tuple[str, ...]:
    """Names of columns, each but the last of equal ones told apart by its place."""
    return tuple(name if name not in names[place + 1 :] else f"{name}_{place + 1}" for place, name in enumerate(names))
