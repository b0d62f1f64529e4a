"""Parties of contracts on the Continent: zwischen …, nachfolgend „Auftraggeber“, und …; entre …, ci-après …, et …."""

from __future__ import annotations

import re

from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.names import joined_lines

#: How far into a contract its parties stand, and how long the part of one is, characters.
HEAD = 6_000
MOST_PART = 900
#: Most parties that are told.
MOST = 5

#: What opens the list, and what stands between two of it; the longest word of a language is asked first.
_OPENS = re.compile(
    r"\b(?:zwischen|de una parte|da una parte|entre les soussignés|entre|pomiędzy|między|mellan|tussen|"
    r"tra)\b[ \t]{0,3}[:,]?\s{1,8}",
    re.I,
)
_NEXT = re.compile(r"(?:^|[\s)\],;.-])(?:und|et|oraz|och|en|y|e|a)\b[ \t]{0,3}:?\s{1,8}", re.I)
_CALLED = re.compile(
    r"\b(?:nachfolgend|nachstehend|im folgenden|ci-après|en adelante|en lo sucesivo|di seguito|hierna|"
    r"zwan[aey]\w{0,2}|nedan|"
    r"doravante)\b",
    re.I,
)
#: What stands before a name and is none of it.
_BEFORE = re.compile(
    r"(?:\W|\d{1,2}[.)]|(?:la société|la sociedad|la empresa|la società|de heer|mevrouw|der|die|dem|firma|herrn?|"
    r"frau|de otra parte,?|de una parte,?|dall'altra parte,?|monsieur|"
    r"madame|m\.|mme|don|doña|sig\.|sig\.ra|société)\s)*",
    re.I,
)
#: The end of a line within a name.
_BROKEN = re.compile(
    r"\n(?:(?<=[a-zà-ÿ]-\n)|(?<=&\n)|(?<= und\n)|(?<= et\n)|(?<= de\n)|(?<= van\n)|(?<= di\n))(?=[^\W\d_])"
)
_NAME = re.compile(
    r"[^\W\d_][^\n\f\t,;:()„“”«»\"–]{2,79}?(?:, (?:S\.L\.U?|S\.A\.U?|S\.p\.A|S\.r\.l|"
    r"B\.V)\.?)?(?=[,;:()„“”«»\"–\n\f\t]|\s(?:mit Sitz|vertreten|dont|au capital|représenté|con "
    r"domicilio|con sede|gevestigd|- )|$)"
)


def find_listed_parties(text: str) -> list[Field]:
    """The names behind the words that open such a list, each before the words that give it a short one; two or none."""
    head = _BROKEN.sub(" ", text[:HEAD])
    opened = _OPENS.search(head)
    found: list[Field] = []
    place = opened.end() if opened is not None else len(head)
    while len(found) < MOST and (called := _CALLED.search(head, place, place + MOST_PART)) is not None:
        before = _BEFORE.match(head, place)
        start = before.end() if before is not None else place
        name = _NAME.match(head, start, called.start())
        if name is None or not name[0][0].isupper():
            break
        value = name[0].rstrip(" -")
        reason = f"listed, and {called[0].lower()} called otherwise"
        end = start + len(value)
        value = joined_lines(text[start:end])
        found.append(Field(kind="party", value=value, start=start, end=end, confidence=0.85, reason=reason))
        following = _NEXT.search(head, called.end(), called.end() + MOST_PART)
        if following is None:
            break
        place = following.end()
    return found if len(found) >= 2 else []
