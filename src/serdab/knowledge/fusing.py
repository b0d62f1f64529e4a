"""Rankings by meaning and by words become one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

#: Reciprocal rank fusion: how little the first places count more than the next.
FUSION = 60
#: A passage that has this share of what the words of a question tell has all that matter: "the" may be missing.
_WHOLE = 0.9
#: How much its place by words counts: alone it is before what others get from both rankings together.
_WHOLE_COUNTS = 2
#: Ranks by words that differ by less are equal.
_TIE = 1e-3


def fuse(
    near: Sequence[Any], worded: Sequence[Any], most: int, contents: Mapping[UUID, bytes], whole: float
) -> list[tuple[Any, float]]:
    """Reciprocal rank fusion over contents: each counts by its best place in each ranking.

    What words do not tell apart has the same place among words, the last one of all these. Otherwise they would stand
    in the order of their meaning, which would count twice, and a hundred that share the common half of a reference
    (the "WX" of WX-00133) would stand before the one that has all of it.

    Args:
        near: chunks by meaning, the best first.
        worded: chunks by words, the best first, with their rank.
        most: contents that are given.
        contents: what each document holds, by its digest; documents with the same content are one.
        whole: the rank by words of a passage that has every word of the question.
    """
    scores: dict[bytes, float] = {}
    best: dict[bytes, tuple[bool, float, Any]] = {}
    for by_words, ranking in ((False, near), (True, worded)):
        ranked: dict[bytes, Any] = {}
        for row in ranking:
            ranked.setdefault(contents.get(row["document_id"], row["document_id"].bytes), row)
        ranks = [-row["rank"] for row in ranked.values()] if by_words else []
        for at, (content, row) in enumerate(ranked.items(), 1):
            has_all = by_words and row["rank"] >= _WHOLE * whole
            place = bisect_left(ranks, _TIE - row["rank"]) if by_words else at
            scores[content] = scores.get(content, 0.0) + (_WHOLE_COUNTS if has_all else 1) / (FUSION + place)
            # A reader wants to see the passage with the words, where one has them all.
            passage = (has_all, row["similarity"], row)
            best[content] = max(best.get(content, passage), passage, key=_worth)
    order = sorted(scores, key=lambda key: (-scores[key], -best[key][1], best[key][2]["document_id"]))
    return [(best[key][2], scores[key]) for key in order[:most]]


def _worth(passage: tuple[bool, float, Any]) -> tuple[bool, float]:
    return passage[:2]
