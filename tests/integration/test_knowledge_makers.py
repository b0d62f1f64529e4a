"""Vectors of two models or precisions never meet in one database."""

from __future__ import annotations

import asyncio

import numpy
import pytest
from index_entries import entry

from serdab.engines import Embedder
from serdab.knowledge import Index, OtherMaker, search_documents
from serdab.knowledge.makers import claim_maker
from serdab.store import Database
from word_engine import word_engine

VECTOR = numpy.ones((1, 384), numpy.float32) / numpy.sqrt(numpy.float32(384))


async def test_documents_of_another_maker_are_refused_and_their_neighbours_are_not(database: Database) -> None:
    async with Index(database) as index:
        assert await index.add(entry("first", "first"), VECTOR, "small/f32")
        good, bad = await asyncio.gather(
            index.add(entry("second", "second"), VECTOR, "small/f32"),
            index.add(entry("third", "third"), VECTOR, "small/int8"),
            return_exceptions=True,
        )
        assert good is True
        assert isinstance(bad, OtherMaker)
        assert "small/f32" in str(bad)
        assert "small/int8" in str(bad)
        assert await index.count() == 2


async def test_the_maker_stays_for_those_who_open_the_database_later(database: Database) -> None:
    async with Index(database) as index:
        await index.add(entry("first", "first"), VECTOR, "small/f32")
    async with Index(database) as index:
        with pytest.raises(OtherMaker):
            await index.add(entry("second", "second"), VECTOR, "large/f32")


async def test_of_two_that_begin_at_once_only_one_is_the_maker(database: Database) -> None:
    async def claim(made_by: str) -> bool:
        async with database.pool.acquire() as connection:
            try:
                await claim_maker(connection, made_by)
            except OtherMaker:
                return False
            return True

    assert sorted(await asyncio.gather(claim("small/f32"), claim("small/int8"))) == [False, True]


async def test_a_question_of_another_maker_is_refused(database: Database) -> None:
    async with word_engine() as (embedder, _), Index(database) as index:
        assert isinstance(embedder, Embedder)
        assert list(await search_documents(index, embedder, "offer")) == []
        await index.add(entry("an offer", "an offer"), VECTOR, "small/int8")
        with pytest.raises(OtherMaker, match="words"):
            await search_documents(index, embedder, "offer")


@pytest.mark.parametrize(
    ("made_by", "is_alike"), [("all-MiniLM-L6-v2/f32", True), ("multilingual-e5-small/f32", False)]
)
async def test_how_close_two_meanings_are_depends_on_what_their_maker_gives_unrelated_ones(
    made_by: str, is_alike: bool, database: Database
) -> None:
    said = [f"word{number}" for number in range(60)]
    # The same but for the words at the end: about six of ten triples are in both.
    texts = [" ".join([*said[:45], *(f"{ending}{word}" for word in said[45:])]) for ending in ("one", "two")]
    one, other = numpy.zeros((2, 384), numpy.float32)
    one[0], other[:2] = 1.0, (0.98, (1 - 0.98**2) ** 0.5)
    async with Index(database) as index:
        await index.add(entry("first", texts[0]), one[None], made_by)
        found = await index.find_alike(texts[1], other)
    assert [each.source for each in found] == (["first"] if is_alike else [])
