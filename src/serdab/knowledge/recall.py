"""How much of what is nearest the index of meanings finds: measured against comparing everything."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from serdab.core import BadInput, expected
from serdab.knowledge.coalescing import Link
from serdab.knowledge.intervals import wilson
from serdab.store import Connection, Database, load_statements

_SQL = load_statements("serdab.knowledge")

#: How many are looked for, as in a search.
NEAREST = 10
#: Cosines that differ by less are the same: copies of a text may stand for each other.
_SAME = 1e-6


class SearchEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What the index finds of the ten passages that are nearest to each of some others."""

    chunks: int
    questions: int
    recall_at_10: float
    #: The interval that holds the recall of all passages in 95 of 100 cases.
    recall_low: float
    recall_high: float
    #: Half of the questions, and 95 of 100, take no longer, ms: through the index, and by comparing everything.
    index_p50_ms: float
    index_p95_ms: float
    exact_p50_ms: float
    exact_p95_ms: float


async def evaluate_search(
    database: Database, questions: int = 200, on_progress: Callable[[int, int], None] | None = None
) -> SearchEvaluation:
    """Ask for the nearest of passages that are there, through the index and exactly; nothing is changed.

    Args:
        database: of the documents.
        questions: passages that are asked with, drawn at random.
        on_progress: is told how many are done, of how many.

    Raises:
        BadInput: fewer passages are there than a question would find.
        IndexAway: the database is not there now.
    """
    link = Link(database, "index measuring", _SQL["tune_asking"])

    async def work(connection: Connection) -> SearchEvaluation:
        chunks: int = await connection.fetchval(_SQL["count_chunks"])
        if chunks <= NEAREST:
            todo = "put documents through first: serdab run triage PATH"
            raise BadInput(expected("the index", f"more than {NEAREST} passages", chunks, todo))
        asked = await connection.fetch(_SQL["sample_chunks"], questions)
        found = 0
        took: tuple[list[float], list[float]] = [], []
        for number, question in enumerate(asked, 1):
            near, exact = [await _nearest(connection, question, way, took[way]) for way in (False, True)]
            found += sum(similarity >= exact[-1] - _SAME for similarity in near)
            if on_progress is not None:
                on_progress(number, len(asked))
        count = NEAREST * len(asked)
        low, high = wilson(found, count)
        return SearchEvaluation(
            chunks=chunks,
            questions=len(asked),
            recall_at_10=found / count,
            recall_low=low,
            recall_high=high,
            index_p50_ms=_quantile(took[0], 0.5),
            index_p95_ms=_quantile(took[0], 0.95),
            exact_p50_ms=_quantile(took[1], 0.5),
            exact_p95_ms=_quantile(took[1], 0.95),
        )

    try:
        return await link.use(work)
    finally:
        await link.close()


async def _nearest(connection: Connection, question: Any, exactly: bool, took: list[float]) -> Sequence[float]:
    """Cosines of the nearest others, the best first; the milliseconds are added to `took`."""
    began = time.perf_counter()
    async with connection.transaction():
        if exactly:
            await connection.execute(_SQL["tune_exact"])
        rows = await connection.fetch(_SQL["nearest_others"], question["embedding"], NEAREST + 1)
    took.append((time.perf_counter() - began) * 1000)
    itself = question["document_id"], question["position"]
    others = [row["similarity"] for row in rows if (row["document_id"], row["position"]) != itself]
    return others[:NEAREST]


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
