"""Answers to questions: what is near by meaning and what has their words, fused.

The words of a question are looked for while its meaning is still being computed: `prepare`, then `answer`. With filters
both looks take long, so they run beside each other once the meaning is known.
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
from serdab.knowledge.filtering import Matching, find_matching, nearest_filtered, worded_filtered
from serdab.knowledge.filters import Filters
from serdab.knowledge.fusing import fuse
from serdab.knowledge.makers import unrelated_cosine
from serdab.knowledge.snippets import snippet_of
from serdab.knowledge.vectors import Vector, to_database
from serdab.knowledge.vocabulary import Asked, Vocabulary
from serdab.store import Connection, load_statements

_SQL = load_statements("serdab.knowledge")

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


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A question whose words have been looked for where that says something without its meaning."""

    question: Question
    #: The chunks that rank best by words, with all that are equal to the last; None: to be found with the meaning.
    worded: Sequence[Any] | None = None
    #: The documents that meet its filters; None: it has none.
    matching: Matching | None = None


class Asker:
    """Asks the index on two connections: one for meaning, one for words."""

    def __init__(self, nearest: Link, wording: Link, vocabulary: Vocabulary) -> None:
        """Nothing is asked yet; who made the links closes them. They may be one."""
        self._nearest, self._wording = nearest, wording
        self._vocabulary = vocabulary
        self._preparing = Coalescer(self._prepare, QUESTIONS_PER_BATCH)
        self._answering = Coalescer(self._answer, QUESTIONS_PER_BATCH)

    async def close(self) -> None:
        """Let what is under way end, fail what waits; a second call does nothing."""
        await self._preparing.close()
        await self._answering.close()

    async def prepare(self, question: Question) -> Prepared:
        """Look for the words of a question.

        Raises:
            BadInput: a condition of its filters cannot be compared.
            IndexAway: the database is not there now; asking again is safe.
        """
        if question.filters:
            return await self._wording.use(partial(_prepare_filtered, question=question))
        # By one word alone all chunks are equal.
        return await self._preparing(question) if len(question.words.terms) > 1 else Prepared(question=question)

    async def answer(self, prepared: Prepared, meaning: Vector) -> Sequence[Found]:
        """The documents that answer a question, best first, each content once.

        Raises:
            IndexAway: the database is not there now; asking again is safe.
        """
        item = prepared, to_database(meaning)
        if prepared.matching is not None:
            return (await self._answer([item]))[0]
        return await self._answering(item)

    async def _prepare(self, questions: Sequence[Question]) -> Sequence[Prepared]:
        asked = [(question, None) for question in questions]
        found = await self._wording.use(partial(_find_worded, questions=asked))
        return [
            Prepared(question=question, worded=_if_few(rows)) for question, rows in zip(questions, found, strict=True)
        ]

    async def _answer(self, asked: Sequence[tuple[Prepared, bytes]]) -> Sequence[Sequence[Found]]:
        near, worded = await asyncio.gather(
            self._nearest.use(partial(_nearest, asked=asked)), self._wording.use(partial(self._worded, asked=asked))
        )
        questions = [prepared.question for prepared, _ in asked]
        return await self._nearest.use(partial(_tell, near=near, worded=worded, questions=questions))

    async def _worded(self, connection: Connection, asked: Sequence[tuple[Prepared, bytes]]) -> Sequence[Sequence[Any]]:
        """The chunks that have the words of each question, the best first; of equal ones the nearest by meaning."""
        prepared, meaning = asked[0]
        if prepared.matching is not None:
            question, ranked = prepared.question, _MARGIN * prepared.question.ranked
            chunks = question.chunks
            rows = await worded_filtered(connection, meaning, question.words, prepared.matching, chunks, ranked)
            return [rows[:chunks]]
        await self._vocabulary.learn(connection)
        found = await _compare_worded(connection, asked)
        rest = [n for n, (prepared, _) in enumerate(asked) if prepared.worded is None]
        if rest:
            looked = await _find_worded(connection, [(asked[n][0].question, asked[n][1]) for n in rest])
            for n, rows in zip(rest, looked, strict=True):
                found[n] = rows
        return [rows[: prepared.question.chunks] for rows, (prepared, _) in zip(found, asked, strict=True)]


async def _prepare_filtered(connection: Connection, question: Question) -> Prepared:
    matching = await find_matching(connection, question.filters or Filters())
    return Prepared(question=question, matching=matching)


def _if_few(rows: Sequence[Any]) -> Sequence[Any] | None:
    """Chunks that are worth comparing one by one."""
    return rows if len(rows) <= MOST_EQUAL else None


async def _nearest(connection: Connection, asked: Sequence[tuple[Prepared, bytes]]) -> Sequence[Sequence[Any]]:
    """The chunks nearest to each question by meaning, the nearest first."""
    prepared, meaning = asked[0]
    if prepared.matching is not None:
        return [await nearest_filtered(connection, meaning, prepared.matching, prepared.question.chunks)]
    rows = await connection.fetch(
        _SQL["nearest_chunks"],
        list(range(len(asked))),
        [meaning for _, meaning in asked],
        [prepared.question.without for prepared, _ in asked],
        max(prepared.question.chunks for prepared, _ in asked),
    )
    return _by_question(rows, len(asked))


async def _compare_worded(connection: Connection, asked: Sequence[tuple[Prepared, bytes]]) -> list[Sequence[Any]]:
    """The chunks that were found by words, of equal ones the nearest by meaning first."""
    chunks = [
        (n, row["document_id"], row["position"], row["rank"])
        for n, (prepared, _) in enumerate(asked)
        for row in prepared.worded or ()
    ]
    if not chunks:
        return [[] for _ in asked]
    meanings = [meaning for _, meaning in asked]
    rows = await connection.fetch(_SQL["compare_worded"], meanings, *map(list, zip(*chunks, strict=True)))
    return _by_question(rows, len(asked))


async def _find_worded(
    connection: Connection, questions: Sequence[tuple[Question, bytes | None]]
) -> Sequence[Sequence[Any]]:
    """The chunks that rank best by words; without a meaning all that are equal to the last are there."""
    asked = [(n, *each) for n, each in enumerate(questions) if each[0].words.finding]
    if not asked:
        return [[] for _ in questions]
    rows = await connection.fetch(
        _SQL["find_worded"],
        [n for n, _, _ in asked],
        [meaning for _, _, meaning in asked],
        [question.without for _, question, _ in asked],
        [question.words.finding for _, question, _ in asked],
        [",".join(question.words.terms) for _, question, _ in asked],
        [",".join(f"{weight:.3f}" for weight in question.words.weights) for _, question, _ in asked],
        max(question.chunks for _, question, _ in asked),
        _MARGIN * max(question.ranked for _, question, _ in asked),
    )
    return _by_question(rows, len(questions))


def _by_question(rows: Iterable[Any], questions: int) -> list[Sequence[Any]]:
    found: list[list[Any]] = [[] for _ in range(questions)]
    for n, part in groupby(rows, key=itemgetter("n")):
        found[n] += part
    return list(found)


async def _tell(
    connection: Connection,
    near: Sequence[Sequence[Any]],
    worded: Sequence[Sequence[Any]],
    questions: Sequence[Question],
) -> list[list[Found]]:
    """The best candidates of each question, each content once, with what a reader needs to see of them."""
    candidates = {row["document_id"] for part in (*near, *worded) for row in part}
    known = await connection.fetch(_SQL["contents_of"], list(candidates))
    contents = {row["document_id"]: row["digest"] for row in known}
    unrelated = unrelated_cosine(known[0]["made_by"] or "") if known else 0.0
    fused = [
        fuse(by_meaning, by_words, question.most, contents, whole=question.words.whole, unrelated=unrelated)
        for by_meaning, by_words, question in zip(near, worded, questions, strict=True)
    ]
    wanted = {_place(row) for rows in fused for row, _ in rows}
    shown = await connection.fetch(_SQL["show_chunks"], [w[0] for w in wanted], [w[1] for w in wanted])
    by_place = {_place(row): row for row in shown}
    return [
        [found_of(by_place[place], row, score, question) for row, score in rows if (place := _place(row)) in by_place]
        for rows, question in zip(fused, questions, strict=True)
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
