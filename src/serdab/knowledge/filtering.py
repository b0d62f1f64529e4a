"""Candidates of a search among documents that meet filters: few are compared exactly, many through the index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serdab.knowledge.filters import Filters
from serdab.knowledge.vocabulary import Asked
from serdab.store import Connection, load_statements

_SQL = load_statements("serdab.knowledge", "filtered.sql")

#: Documents up to which every chunk of them is compared: that is exact, and as quick as the index.
MOST_EXACT = 2_000
#: The pgvector from which on an index scan can walk on until enough rows meet a filter.
WALKS_ON = (0, 8)


async def filtered_candidates(
    connection: Connection, embedding: bytes, words: Asked, filters: Filters, most: int, ranked: int
) -> Sequence[Any]:
    """The nearest chunks by meaning ('m') and the best ranked by words ('w'), in order.

    Args:
        connection: of a session that knows vectors.
        embedding: of the question, for the database.
        words: queries of full text search; with none chunks are found by meaning alone.
        filters: what the documents must meet.
        most: chunks of each ranking.
        ranked: chunks that full text search ranks at most.
    """
    given = filters.arguments()
    ranking = words.terms, words.weights
    matching = [
        row["document_id"] for row in await connection.fetch(_SQL["matching_documents"], MOST_EXACT + 1, *given)
    ]
    if len(matching) <= MOST_EXACT:
        rows = list(await connection.fetch(_SQL["nearest_of"], embedding, matching, most))
        if words.finding:
            rows += await connection.fetch(
                _SQL["ranked_of"], embedding, matching, most, words.finding, ranked, *ranking
            )
        return rows
    async with connection.transaction():
        await connection.execute(_SQL[await _tuning(connection)])
        rows = list(await connection.fetch(_SQL["nearest_meeting"], embedding, *given, most))
    if len(rows) < most:
        rows = list(await connection.fetch(_SQL["nearest_meeting_exactly"], embedding, *given, most))
    if words.finding:
        rows += await connection.fetch(_SQL["ranked_meeting"], embedding, *given, most, words.finding, ranked, *ranking)
    return rows


async def _tuning(connection: Connection) -> str:
    version = str(await connection.fetchval(_SQL["vectors_version"]))
    found = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    return "tune_filtered" if found >= WALKS_ON else "tune_filtered_before_0_8"
