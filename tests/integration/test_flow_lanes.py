"""Where claims begin, and what wakes them: rows that are committed late, hints that come at a bad moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from flow_actors import SQL

from serdab.core import Settings
from serdab.flow import Serdab, Worker, workflow
from serdab.flow.lanes import Lanes
from serdab.store import Database


@workflow(queue="lanes")
async def doubled(number: int) -> int:
    return number * 2


async def _start_in(connection: asyncpg.Connection, number: int) -> UUID:
    """Start a run in a transaction that is still open; nobody is told."""
    run = uuid4()
    given = doubled.arguments.encode((number,))
    await connection.fetch(
        SQL["start_runs"], False, [run], [None], [doubled.code], [None], [1], ["lanes"], ["doubled"], [given],
        [None], [0], [None],
    )  # fmt: skip
    return run


async def test_a_run_that_took_its_number_early_and_was_committed_late_is_found(
    settings: Settings, database: Database, serdab: Serdab
) -> None:
    slow = await asyncpg.connect(settings.database.url)
    async with Worker(settings, database, [doubled]):
        transaction = slow.transaction()
        await transaction.start()
        early = await _start_in(slow, 1)
        later = await serdab.start(doubled, 2)
        assert await later.result(60) == 4
        await transaction.commit()
        assert await serdab.handle(early, doubled).result(60) == 2
    await slow.close()


async def test_a_look_that_fails_is_not_the_last(
    settings: Settings,
    database: Database,
    serdab: Serdab,
    eventually: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    late = await asyncpg.connect(settings.database.url)
    async with Worker(settings, database, [doubled]):
        transaction = late.transaction()
        await transaction.start()
        early = await _start_in(late, 1)
        await database.pool.execute("alter function first_ready_v1 rename to not_there")
        assert await (await serdab.start(doubled, 2)).result(60) == 4
        await eventually(lambda: any("look" in record.message for record in caplog.records))
        await database.pool.execute("alter function not_there rename to first_ready_v1")
        await transaction.commit()
        assert await serdab.handle(early, doubled).result(60) == 2
    await late.close()


async def test_an_early_run_does_not_keep_claims_at_the_beginning(
    settings: Settings, database: Database, serdab: Serdab, eventually: Callable[..., Any]
) -> None:
    async with Worker(settings, database, [doubled]) as worker:
        for number in range(3):
            assert await (await serdab.start(doubled, number)).result(60) == number * 2

        async def at_the_last() -> bool:  # again, where a look that saw an earlier run was answered after the claim
            assert await (await serdab.start(doubled, 3)).result(60) == 6
            queues, priorities, lows = worker.lanes()
            last = await database.pool.fetchval("select last_value from ready_seq")
            return bool(dict(zip(zip(queues, priorities, strict=True), lows, strict=True))["lanes", 1] == last)

        await eventually(at_the_last)


async def test_one_slow_look_does_not_put_off_the_next(
    settings: Settings, database: Database, serdab: Serdab, eventually: Callable[..., Any]
) -> None:
    await serdab.start(doubled, 1)
    looks: list[None] = []
    async with database.pool.acquire() as slow:
        async with slow.transaction():
            await slow.execute("lock table ready in access exclusive mode")
            looking = asyncio.ensure_future(Lanes(["lanes"], database, SQL).look_back(lambda: looks.append(None)))
            await asyncio.sleep(0.8)
        await eventually(lambda: len(looks) > 1, 30)
    looking.cancel()


@pytest.mark.parametrize("carries", [True, False])
async def test_a_hint_that_comes_while_a_claim_is_on_its_way_is_not_lost(
    settings: Settings, database: Database, carries: bool
) -> None:
    worker = Worker(settings, database, [doubled])
    assert worker.begin_claim(carries) == settings.flow.in_flight
    worker._on_ready(None, 0, "serdab_ready", "lanes")
    worker.claimed([])
    assert worker.begin_claim(False) == settings.flow.in_flight, "the claim saw the queue before the hint"
    worker.claimed([])
    assert worker.begin_claim(False) == 0, "nothing was there, and nobody hinted since"
    assert worker.begin_claim(True) == settings.flow.in_flight, "a flush that goes anyway asks anyway"
