"""Tables to rows: line items below a head of columns, parted by tabs, bars or wide spaces, or ending in numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from serdab.knowledge.extraction.amounts import find_amounts
from serdab.knowledge.extraction.records import Row
from serdab.knowledge.extraction.thousands import join_thousands

#: Most rows of a document that are told, and most characters of a line that are looked at.
MOST_ROWS = 500
MOST_LINE = 1_000

_COLUMNS = (
    ("quantity", r"qty|quantity|menge|anzahl|quantité|qté|cantidad|cant|الكمية|数量"),
    ("price", r"unit price|price|u/p|s/price|u\.price|einzelpreis|preis|prix(?: unitaire)?|precio|سعر الوحدة|"
    r"السعر|单价"),
    ("amount", r"amount|amt|line total|total|betrag|gesamt|summe|montant|importe|المبلغ|الإجمالي|المجموع|金额|小计"),
    ("description", r"description|desc|item|article|product|service|details|bezeichnung|beschreibung|artikel|leistung|"
                    r"verwendungszweck|désignation|descripción|concepto|الوصف|البيان|الصنف|品名|项目|名称|摘要|商品"),
    ("date", r"date|datum|fecha|التاريخ|日期"),
)  # fmt: skip
_NAMES = tuple((name, re.compile(words, re.I)) for name, words in _COLUMNS)
_CELLS = re.compile(r"\t+|\s{0,3}\|\s{0,3}| {2,}")
_END = re.compile(
    r"^\W{0,3}(?:sub[\s-]?total|total|net\b|netto|zwischensumme|gesamt|summe|sous[\s-]total|vat|tax|mwst|ust|tva|iva|gst|"
    r"rounding|closing|balance|endsaldo|المجموع|الإجمالي|ضريبة|合计|总计|小计|税额|价税|رصيد|الرصيد|期末|saldo final|"
    r"nouveau solde)",
    re.I,
)
_TRAILING = re.compile(
    r"^(.{1,300}?)[ \t]+(?:(\d{1,5}(?:[.,]\d{1,3})?)(?: ?x)?[ \t]+)?(?:(\S{1,20})[ \t]+)?(\S{1,20})$"
)


@dataclass(slots=True)
class _Table:
    columns: list[str]
    rows: list[Row] = field(default_factory=list)


def find_rows(text: str, name: str = "lines") -> list[Row]:
    """The rows below the first head of columns, up to the first line of a sum; amounts as decimals with currency."""
    rows: list[Row] = []
    columns: list[str] | None = None
    joined = join_thousands(text)
    for start, line in _lines(text):
        if columns is None:
            columns = _head(line)
            continue
        if not line.strip():
            continue
        if _END.match(line):
            if rows:
                break
            continue
        cells = _cells(line, joined[start : start + len(line)], columns)
        if cells is not None:
            page = 1 + text.count("\f", 0, start)
            rows.append(Row(name=name, cells=cells, start=start, end=start + len(line), page=page))
        if len(rows) >= MOST_ROWS:
            break
    return rows


def _lines(text: str) -> Iterator[tuple[int, str]]:
    place = 0
    for line in text.split("\n"):
        if len(line) <= MOST_LINE:
            yield place + len(line) - len(line.lstrip("\f")), line.strip("\f")
        place += len(line) + 1


def _head(line: str) -> list[str] | None:
    """The columns that a line names, in their order; at least two, the amount one of them."""
    parts = [part for part in _CELLS.split(line.strip().strip("|")) if part]
    if len(parts) >= 2:
        named = [_column(part) for part in parts]
        if "amount" in named and len([each for each in named if each]) >= 2:
            return _once([each or f"column_{place}" for place, each in enumerate(named, 1)])
    found = sorted((match.start(), name) for name, words in _NAMES if (match := words.search(line)) is not None)
    names = [name for _, name in found]
    return names if len(names) >= 3 and "amount" in names and not any(char.isdigit() for char in line) else None


def _column(part: str) -> str:
    return next((name for name, words in _NAMES if len(part) <= 40 and words.search(part)), "")


def _once(names: list[str]) -> list[str]:
    """Names of columns, each but the last of equal ones told apart by its place."""
    return [name if name not in names[place + 1 :] else f"{name}_{place + 1}" for place, name in enumerate(names)]


def _cells(line: str, joined: str, columns: list[str]) -> dict[str, str] | None:
    """The cells of a line, of which `joined` says where the spaces of columns are."""
    parts = [part.strip() for part in _CELLS.split(line.strip().strip("|"))]
    if len(parts) == len(columns) and len(parts) > 1:
        cells = dict(zip(columns, parts, strict=True))
        amount = _money(cells["amount"])
        return cells | {"amount": amount} if amount else None
    match = _TRAILING.match(joined.strip())
    if match is None or "\t" in line:
        return None
    amount = _money(match[4])
    if not amount:
        return None
    cells = {"description": line.strip()[: match.end(1)].strip(), "amount": amount}
    price = _money(match[3]) if match[3] else ""
    if match[2]:
        cells["quantity"] = match[2]
    if price:
        cells["price"] = price
    return cells


def _money(written: str) -> str:
    """A cell that is nothing but an amount, as a decimal; else empty."""
    if len(written) > 40 or not any(map(str.isdigit, written)) or sum(char.isalpha() for char in written) > 4:
        return ""
    sign = "-" if re.match(r"^\W{0,2}[-−–(]", written) else ""
    found = list(find_amounts(f"{written}\t")) or list(
        find_amounts(f"{written}.00" if re.fullmatch(r"[\d,]{1,9}", written) else "")
    )
    return sign + found[0].value.lstrip("-") if len(found) == 1 else ""
