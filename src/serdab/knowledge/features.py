"""What a text looks like to a linear head: its script and its character n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

#: Numbers of the scripts, as they stand in stored heads.
LATIN, HAN, OTHER = 0, 1, 2
#: Shares of (embedding, n-grams) when no held-out row can tell. The embedder is an English one: on Arabic it guesses.
USUAL_MIXES = {LATIN: (1.0, 0.5), HAN: (1.0, 1.0), OTHER: (0.0, 1.0)}
#: Size of the space that n-grams are hashed into.
GRAM_WIDTH = 1 << 14
#: Changes whenever the same text would give other n-grams: a stored head is then learned again.
FEATURES_VERSION = 1
#: Characters of a text that are looked at.
MOST_CHARACTERS = 4_000

_ORDERS = (3, 4, 5)
_STEP = numpy.uint64(0x100000001B3)
_SPREAD = numpy.uint64(0x9E3779B97F4A7C15)
_SHIFT = numpy.uint64(64 - 15)  # 14 bits of place, one of sign.
_ONE = numpy.uint64(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grams:
    """A sparse vector of length one (or empty)."""

    at: NDArray[numpy.int32]
    values: NDArray[numpy.float32]


def script_of(text: str) -> int:
    """The script of most letters: `LATIN`, `HAN` (with kana and hangul) or `OTHER`; `LATIN` when there are none."""
    codes = _codes(text[:MOST_CHARACTERS])
    latin = ((codes >= 0x41) & (codes < 0x250) & (codes != 0xD7) & (codes != 0xF7)) | (codes >> 8 == 0x1E)
    han = ((codes >= 0x3040) & (codes < 0xA000)) | ((codes >= 0xAC00) & (codes < 0xD7B0)) | (codes >> 16 == 2)
    other = (codes >= 0x370) & (codes < 0x3000) & (codes >> 8 != 0x1E) & ~((codes >= 0x2000) & (codes < 0x2C00))
    # Said in Latin letters, a word is about three characters longer than in signs.
    counts = (int(latin.sum()), int(han.sum()) * 3, int(other.sum()))
    return max((LATIN, HAN, OTHER), key=counts.__getitem__)


def grams_of(text: str) -> Grams:
    """The character n-grams of a text, case and spacing aside, hashed and counted."""
    plain = " ".join(text[:MOST_CHARACTERS].lower().split())
    codes = _codes(f" {plain} ").astype(numpy.uint64)
    parts, rolling = [], codes
    for order in range(2, max(_ORDERS) + 1):
        if len(codes) < order:
            break
        rolling = rolling[:-1] * _STEP + codes[order - 1 :]
        if order in _ORDERS:
            parts.append((rolling + numpy.uint64(order)) * _SPREAD)
    if not parts:
        return Grams(at=numpy.empty(0, numpy.int32), values=numpy.empty(0, numpy.float32))
    keys, counts = numpy.unique(numpy.concatenate(parts) >> _SHIFT, return_counts=True)
    values = numpy.where(keys & _ONE, -1.0, 1.0) * counts
    values /= numpy.sqrt((values * values).sum())
    return Grams(at=(keys >> _ONE).astype(numpy.int32), values=values.astype(numpy.float32))


def join_grams(
    grams: Sequence[Grams],
) -> tuple[NDArray[numpy.int32], NDArray[numpy.float32], NDArray[numpy.int64]]:
    """The rows of a sparse matrix: places, values, and where each row starts."""
    starts = numpy.zeros(len(grams) + 1, numpy.int64)
    numpy.cumsum([len(each.at) for each in grams], out=starts[1:])
    return numpy.concatenate([each.at for each in grams]), numpy.concatenate([each.values for each in grams]), starts


def _codes(text: str) -> NDArray[numpy.uint32]:
    return numpy.frombuffer(text.encode("utf-32-le", "replace"), numpy.uint32)
