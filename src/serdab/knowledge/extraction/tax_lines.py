"""The tax of a paper that tells it a line for each rate: dont TVA 10% 8,59, dont TVA 20% 3,08."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from serdab.knowledge.extraction.digits import plain_digits
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.lettercase import lower
from serdab.knowledge.extraction.tax_tables import HAS_TAX, SUMMED
from serdab.knowledge.extraction.totals import lines_of, value_of

_RATE = re.compile(r"(\d{1,2}(?:[.,]\d{1,2})?) ?%")
#: Most rates of a paper.
_MOST_RATES = 4
#: What a tax may differ by through rounding.
_ROUNDING = Decimal("0.006")


def find_tax_of_lines(text: str, amounts: Sequence[Field], total: Field) -> Field | None:
    """The sum of the taxes of several rates, if what they are the taxes of comes to the total; else None."""
    taxes: dict[Decimal, Field] = {}
    for line in lines_of(text, amounts):
        rates = _RATE.findall(plain_digits(line.words))
        if len(rates) == len(line.amounts) == 1 and HAS_TAX.search(lower(line.words)):
            taxes[Decimal(rates[0].replace(",", ".")) / 100] = line.amounts[0]
    taxes.pop(Decimal(0), None)
    if not 2 <= len(taxes) <= _MOST_RATES:
        return None
    made = sum((value_of(tax) * (1 + rate) / rate for rate, tax in taxes.items()), Decimal(0))
    most = sum((_ROUNDING * (1 + rate) / rate for rate in taxes), Decimal(0))
    if abs(made - abs(value_of(total))) > most:
        return None
    found = sorted(taxes.values(), key=lambda tax: tax.start)
    value = " ".join([str(sum(map(value_of, found), Decimal(0))), *found[0].value.split(" ")[1:]])
    return msgspec.structs.replace(
        found[0], kind="money", value=value, end=found[-1].end, confidence=0.85, reason=f"{SUMMED} {len(taxes)} rates"
    )
