"""Sketches of texts: whether two have nearly the same words in the same order, without comparing them (MinHash).

A text is the set of its triples of words. The least of each of 64 hash functions over that set agrees between two
texts with the probability of their Jaccard similarity; four together are a band, and documents are looked at that
share one of 16 bands: of pairs with 0.8 in common 99.98 % are, of those with 0.3 one in eight.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

HASHES, BANDS = 64, 16
#: Words of a shingle, and most shingles of a text that are looked at.
WORDS, MOST_SHINGLES = 3, 20_000
_PRIME = numpy.uint64((1 << 31) - 1)

Hashes = NDArray[numpy.uint32]
_RANDOM = numpy.random.default_rng(20260101)
#: Part of what is stored: other numbers would make all sketches strangers to each other.
_FACTORS = _RANDOM.integers(1, (1 << 31) - 1, HASHES, dtype=numpy.uint64)[:, None]
_SHIFTS = _RANDOM.integers(0, (1 << 31) - 1, HASHES, dtype=numpy.uint64)[:, None]


def sketch_of(folded: str) -> Hashes | None:
    """The sketch of a folded text (see `words.fold`); None: it has no words."""
    words = folded.split()
    if not words:
        return None
    count = min(max(len(words) - WORDS + 1, 1), MOST_SHINGLES)
    crc = zlib.crc32
    shingles = {crc(" ".join(words[at : at + WORDS]).encode()) for at in range(count)}
    values = numpy.fromiter(shingles, numpy.uint64, len(shingles)) % _PRIME
    least = numpy.full(HASHES, _PRIME, numpy.uint64)
    for start in range(0, len(values), 2048):
        part = (_FACTORS * values[None, start : start + 2048] + _SHIFTS) % _PRIME
        numpy.minimum(least, part.min(1), out=least)
    return least.astype(numpy.uint32)


def bands_of(hashes: Hashes) -> list[int]:
    """The bands of a sketch, as numbers that fit the database's integer."""
    rows = hashes.astype("<u4").reshape(BANDS, -1)
    return [zlib.crc32(row.tobytes(), number) - (1 << 31) for number, row in enumerate(rows)]


def to_bytes(hashes: Hashes) -> bytes:
    """For the database."""
    return hashes.astype("<u4").tobytes()


def from_bytes(data: bytes) -> Hashes:
    """The reverse of `to_bytes`."""
    return numpy.frombuffer(data, "<u4").astype(numpy.uint32)


def likeness(one: Hashes, other: Hashes) -> float:
    """Share of the word triples that two texts have in common, estimated: 0 to 1, ± 0.06."""
    return float((one == other).mean())


def likenesses(one: Hashes, others: Sequence[Hashes]) -> NDArray[numpy.float64]:
    """`likeness` to each of many."""
    found: NDArray[numpy.float64] = (numpy.stack(others) == one).mean(1)
    return found
