"""Long texts in pieces that an embedder can take in, cut where a reader would pause."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: About 200 tokens of English; scripts without spaces have more tokens a character, and get shorter pieces.
MOST_CHARACTERS = 900
MOST_DENSE_CHARACTERS = 220
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
    """Pieces that cover the text in order, each at its longest below the bound, none of them blank."""
    most = MOST_DENSE_CHARACTERS if _is_dense(text) else MOST_CHARACTERS
    return list(_pieces(text, most))


def _pieces(text: str, most: int) -> Iterator[Chunk]:
    start, length = 0, len(text)
    while start < length:
        end = min(start + most, length)
        if end < length:
            end = _pause(text, start, end)
        piece = text[start:end]
        blank = len(piece) - len(piece.lstrip())
        if piece.strip():
            yield Chunk(start=start + blank, end=start + len(piece.rstrip()))
        start = end


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


def _is_dense(text: str) -> bool:
    sample = text[:2000]
    return sum(1 for char in sample if "\u3040" <= char <= "\ud7af") > len(sample) // 3
