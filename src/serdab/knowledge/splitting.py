"""Long texts in pieces that an embedder can take in, cut where a reader would pause."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate

from serdab.engines import USUAL_INPUT_FORMAT, InputFormat, Vocabulary

#: Longest piece, about 200 tokens of English: a place to point at, also where a model could read on.
MOST_CHARACTERS = 900
#: Share of a model's tokens that a piece may have by estimate. Of English that a model with 256 reads, one text of a
#: hundred has a fifth more than estimated, bug reports full of code a third.
_SHARE = 0.84
#: Where letters are no longer those of Europe's west.
_BEYOND_LATIN = "\u0250"
#: Kana, Chinese, Korean, and Chinese that is rare.
_SIGNS = (("\u3040", "\ua000"), ("\uac00", "\ud7b0"), ("\uf900", "\ufb00"), ("\U00020000", "\U00030000"))
_PAUSES = (
    re.compile(r"\n\n|\f"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?。！？؟۔…]) |(?<=[。！？])"),
    re.compile(r" "),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece: `text[start:end]`."""

    start: int
    end: int


def split_text(text: str, input_format: InputFormat = USUAL_INPUT_FORMAT) -> list[Chunk]:
    """Pieces that cover the text in order, each as long as a model reads or shorter, none of them blank."""
    return list(_pieces(text, input_format))


def _pieces(text: str, input_format: InputFormat) -> Iterator[Chunk]:
    start, length = 0, len(text)
    tokens_of, most_tokens = _counting(input_format.vocabulary), _SHARE * input_format.most_tokens
    while start < length:
        tokens = accumulate(map(tokens_of, text[start : start + MOST_CHARACTERS]))
        # At least one character, or a model that reads next to nothing would never end.
        end = start + max(1, bisect_right(list(tokens), most_tokens))
        if end < length:
            end = _pause(text, start, end)
        piece = text[start:end]
        blank = len(piece) - len(piece.lstrip())
        if piece.strip():
            yield Chunk(start=start + blank, end=start + len(piece.rstrip()))
        start = end


@cache
def _counting(vocabulary: Vocabulary) -> Callable[[str], float]:
    """A function that estimates the tokens of a character."""

    @lru_cache(maxsize=4096)
    def tokens_of(char: str) -> float:
        kind = unicodedata.category(char)[0]
        if char.isspace():
            return 0.0
        if kind == "L":
            return _tokens_of_letter(char, vocabulary)
        if kind == "M":
            return vocabulary.combining
        return vocabulary.digit if char.isdigit() else vocabulary.sign if kind == "N" else vocabulary.mark

    return tokens_of


def _tokens_of_letter(char: str, vocabulary: Vocabulary) -> float:
    if char.isascii():
        return vocabulary.letter
    if char < _BEYOND_LATIN:
        return vocabulary.accented
    return vocabulary.sign if any(first <= char < end for first, end in _SIGNS) else vocabulary.foreign


def _pause(text: str, start: int, end: int) -> int:
    """The last good place to cut in the second half of a window, the window's end if there is none."""
    window = text[start + (end - start) // 2 : end]
    for pattern in _PAUSES:
        last = None
        for last in pattern.finditer(window):  # noqa: B007 - the last one is wanted
            pass
        if last is not None:
            return start + (end - start) // 2 + last.end()
    return end
