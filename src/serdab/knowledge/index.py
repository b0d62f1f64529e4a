"""The index of documents: what is known, and what is like something, by meaning and by words."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, Self
from uuid import UUID

import msgspec

from serdab.knowledge.asking import Asker, Found, Question, found_of
from serdab.knowledge.coalescing import Coalescer, Link
from serdab.knowledge.duplicates import Alike, Duplicates, find_alike, find_duplicates
from serdab.knowledge.facts import Fact
from serdab.knowledge.filters import Filters
from serdab.knowledge.makers import check_maker, claim_maker
from serdab.knowledge.sketches import bands_of, sketch_of, to_bytes
from serdab.knowledge.vectors import Vector, Vectors, to_database
from serdab.knowledge.vocabulary import Vocabulary
from serdab.knowledge.words import STEMMERS, fold, more_words
from serdab.store import Connection, Database, load_statements

_SQL = load_statements("serdab.knowledge")

#: Chunks that one statement adds, about half a second of work.
CHUNKS_PER_BATCH = 512
#: Chunks that full text search ranks, about, for similar documents and for a person's question: half as many find less,
#: twice as many no more. With filters more are looked at, for not all meet them.
RANKED_SIMILAR = 300
RANKED_ASKED = 1_000
RANKED_FILTERED = 2_000
_MOST_TEXT = 4_000


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a document's normalised text."""

    start: int
    end: int
    text: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A document as the index takes it."""

    document_id: UUID
    #: SHA-256 of the content as it came.
    digest: bytes
    source: str
    title: str
    media_type: str
    lang: str
    doc_type: str
    characters: int
    passages: Sequence[Passage]
    #: When this content was first met at its source, by the database's clock: of several versions the last one counts,
    #: whichever is written last. None: now.
    seen_at: datetime.datetime | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about a document, as the index keeps it."""

    document_id: UUID
    run_id: UUID
    #: Documents that were brought together; empty: alone.
    batch: str
    label: str | None
    confidence: float
    facts: Sequence[Fact]
    #: The receipt as JSON.
    body: bytes
    #: The schema that its values were read by; empty: none.
    read_as: str = ""


def document_id_of(source: str, digest: bytes) -> UUID:
    """The id of a document, made from where it came from and what it holds (UUID version 8)."""
    data = hashlib.sha256(source.encode("utf-8", "surrogatepass") + b"\0" + digest).digest()
    number = int.from_bytes(data[:16], "big")
    number = number & ~(0xF << 76) | 8 << 76
    return UUID(int=number & ~(3 << 62) | 2 << 62)


class Index:
    """The documents of this house; `async with` it, or `close` it."""

    def __init__(self, database: Database) -> None:
        """Nothing is opened yet."""
        self._writing = Link(database, "index writing")
        self._reading = Link(database, "index reading", _SQL["tune_search"])
        self._asking = Link(database, "index asking", _SQL["tune_asking"])
        self._vocabulary = Vocabulary()
        self._adds = Coalescer(self._add, CHUNKS_PER_BATCH, lambda item: len(item[0].passages))
        self._outcomes = Coalescer(self._note, CHUNKS_PER_BATCH)
        self._similar = Asker(self._reading, self._reading, self._vocabulary)
        self._questions = Asker(self._asking, self._reading, self._vocabulary)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; a second call does nothing."""
        for each in (self._adds, self._outcomes, self._similar, self._questions):
            await each.close()
        await self._writing.close()
        await self._reading.close()
        await self._asking.close()

    async def add(self, entry: Entry, embeddings: Vectors, made_by: str = "") -> bool:
        """Add a document with the embedding of each passage; returns False when it was there already.

        Args:
            entry: the document.
            embeddings: of its passages, in their order.
            made_by: model and precision of the embeddings, as `Embedder.made_by` has it; empty: not known.

        Raises:
            IndexAway: the database is not there now; asking again is safe.
            OtherMaker: another model or precision made the embeddings that are there.
        """
        return await self._adds((entry, embeddings, made_by))

    async def check_maker(self, made_by: str) -> None:
        """See that embeddings may be compared with those of the documents.

        Raises:
            IndexAway: the database is not there now; asking again is safe.
            OtherMaker: another model or precision made those that are there.
        """
        await self._asking.use(lambda connection: check_maker(connection, made_by))

    async def note(self, outcome: Outcome) -> None:
        """Keep what was found out about a document: label, values, receipt; again replaces what was kept."""
        await self._outcomes(outcome)

    async def find_similar(
        self, embedding: Vector, text: str, k: int = 5, without: UUID | None = None
    ) -> Sequence[Found]:
        """The documents most like a text, best first, at most `k`, each content once; `without` is left out."""
        words = self._vocabulary.ask_for_alike(text[:_MOST_TEXT], RANKED_SIMILAR)
        asked = Question(words=words, without=without, most=k, ranked=RANKED_SIMILAR)
        return await self._similar.ask(asked, _known(embedding))

    async def find_nearest(self, embedding: Vector, k: int = 10) -> Sequence[Found]:
        """The documents nearest by meaning alone, best first, at most `k`, each content once."""
        vector = to_database(embedding)
        # A document can fill several places: most fill one, so few more are asked for, and many more when that fails.
        for most in (k + 2, k * 8):
            rows = await self._asking.use(lambda connection: connection.fetch(_SQL["nearest_passages"], vector, most))  # noqa: B023
            rows.sort(key=lambda row: (row["similarity"], row["document_id"]))
            best = {row["digest"]: row for row in rows}  # The last one of each counts, which is its nearest.
            if len(best) >= k or len(rows) < most:
                break
        ordered = sorted(best.values(), key=lambda row: (-row["similarity"], row["document_id"]))
        return [found_of(row, row, 0.0) for row in ordered[:k]]

    async def search(
        self, question: str, meaning: Vector | asyncio.Future[Vector], k: int = 10, filters: Filters | None = None
    ) -> Sequence[Found]:
        """The documents that answer a person's question, best first, at most `k`, each content once.

        Args:
            question: a text.
            meaning: its embedding, which need not be known yet: its words are looked for meanwhile.
            k: at most so many.
            filters: what they must meet; None: nothing.

        Raises:
            BadInput: a condition of the filters cannot be compared.
            IndexAway: the database is not there now; asking again is safe.
        """
        text = question[:_MOST_TEXT]
        ranked = RANKED_FILTERED if filters else RANKED_ASKED
        words = await self._reading.use(lambda connection: self._vocabulary.ask(connection, text, ranked))
        asked = Question(words=words, most=k, ranked=ranked, filters=filters or None, text=text)
        return await self._questions.ask(asked, meaning if isinstance(meaning, asyncio.Future) else _known(meaning))

    async def find_alike(
        self, text: str, embedding: Vector, k: int = 10, without: UUID | None = None
    ) -> Sequence[Alike]:
        """The documents that are nearly the same as a text, best first, at most `k`; `without` is left out."""
        hashes = sketch_of(fold(text))
        if hashes is None:
            return []
        return await self._asking.use(lambda connection: find_alike(connection, hashes, embedding, k, without))

    async def find_duplicates(self) -> Sequence[Duplicates]:
        """All groups of documents that are nearly the same, the largest first."""
        return await self._asking.use(find_duplicates)

    async def known_words(self) -> Mapping[str, Sequence[str]]:
        """The words of `Filters` that some document has: of each `field`, `label`, `language` and `type`."""

        async def ask(connection: Connection) -> dict[str, list[str]]:
            names = {"field": "values", "label": "labels", "language": "languages", "type": "types"}
            return {kind: [row[0] for row in await connection.fetch(_SQL[f"known_{n}"])] for kind, n in names.items()}

        return await self._asking.use(ask)

    async def count(self) -> int:
        """How many documents are known."""
        found: int = await self._reading.use(lambda connection: connection.fetchval(_SQL["count_documents"]))
        return found

    async def _add(self, items: Sequence[tuple[Entry, Vectors, str]]) -> Sequence[bool]:
        # Sorted, so that two workers that add the same documents cannot wait for each other in a ring.
        by_id = {entry.document_id: (entry, vectors) for entry, vectors, _ in items}
        ordered = [by_id[key] for key in sorted(by_id)]
        columns = [list(column) for column in zip(*map(_document_row, (entry for entry, _ in ordered)), strict=True)]
        rows = list(chain.from_iterable(_chunk_rows(entry, vectors) for entry, vectors in ordered))
        columns += _columns(rows, 9)
        columns += _columns(list(_sketch_rows(rows)), 3)
        makers = sorted({made_by for _, _, made_by in items})

        async def work(connection: Connection) -> list[Any]:
            for made_by in makers:
                await claim_maker(connection, made_by)
            return await _add_versions(connection, columns)

        added = {row["document_id"] for row in await self._writing.use(work)}
        return [entry.document_id in added for entry, _, _ in items]

    async def _note(self, outcomes: Sequence[Outcome]) -> Sequence[None]:
        last = {outcome.document_id: outcome for outcome in outcomes}
        ordered = [last[key] for key in sorted(last)]
        columns = _columns([_outcome_row(outcome) for outcome in ordered], 8)
        facts = [
            (outcome.document_id, fact.name, *map(_clean, (fact.value, fact.folded)), fact.number, fact.day)
            for outcome in ordered
            for fact in outcome.facts
        ]
        columns += _columns(facts, 6)
        await self._writing.use(lambda connection: connection.execute(_SQL["note_outcomes"], *columns))
        return [None] * len(outcomes)


async def _add_versions(connection: Connection, columns: list[list[Any]]) -> list[Any]:
    """Add documents; what their sources held before is superseded, also when an earlier call got no further."""
    rows = await connection.fetch(_SQL["add_documents"], *columns)
    while await connection.fetchval(_SQL["supersede_documents"], columns[2], columns[0], columns[9]):
        pass  # Another worker changed some of them meanwhile.
    return list(rows)


def _document_row(entry: Entry) -> tuple[Any, ...]:
    texts = (entry.source, entry.title, entry.media_type, entry.lang, entry.doc_type)
    return (entry.document_id, entry.digest, *map(_clean, texts), len(entry.passages), entry.characters, entry.seen_at)


def _known(meaning: Vector) -> asyncio.Future[Vector]:
    known: asyncio.Future[Vector] = asyncio.get_running_loop().create_future()
    known.set_result(meaning)
    return known


def _chunk_rows(entry: Entry, vectors: Vectors) -> list[tuple[Any, ...]]:
    return [
        (
            entry.document_id,
            position,
            passage.start,
            passage.end,
            _clean(passage.text),
            (folded := fold(passage.text)),
            to_database(vector),
            more_words(folded),
            STEMMERS.get(entry.lang),
        )
        for position, (passage, vector) in enumerate(zip(entry.passages, vectors, strict=True))
    ]


def _sketch_rows(rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[UUID, str, bytes]]:
    """A sketch for each document, from the folded texts of its chunks."""
    for document_id, chunks in groupby(rows, key=itemgetter(0)):
        hashes = sketch_of(" ".join(chunk[5] for chunk in chunks))
        if hashes is not None:
            yield document_id, f"{{{','.join(map(str, bands_of(hashes)))}}}", to_bytes(hashes)


def _outcome_row(outcome: Outcome) -> tuple[Any, ...]:
    day = next((fact.day for fact in outcome.facts if fact.name == "date" and fact.day is not None), None)
    said = (outcome.label, outcome.confidence, day)
    return (outcome.document_id, *said, outcome.run_id, _clean(outcome.batch), outcome.body, _clean(outcome.read_as))


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def _clean(text: str) -> str:
    """What PostgreSQL can hold of a text: no NUL, no half of a pair."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
