"""Answers to questions: what is near by meaning and what has their words, fused.

The words of a question are looked for while its meaning is still being computed, what is near as soon as it is known.
Each look is one statement for all questions that came while the last was under way; only those with filters go alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec

from serdab.knowledge.coalescing import Coalescer, Link
from serdab.knowledge.filtering import find_matching, nearest_filtered, worded_filtered
from serdab.knowledge.filters import Filters
from serdab.knowledge.fusing import fuse
from serdab.knowledge.makers import unrelated_cosine
from serdab.knowledge.snippets import snippet_of
from serdab.knowledge.vectors import Vector, to_database
from serdab.knowledge.vocabulary import Asked, Vocabulary
from serdab.store import Connection, load_statements

_SQL = load_statements("serdab.knowledge")

#: What one statement found for a question, the best first.
Rows = Sequence[Any]
#: Questions that one statement answers.
QUESTIONS_PER_BATCH = 128
#: Chunks found by words up to which they are compared one by one when the meaning is known.
MOST_EQUAL = 200
#: Chunks found by words may be more than was expected, by this factor at most.
_MARGIN = 2


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A document that is like something, with its best passage."""

    document_id: UUID
    source: str
    title: str
    lang: str
    #: As it was brought, and as what its values were read; each may be empty.
    doc_type: str
    read_as: str
    label: str | None
    snippet: str
    #: Cosine of the passage's meaning to the question's, 0 to 1 for most pairs.
    similarity: float
    #: Of both rankings together; only its order means something.
    score: float
    #: Where the words of the question stand in the snippet: `snippet[start:end]`.
    marks: list[tuple[int, int]] = []
    #: Place of the passage in the normalised text, characters.
    start: int = 0
    end: int = 0
    #: Other places where the same content is now, the first come first, at most twenty; `find_nearest` tells none.
    places: list[str] = []


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, but for its meaning."""

    words: Asked
    #: Documents that are found at most, and chunks that are ranked by words, about.
    most: int
    ranked: int
    #: A document that is left out.
    without: UUID | None = None
    filters: Filters | None = None
    #: Around its words the snippet is cut; empty: the beginning is shown.
    text: str = ""

    @property
    def chunks(self) -> int:
        """Chunks of each ranking: a document can fill several places, and the one left out fills some."""
        return 2 * self.most + 5


class Asker:
    """Asks the index on two connections: one for meaning, one for words."""

    def __init__(self, nearest: Link, wording: Link, vocabulary: Vocabulary) -> None:
        """Nothing is asked yet; who made the links closes them. They may be one."""
        self._nearest, self._wording = nearest, wording
        self._vocabulary = vocabulary
        self._nearing = Coalescer(self._near, QUESTIONS_PER_BATCH)
        self._finding = Coalescer(self._find, QUESTIONS_PER_BATCH)
        self._comparing = Coalescer(self._compare, QUESTIONS_PER_BATCH)
        self._telling = Coalescer(self._tell, QUESTIONS_PER_BATCH)

    async def close(self) -> None:
        """Let what is under way end, fail what waits; a second call does nothing."""
        for each in (self._nearing, self._finding, self._comparing, self._telling):
            await each.close()

    async def ask(self, question: Question, meaning: asyncio.Future[Vector]) -> Sequence[Found]:
        """The documents that answer a question, best first, each content once.

        Raises:
            BadInput: a condition of its filters cannot be compared.
            IndexAway: the database is not there now; asking again is safe.
        """
        look = self._look_filtered if question.filters else self._look
        near, worded = await look(question, meaning)
        return await self._telling((question, near, worded))

    async def _look(self, question: Question, meaning: asyncio.Future[Vector]) -> tuple[Rows, Rows]:
        """The chunks nearest by meaning, and those that have the words, each the best first."""

        async def near() -> Rows:
            return await self._nearing((question, to_database(await meaning)))

        return await asyncio.gather(near(), self._worded(question, meaning))

    async def _worded(self, question: Question, meaning: asyncio.Future[Vector]) -> Rows:
        if not question.words.finding:
            return []
        # By one word alone all chunks are equal.
        if len(question.words.terms) > 1 and not meaning.done():
            rows = await self._finding((question, None))
            if len(rows) <= MOST_EQUAL:
                return (await self._comparing((rows, to_database(await meaning))))[: question.chunks]
        return (await self._finding((question, to_database(await meaning))))[: question.chunks]

    async def _look_filtered(self, question: Question, meaning: asyncio.Future[Vector]) -> tuple[Rows, Rows]:
        """The same among the documents that meet its filters: both looks take long, so they go beside each other."""
        filters = question.filters or Filters()
        matching, vector = await asyncio.gather(self._wording.use(partial(find_matching, filters=filters)), meaning)
        among = partial(nearest_filtered, meaning=to_database(vector), matching=matching, most=question.chunks)
        with_words = partial(
            worded_filtered, meaning=to_database(vector), words=question.words, matching=matching,
            most=question.chunks, ranked=_MARGIN * question.ranked,
        )  # fmt: skip
        near, worded = await asyncio.gather(self._nearest.use(among), self._wording.use(with_words))
        return near, worded[: question.chunks]

    async def _near(self, asked: Sequence[tuple[Question, bytes]]) -> Sequence[Rows]:
        return await self._nearest.use(partial(_find_near, asked=asked))

    async def _find(self, asked: Sequence[tuple[Question, bytes | None]]) -> Sequence[Rows]:
        async def work(connection: Connection) -> Sequence[Rows]:
            await self._vocabulary.learn(connection)
            return await _find_worded(connection, asked)

        return await self._wording.use(work)

    async def _compare(self, found: Sequence[tuple[Rows, bytes]]) -> Sequence[Rows]:
        return await self._wording.use(partial(_compare_worded, found=found))

    async def _tell(self, found: Sequence[tuple[Question, Rows, Rows]]) -> Sequence[Sequence[Found]]:
        return await self._nearest.use(partial(_tell_best, found=found))


async def _find_near(connection: Connection, asked: Sequence[tuple[Question, bytes]]) -> Sequence[Rows]:
    """The chunks nearest to each question by meaning, the nearest first."""
    rows = await connection.fetch(
        _SQL["nearest_chunks"],
        list(range(len(asked))),
        [meaning for _, meaning in asked],
        [question.without for question, _ in asked],
        max(question.chunks for question, _ in asked),
    )
    return _by_question(rows, len(asked))


async def _find_worded(connection: Connection, asked: Sequence[tuple[Question, bytes | None]]) -> Sequence[Rows]:
    """The chunks that rank best by words; without a meaning all that are equal to the last are there."""
    rows = await connection.fetch(
        _SQL["find_worded"],
        list(range(len(asked))),
        [meaning for _, meaning in asked],
        [question.without for question, _ in asked],
        [question.words.finding for question, _ in asked],
        [",".join(question.words.terms) for question, _ in asked],
        [",".join(f"{weight:.3f}" for weight in question.words.weights) for question, _ in asked],
        max(question.chunks for question, _ in asked),
        _MARGIN * max(question.ranked for question, _ in asked),
    )
    return _by_question(rows, len(asked))


async def _compare_worded(connection: Connection, found: Sequence[tuple[Rows, bytes]]) -> Sequence[Rows]:
    """The chunks that were found by words, of equal ones the nearest by meaning first."""
    chunks = [
        (n, row["document_id"], row["position"], row["rank"]) for n, (rows, _) in enumerate(found) for row in rows
    ]
    if not chunks:
        return [[] for _ in found]
    meanings = [meaning for _, meaning in found]
    rows = await connection.fetch(_SQL["compare_worded"], meanings, *map(list, zip(*chunks, strict=True)))
    return _by_question(rows, len(found))


def _by_question(rows: Iterable[Any], questions: int) -> Sequence[Rows]:
    found: list[list[Any]] = [[] for _ in range(questions)]
    for n, part in groupby(rows, key=itemgetter("n")):
        found[n] += part
    return list(found)


async def _tell_best(connection: Connection, found: Sequence[tuple[Question, Rows, Rows]]) -> list[list[Found]]:
    """The best candidates of each question, each content once, with what a reader needs to see of them."""
    candidates = {row["document_id"] for _, near, worded in found for row in (*near, *worded)}
    known = await connection.fetch(_SQL["contents_of"], list(candidates))
    contents = {row["document_id"]: row["digest"] for row in known}
    unrelated = unrelated_cosine(known[0]["made_by"] or "") if known else 0.0
    fused = [
        fuse(near, worded, question.most, contents, whole=question.words.whole, unrelated=unrelated)
        for question, near, worded in found
    ]
    wanted = {_place(row) for rows in fused for row, _ in rows}
    shown = await connection.fetch(_SQL["show_chunks"], [w[0] for w in wanted], [w[1] for w in wanted])
    by_place = {_place(row): row for row in shown}
    return [
        [found_of(by_place[place], row, score, question) for row, score in rows if (place := _place(row)) in by_place]
        for rows, (question, _, _) in zip(fused, found, strict=True)
    ]


def _place(row: Any) -> tuple[UUID, int]:
    return row["document_id"], row["position"]


def found_of(chunk: Any, row: Any, score: float, question: Question | None = None) -> Found:
    """What a reader sees of a chunk; without a question its beginning is shown, and no other places."""
    text, stems = ("", frozenset[str]()) if question is None else (question.text, question.words.stems)
    snippet = snippet_of(chunk["text"], text, stems=stems)
    names = ("document_id", "source", "title", "lang", "doc_type", "read_as", "label")
    return Found(
        **{name: chunk[name] for name in names},
        snippet=snippet.text,
        similarity=float(row["similarity"]),
        score=score,
        marks=snippet.marks,
        start=chunk["start_at"],
        end=chunk["end_at"],
        places=[] if question is None else chunk["places"],
    )
