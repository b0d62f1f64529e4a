"""The part of a text that answers a question, with the hits marked."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from serdab.knowledge.words import words_of

#: Characters of a snippet, about.
LENGTH = 200
_MOST_MARKS = 24
#: A word as it is written: letters and digits with the vowel marks and accents on them.
_WRITTEN = re.compile(
    r"[^\W_](?:[^\W_]|[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed])*"
)


class Snippet(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a text on one line."""

    text: str
    #: Where in it the words of the question stand: `text[start:end]`.
    marks: list[tuple[int, int]]


def snippet_of(text: str, question: str, length: int = LENGTH) -> Snippet:
    """The part of a text around the first word of the question that it holds, else its beginning."""
    asked = frozenset(words_of(question)) if question else frozenset()
    first = next(_hits(text, asked), None) if asked else None
    start = 0 if first is None else max(0, first[0] - length // 3)
    if start:
        start = text.find(" ", start, min(start + 30, first[0] if first else start)) + 1 or start
    end = min(start + length, len(text))
    part = " ".join(text[start:end].split())
    front = "… " if start else ""
    shown = front + part + (" …" if end < len(text) else "")
    return Snippet(text=shown, marks=_marks(part, asked, len(front)))


def _marks(part: str, asked: frozenset[str], offset: int) -> list[tuple[int, int]]:
    marks: list[tuple[int, int]] = []
    if not asked:
        return marks
    for start, end in _hits(part, asked):
        start, end = start + offset, end + offset
        if marks and start <= marks[-1][1]:  # Pairs of signs overlap.
            marks[-1] = (marks[-1][0], max(end, marks[-1][1]))
        elif len(marks) < _MOST_MARKS:
            marks.append((start, end))
    return marks


def _hits(text: str, asked: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Where the asked words stand; in a run of signs without spaces, the asked pairs."""
    for match in _WRITTEN.finditer(text):
        found = list(words_of(match[0]))
        if asked.isdisjoint(found):
            continue
        if len(found) < 2:
            yield match.span()
            continue
        whole = True
        for at in range(match.start(), match.end() - 1):
            if not asked.isdisjoint(words_of(text[at : at + 2])):
                whole = False
                yield at, at + 2
        if whole:
            yield match.span()
