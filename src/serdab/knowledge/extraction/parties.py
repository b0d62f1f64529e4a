"""Parties, by how they are called and where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from serdab.knowledge.extraction.arabic_names import ARABIC_COMPANY
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.names import FULL_LINE, WITHIN, behind_article, behind_joint

_SUFFIX = (
    r"(?:Inc|Incorporated|Corp|Corporation|LLC|L\.L\.C|LLP|L\.P|LP|Ltd|Limited|PLC|GmbH|AG|S\.A|SARL|B\.V|N\.V|Co|"
    r"Company|SDN\.? ?BHD|BHD|Pte|Holdings|Group|Trust|Bank|Hospital|University|Enterprise|Trading|Restaurant)"
)
#: What stands alone in a line only as the end of a name.
_FORM = r"(?:Inc|Incorporated|Corp|LLC|L\.L\.C|LLP|Ltd|Limited|PLC|GmbH|SARL|B\.V|N\.V)"
_WORD = r"[A-ZÀ-ÖØ-Þ0-9][\w&'’.-]{0,30}"
_NAMED = re.compile(
    rf"(?<![\w&])({_WORD}(?:,? (?:{_WORD}|of|and|the|&|\(M\)|\([A-Z]\w{{0,10}}\)|{WITHIN}(?= [A-ZÀ-ÖØ-Þ]))){{0,6}}?,? "
    rf"{_SUFFIX}\b\.?)"
)
#: The end of a full line in a sentence that goes on, or of one before a legal form.
_BROKEN = re.compile(rf"\n(?:(?<=[^\n\f\t]{{{FULL_LINE - 1}}}[\w&,]\n)(?=[A-Z&])|(?<=[a-z&,]\n)(?={_FORM}\b\.?[\s,(]))")
_BETWEEN = re.compile(r"\b(?:by and between|between|among)\b\s{1,3}(?:the )?", re.I)
#: How far behind "between" parties are looked for, characters.
REACH = 600
#: The year of a station, or of a date, with what somebody was then: 2019 Apprentice, and the company.
_YEAR = re.compile(rf"(?:19|20)\d\d(?:[-.](?:\d\d){{1,2}})?,? (?:[^,]{{1,60}}, )?(?={_WORD} )")


def find_parties(text: str) -> Iterator[Field]:
    """Every name that is called a company, surer where a contract says "between"."""
    text = _BROKEN.sub(" ", text)
    between = [match.end() for match in _BETWEEN.finditer(text[:20_000])]
    seen: set[str] = set()
    for pattern, reason in ((_NAMED, "a form of company in its name"), (ARABIC_COMPANY, "called a company")):
        for match in pattern.finditer(text):
            start, end = match.span()
            if pattern is _NAMED:
                start = _begin(text, start, end)
            value = " ".join(text[start:end].split())
            if value.lower() in seen:
                continue
            seen.add(value.lower())
            named = any(place <= start <= place + REACH for place in between)
            confidence = 0.9 if named else 0.7
            told = f"{reason}, behind 'between'" if named else reason
            yield Field(kind="party", value=value, start=start, end=end, confidence=confidence, reason=told)


def _begin(text: str, start: int, end: int) -> int:
    """Where a name begins, without a year or another thing before it."""
    year = _YEAR.match(text, start, end)
    return behind_article(text, behind_joint(text, year.end() if year is not None else start, end), end)
