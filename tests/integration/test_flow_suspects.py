"""A worker that runs suspects alone goes on, or makes room for another one, whatever happens to its registration."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from serdab.core import Settings
from serdab.flow import Serdab, Worker, workflow
from serdab.store import Database, load_statements

SQL = load_statements("serdab.flow")
GATES: dict[str, asyncio.Event] = {}
BEGUN: list[str] = []


@workflow(queue="suspects")
async def guarded(name: str) -> str:
    BEGUN.append(name)
    await GATES[name].wait()
    return name


async def suspected(serdab: Serdab, database: Database, name: str) -> Any:
    """A run that is suspected, stopped at its gate."""
    GATES[name] = asyncio.Event()
    BEGUN.clear()
    run = await serdab.start(guarded, name)
    await database.pool.execute(
        "with r as (delete from ready returning *)"
        " insert into suspect (run_id, priority, crashes, queue) select run_id, priority, 2, queue from r"
    )
    return run


async def test_an_alone_worker_that_was_taken_for_dead_takes_up_the_suspect_again(
    serdab: Serdab, settings: Settings, database: Database, eventually: Callable[..., Any]
) -> None:
    run = await suspected(serdab, database, "taken")
    async with Worker(settings, database, [guarded], alone=True) as worker:
        await eventually(lambda: BEGUN == ["taken"])
        async with database.pool.acquire() as connection, connection.transaction():
            await connection.execute("update worker set lease_until = now() - interval '1s'")
            rows = await connection.fetch(SQL["rescue"], 0.0, 2, 2, b"{}")
        assert [row["suspects"] for row in rows] == [1]
        GATES["taken"].set()
        assert await run.result(60) == "taken"
        await asyncio.wait_for(worker.until_no_suspects(), 60)


async def test_an_alone_worker_whose_connections_are_cut_ends_when_no_suspect_is_left(
    serdab: Serdab, settings: Settings, database: Database, eventually: Callable[..., Any]
) -> None:
    run = await suspected(serdab, database, "cut")
    async with Worker(settings, database, [guarded], alone=True) as worker:
        await eventually(lambda: BEGUN == ["cut"])
        await database.pool.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        GATES["cut"].set()
        assert await run.result(60) == "cut"
        await asyncio.wait_for(worker.until_no_suspects(), 60)


async def test_a_suspect_that_is_drained_stays_a_suspect(
    serdab: Serdab, settings: Settings, database: Database, eventually: Callable[..., Any]
) -> None:
    await suspected(serdab, database, "drained")
    async with Worker(settings, database, [guarded], alone=True) as worker:
        await eventually(lambda: BEGUN == ["drained"])
        await worker.drain(0.0)
    assert await database.pool.fetchval("select crashes from suspect") == 2
    assert await database.pool.fetchval("select count(*) from ready") == 0
