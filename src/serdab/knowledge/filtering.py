"""Searches among documents that meet filters: few are compared exactly, many through the index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from serdab.knowledge.filters import Filters
from serdab.knowledge.vocabulary import Asked
from serdab.store import Connection, load_statements

_SQL = load_statements("serdab.knowledge", "filtered.sql")

#: Documents up to which every chunk of them is compared: that is exact, and as quick as the index.
MOST_EXACT = 2_000
#: The pgvector from which on an index scan can walk on until enough rows meet a filter.
WALKS_ON = (0, 8)


class Matching(msgspec.Struct, frozen=True, kw_only=True):
    """Filters with the documents that meet them now."""

    filters: Filters
    #: None: too many to compare one by one.
    documents: Sequence[UUID] | None


async def find_matching(connection: Connection, filters: Filters) -> Matching:
    """The documents that meet filters.

    Raises:
        BadInput: a condition cannot be compared.
    """
    documents = await connection.fetchval(_SQL["matching_documents"], MOST_EXACT, *filters.arguments())
    return Matching(filters=filters, documents=documents)


async def worded_filtered(
    connection: Connection, meaning: bytes, words: Asked, matching: Matching, most: int, ranked: int
) -> Sequence[Any]:
    """The chunks that rank best by words, of equal ones the nearest by meaning first.

    Args:
        connection: of a session that knows vectors.
        meaning: of the question, for the database.
        words: queries of full text search; with none nothing is found.
        matching: the documents that may be found.
        most: chunks.
        ranked: chunks that are ranked at most.
    """
    if not words.finding:
        return []
    asked = words.finding, ranked, words.terms, words.weights
    if matching.documents is not None:
        return list(await connection.fetch(_SQL["worded_of"], meaning, most, matching.documents, *asked))
    given = matching.filters.arguments()
    return list(await connection.fetch(_SQL["worded_meeting"], meaning, most, *given, *asked))


async def nearest_filtered(connection: Connection, meaning: bytes, matching: Matching, most: int) -> Sequence[Any]:
    """The nearest chunks by meaning, the nearest first.

    Args:
        connection: of a session that knows vectors.
        meaning: of the question, for the database.
        matching: the documents that may be found.
        most: chunks.
    """
    if matching.documents is not None:
        return list(await connection.fetch(_SQL["nearest_of"], meaning, matching.documents, most))
    given = matching.filters.arguments()
    async with connection.transaction():
        await connection.execute(_SQL[await _tuning(connection)])
        rows = list(await connection.fetch(_SQL["nearest_meeting"], meaning, *given, most))
    if len(rows) < most:
        rows = list(await connection.fetch(_SQL["nearest_meeting_exactly"], meaning, *given, most))
    return rows


async def _tuning(connection: Connection) -> str:
    version = str(await connection.fetchval(_SQL["vectors_version"]))
    found = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    return "tune_filtered" if found >= WALKS_ON else "tune_filtered_before_0_8"
