"""Whom an invoice is for where no label says so: who is addressed at its head."""

from __future__ import annotations

import re

from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.letterheads import SALUTATION, has_form, is_address, is_name
from serdab.knowledge.extraction.records import Value

#: Lines that are looked at, and characters of one.
_MOST_LINES, _MOST_LINE = 30, 200
#: Lines below the name of a customer in which his own numbers stand.
_MOST_BELOW = 6
_EMPTY_LINE, _COLUMN = re.compile(r"\n\s*[\n\f]"), re.compile(r"\t| {4}")
#: Words of respect behind a name, Japanese and Korean.
_HONOURED = re.compile(r"(?P<name>[^\W\d_][^\t。]{1,60}?)\s?(?:御中|様|殿|귀중|귀하)\s*$")
_ADDRESSED = re.compile(rf"{SALUTATION}(?:\W*$|\s(?=(?-i:[A-ZÀ-Þ])))", re.I)


def find_recipient(text: str) -> Field | None:
    """The name behind a salutation, in its line or the next, above an address; or before a word of respect."""
    place = 0
    begins: list[int] = []
    for line in text.split("\n", _MOST_LINES)[:_MOST_LINES]:
        begins.append(place)
        place += len(line) + 1
    lines = [text[start : start + _MOST_LINE].split("\n")[0].split("\t")[0] for start in begins]
    for at, line in enumerate(lines[:-2]):
        honoured = _HONOURED.match(line)
        if honoured is not None:
            return _named(honoured["name"], begins[at] + honoured.start(), honoured[0].removeprefix(honoured["name"]))
        addressed = _ADDRESSED.match(line)
        if addressed is None:
            continue
        is_alone = addressed.end() == len(line)
        row, start = (at + 1, 0) if is_alone else (at, addressed.end())
        name = lines[row][start:].strip(" ,")
        if not is_alone and has_form(name):
            continue  # Mr. Clean Ltd
        below = lines[row + 1 : row + 3]
        if name and is_name(name) and not is_address(name) and any(map(_is_place, below)):
            return _named(name, text.index(name, begins[row] + start), addressed[0])
    return None


def without_those_of(customer: Value, text: str, found: list[Field]) -> list[Field]:
    """The numbers that do not stand in the lines below the customer's name; all where no others are left."""
    return [each for each in found if not _stands_below(text, customer, each)] or found


def _stands_below(text: str, name: Value, found: Field) -> bool:
    between = text[name.end : found.start]
    if found.start < name.end or between.count("\n") > _MOST_BELOW or _EMPTY_LINE.search(between):
        return False
    return _is_first_cell(text, name.start) == _is_first_cell(text, found.start)


def _is_first_cell(text: str, place: int) -> bool:
    return not _COLUMN.search(text, text.rfind("\n", 0, place) + 1, place)


def _named(name: str, start: int, address: str) -> Field:
    reason = f"addressed as {address.strip()!r}"
    return Field(kind="party", value=name, start=start, end=start + len(name), confidence=0.75, reason=reason)


def _is_place(line: str) -> bool:
    return is_address(line) or re.match(r"(?:[A-Z]{1,2}-)?\d{4,5} [^\W\d_]", line) is not None
