"""What stands between the lines of a paper and its total: discounts, charges, taxes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.signs import signed
from serdab.knowledge.extraction.totals import Line, lines_of, value_of

#: A correction that takes away, whether it is written with a minus or not.
_OFF = re.compile(
    r"discount|rebate|coupon|voucher|deposit paid|advance|already paid|less\b|withholding|retención|retenue|ritenuta|"
    r"reeds (?:voldaan|betaald)|déjà (?:réglé|payé|versé)|già (?:pagato|versato)|ya pagado|bereits (?:ge|be)zahlt|"
    r"einbehalt|abzgl|abzüglich|abschlag|rabatt|nachlass|skonto|anzahlung|remise|"
    r"rabais|acompte|escompte|descuento|anticipo|sconto|korting|rabat|desconto|خصم|折扣|优惠|値引",
    re.I,
)
_ON = re.compile(
    r"shipping|freight|delivery|postage|carriage|handling|service (?:charge|fee)|surcharge|\bfees?\b|\btip\b|gratuity|"
    r"insurance|packing|versand|fracht|porto|verpackung|gebühr|zuschlag|lieferung|\bport\b|frais|livraison|envío|"
    r"portes|"
    r"gastos|spedizione|trasporto|verzend\w*|bezorg\w*|dostawa|wysyłka|frakt|frete|roundi?n?g|rounding|"
    r"auf-?/?abrundung|"
    r"rundung|شحن|توصيل|运费|配送|送料",
    re.I,
)
_TAX = re.compile(
    r"\b[cis]?gst\b|\b[hpq]st\b|\bvat\b|\btax(?:es)?\b|\bsst\b|mwst|\bust\b|umsatzsteuer|mehrwertsteuer|\btva\b|"
    r"\biva\b|\bbtw\b|\bmoms\b|\bmva\b|\balv\b|\bdph\b|מע[\"״”]מ|"
    r"ضريبة|税|\bicms\b",
    re.I,
)
_SUBTOTAL = re.compile(
    r"sub[\s-]?tot\w*|sous[\s-]total|zwischensumme|\bnet(?:t?o| total| amount|tobetrag)?\b|warenwert|imponibile|"
    r"taxable|total ht|"
    r"base imponible|subtotaal|razem netto|المجموع الفرعي|小计|小計",
    re.I,
)
#: Lines behind the last one of the table, or behind the subtotal, that are looked at.
MOST_LINES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustments:
    """The sums of what stands between lines and total."""

    #: The last sum before them that the paper names itself; None: it names none.
    subtotal: Decimal | None
    #: Charges less discounts.
    charges: Decimal
    taxes: Decimal
    #: Whether every line with an amount is one of these.
    is_whole: bool

    def totals_of(self, lines: Decimal) -> set[Decimal]:
        """What the lines may come to: taxes and charges may stand in their prices already."""
        return {lines + charges + taxes for charges in (Decimal(0), self.charges) for taxes in (Decimal(0), self.taxes)}


def find_adjustments(text: str, amounts: Sequence[Field], first: int, last: int) -> Adjustments:
    """The corrections between two places of a text, the end of its table and the line of its total."""
    near = [line for line in lines_of(text, amounts) if first <= line.start < last and line.amounts]
    subtotals = [at for at, line in enumerate(near) if _SUBTOTAL.search(line.words) and not _TAX.search(line.words)]
    charges = taxes = Decimal(0)
    is_whole = len(near) <= MOST_LINES
    for at, line in enumerate(near):
        value = value_of(signed(text, line.amounts[-1]))
        if at in subtotals:
            continue
        if _TAX.search(line.words):
            taxes += value
        elif _OFF.search(line.words):
            charges -= abs(value)
        elif _ON.search(line.words):
            charges += value
        elif not subtotals or at > subtotals[-1]:
            is_whole = False
    subtotal = _value(text, near[subtotals[-1]]) if subtotals else None
    return Adjustments(subtotal=subtotal, charges=charges, taxes=taxes, is_whole=is_whole)


def is_adjustment(words: str) -> bool:
    """Whether the words at the head of a line of a table name a correction of the sum, and no thing that is sold."""
    match = _OFF.match(words) or _ON.match(words)
    return match is not None


def _value(text: str, line: Line) -> Decimal:
    return value_of(signed(text, line.amounts[-1]))
