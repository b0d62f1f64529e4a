"""Tables to rows: line items below a head of columns, parted by tabs, bars or wide spaces, or ending in numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from serdab.knowledge.extraction.adjustments import is_adjustment
from serdab.knowledge.extraction.amounts import find_amounts
from serdab.knowledge.extraction.records import Row
from serdab.knowledge.extraction.table_heads import CELLS, Head, find_head
from serdab.knowledge.extraction.tax_tables import columns_of_rates
from serdab.knowledge.extraction.thousands import join_thousands

#: Most rows of a document that are told, and most characters of a line that are looked at.
MOST_ROWS = 500
MOST_LINE = 1_000

_END = re.compile(
    r"^\W{0,3}(?:sub[\s-]?total|(?:invoice |order )?total|net\b|netto|zwischensumme|gesamt|summe|sous[\s-]total|vat|"
    r"tax|mwst|ust|tva|"
    r"iva|gst|btw|moms|rounding|closing|ending|balance|(?:new|opening|previous|beginning) balance|"
    r"(?:anfangs|end)saldo|neuer|warenwert|imponibile|totale|subtotaal|totaal|"
    r"razem|do zapłaty|"
    r"summa|suma|att betala|i alt|at betale|å betale|mva\b|merverdi|veroton|yhteensä|alv\b|arvonlisä|maksettava|"
    r"loppusumma|základ daně|dph\b|celkem|k úhradě|mezisoučet|base imponible|sales tax|taxable|amount due|"
    r"(?:ال)?مجموع|(?:ال)?[إا]جمالي|المبلغ|ضريبة|الضريبة|الصافي|סה[\"״”]כ|סך ה|סכום|יתר[הת]|מע[\"״”]מ|合计|总计|"
    r"小计|税额|价税|小計|合計|消費税|رصيد|الرصيد|期末|saldo final|"
    r"nouveau solde)",
    re.I,
)
_TRAILING = re.compile(
    r"^(.{1,300}?)[ \t]+(?:(\d{1,5}(?:[.,]\d{1,3})?)(?: ?x)?[ \t]+)?(?:(\S{1,20})[ \t]+)?(\S{1,20})$"
)
_DATED = re.compile(r"^(\d[\d./-]{3,9}) (\S.{0,300})$")
#: A cell that is a whole number or, as workbooks have it, one with a single decimal; its sign may stand behind it.
_PLAIN = re.compile(r"[-−–+(]? ?(\d[\d,]{0,8}?)(?:[.,](\d))?[-−–)]?")
#: An amount whose sign stands behind it, or that a bank writes as one that went out.
_NEGATIVE = re.compile(r"^\W{0,2}[-−–(]|[-−]$|\b(?:DR|OD)$")


def find_rows(text: str, name: str = "lines") -> list[Row]:
    """The rows below the first head of columns, up to the first line of a sum; amounts as decimals with currency.

    A head that stands again, as on the next page, begins no other table. Discounts and charges are no rows, unless the
    table has nothing else: then delivery is what is sold.
    """
    rows: list[Row] = []
    adjustments: list[Row] = []
    head: Head | None = None
    joined = join_thousands(text)
    for start, line in _lines(text):
        if columns_of_rates(line):
            if rows or adjustments:
                break
            head = None  # what stands below are no things that are sold
            continue
        again = find_head(line)
        if again is not None or head is None:
            head = again or head
            continue
        words = line.strip()
        if not words:
            continue
        if _END.match(words):
            if rows or adjustments:
                break
            continue
        cells = _cells(line, joined[start : start + len(line)], head)
        if cells is not None:
            page = 1 + text.count("\f", 0, start)
            kept = rows if "quantity" in cells or not is_adjustment(words) else adjustments
            kept.append(Row(name=name, cells=cells, start=start, end=start + len(line), page=page))
        if len(rows) + len(adjustments) >= MOST_ROWS:
            break
    return rows or adjustments


def _lines(text: str) -> Iterator[tuple[int, str]]:
    place = 0
    for line in re.split(r"[\n\f]", text):
        if len(line) <= MOST_LINE:
            yield place, line
        place += len(line) + 1


def _cells(line: str, joined: str, head: Head) -> dict[str, str] | None:
    """The cells of a line, of which `joined` says where the spaces of columns are."""
    parts = _parted(line, head)
    if parts is not None:
        cells = dict(zip(head.columns, parts, strict=True))
        amount = _amount(cells)
        return {name: cell for name, cell in cells.items() if cell} | {"amount": amount} if amount else None
    match = _TRAILING.match(joined.strip())
    if match is None or "\t" in line:
        return None
    # A whole number at the end of a line that is not parted may count anything: Page 2.
    amount = _money(match[4]) if re.search(r"\d[.,']\d", match[4]) else ""
    if not amount:
        return None
    cells = {"description": line.strip()[: match.end(1)].strip(), "amount": amount}
    price = _money(match[3]) if match[3] else ""
    if match[2]:
        cells["quantity"] = match[2]
    if price:
        cells["price"] = price
    return cells


def _parted(line: str, head: Head) -> list[str] | None:
    """One cell for each column, an empty one where a column has none; None: the line is not parted like its head."""
    count = len(head.columns)
    by_tab = [part.strip() for part in line.strip(" ").split("\t")]
    if len(by_tab) == count:
        return by_tab
    parts = [part.strip() for part in CELLS.split(line.strip().strip("|"))]
    if len(parts) == count - 1 and head.columns[0] == "date" and (dated := _DATED.match(parts[0])) is not None:
        parts[:1] = [dated[1], dated[2]]  # A narrow column: one space parts it from the next.
    if len(parts) == count and count > 1:
        return parts
    if 1 < len(parts) < count and len(head.places) == count and not re.search(r"[\t|]", line):
        return _aligned(line, head.places)
    if 1 < len(by_tab) < count:
        return by_tab + [""] * (count - len(by_tab))  # Tabs behind the last cell that is filled are not kept.
    return None


def _aligned(line: str, places: Sequence[tuple[int, int]]) -> list[str]:
    """The cells of a line, each below the name it begins or ends with most nearly; from the right, where sums are."""
    cells = [""] * len(places)
    spans = [match.span() for match in re.finditer(r"\S(?:\S| (?! )){0,200}", line)]
    last = len(places)
    for left, (start, end) in reversed(list(enumerate(spans))):
        last = min(
            range(min(left, last - 1), last),
            key=lambda at: min(abs(places[at][0] - start), abs(places[at][1] - end)),
        )
        cells[last] = line[start:end].strip()
        if not last:
            break
    return cells


def _amount(cells: dict[str, str]) -> str:
    """What a row amounts to: what came in, less what went out, where it has a column for each."""
    if "amount" in cells:
        return _money(cells["amount"])
    income, expense = _money(cells.get("credit", "")), _money(cells.get("debit", ""))
    if income and value_of_cell(income):
        return income
    return f"-{expense.lstrip('-')}" if expense and value_of_cell(expense) else ""


def value_of_cell(amount: str) -> Decimal:
    """The number of an amount of a row, without its currency."""
    return Decimal(amount.split(" ")[0])


def _money(written: str) -> str:
    """A cell that is nothing but an amount, as a decimal; else empty."""
    if len(written) > 40 or not any(map(str.isdigit, written)) or sum(char.isalpha() for char in written) > 4:
        return ""
    sign = "-" if _NEGATIVE.search(written.strip()) else ""
    plain = _PLAIN.fullmatch(written.strip())
    found = list(find_amounts(f"{written}\t")) or list(
        find_amounts(f"{plain[1]}.{plain[2] or '0'}0" if plain is not None else "")
    )
    return sign + found[0].value.lstrip("-") if len(found) == 1 else ""
