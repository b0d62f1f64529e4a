"""Parties of contracts on the Continent: zwischen …, nachfolgend „Auftraggeber“, und …; entre …, ci-après …, et ….

Where no party gets a short name, names with legal forms or titles of persons count, and what the word for "and" parts
that has a line to itself.
"""

from __future__ import annotations

import re

from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.letterheads import SALUTATION, has_form, name_with_form
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
_NEXT = re.compile(r"(?:^|[\s)\],;.-])(?:und|et|oraz|och|en|y|e|a|de otra parte)\b[ \t]{0,3}:?\s{1,8}", re.I)
_CALLED = re.compile(
    r"\b(?:nachfolgend|nachstehend|im folgenden|ci-après|en adelante|en lo sucesivo|di seguito|hierna|"
    r"zwan[aey]\w{0,2}|nedan|"
    r"doravante)\b",
    re.I,
)
#: What stands before a name and is none of it.
_BEFORE = re.compile(
    r"(?:\W|\d{1,2}[.)]|(?:la société|la sociedad|la empresa|la società|de heer|mevrouw|der|die|dem|firma|herrn?|"
    r"frau|de otra(?: parte)?,?|de una parte,?|dall'altra parte,?|monsieur|"
    r"madame|m\.|mme|don|doña|sig\.|sig\.ra|société|dña\.)\s)*",
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


#: Where the list ends, and the contract begins.
_CLAUSES = re.compile(
    r"\n[ \t]{0,20}(?:§|1\.|artikel|article|art[íi]culo|articolo|cl[áa]usula|präambel|preamble)", re.I
)
_TITLED = re.compile(rf"(?:\W|der|dem|la|el)*(?:{SALUTATION}|m\.|don|doña|d\.|dña\.)\s", re.I)


def find_listed_parties(text: str) -> list[Field]:
    """The names behind the words that open such a list; two or none."""
    head = _BROKEN.sub(" ", text[:HEAD])
    opened = _OPENS.search(head)
    if opened is None:
        return []
    found = _called(head, opened.end())
    if len(found) < 2:
        found = _joined(head, opened.end())
    return found if len(found) >= 2 else []


def _called(head: str, place: int) -> list[Field]:
    """The names before the words that give each a short one."""
    found: list[Field] = []
    while len(found) < MOST and (called := _CALLED.search(head, place, place + MOST_PART)) is not None:
        name = _name(head, place, called.start())
        if name is None:
            break
        found.append(_field(head, *name, 0.85, f"listed, and {called[0].lower()} called otherwise"))
        following = _NEXT.search(head, called.end(), called.end() + MOST_PART)
        if following is None:
            break
        place = following.end()
    return found


def _joined(head: str, place: int) -> list[Field]:
    """The names that the word for "and" joins: with a legal form or a title, or parted by that word alone in a line."""
    clauses = _CLAUSES.search(head, place)
    head = head[: clauses.start()] if clauses is not None else head
    sure = _sure_name(head, place)
    name = sure or _name(head, place, len(head))
    found: list[Field] = []
    while name is not None and len(found) < MOST:
        found.append(_field(head, *name, 0.8, "listed among the parties"))
        end, is_sure, name, sure = name[1], sure is not None, None, None
        for following in _NEXT.finditer(head, end, end + MOST_PART):
            is_alone = following[0].startswith("\n") and following[0].rstrip(" \t").endswith("\n")
            if is_sure or is_alone:
                sure = _sure_name(head, following.end())
                name = sure or (_name(head, following.end(), len(head)) if is_alone else None)
            if name is not None:
                break
    return found


def _sure_name(head: str, place: int) -> tuple[int, int] | None:
    """Where a name stands that has a legal form, or a title of a person before it."""
    name = _name(head, place, len(head))
    if name is None:
        return None
    written = head[name[0] : name[1]]
    if has_form(written):
        return name[0], name[0] + len(name_with_form(written))
    return name if _TITLED.match(head[place : name[0]]) is not None else None


def _name(head: str, place: int, end: int) -> tuple[int, int] | None:
    """Where a name begins and ends that stands at a place, behind articles and titles."""
    before = _BEFORE.match(head, place)
    start = before.end() if before is not None else place
    name = _NAME.match(head, start, end)
    if name is None or not name[0][0].isupper():
        return None
    return start, start + len(name[0].rstrip(" -"))


def _field(head: str, start: int, end: int, confidence: float, reason: str) -> Field:
    return Field(
        kind="party", value=joined_lines(head[start:end]), start=start, end=end, confidence=confidence, reason=reason
    )
