"""What a text looks like to a linear head: its script and its character n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import category

import numpy
from numpy.typing import NDArray

#: Numbers of the scripts, as they stand in stored heads.
LATIN, HAN, OTHER, ARABIC, CYRILLIC = 0, 1, 2, 3, 4
#: Their names for people.
SCRIPT_NAMES = {
    LATIN: "Latin",
    HAN: "Chinese, Japanese, Korean",
    ARABIC: "Arabic",
    CYRILLIC: "Cyrillic",
    OTHER: "other",
}
#: Scripts that an embedder of English has no words for.
STRANGE_TO_ENGLISH = (ARABIC, CYRILLIC, OTHER)
#: Size of the space that n-grams are hashed into, as a power of two.
GRAM_BITS = 16
GRAM_WIDTH = 1 << GRAM_BITS
#: Changes whenever the same text would give other n-grams: a stored head is then learned again.
FEATURES_VERSION = 2
#: Characters of a text that are looked at.
MOST_CHARACTERS = 4_000
#: Characters from which on what a text begins with counts apart.
LONG = 300

#: Lengths of the n-grams. A sign of Chinese is a syllable with a meaning: one or two make a word.
_ORDERS = (3, 4, 5)
_DENSE_ORDERS = (1, 2)
_STEP = numpy.uint64(0x100000001B3)
_SPREAD = numpy.uint64(0x9E3779B97F4A7C15)
_SHIFT = numpy.uint64(64 - GRAM_BITS)
#: What keeps words apart from n-grams, and those of the beginning from those of all.
_WORD, _BEGINNING = numpy.uint64(0x9E37), numpy.uint64(0x51ED270B)
_POWERS = numpy.array([pow(0x100000001B3, place + 1, 1 << 64) for place in range(64)], numpy.uint64)
#: Which code points are part of words; all from the last on are.
_IS_LETTER = numpy.array([chr(code).isalnum() or category(chr(code))[0] == "M" for code in range(0x3100)] + [True])


@dataclass(frozen=True, slots=True, kw_only=True)
class Grams:
    """A sparse vector of length one (or empty), none of its values negative."""

    at: NDArray[numpy.int32]
    values: NDArray[numpy.float32]


def script_of(text: str) -> int:
    """The script of most letters, one of `SCRIPT_NAMES`; `LATIN` when there are none, kana and hangul are `HAN`."""
    if text.isascii():
        return LATIN
    codes = _codes(text[:MOST_CHARACTERS])
    latin = ((codes >= 0x41) & (codes < 0x250) & (codes != 0xD7) & (codes != 0xF7)) | (codes >> 8 == 0x1E)
    han = ((codes >= 0x3040) & (codes < 0xA000)) | ((codes >= 0xAC00) & (codes < 0xD7B0)) | (codes >> 16 == 2)
    arabic = (
        ((codes >= 0x600) & (codes < 0x780))
        | ((codes >= 0x8A0) & (codes < 0x900))
        | ((codes >= 0xFB50) & (codes < 0xFF00))
    )
    cyrillic = (codes >= 0x400) & (codes < 0x530)
    other = (codes >= 0x370) & (codes < 0x3000) & (codes >> 8 != 0x1E) & ~((codes >= 0x2000) & (codes < 0x2C00))
    # Said in Latin letters, a word is about three characters longer than in signs.
    counts = {
        LATIN: int(latin.sum()),
        HAN: int(han.sum()) * 3,
        ARABIC: int(arabic.sum()),
        CYRILLIC: int(cyrillic.sum()),
        OTHER: int((other & ~arabic & ~cyrillic).sum()),
    }
    return max(counts, key=counts.__getitem__)


def grams_of(text: str, script: int | None = None) -> Grams:
    """The character n-grams and the words of a text, case and spacing aside, hashed; counts weigh by their logarithm.

    What a long text begins with, its title mostly, counts once more and apart.

    Args:
        text: any text; its first `MOST_CHARACTERS` are looked at.
        script: what `script_of` said, when that is known.
    """
    script = script_of(text) if script is None else script
    plain = " ".join(text[:MOST_CHARACTERS].lower().split())
    if not plain:
        return Grams(at=numpy.empty(0, numpy.int32), values=numpy.empty(0, numpy.float32))
    parts = _parts(plain, script, numpy.uint64(0))
    if len(plain) > LONG:
        parts += _parts(plain[:LONG], script, _BEGINNING)
    weighed = [_weighed(part) for part in parts if len(part)]
    at = numpy.concatenate([places for places, _ in weighed])
    values = numpy.concatenate([found for _, found in weighed]) / numpy.sqrt(len(weighed))
    return Grams(at=at, values=values.astype(numpy.float32))


def _parts(plain: str, script: int, salt: numpy.uint64) -> list[NDArray[numpy.uint64]]:
    """The hashes of all n-grams, and those of words and pairs of words where words have few forms."""
    codes = _codes(f" {plain} ").astype(numpy.uint64)
    orders = _DENSE_ORDERS if script == HAN else _ORDERS
    found, rolling = [], codes + salt
    for order in range(1, max(orders) + 1):
        if order > 1:
            rolling = rolling[:-1] * _STEP + codes[order - 1 :]
        if order in orders:
            found.append((rolling + numpy.uint64(order)) * _SPREAD)
    grams = numpy.concatenate(found)
    return [grams, _words(codes, salt)] if script == LATIN else [grams]


def _words(codes: NDArray[numpy.uint64], salt: numpy.uint64) -> NDArray[numpy.uint64]:
    """A word is what stands between spaces and marks; its hash is a sum over its letters by their place."""
    letter = _IS_LETTER[numpy.minimum(codes, _IS_LETTER.size - 1)]
    begins = letter.copy()
    begins[1:] &= ~letter[:-1]
    starts = numpy.flatnonzero(begins)
    if not len(starts):
        return numpy.empty(0, numpy.uint64)
    order = numpy.arange(len(codes))
    place = order - numpy.maximum.accumulate(numpy.where(begins, order, 0))
    mixed = numpy.where(letter, codes * _POWERS[numpy.minimum(place, _POWERS.size - 1)], numpy.uint64(0))
    words = numpy.add.reduceat(mixed, starts) + salt
    pairs = (words[:-1] * _STEP + words[1:]) * _SPREAD
    return numpy.concatenate([(words + _WORD) * _SPREAD, pairs])


def _weighed(hashes: NDArray[numpy.uint64]) -> tuple[NDArray[numpy.int32], NDArray[numpy.float64]]:
    """Places with the logarithms of their counts, of length one together."""
    keys, counts = numpy.unique(hashes >> _SHIFT, return_counts=True)
    values = numpy.log1p(counts)
    return keys.astype(numpy.int32), values / numpy.sqrt((values * values).sum())


def join_grams(
    grams: Sequence[Grams],
) -> tuple[NDArray[numpy.int32], NDArray[numpy.float32], NDArray[numpy.int64]]:
    """The rows of a sparse matrix: places, values, and where each row starts."""
    starts = numpy.zeros(len(grams) + 1, numpy.int64)
    numpy.cumsum([len(each.at) for each in grams], out=starts[1:])
    return numpy.concatenate([each.at for each in grams]), numpy.concatenate([each.values for each in grams]), starts


def _codes(text: str) -> NDArray[numpy.uint32]:
    return numpy.frombuffer(text.encode("utf-32-le", "replace"), numpy.uint32)
