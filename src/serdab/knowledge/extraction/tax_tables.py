"""Tables of tax rates: before tax, the tax, and with it, for each rate, below a head: `VAT rate  Net  VAT  Gross`.

No word says more of such a row than that its amounts agree: before tax and tax make what there is with it, or the tax
is the percentage that the row tells. A table of which no row agrees is none.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from serdab.knowledge.extraction.digits import plain_digits
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.lettercase import lower
from serdab.knowledge.extraction.totals import Line, lines_of, value_of

#: What the amount of several rates is told as that the paper itself does not print.
SUMMED = "made of the taxes of"
#: Longest head, characters; most rows of a table, and most amounts of one.
_MOST_HEAD, _MOST_ROWS, _MOST_AMOUNTS = 100, 12, 6
#: What the amounts of a row may differ by through rounding, and a total that is rounded to coins.
_ROUNDING, _COINS = Decimal("0.02"), Decimal("0.5")

_TAX = (
    r"(?:mwst|ust|mehrwertsteuer|umsatzsteuer|steuer|vat|gst|tax|tva|iva|btw|moms|mva|merverdiavgift|alv|vero|dph|"
    r"kdv|áfa|pdv|podatek|imposta)"
)
_SUM = r"(?:betrag|belopp|beløp|beløb|summe|amount|value|total|montant|importe|importo|bedrag|kwota|wartość|suma)"
#: The columns; of what begins at one place the first counts.
_WORDS = (
    ("rate", rf"{_TAX}[ .-]{{0,2}}(?:%|(?:rate|code|kode|kod|satz|sats|tarief|kanta|sazba)(?!\w))"),
    ("rate", rf"%(?: ?{_TAX}(?!\w))?"),
    ("rate", rf"(?:taux|taxa|stawka|aliquota|alíquota|tipo|sazba|tarief|kanta)(?: (?:de )?{_TAX})?(?!\w)"),
    ("rate", r"(?:rate|satz|sats|code|typ|type|art|klasse|gruppe|group)(?!\w)"),
    ("gross", rf"(?:{_SUM} )?(?:ttc|t\.t\.c\.?)(?!\w)"),
    ("gross", rf"(?:inkl|incl|inc|mit|med|with)\.? ?{_TAX}?(?!\w)|s dph(?!\w)"),
    ("gross", rf"(?:{_SUM} )?(?:gross|brutto|bruto|veroll\w{{0,5}}\.?)-?{_SUM}?(?: {_SUM})?(?!\w)"),
    ("gross", r"(?:totale?|totalt|totaal|gesamt|summe|summa|sum|razem|celkem|yhteensä|i alt)(?!\w)"
     rf"(?! (?:ht|net|excl|hors|{_TAX})(?!\w))"),
    ("net", rf"(?:base |{_SUM} )?(?:ht|h\.t\.?)(?!\w)"),
    ("net", rf"(?:excl|exkl|ekskl|eks|exc|ex|ohne|bez|without|before|uden|hors|utan|uten)\.? {_TAX}s?(?!\w)"),
    ("net", rf"(?:{_SUM} )?(?:net|nett|netto|neto|verot\w{{0,4}}\.?)-?{_SUM}?(?: {_SUM})?(?!\w)"),
    ("net", rf"base(?: imp(?:onible|osable|\.)| tributável| {_TAX})?(?!\w)|imponibile|bemessungsgrundlage|incidência"),
    ("net", rf"(?:{_TAX})?(?:grunnlag|grundlag|underlag)(?!\w)|základ(?: daně)?(?!\w)|taxable(?: {_SUM})?(?!\w)|goods"),
    ("tax", rf"(?:(?:{_SUM}|cuota)(?: de)? )?{_TAX}-?{_SUM}?(?: {_SUM})?(?!\w)|cuota(?!\w)"),
)  # fmt: skip
_COLUMNS = re.compile("|".join(rf"(?P<{name}_{at}>(?<!\w)(?:{words}))" for at, (name, words) in enumerate(_WORDS)))
#: Looked for first: it is quick, and few lines have it.
HAS_TAX = re.compile(_TAX)
#: What else may stand in a head: a currency, a word for amounts, the only rate.
_BESIDE = re.compile(
    rf"(?<!\w)(?:eur|gbp|usd|chf|sek|nok|dkk|pln|czk|kr|zł|kč|rm|{_SUM}|in|de|of|factura|fattura|facture|faktura|"
    r"invoice)(?!\w)|\d{1,2}(?:[.,]\d)? ?%"
)
_PERCENTAGE = re.compile(r"(\d{1,2}(?:[.,]\d{1,3})?) ?%|^\W{0,2}(?:[a-z]\W{1,3})?(\d{1,2}(?:[.,]\d{1,2})?)[ \t]", re.I)
#: A rate in a column of its own, under a head that names it.
_BARE_RATE = re.compile(r"(?<![\d.,])\d{1,2}(?![\d.,%])")
_HAS_RATE = re.compile(r"\d ?%")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxTable:
    """A table of rates: its columns, one amount each where the paper prints their sums or has one rate."""

    start: int
    end: int
    nets: Sequence[Field]
    taxes: Sequence[Field]
    grosses: Sequence[Field]

    @property
    def gross(self) -> Field | None:
        """What the table comes to with tax, where it is printed."""
        return self.grosses[0] if len(self.grosses) == 1 else None

    @property
    def tax(self) -> Field | None:
        """The tax of all rates; where no sum of them is printed, that of their amounts, its place is theirs."""
        if len(self.taxes) < 2:
            return next(iter(self.taxes), None)
        made = sum(map(value_of, self.taxes), Decimal(0))
        reason = f"{SUMMED} {len(self.taxes)} rates"
        return msgspec.structs.replace(self.taxes[0], value=str(made), end=self.taxes[-1].end, reason=reason)

    def makes(self, total: Field | None) -> bool:
        """Whether it comes to a total, but for rounding to coins; so where there is none."""
        parts = self.grosses or (*self.nets, *self.taxes)
        return total is None or abs(abs(sum(map(value_of, parts), Decimal(0))) - abs(value_of(total))) <= _COINS


@functools.lru_cache(maxsize=64)
def columns_of_rates(line: str) -> tuple[str, ...]:
    """What the columns of a table of rates hold, where a line is its head; else empty."""
    written = lower(line) if len(line) <= _MOST_HEAD and ("%" in line or not any(map(str.isdigit, line))) else ""
    if HAS_TAX.search(written) is None:
        return ()
    cells = [
        [(match.lastgroup or "").partition("_")[0] for match in _COLUMNS.finditer(cell)] for cell in written.split("\t")
    ]
    # A cell is one column: `Základ DPH` is the base of it.
    names = [cell[0] for cell in cells if cell] if len(cells) > 1 else cells[0]
    if names.count("tax") == 2 and "rate" not in names:
        names[names.index("tax")] = "rate"  # ALV VEROTON VERO VEROLLINEN
    held = tuple(name for name in names if name != "rate")
    if len(set(names)) < len(names) or "tax" not in held or len(held) < 2 or (len(held) < 3 and "rate" not in names):
        return ()
    rest = _BESIDE.sub("", _COLUMNS.sub("", written))
    return () if any(map(str.isalnum, rest)) else held


def find_tax_table(text: str, amounts: Sequence[Field]) -> TaxTable | None:
    """The first table of rates whose rows agree."""
    lines = lines_of(text, amounts) if len(amounts) > 1 else []
    for place, line in enumerate(lines):
        if line.amounts or not any(len(below.amounts) > 1 for below in lines[place + 1 : place + 3]):
            continue
        columns = columns_of_rates(line.words)
        rows = list(_rows(text, lines[place + 1 : place + 2 + _MOST_ROWS], columns)) if columns else []
        if rows:
            return _table(columns, line.start, rows)
    return None


_Row = tuple[Line, tuple[Field, ...]]


def _table(columns: tuple[str, ...], start: int, rows: list[_Row]) -> TaxTable:
    last, summed = rows[-1]
    is_sum = len(rows) > 1 and _is_sum(last, summed, [amounts for _, amounts in rows[:-1]])
    told = [summed] if is_sum else [amounts for _, amounts in rows]
    by_name = {name: [amounts[at] for amounts in told] for at, name in enumerate(columns)}
    return TaxTable(
        start=start, end=last.start + len(last.words), nets=by_name.get("net", []), taxes=by_name["tax"],
        grosses=by_name.get("gross", []),
    )  # fmt: skip


def _rows(text: str, lines: Sequence[Line], columns: tuple[str, ...]) -> Iterator[_Row]:
    """The rows of a table up to that of its sums, or to a line that is none; one may stand between it and its head."""
    found: list[tuple[Field, ...]] = []
    for place, line in enumerate(lines):
        amounts = line.amounts if len(line.amounts) <= _MOST_AMOUNTS else ()
        chosen = next(
            (some for some in itertools.combinations(amounts, len(columns)) if _agree(text, line, columns, some)), None
        )
        if chosen is None and found and len(amounts) == len(columns) and _is_sum(line, amounts, found):
            chosen = amounts
        if chosen is not None:
            yield line, chosen
            if found and _is_sum(line, chosen, found):
                return
            found.append(chosen)
        elif found or place:
            return


def _agree(text: str, line: Line, columns: tuple[str, ...], amounts: Sequence[Field]) -> bool:
    """Whether the amounts of a row are what its columns say, by their sum or by the percentage of the row."""
    by_name = {name: value_of(amount) for name, amount in zip(columns, amounts, strict=True)}
    if len(by_name) == 3:
        return abs(by_name["net"] + by_name["tax"] - by_name["gross"]) <= _ROUNDING
    words = plain_digits(line.words)
    rate = _PERCENTAGE.search(words)
    told = [(rate[1] or rate[2]).replace(",", ".")] if rate is not None else []
    for each in (*told, *_BARE_RATE.findall(words)):
        share = Decimal(each) / 100
        made = by_name["net"] * share if "net" in by_name else by_name["gross"] * share / (1 + share)
        if abs(made - by_name["tax"]) <= _ROUNDING:
            return True
    return False


def _is_sum(line: Line, amounts: Sequence[Field], rows: Sequence[Sequence[Field]]) -> bool:
    """Whether a row has the sums of those above it, and no rate of its own."""
    if _HAS_RATE.search(line.words):
        return False
    sums = (sum(map(value_of, column), Decimal(0)) for column in zip(*rows, strict=True))
    return all(abs(made - value_of(told)) <= _ROUNDING for made, told in zip(sums, amounts, strict=True))
