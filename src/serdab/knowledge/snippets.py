"""The part of a text that answers a question, with the hits marked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from serdab.knowledge.words import has_signs, is_sign, light_stem, plain_form, words_of

#: Characters of a snippet, about.
LENGTH = 200
_MOST_MARKS = 24
#: Words of texts that are kept for one question.
_MOST_KNOWN = 4_096
#: A word is a form of a stem that it begins with when so few letters follow; shorter stems are beginnings of too much.
_MOST_ENDING, _LEAST_STEM = 3, 3
#: A word as it is written: letters and digits with the vowel marks and accents on them.
_WRITTEN = re.compile(
    r"[^\W_](?:[^\W_]|[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed])*"
)
_PAIR = re.compile(r"[\u3400-\u9fff]{2}")


class Snippet(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a text on one line."""

    text: str
    #: Where in it the words of the question stand: `text[start:end]`.
    marks: list[tuple[int, int]]


class _Words:
    """The words of a question, and what is known to be one of them: texts repeat theirs."""

    def __init__(self, words: frozenset[str], stems: frozenset[str]) -> None:
        self.signs = frozenset(filter(is_sign, words))
        self._words, self._stems = words, stems
        self._known: dict[str, bool] = {}

    def has(self, written: str) -> bool:
        """Whether what is written so has an asked word, or a form of one, in it."""
        if _PAIR.fullmatch(written):  # It is folded as it is written.
            return written in self._words
        known = self._known.get(written)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[written] = any(map(self._is_asked, _folded(written)))
        return known

    def _is_asked(self, word: str) -> bool:
        return any(
            form in self._words or any(form[: len(form) - more] in self._stems for more in range(_MOST_ENDING + 1))
            for form in (word, *(() if word.isascii() else (plain_form(word), light_stem(word))))
        )


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


@lru_cache(16)
def _asked(question: str, stems: frozenset[str]) -> _Words | None:
    words = frozenset(map(plain_form, words_of(question)))
    if not words:
        return None
    return _Words(words, frozenset(stem for stem in stems if len(stem) >= _LEAST_STEM))


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
        parts = list(_parts(text, match, asked)) if has_signs(match[0]) else []
        if parts or asked.has(match[0]):
            yield from parts or [match.span()]


def _parts(text: str, match: re.Match[str], asked: _Words) -> Iterator[tuple[int, int]]:
    """The asked signs and pairs of signs in a run."""
    for at in range(*match.span()):
        if text[at] in asked.signs:
            yield at, at + 1
        elif at + 1 < match.end() and asked.has(text[at : at + 2]):
            yield at, at + 2
