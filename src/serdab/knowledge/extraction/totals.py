"""Which amount of a receipt or an invoice is its total: by the words of its line, by rounding, by what was paid."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.lettercase import lower
from serdab.knowledge.extraction.signs import signed

#: Words of a line that holds the total, the surest first.
_TOTALS = (
    (0.97, r"round(?:ed|ing)?[\s-]{1,2}(?:grand )?total|total[\w\s]{0,12}(?:rounded|after)|after (?:rounding|adj)"),
    (0.96, r"grand total|(?:total )?(?:amount|amt) (?:due|payable)|total (?:due|payable|to pay)|balance due|"
           r"nett? (?:total|amount|amt)|total (?:amount )?paid|amount payable|zu zahlen|gesamtbetrag|rechnungsbetrag|"
           r"endbetrag|gesamtforderung|zahlbetrag|please pay|total à payer|(?:net|reste|solde) à payer|restbetrag|"
           r"restzahlung|total ttc|"
           r"total a pagar|importe total|"
           r"invoice total|total factura|totale (?:fattura|documento|complessivo)|te betalen|do zapłaty|att betala|"
           r"(?:[aå]t?|til) betale\b|beløb i alt|k úhradě|maksettava|loppusumma|"
           r"ご請求金額|合計金額|"
           r"المبلغ المستحق|الصافي المستحق|صافي المستحق|الإجمالي النهائي|المجموع الكلي|应付|实付|"
           r"价税合计|总金额|"
           r"(?:סה[\"״”]כ|סך הכו?ל|סכום|יתרה) לתשלום"),
    (0.93, r"total[^\d\n]{0,25}(?:incl|inc\.? ?gst)|total sales|total (?:amount|amt|rm|bill|price)|bill total"),
    (0.90, r"\bt[o0a]ta[l1i]|\bttl\b|\btl\b|\bamt due|\bdue\b|total|gesamtsumme|gesamt|summe|totaal|suma|razem|summa|"
    r"\bsum\b(?=[\s:]{1,3}(?:nok|kr|dkk|sek)?\.? ?\d)|"
    r"yhteensä|\bi alt\b|celkem|"
        r"الإجمالي|الاجمالي|"
    r"المجموع|总计|合计|總計|合計|총|itogo|итого|סה[\"״”]כ|סך הכו?ל"),
    (0.88, r"\bbrutto(?:betrag|summe)?\b|\bbruto\b|\bttc\b|\biva (?:inclu[ií]d[oa]|inclus[ao]|compresa)|gross amount"),
    (0.45, r"amount|betrag|montant|importe|المبلغ|金额"),
    (0.40, r"cash|visa|master|payment|paid|credit card|debit|bar\b|نقد|现金"),
)  # fmt: skip
# These four are asked of lines in small letters: three times as fast as patterns that are blind to case.
_LABELS = tuple((sure, re.compile(words)) for sure, words in _TOTALS)
_NOT_TOTALS = re.compile(
    r"sub[\s-]{0,2}tot|sous[\s-]total|zwischensumme|subtotal|tot\w*[\s:.]{0,3}(?:qty|quantity|item|disc|tax|gst|vat|"
    r"sav|point|"
    r"number|no\b|pcs|unit|round)|(?:tax|gst|vat|item|qty|disc\w*) (?:total|amount|amt)|"
    r"rounding adj|savings?|change|included?s?\b|due date|المجموع الفرعي|小计|税额|balance b|"
    r"previous|opening|code|imponibile|delsum|mellansumma|mellomsum|välisumma|mezisouč|ביניים"
)
#: What somebody gets or pays again and again, which no words for paying make the total.
_RECURRING = re.compile(
    r"\b(?:salar(?:y|ies)|wages?|remuneration|gehalt|lohn|salaire|salario|sueldo|stipendio)\b|\bper annum\b|"
    r"\b(?:paid|payable|payments?) (?:in arrears|(?:bi-?)?(?:week|month|quarter|year|annual)ly|"
    r"(?:every|each|per) (?:hour|week|month|quarter|year))\b|"
    r"راتب|工资|薪"
)
#: What a total is before tax: no total, unless there is no other.
_NET = re.compile(
    r"excl|before|exc\.? |ex\.? gst|without|net of|netto|total ht|hors|e[xk]s?kl|ut[ae]n m|uden m|ilman|veroton|"
    r"verotta|"
    r"bez d|ilíquido|(?:לפני|ללא) מע"
)
#: The last sum of a till, but in an invoice the one before tax: then a greater total follows.
_NET_SUM = re.compile(r"nett? (?:total|amount|amt)")
_SUMMARY = re.compile(
    r"(?:gst|tax|vat|sst|svc)[\s/]{0,2}(?:code )?(?:summ?|analysis|detail)|tax code|taxcode|steuersatz", re.I
)
_LINE_ENDS = re.compile(r"[\n\f]")
_ROUNDING = re.compile(r"round|rndg|adj", re.I)
_CASH = re.compile(r"\b(?:cash|tender\w*|payment|paid|bayar|tunai|bar|gegeben)\b", re.I)
_CHANGE = re.compile(r"\b(?:change|baki|rückgeld|change due)\b", re.I)
#: Confidence of words that say how much was given, which is the total only when nothing came back.
_OF_PAYING = 0.45
#: Confidence of whole numbers that only their place makes amounts.
_OF_NUMBERS = 0.5
#: Confidence of words for what holds the tax. Below half of the highest amount it is the tax or a price.
_OF_GROSS = 0.88
#: Confidence of words that name nothing but sums.
_OF_SUMS = 0.9
#: Confidence of a total before tax.
OF_NET = 0.5
#: Characters from which on a line is a sentence, and how far behind its words the total of one may stand.
LONG_LINE = 100
REACH = 80
#: Largest correction to coins, in units of the currency.
_MOST_ROUNDING = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text with the amounts that stand in it."""

    start: int
    words: str
    amounts: tuple[Field, ...]


def lines_of(text: str, amounts: Sequence[Field]) -> list[Line]:
    """The lines of a text that are not empty, each with its amounts."""
    ordered = sorted(amounts, key=lambda field: field.start)
    lines: list[Line] = []
    place = at = 0
    for words in _LINE_ENDS.split(text):
        end = place + len(words)
        first = at
        while at < len(ordered) and ordered[at].start <= end:
            at += 1
        if words.strip():
            lines.append(Line(start=place, words=words, amounts=tuple(ordered[first:at])))
        place = end + 1
    return lines


def find_total(text: str, amounts: Sequence[Field]) -> Field | None:
    """The amount of the surest line for a total; of equals the last one, as totals stand at the end."""
    if not amounts:
        return None
    lines = lines_of(text, amounts)
    paid = _paid(lines)
    best = _best(lines, paid, are_net=False)
    if best is None and (net := _best(lines, paid, are_net=True)) is not None:
        best = (OF_NET, *net[1:])
    if best is None:
        return None
    amount, reason = best[2], best[3]
    settled = _settled(lines, best[1], amount, paid)
    if settled is not None:
        amount, reason = settled
    return Field(
        kind="total", value=signed(text, amount).value, start=amount.start, end=amount.end,
        confidence=round(min(max(best[0], 0.3), 0.98), 4), reason=reason,
    )  # fmt: skip


def _best(lines: list[Line], paid: Decimal | None, *, are_net: bool) -> tuple[float, int, Field, str] | None:
    """The surest line: how sure, its place, its amount, why; `are_net`: one before tax will do."""
    best: tuple[float, int, Field, str] | None = None
    in_summary = is_net_sum = False
    written = (abs(value_of(amount)) for line in lines for amount in line.amounts if amount.confidence > _OF_NUMBERS)
    highest = max(written, default=Decimal(0))
    for place, line in enumerate(lines):
        in_summary = in_summary or _SUMMARY.search(line.words) is not None
        near = lines[max(place - 1, 0) : place + 3]
        found = _labelled(line, are_net=are_net) if any(each.amounts for each in near) else None
        if found is None:
            continue
        amount = _amount_of(lines, place, found[1])
        if amount is None or (found[0] == _OF_GROSS and 2 * abs(value_of(amount)) < highest):
            continue
        sure = (
            found[0] - (0.35 if in_summary else 0.0) + (0.02 if paid is not None and value_of(amount) == paid else 0.0)
        )
        if value_of(amount) == 0:
            sure -= 0.6
        if found[0] <= _OF_PAYING and paid is not None:
            amount = _amount_like(lines, paid) or amount
        is_gross = is_net_sum and found[0] >= _OF_SUMS and best is not None and value_of(amount) > value_of(best[2])
        if best is None or (sure, place) >= best[:2] or is_gross:
            is_net_sum = _NET_SUM.match(found[1][0]) is not None
            best = sure, place, amount, f"in the line of {found[1][0].lower()!r}"
    return best


def names_sum(words: str) -> bool:
    """Whether words name a sum, the total or one on the way to it."""
    return any(label.search(lower(words)) for sure, label in _LABELS if sure >= _OF_SUMS)


def _amount_like(lines: list[Line], value: Decimal) -> Field | None:
    return next((amount for line in lines for amount in line.amounts if value_of(amount) == value), None)


def value_of(amount: Field) -> Decimal:
    """The number of an amount, without its currency."""
    return Decimal(amount.value.split(" ")[0])


def _labelled(line: Line, *, are_net: bool) -> tuple[float, re.Match[str]] | None:
    """The surest words for a total that a line holds."""
    words = lower(line.words)
    for sure, label in _LABELS:
        match = label.search(words)
        if match is None:
            continue
        # A line of a sentence may speak of other things, too; one of a table is about one.
        near = words if len(words) <= LONG_LINE else words[max(match.start() - 12, 0) : match.end() + 25]
        is_other = _NOT_TOTALS.search(near) or (not are_net and _NET.search(near))
        is_other = is_other or (sure <= _OF_PAYING and _RECURRING.search(near))
        return None if is_other else (sure, match)
    return None


def _amount_of(lines: list[Line], place: int, label: re.Match[str]) -> Field | None:
    """The last amount of a line, in a sentence the first behind the words, else that of a neighbour that is only it."""
    line = lines[place]
    if len(line.words) > LONG_LINE:
        end = line.start + label.end()
        return next((amount for amount in line.amounts if end <= amount.start <= end + REACH), None)
    if line.amounts:
        return line.amounts[-1]
    for near in (place + 1, place - 1, place + 2):
        if 0 <= near < len(lines) and len(lines[near].amounts) == 1 and _is_bare(lines[near]):
            return lines[near].amounts[0]
    return None


def _is_bare(line: Line) -> bool:
    (amount,) = line.amounts
    return len(line.words.strip()) - (amount.end - amount.start) <= 4


def _paid(lines: list[Line]) -> Decimal | None:
    """What was given less what came back."""
    given = [value_of(line.amounts[-1]) for line in lines if line.amounts and _CASH.search(line.words)]
    back = [value_of(line.amounts[-1]) for line in lines if line.amounts and _CHANGE.search(line.words)]
    if not given or not back:
        return None
    paid = given[-1] - abs(back[-1])
    return paid if paid > 0 else None


def _settled(lines: list[Line], place: int, total: Field, paid: Decimal | None) -> tuple[Field, str] | None:
    """The total after it was rounded to coins, where the text names it."""
    value = value_of(total)
    by_rounding = {
        value + sign * abs(value_of(line.amounts[-1]))
        for line in lines[place:]
        if line.amounts and _ROUNDING.search(line.words)
        for sign in (1, -1)
    }
    for line in lines[place:]:
        for amount in line.amounts:
            other = value_of(amount)
            if other == value or not abs(other - value) <= _MOST_ROUNDING or _SUMMARY.search(line.words):
                continue
            if other in by_rounding or other == paid:
                return amount, "the total after rounding"
    return None
