"""All parsers over one text."""

from __future__ import annotations

from collections import Counter

from serdab.knowledge.extraction.amounts import find_amounts
from serdab.knowledge.extraction.dates import find_dates
from serdab.knowledge.extraction.denominations import Denominations
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.numbers import find_numbers
from serdab.knowledge.extraction.parties import find_parties
from serdab.knowledge.extraction.totals import find_total

#: Most characters that are looked at, and most fields of one kind that are told.
MOST_CHARACTERS = 200_000
MOST_OF_A_KIND = 50


def extract_fields(text: str, lang: str = "") -> list[Field]:
    """Everything found, in the order of the text; no two fields of a kind share a place.

    Args:
        text: in normal form.
        lang: its language, which tells currencies apart; other parsers know their scripts themselves.
    """
    text = text[:MOST_CHARACTERS]
    denominations = Denominations(text, lang)
    amounts = [denominations.told_apart(each) for each in find_amounts(text)]
    total = find_total(text, amounts)
    found = [*find_dates(text), *amounts, *find_numbers(text), *find_parties(text)]
    if total is not None:
        found.append(total)
    return _bounded(sorted(found, key=lambda field: (field.start, -field.end, field.kind)))


def _bounded(found: list[Field]) -> list[Field]:
    kept: list[Field] = []
    counts: Counter[str] = Counter()
    ends: dict[str, int] = {}
    for field in found:
        if field.start < ends.get(field.kind, 0) or counts[field.kind] >= MOST_OF_A_KIND:
            continue
        ends[field.kind] = field.end
        counts[field.kind] += 1
        kept.append(field)
    return kept
