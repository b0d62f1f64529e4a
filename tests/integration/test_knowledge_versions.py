"""The same file twice is one document; a changed file is a new version of it."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from typing import Any

import numpy
import pytest
from index_entries import entry

from serdab.knowledge import Found, Index
from serdab.store import Database

WAITS = "select true from pg_stat_activity where pg_blocking_pids(pid) <> '{}'"
VECTOR = numpy.ones((1, 384), numpy.float32) / numpy.sqrt(numpy.float32(384))


async def found(index: Index) -> set[str]:
    hits: list[Found] = list(await index.find_similar(VECTOR[0], "offer", 20))
    return {hit.title for hit in hits}


async def versions(database: Database, source: str) -> list[tuple[str, int, bool]]:
    rows = await database.pool.fetch(
        "select title, version, superseded_by is null as is_newest from document where source = $1 order by version",
        source,
    )
    return [(row["title"], row["version"], row["is_newest"]) for row in rows]


async def test_a_changed_file_is_a_new_version_and_only_the_newest_is_found(database: Database) -> None:
    async with Index(database) as index:
        assert await index.add(entry("a.txt", "first offer"), VECTOR)
        assert await index.add(entry("b.txt", "another paper"), VECTOR)
        assert not await index.add(entry("a.txt", "first offer"), VECTOR)
        assert await index.add(entry("a.txt", "second offer"), VECTOR)
        assert await found(index) == {"second offer", "another paper"}
        assert await versions(database, "a.txt") == [("first offer", 1, False), ("second offer", 2, True)]


async def test_content_that_comes_back_is_the_newest_again(database: Database) -> None:
    async with Index(database) as index:
        for text in ("first", "second", "first", "first"):
            await index.add(entry("a.txt", text), VECTOR)
        assert await found(index) == {"first"}
        assert await versions(database, "a.txt") == [("second", 2, False), ("first", 3, True)]


@pytest.mark.parametrize("was_there", [True, False])
async def test_an_older_version_that_is_written_late_does_not_become_the_newest(
    database: Database, was_there: bool
) -> None:
    early, later, last = (datetime.datetime(2026, 1, day, tzinfo=datetime.UTC) for day in (1, 2, 3))
    async with Index(database) as index:
        if was_there:
            await index.add(entry("a.txt", "first", early), VECTOR)
        await index.add(entry("a.txt", "second", later), VECTOR)
        await index.add(entry("a.txt", "first", early), VECTOR)
        assert await found(index) == {"second"}
        # Seen once more, a version counts by its last time, and one between the two comes too late.
        await index.add(entry("a.txt", "second", last), VECTOR)
        await index.add(entry("a.txt", "third", later), VECTOR)
        assert await found(index) == {"second"}
        assert [title for title, _, is_newest in await versions(database, "a.txt") if is_newest] == ["second"]


async def test_versions_that_come_at_once_agree_on_the_newest(database: Database) -> None:
    async with Index(database) as one, Index(database) as other:
        texts = [f"offer {number}" for number in range(12)]
        await asyncio.gather(*((one, other)[n % 2].add(entry("a.txt", text), VECTOR) for n, text in enumerate(texts)))
        # Whoever comes last sees all of them.
        await one.add(entry("a.txt", texts[0]), VECTOR)
        newest = [title for title, _, is_newest in await versions(database, "a.txt") if is_newest]
        assert len(newest) == 1
        assert await found(one) == set(newest)


@pytest.mark.parametrize("last", ["third", "first"])
async def test_a_version_that_comes_while_older_ones_are_compared_stays_the_newest(
    database: Database, eventually: Callable[..., Any], last: str
) -> None:
    first, second, third = (datetime.datetime(2026, 1, day, tzinfo=datetime.UTC) for day in (1, 2, 3))
    async with Index(database) as slow, Index(database) as quick, database.pool.acquire() as other:
        await slow.add(entry("a.txt", "a paper", first), VECTOR)
        await slow.add(entry("b.txt", "first", first), VECTOR)
        async with other.transaction():
            await other.execute("select from document where source = 'a.txt' for update")
            adding = asyncio.gather(
                slow.add(entry("a.txt", "another paper", second), VECTOR),
                slow.add(entry("b.txt", "second", second), VECTOR),
            )
            await eventually(lambda: database.pool.fetchval(WAITS))
            async with asyncio.timeout(60):
                await quick.add(entry("b.txt", last, third), VECTOR)
        await adding
        assert [title for title, _, is_newest in await versions(database, "b.txt") if is_newest] == [last]
        assert await found(quick) == {"another paper", last}


async def test_documents_without_a_source_are_never_versions_of_each_other(database: Database) -> None:
    async with Index(database) as index:
        for text in ("one", "two"):
            await index.add(entry("", text), VECTOR)
        assert await found(index) == {"one", "two"}
