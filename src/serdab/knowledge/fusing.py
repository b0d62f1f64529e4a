"""Rankings by meaning and by words become one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

#: Reciprocal rank fusion: how little the first places count more than the next.
FUSION = 60


def fuse(rankings: Sequence[Sequence[Any]], most: int, contents: Mapping[UUID, bytes]) -> list[tuple[Any, float]]:
    """Reciprocal rank fusion over contents: each counts by its best place in each ranking.

    Args:
        rankings: chunks, the best first.
        most: contents that are given.
        contents: what each document holds, by its digest; documents with the same content are one.
    """
    scores: dict[bytes, float] = {}
    best: dict[bytes, Any] = {}
    for ranking in rankings:
        seen: set[bytes] = set()
        for row in ranking:
            content = contents.get(row["document_id"], row["document_id"].bytes)
            if content in seen:
                continue
            seen.add(content)
            scores[content] = scores.get(content, 0.0) + 1 / (FUSION + len(seen))
            if content not in best or row["similarity"] > best[content]["similarity"]:
                best[content] = row
    order = sorted(scores, key=lambda key: (-scores[key], -best[key]["similarity"], best[key]["document_id"]))
    return [(best[key], scores[key]) for key in order[:most]]
