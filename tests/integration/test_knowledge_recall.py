"""What `serdab evaluate search` measures, on an index of known vectors."""

from __future__ import annotations

import numpy
import pytest

from serdab.core import BadInput
from serdab.knowledge import Entry, Index, Passage, document_id_of, evaluate_search
from serdab.store import Database


def _entry(number: int) -> Entry:
    digest = number.to_bytes(32, "big")
    text = f"passage {number}"
    return Entry(
        document_id=document_id_of(text, digest), digest=digest, source=text, title=text, media_type="text/plain",
        lang="en", doc_type="", characters=len(text), passages=[Passage(start=0, end=len(text), text=text)],
    )  # fmt: skip


async def _fill(database: Database, count: int) -> None:
    vectors = numpy.random.default_rng(5).standard_normal((count, 384)).astype(numpy.float32)
    vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True)
    async with Index(database) as index:
        for number in range(count):
            await index.add(_entry(number), vectors[number : number + 1])


async def test_recall_is_measured_against_comparing_everything(database: Database) -> None:
    await _fill(database, 400)
    told: list[tuple[int, int]] = []
    whole = await evaluate_search(database, 50, lambda done, total: told.append((done, total)))
    assert (whole.chunks, whole.questions, told[-1]) == (400, 50, (50, 50))
    assert whole.recall_at_10 > 0.9
    assert whole.recall_low <= whole.recall_at_10 <= whole.recall_high
    assert 0 < whole.index_p50_ms <= whole.index_p95_ms
    # An index with fewer links finds less, and that is told.
    await database.pool.execute("drop index chunk_embedding")
    await database.pool.execute(
        "create index on chunk using hnsw (embedding vector_ip_ops) with (m = 2, ef_construction = 4)"
    )
    poor = await evaluate_search(database, 50)
    assert poor.recall_at_10 < whole.recall_at_10


async def test_too_few_passages_cannot_be_asked(database: Database) -> None:
    await _fill(database, 10)
    with pytest.raises(BadInput, match="more than 10 passages, got 10"):
        await evaluate_search(database)
