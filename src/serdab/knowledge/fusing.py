"""Rankings by meaning and by words become one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

#: Reciprocal rank fusion: how little the first places count more than the next.
FUSION = 60


def fuse(rows: Sequence[Any], most: int) -> list[tuple[Any, float]]:
    """Reciprocal rank fusion over documents: each counts by its best place in either ranking."""
    scores: dict[UUID, float] = {}
    best: dict[UUID, Any] = {}
    for leg in ("m", "w"):
        seen: set[UUID] = set()
        for row in rows:
            document_id = row["document_id"]
            if row["leg"] != leg or document_id in seen:
                continue
            seen.add(document_id)
            scores[document_id] = scores.get(document_id, 0.0) + 1 / (FUSION + len(seen))
            if document_id not in best or row["similarity"] > best[document_id]["similarity"]:
                best[document_id] = row
    order = sorted(scores, key=lambda key: (-scores[key], -best[key]["similarity"], key))
    return [(best[key], scores[key]) for key in order[:most]]
