"""Starts, crashes, drains and partitions on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from flows import (
    ALL,
    CALLS,
    Document,
    Ledger,
    lingering,
    parent_of,
    triage,
    who_am_i,
)

from serdab.core import BadInput, Settings
from serdab.flow import (
    KeyTaken,
    NotRegistered,
    Serdab,
    Worker,
    workflow,
)
from serdab.store import Database


@pytest.fixture(autouse=True)
def no_calls() -> None:
    CALLS.clear()


@pytest.fixture
async def worker(settings: Settings, database: Database) -> Any:
    async with Worker(settings, database, ALL, resources=[Ledger()]) as running:
        yield running


async def test_the_same_key_is_the_same_run_and_another_input_an_error(serdab: Serdab) -> None:
    first = await serdab.start(triage, Document(title="a", pages=1), key="invoice-4711")
    starts = [serdab.start(triage, Document(title="a", pages=1), key="invoice-4711") for _ in range(5)]
    assert {run.id for run in await asyncio.gather(*starts)} == {first.id}
    with pytest.raises(KeyTaken, match=r"invoice-4711.*use another key"):
        await serdab.start(triage, Document(title="b", pages=1), key="invoice-4711")


async def test_bad_starts_are_refused_at_the_call(serdab: Serdab, worker: Worker) -> None:
    with pytest.raises(NotRegistered, match="did you mean triage"):
        await serdab.start("triag", 1)
    with pytest.raises(BadInput, match=r"document.*triage"):
        await serdab.start(triage, "not a document")
    with pytest.raises(BadInput, match="priority"):
        await serdab.start(triage, Document(title="a", pages=1), priority="now")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="key"):
        await serdab.start(triage, Document(title="a", pages=1), key="a\0b")
    by_name = await serdab.start("triage", {"title": "inv", "pages": 2})
    assert (await by_name.result(60))["label"] == "invoice"


@pytest.mark.usefixtures("worker")
async def test_a_delayed_run_waits_and_says_until_when(serdab: Serdab, database: Database) -> None:
    run = await serdab.start(who_am_i, delay=3600.0)
    assert "deferred until" in (await run.detail()).why_waiting
    await database.pool.execute("update parked set wake_at = clock_timestamp()")
    assert await run.result(60) == run.id
    assert (await run.detail()).info.state == "done"


async def test_a_crash_resumes_after_the_last_recorded_step(
    serdab: Serdab, settings: Settings, database: Database
) -> None:
    run = await serdab.start(triage, Document(title="inv-2", pages=2))
    first = Worker(settings, database, ALL)
    async with first:
        await run.result(60)
    # Take the outcome and one step away, as if the worker had died before them.
    await database.pool.execute("delete from run_outcome where run_id = $1", run.id)
    await database.pool.execute("delete from step_result where run_id = $1 and step_key = 'total#1'", run.id)
    await database.pool.execute(
        "insert into ready (segment, priority, queue, run_id, again) values (ring_segment(), 1, 'documents', $1, true)",
        run.id,
    )
    CALLS.clear()
    async with Worker(settings, database, ALL):
        assert (await serdab.handle(run.id).result(60))["amount"] == "12.50"
    assert CALLS == [], "recorded steps are not executed again"


GATE = asyncio.Event()


@workflow()
async def gated() -> str:
    await GATE.wait()
    return "through"


async def test_a_drain_hands_back_what_does_not_end(
    serdab: Serdab, settings: Settings, database: Database, eventually: Callable[..., Any]
) -> None:
    GATE.clear()
    run = await serdab.start(gated)
    async with Worker(settings, database, [gated]) as worker:
        await eventually(lambda: worker.runs)
        await worker.drain(0.0)
    assert await database.pool.fetchval("select count(*) from lease") == 0
    assert await database.pool.fetchval("select max(crashes) from ready") == 0
    GATE.set()
    async with Worker(settings, database, [gated]):
        assert await run.result(60) == "through"


async def test_a_drain_that_is_hurried_hands_everything_back_and_ends(
    serdab: Serdab, settings: Settings, database: Database
) -> None:
    await serdab.start_many(lingering, [60.0] * 2000)
    untold: list[dict[str, Any]] = []
    gc.collect()  # what tests before this one left is not its own
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: untold.append(context))
    worker = Worker(settings, database, ALL)
    try:
        async with worker, asyncio.timeout(60):
            while len(worker.runs) < 1000:
                await asyncio.sleep(0.005)
            patient = loop.create_task(worker.drain(600.0))
            await asyncio.sleep(0)
            await worker.drain(0.0)
            await patient
        del patient
        gc.collect()
        await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(None)
    assert untold == []
    assert await database.pool.fetchval("select count(*) from lease") == 0
    assert await database.pool.fetchval("select count(*) from ready") == 2000


async def test_rows_that_came_before_their_partition_move_into_it(serdab: Serdab, database: Database) -> None:
    await database.pool.execute("select make_partitions()")  # a week may have begun since the template was made
    await database.pool.execute(
        """do $$ declare t text; begin
             for t in select inhrelid::regclass::text from pg_inherits
                       where inhparent in ('run'::regclass, 'run_outcome'::regclass)
                         and inhrelid::regclass::text !~ 'default'
             loop execute 'drop table ' || t; end loop; end $$"""
    )
    run = await serdab.start(who_am_i)
    assert await database.pool.fetchval("select count(*) from run_default") == 1
    assert await database.pool.fetchval("select make_partitions()") == 6
    assert await database.pool.fetchval("select count(*) from run_default") == 0
    assert (await run.detail()).info.state == "ready"


@workflow(queue="documents")
async def alone_in_its_queue() -> None:
    """Ends with the flush after its claim: what it took to get there is its queue's wait and nothing else."""


async def test_a_queue_with_a_long_line_does_not_keep_another_waiting(
    serdab: Serdab, settings: Settings, database: Database
) -> None:
    few = msgspec.structs.replace(settings, flow=msgspec.structs.replace(settings.flow, in_flight=20))
    many = await serdab.start_many(parent_of, [0] * 2000)
    other = await serdab.start(alone_in_its_queue)
    async with Worker(few, database, [parent_of, alone_in_its_queue]):
        await asyncio.gather(*(run.result(60) for run in [*many, other]))
    later = "select count(*) from run_outcome where ended_at > (select ended_at from run_outcome where run_id = $1)"
    assert await database.pool.fetchval(later, other.id) > 1000
