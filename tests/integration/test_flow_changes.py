"""Code that changed under a run, a worker that lacks it, and a database that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from flows import ALL, Document, doubling, mapping, triage

from serdab.core import Settings
from serdab.flow import RunFailed, Serdab, Worker
from serdab.store import Database, EmbeddedPostgres


async def recorded_once(serdab: Serdab, settings: Settings, database: Database) -> Any:
    """A run that has ended, put back as if its worker had died before the outcome."""
    run = await serdab.start(triage, Document(title="inv", pages=1))
    async with Worker(settings, database, ALL):
        await run.result(60)
    await database.pool.execute("delete from run_outcome where run_id = $1", run.id)
    await database.pool.execute(
        "insert into ready (segment, priority, queue, run_id, again) values (ring_segment(), 1, 'documents', $1, true)",
        run.id,
    )
    return run


async def test_a_step_with_another_input_than_recorded_is_an_error(
    serdab: Serdab, settings: Settings, database: Database
) -> None:
    run = await recorded_once(serdab, settings, database)
    await database.pool.execute("update step_result set digest = 7 where step_key = 'count#1' and run_id = $1", run.id)
    async with Worker(settings, database, ALL):
        with pytest.raises(RunFailed, match=r"StepChanged.*count#1.*another one"):
            await serdab.handle(run.id).result(60)


async def test_a_recorded_step_that_the_code_does_not_reach_is_an_error(
    serdab: Serdab, settings: Settings, database: Database
) -> None:
    run = await recorded_once(serdab, settings, database)
    await database.pool.execute(
        "insert into step_result (run_id, digest, worker, duration_us, attempt, failed, step_key, output) "
        "values ($1, 1, 1, 1, 1, false, 'audit#1', '1')",
        run.id,
    )
    async with Worker(settings, database, ALL):
        with pytest.raises(RunFailed, match=r"CodeChanged.*redrive"):
            await serdab.handle(run.id).result(60)


async def test_a_run_whose_workflow_a_worker_lacks_waits_and_says_so(
    serdab: Serdab, settings: Settings, database: Database, eventually: Callable[..., Any]
) -> None:
    run = await serdab.start(doubling, 21)
    async with Worker(settings, database, [triage]):

        async def told() -> bool:
            return "no worker here knows workflow doubling" in (await run.detail()).why_waiting

        await eventually(told)
    await database.pool.execute("update parked set wake_at = now()")
    async with Worker(settings, database, ALL):
        assert await run.result(60) == 42


async def test_a_database_that_crashes_and_comes_back_costs_nothing(
    serdab: Serdab, settings: Settings, database: Database, server: EmbeddedPostgres
) -> None:
    flow = msgspec.structs.replace(settings.flow, lease_s=4.0)
    async with Worker(msgspec.structs.replace(settings, flow=flow), database, ALL) as worker:
        fence = worker.worker_id
        runs = await serdab.start_many(mapping, [30] * 50)
        await server.stop("immediate")
        await asyncio.sleep(flow.lease_s * 1.1)  # away for longer than a lease: nobody may be taken for dead
        await server.start()
        assert await asyncio.gather(*(run.result(60) for run in runs)) == [list(range(30))] * 50
        assert worker.worker_id == fence, "a worker was taken for dead while the database was away"
