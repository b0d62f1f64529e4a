"""Documents that say the same: by the words they share, and by meaning where words were changed."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import numpy

from serdab.knowledge.makers import unrelated_cosine
from serdab.knowledge.sketches import Hashes, bands_of, from_bytes, likeness, likenesses
from serdab.knowledge.vectors import Vector, from_database
from serdab.store import Connection, load_statements

_SQL = load_statements("serdab.knowledge")

#: Share of word triples from which on two documents are nearly the same; with meaning this close, a smaller one is.
NEARLY, NEARLY_IF_CLOSE = 0.7, 0.45
#: A cosine, where unrelated texts have none in common.
CLOSE = 0.97
#: Documents that are compared with one at most, and that stand for the others of a band.
MOST_COMPARED, MOST_REPRESENTATIVES = 2_000, 16
_PART = 5_000


class Alike(msgspec.Struct, frozen=True, kw_only=True):
    """A document that is nearly the same as another."""

    document_id: UUID
    source: str
    title: str
    label: str | None
    added_at: datetime.datetime
    #: Share of the word triples that both have in common, estimated; 1 for the same content.
    likeness: float
    #: Cosine of their meanings.
    similarity: float


class Duplicates(msgspec.Struct, frozen=True, kw_only=True):
    """Documents that are nearly the same, the one that came first at the front; others are compared with it."""

    documents: list[Alike]


async def find_alike(
    connection: Connection, hashes: Hashes, meaning: Vector, most: int, without: UUID | None
) -> list[Alike]:
    """The documents that are nearly the same as a text, best first, at most `most`."""
    rows = await connection.fetch(_SQL["alike_candidates"], bands_of(hashes), without, MOST_COMPARED)
    if not rows:
        return []
    shares = likenesses(hashes, [from_bytes(row["hashes"]) for row in rows])
    found = {row["document_id"]: float(share) for row, share in zip(rows, shares, strict=True)}
    middles = await _middles(connection, found)
    close = {key: float(meaning @ middles[key]) if key in middles else 0.0 for key in found}
    made_by = await connection.fetchval(_SQL["maker_of_vectors"]) or ""
    close_from = 1 - (1 - CLOSE) * (1 - unrelated_cosine(made_by))
    kept = [key for key, share in found.items() if share >= (NEARLY_IF_CLOSE if close[key] >= close_from else NEARLY)]
    kept.sort(key=lambda key: (-found[key], -close[key], key))
    return await _told(connection, kept[:most], found, close)


async def find_duplicates(connection: Connection) -> list[Duplicates]:
    """All groups of documents that are nearly the same, the largest first.

    Every document of a band is compared with those that stand for it, not with every other: the work grows with the
    number of documents, not with its square.
    """
    links = _Links()
    for row in await connection.fetch(_SQL["same_digests"]):
        first, *others = row["documents"]
        for other in others:
            links.join(first, other)
    bands = [row["documents"] for row in await connection.fetch(_SQL["shared_bands"])]
    concerned = sorted({document for band in bands for document in band})
    hashes: dict[UUID, Hashes] = {}
    for start in range(0, len(concerned), _PART):
        for row in await connection.fetch(_SQL["sketches_of"], concerned[start : start + _PART]):
            hashes[row["document_id"]] = from_bytes(row["hashes"])
    for band in bands:
        _link_band(links, [document for document in band if document in hashes], hashes)
    groups = [await _group(connection, members, hashes) for members in links.groups()]
    return sorted(groups, key=lambda group: (-len(group.documents), group.documents[0].document_id))


class _Links:
    """Which documents belong together (union-find)."""

    def __init__(self) -> None:
        self._above: dict[UUID, UUID] = {}

    def top(self, key: UUID) -> UUID:
        while (above := self._above.setdefault(key, key)) != key:
            self._above[key] = self._above[above]
            key = above
        return key

    def join(self, one: UUID, other: UUID) -> None:
        self._above[self.top(one)] = self.top(other)

    def groups(self) -> list[list[UUID]]:
        found: dict[UUID, list[UUID]] = {}
        for key in list(self._above):
            found.setdefault(self.top(key), []).append(key)
        return [sorted(members) for members in found.values() if len(members) > 1]


def _link_band(links: _Links, band: Sequence[UUID], hashes: Mapping[UUID, Hashes]) -> None:
    standing: list[UUID] = []
    for document in band:
        for other in standing:
            if links.top(document) == links.top(other) or likeness(hashes[document], hashes[other]) >= NEARLY:
                links.join(document, other)
                break
        else:
            if len(standing) < MOST_REPRESENTATIVES:
                standing.append(document)


async def _group(connection: Connection, members: Sequence[UUID], hashes: Mapping[UUID, Hashes]) -> Duplicates:
    told = await connection.fetch(_SQL["tell_documents"], members)
    first = told[0]["document_id"]
    digests = {row["document_id"]: row["digest"] for row in told}
    shares = {key: _share(key, first, digests, hashes) for key in digests}
    middles = await _middles(connection, digests)
    mine = middles.get(first)
    close = {key: 0.0 if mine is None or key not in middles else float(mine @ middles[key]) for key in digests}
    return Duplicates(documents=list(_alike(told, shares, close)))


def _share(key: UUID, first: UUID, digests: Mapping[UUID, bytes], hashes: Mapping[UUID, Hashes]) -> float:
    if digests[key] == digests[first]:
        return 1.0
    return likeness(hashes[key], hashes[first]) if key in hashes and first in hashes else 0.0


async def _middles(connection: Connection, keys: Iterable[UUID]) -> dict[UUID, Vector]:
    found = {}
    for row in await connection.fetch(_SQL["middles_of"], list(keys)):
        middle = from_database(row["middle"])
        found[row["document_id"]] = middle / max(float(numpy.linalg.norm(middle)), 1e-9)
    return found


async def _told(
    connection: Connection, keys: Sequence[UUID], shares: Mapping[UUID, float], close: Mapping[UUID, float]
) -> list[Alike]:
    rows = await connection.fetch(_SQL["tell_documents"], keys)
    by_key = {alike.document_id: alike for alike in _alike(rows, shares, close)}
    return [by_key[key] for key in keys if key in by_key]


def _alike(rows: Iterable[Any], shares: Mapping[UUID, float], close: Mapping[UUID, float]) -> Iterator[Alike]:
    for row in rows:
        yield Alike(
            document_id=row["document_id"],
            source=row["source"],
            title=row["title"],
            label=row["label"],
            added_at=row["added_at"],
            likeness=round(shares[row["document_id"]], 3),
            similarity=round(close[row["document_id"]], 4),
        )
