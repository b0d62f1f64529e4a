"""The part of a text that answers a question, with the hits marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import msgspec

from serdab.knowledge.words import is_sign, light_stem, plain_form, words_of

#: Characters of a snippet, about.
LENGTH = 200
_MOST_MARKS = 24
#: A word is a form of a stem that it begins with when so few letters follow; shorter stems are beginnings of too much.
_MOST_ENDING, _LEAST_STEM = 3, 3
#: A word as it is written: letters and digits with the vowel marks and accents on them.
_WRITTEN = re.compile(
    r"[^\W_](?:[^\W_]|[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed])*"
)


class Snippet(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a text on one line."""

    text: str
    #: Where in it the words of the question stand: `text[start:end]`.
    marks: list[tuple[int, int]]


class _Words(NamedTuple):
    words: frozenset[str]
    stems: frozenset[str]
    signs: frozenset[str]

    def has_any(self, found: Iterable[str]) -> bool:
        return any(
            self._has(word) or (not word.isascii() and any(map(self._has, _other_forms(word)))) for word in found
        )

    def _has(self, form: str) -> bool:
        return form in self.words or any(form[: len(form) - more] in self.stems for more in range(_MOST_ENDING + 1))


def snippet_of(text: str, question: str, length: int = LENGTH, stems: frozenset[str] = frozenset()) -> Snippet:
    """The part of a text around the first word of the question that it holds, else its beginning.

    Args:
        text: of the document.
        question: its words are marked.
        length: of the part, characters, about.
        stems: what the words of the question are reduced to: other forms of them are marked too.
    """
    asked = _asked(question, stems) if question else None
    first = next(_hits(text, asked), None) if asked else None
    start = 0 if first is None else max(0, first[0] - length // 3)
    if start:
        start = text.find(" ", start, min(start + 30, first[0] if first else start)) + 1 or start
    end = min(start + length, len(text))
    part = " ".join(text[start:end].split())
    front = "… " if start else ""
    shown = front + part + (" …" if end < len(text) else "")
    return Snippet(text=shown, marks=_marks(part, asked, len(front)) if asked else [])


@lru_cache(4_096)
def _folded(written: str) -> tuple[str, ...]:
    """The words in a word as it is written; most words of a text are the same few."""
    return tuple(words_of(written))


@lru_cache(4_096)
def _other_forms(word: str) -> frozenset[str]:
    """The plain form of a folded word and its light stem, where they are something else."""
    return frozenset([plain_form(word), light_stem(word)]) - {word}


def _asked(question: str, stems: frozenset[str]) -> _Words | None:
    words = frozenset(map(plain_form, words_of(question)))
    if not words:
        return None
    long_stems = frozenset(stem for stem in stems if len(stem) >= _LEAST_STEM)
    return _Words(words, long_stems, frozenset(filter(is_sign, words)))


def _marks(part: str, asked: _Words, offset: int) -> list[tuple[int, int]]:
    marks: list[tuple[int, int]] = []
    for start, end in _hits(part, asked):
        start, end = start + offset, end + offset
        if marks and start <= marks[-1][1]:  # Pairs of signs overlap.
            marks[-1] = (marks[-1][0], max(end, marks[-1][1]))
        elif len(marks) < _MOST_MARKS:
            marks.append((start, end))
    return marks


def _hits(text: str, asked: _Words) -> Iterator[tuple[int, int]]:
    """Where the asked words stand; in a run of signs without spaces, the asked pairs."""
    for match in _WRITTEN.finditer(text):
        found = _folded(match[0])
        parts = list(_parts(text, match, asked)) if len(found) > 1 or asked.signs else []
        if parts or asked.has_any(found):
            yield from parts or [match.span()]


def _parts(text: str, match: re.Match[str], asked: _Words) -> Iterator[tuple[int, int]]:
    """The asked signs and pairs of signs in a run."""
    for at in range(*match.span()):
        if text[at] in asked.signs:
            yield at, at + 1
        elif at + 1 < match.end() and asked.has_any(_folded(text[at : at + 2])):
            yield at, at + 2
