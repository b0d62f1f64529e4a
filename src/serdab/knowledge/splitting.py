"""Long texts in pieces that an embedder can take in, cut where a reader would pause."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

#: About 200 tokens of English.
MOST_CHARACTERS = 900
#: By the estimate below. An embedder reads 256 and leaves the rest out; one text of a hundred has a fifth more than
#: estimated, bug reports full of code a third.
MOST_TOKENS = 215
#: Tokens that a character becomes in a vocabulary of English words (WordPiece of 30,522), by least squares over mail,
#: receipts, contracts, bug reports, and Arabic and Chinese articles.
_LETTER, _ACCENTED, _DIGIT, _MARK, _FOREIGN = 0.22, 0.3, 0.65, 1.15, 1.0
#: Where letters are no longer those of Europe's west.
_BEYOND_LATIN = "\u0250"
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


def split_text(text: str) -> list[Chunk]:
    """Pieces that cover the text in order, each at its longest below the bounds, none of them blank."""
    return list(_pieces(text))


def _pieces(text: str) -> Iterator[Chunk]:
    start, length = 0, len(text)
    while start < length:
        tokens = accumulate(map(_tokens, text[start : start + MOST_CHARACTERS]))
        end = start + bisect_right(list(tokens), MOST_TOKENS)
        if end < length:
            end = _pause(text, start, end)
        piece = text[start:end]
        blank = len(piece) - len(piece.lstrip())
        if piece.strip():
            yield Chunk(start=start + blank, end=start + len(piece.rstrip()))
        start = end


@lru_cache(maxsize=4096)
def _tokens(char: str) -> float:
    """Tokens that a character is likely to become."""
    kind = unicodedata.category(char)[0]
    if char.isspace() or kind == "M":
        return 0.0
    if kind == "L":
        return _LETTER if char.isascii() else _ACCENTED if char < _BEYOND_LATIN else _FOREIGN
    return _DIGIT if char.isdigit() else _FOREIGN if kind == "N" else _MARK


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
