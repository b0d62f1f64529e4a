"""Text in one form: the same characters for the same words, and nothing that only a machine would see.

A form feed stands between two pages and nowhere else, so a place's page is `page_of(text, place)`. A tab stands between
two cells of a row and nowhere else.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from serdab.knowledge.languages import language_of

_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x85\u2028\u2029]")
_SPACES = re.compile(r"[ \u00a0\u1680\u2000-\u200a\u205f\u3000]+")
#: Spaces that do not break and part no thousands; of the others one form stays, which says that a number is one.
_UNBOUND = re.compile(
    r"(?<!\d)[\u00a0\u2009\u202f]|[\u00a0\u2009\u202f](?!(?:\d{3}[\u00a0\u2009\u202f]){0,3}\d{3}[.,٫]\d{1,2}(?!\d))"
)
_BOUND = re.compile(r"[\u00a0\u2009]")
_BLANK_LINES = re.compile(r"\n{3,}")
#: Soft hyphens, zero-width spaces and marks of direction; joiners stay, because Persian and Indic words need them.
_INVISIBLE = re.compile(r"[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
#: Arabic letters by their shape in a word, as old programs and many PDFs write them.
_SHAPES = re.compile(r"[\ufb50-\ufdff\ufe70-\ufefc]+")
#: Marks that one letter may carry; Unicode sorts them, which takes the square of their number.
_MOST_MARKS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalText:
    """Text in normal form, with its language as two letters, "en" where nothing tells more."""

    text: str
    lang: str


def normalise_text(text: str) -> NormalText:
    """Bring a text into normal form; places in it refer to the result."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", _with_few_marks(text)).translate(_LIGATURES)
        text = _INVISIBLE.sub("", _SHAPES.sub(_letters, text))
        text = _BOUND.sub("\u202f", _UNBOUND.sub(" ", text))
        text = text.encode("utf-8", "replace").decode("utf-8")
    text = _CONTROLS.sub(" ", _LINE_ENDS.sub("\n", text))
    text = "\f".join(map(_page, text.split("\f"))).rstrip()
    return NormalText(text=text, lang=language_of(text.lstrip()))


def page_of(text: str, place: int) -> int:
    """The page, slide or sheet of a place in a normalised text, from 1."""
    return 1 + text.count("\f", 0, place)


def _page(text: str) -> str:
    if not text or text.isspace():
        return ""
    has_cells = "\t" in text
    lines, in_table = [], False
    for raw in text.split("\n"):
        line = _SPACES.sub(" ", raw).strip(" ")
        if has_cells:
            line, in_table = _row(line, in_table)
        lines.append(line)
    # A first cell that is empty is a tab at the beginning, and stays.
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n ").rstrip()


def _row(line: str, in_table: bool) -> tuple[str, bool]:
    """A row of a table, or a line whose tabs only indent it; and whether it was a row."""
    filled = line.strip("\t ")
    if "\t" not in filled and not (in_table and line.startswith("\t")):
        return filled, False
    return "\t".join(cell.strip(" ") for cell in line.rstrip("\t ").split("\t")), bool(filled)


def _with_few_marks(text: str) -> str:
    marks = re.escape("".join(char for char in set(text) if unicodedata.combining(char)))
    return re.sub(f"([{marks}]{{{_MOST_MARKS}}})[{marks}]+", r"\1", text) if marks else text


def _letters(shapes: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", shapes[0])
