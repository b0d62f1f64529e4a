"""A worker at the wrong moment: it comes, leaves or fails while something is on its way, and nothing is lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from flow_actors import SQL

from serdab.core import Settings
from serdab.flow import ONCE, Serdab, Worker, Workflow, gather, run_child, step, workflow
from serdab.flow.heartbeat import Beat, Heartbeat
from serdab.flow.keeper import Keeper
from serdab.flow.threads import Threads
from serdab.store import Database, EmbeddedPostgres

Eventually = Callable[..., Any]

GATE = asyncio.Event()
BEGUN: list[str] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    GATE.clear()
    BEGUN.clear()


@step
async def note(text: str) -> str:
    BEGUN.append(text)
    return text


@workflow(queue="races")
async def noting(text: str) -> str:
    return await note(text)


@workflow(queue="races")
async def waiting(text: str) -> str:
    BEGUN.append(text)
    await GATE.wait()
    return await note("after")


@workflow(queue="races")
async def calling(text: str) -> str:
    return str(await run_child(waiting, text))


#: A clock of the database that can be set, for the sessions that begin later.
LEAPING = """
create schema leap;
create table leap.ahead as select 0 as by_s;
create function leap.clock_timestamp() returns timestamptz language sql as
$$ select pg_catalog.clock_timestamp() + make_interval(secs => by_s) from leap.ahead $$;
do $$ begin execute format('alter database %I set search_path = leap, pg_catalog, public', current_database()); end $$
"""
#: Ends sessions by their name.
CUT = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where datname = current_database() and application_name = $1"
)
#: What the load of a history waits for.
HISTORY = "lock table step_attempt in access exclusive mode"


@step(retries=ONCE)
async def failing_once() -> str:
    BEGUN.append("tried")
    if len(BEGUN) == 1:
        raise ValueError("no " * 500)
    return "fine"


async def child_of(text: str) -> str:
    return str(await run_child(noting, text))


@workflow(queue="races")
async def failing_beside() -> list[str]:
    return list(await gather(failing_once()))


@workflow(queue="races")
async def starting_beside() -> list[str]:
    return list(await gather(child_of("large " * 500)))


ALL: list[Workflow[..., Any]] = [noting, waiting, calling, failing_beside, starting_beside]


@asynccontextmanager
async def held(settings: Settings, sql: str) -> AsyncIterator[Any]:
    """Locks of a session that others wait for while the block runs."""
    connection = await asyncpg.connect(settings.database.url)
    try:
        await connection.execute("begin")
        await connection.execute(sql)
        yield connection
    finally:
        connection.terminate()


async def who_waits(database: Database, name: str) -> list[int]:
    """Sessions of a name that wait for a lock."""
    rows = await database.pool.fetch(
        "select pid from pg_stat_activity where datname = current_database() and application_name = $1"
        " and cardinality(pg_blocking_pids(pid)) > 0",
        name,
    )
    return [row["pid"] for row in rows]


async def take_for_dead(database: Database) -> list[Any]:
    """As a rescue does when the lease has lapsed; nothing is taken from a worker that is just flushing."""
    async with database.pool.acquire() as connection, connection.transaction():
        await connection.execute("update worker set lease_until = now() - interval '1s' where gone_at is null")
        return list(await connection.fetch(SQL["rescue"], 0.0, 2, 2, b"{}"))


async def cancel_statement(database: Database, eventually: Eventually, name: str) -> None:
    """What an administrator does, and what a timeout of statements or locks comes to."""
    (pid, *_) = await eventually(lambda: who_waits(database, name))
    await database.pool.execute("select pg_cancel_backend($1)", pid)


async def test_a_claim_that_is_answered_while_the_worker_leaves_is_handed_back_and_not_begun(
    serdab: Serdab, settings: Settings, database: Database, eventually: Eventually
) -> None:
    worker = Worker(settings, database, ALL)
    async with worker:
        async with held(settings, f"select from worker where worker_id = {worker.worker_id} for update"):
            await eventually(lambda: who_waits(database, "serdab flusher"))
            run = await serdab.start(noting, "late")
            leaving = asyncio.create_task(worker.drain(0.0))
            await eventually(lambda: worker.draining)
        await leaving
    assert worker.counts["claimed"] == 1
    assert BEGUN == []
    assert await database.pool.fetchval("select run_id from ready") == run.id


async def test_a_worker_that_is_cancelled_while_it_comes_up_leaves_nothing_behind(
    settings: Settings, database: Database, eventually: Eventually
) -> None:
    worker = Worker(settings, database, ALL)
    async with held(settings, "select pg_advisory_xact_lock(hashtext('serdab.partitions'))"):
        coming = asyncio.create_task(worker.__aenter__())
        await eventually(lambda: who_waits(database, "serdab pool"))
        coming.cancel()
        with pytest.raises(asyncio.CancelledError):
            await coming
    assert not [task for task in asyncio.all_tasks() if "Worker._tick" in repr(task)]
    assert await database.pool.fetchval("select gone_at is not null from worker")


async def test_a_full_worker_that_was_taken_for_dead_while_nobody_flushes_hears_of_it(
    serdab: Serdab, settings: Settings, database: Database, eventually: Eventually
) -> None:
    flow = msgspec.structs.replace(settings.flow, lease_s=1.0, in_flight=1)
    run = await serdab.start(waiting, "full")
    async with Worker(msgspec.structs.replace(settings, flow=flow), database, ALL) as worker:
        await eventually(lambda: BEGUN == ["full"])
        first = worker.worker_id
        await eventually(lambda: take_for_dead(database))
        await eventually(lambda: not worker._host.may_step() or worker.worker_id != first)
        GATE.set()
        assert await run.result(60) == "after"
        assert worker.worker_id > first


async def test_a_heartbeat_that_an_administrator_cancels_goes_on(
    settings: Settings, database: Database, eventually: Eventually
) -> None:
    flow = msgspec.structs.replace(settings.flow, lease_s=4.0)
    async with Worker(msgspec.structs.replace(settings, flow=flow), database, ALL) as worker:
        async with held(settings, f"select from worker where worker_id = {worker.worker_id} for update"):
            await cancel_statement(database, eventually, "serdab heartbeat")
        ends = worker._heartbeat.ends
        await eventually(lambda: worker._heartbeat.ends > ends)


async def test_a_run_whose_history_is_loaded_when_an_administrator_cancels_goes_on(
    serdab: Serdab, settings: Settings, database: Database, eventually: Eventually
) -> None:
    run = await serdab.start(noting, "again")
    await database.pool.execute("update ready set again = true")
    async with (
        held(settings, "lock table step_attempt in access exclusive mode") as holder,
        Worker(settings, database, ALL),
    ):
        await cancel_statement(database, eventually, "serdab pool")
        await holder.execute("rollback")
        assert await run.result(60) == "again"


async def test_a_parent_whose_look_at_its_children_an_administrator_cancels_goes_on(
    serdab: Serdab, settings: Settings, database: Database, eventually: Eventually
) -> None:
    flow = msgspec.structs.replace(settings.flow, park_after_s=60.0)
    run = await serdab.start(calling, "child")
    async with Worker(msgspec.structs.replace(settings, flow=flow), database, ALL):
        await eventually(lambda: BEGUN == ["child"])
        async with held(settings, "lock table run_outcome in access exclusive mode") as holder:
            await cancel_statement(database, eventually, "serdab pool")
            GATE.set()
            await holder.execute("rollback")
        assert await run.result(60) == "after"


async def test_an_alone_worker_whose_claim_an_administrator_cancels_ends(
    settings: Settings, database: Database, eventually: Eventually
) -> None:
    worker = Worker(settings, database, ALL, alone=True)
    async with held(settings, "lock table suspect in access exclusive mode") as holder, worker:
        await cancel_statement(database, eventually, "serdab pool")
        await holder.execute("rollback")
        await asyncio.wait_for(worker.until_no_suspects(), 60)


async def test_who_waits_for_a_result_hears_why_nobody_looks_any_more(
    serdab: Serdab, settings: Settings, database: Database, eventually: Eventually
) -> None:
    run = await serdab.start(noting, "unseen")
    async with held(settings, "lock table run_outcome in access exclusive mode"):
        results = [asyncio.create_task(run.result(60)) for _ in range(2)]
        await cancel_statement(database, eventually, "serdab pool")
        for result in results:
            with pytest.raises(asyncpg.QueryCanceledError):
                await result
    async with Worker(settings, database, ALL):
        assert await run.result(60) == "unseen"


async def test_a_poke_that_meets_the_end_of_the_heartbeat_is_no_error(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats: asyncio.Queue[Beat] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def heard(beat: Beat) -> None:
        loop.call_soon_threadsafe(beats.put_nowait, beat)

    heartbeat = Heartbeat(database, SQL, 1.0, heard)
    heartbeat.start(0)
    await beats.get()
    theirs, thread = heartbeat._loop, heartbeat._thread
    assert theirs is not None
    assert thread is not None
    call_soon = theirs.call_soon_threadsafe

    def too_late(*args: Any) -> Any:
        thread.join()
        return call_soon(*args)

    monkeypatch.setattr(theirs, "call_soon_threadsafe", too_late)
    heartbeat.stop()
    assert theirs.is_closed()


async def test_a_call_for_which_the_machine_gives_no_thread_is_not_made_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    threads = Threads(1)
    with monkeypatch.context() as short:
        short.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="new thread"):
            await threads.call(lambda: BEGUN.append("refused"))
    async with asyncio.timeout(60):
        await threads.call(lambda: BEGUN.append("made"))
    threads.close()
    assert BEGUN == ["made"]


async def test_who_slept_with_the_database_is_not_taken_for_dead_before_it_could_beat(
    settings: Settings, database: Database, eventually: Eventually
) -> None:
    await database.pool.execute(LEAPING)
    awake = Database(settings.database.url)
    await awake.open()
    flow = msgspec.structs.replace(settings.flow, lease_s=1.0)
    keeper = Keeper(msgspec.structs.replace(settings, flow=flow), awake)
    slept, died = [await awake.pool.fetchval(SQL["register_worker"], 600.0, 1, False, "", []) for _ in range(2)]
    await keeper._rescue()
    await awake.pool.execute("update leap.ahead set by_s = 3600")
    await keeper._rescue()
    assert keeper.rescued.workers == 0
    assert (await awake.pool.fetchrow(SQL["heartbeat"], slept, 600.0))["alive"]

    async def has_rescued() -> bool:
        await keeper._rescue()
        return keeper.rescued.workers == 1

    await eventually(has_rescued)
    assert await awake.pool.fetchval("select worker_id from worker where gone_at is not null") == died
    await awake.close()


async def test_a_worker_that_is_not_let_in_for_a_while_fails_no_run(
    serdab: Serdab, settings: Settings, database: Database, eventually: Eventually
) -> None:
    name = await database.pool.fetchval("select current_database()")
    password = "select format('alter role %I password %L', $1::text, $2::text)"
    await database.pool.execute(f"create role {name} superuser login password 'right'")
    url = settings.database.url.replace(settings.database.url.split("@/")[0], f"postgresql://{name}:right")
    own = Database(url)
    await own.open()
    try:
        run = await serdab.start(waiting, "locked out")
        async with Worker(settings, own, ALL) as worker:
            await eventually(lambda: BEGUN == ["locked out"])
            for word in ("wrong", "right"):
                await database.pool.execute(await database.pool.fetchval(password, name, word))
                if word == "wrong":
                    await database.pool.execute(CUT, "serdab flusher")
                    GATE.set()
                    await eventually(lambda: worker.flusher.stats.retried > 1)
            assert await run.result(60) == "after"
            assert BEGUN == ["locked out", "after"]
    finally:
        await own.close()
        await database.pool.execute(f"drop role {name}")


async def test_a_worker_outlives_a_database_that_takes_no_connections_for_a_while(
    serdab: Serdab, settings: Settings, database: Database, server: EmbeddedPostgres, eventually: Eventually
) -> None:
    name = await database.pool.fetchval("select current_database()")
    run = await serdab.start(waiting, "cared for")
    elsewhere = await asyncpg.connect(await server.start())
    flow = msgspec.structs.replace(settings.flow, lease_s=1.0)
    async with Worker(msgspec.structs.replace(settings, flow=flow), database, ALL) as worker:
        await eventually(lambda: BEGUN == ["cared for"])
        await elsewhere.execute(f"alter database {name} allow_connections false")
        await elsewhere.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
        await eventually(lambda: not worker._host.may_step())
        GATE.set()
        await elsewhere.execute(f"alter database {name} allow_connections true")
        assert await run.result(60) == "after"
    await elsewhere.close()


@pytest.mark.parametrize(("way", "result"), [(failing_beside, ["fine"]), (starting_beside, ["large " * 500])])
async def test_what_a_lost_run_was_about_to_record_is_not_recorded_under_the_next_registration(
    serdab: Serdab, settings: Settings, database: Database, eventually: Eventually, monkeypatch: pytest.MonkeyPatch,
    way: Workflow[..., Any], result: list[str],
) -> None:  # fmt: skip
    packing: list[object] = []
    taken_over: list[int] = []

    async def held_up(function: Callable[..., Any], *args: Any) -> Any:
        packing.append(function)
        await GATE.wait()
        return function(*args)

    monkeypatch.setattr("asyncio.to_thread", held_up)
    flow = msgspec.structs.replace(settings.flow, poll_s=60.0, lease_s=60.0, inline_bytes=512)
    run = await serdab.start(way)
    async with Worker(msgspec.structs.replace(settings, flow=flow), database, ALL) as worker:
        await eventually(lambda: packing)
        await eventually(lambda: take_for_dead(database))
        fenced = worker.fenced

        async def at_that_moment() -> int:
            GATE.set()  # the branch goes on next, before it hears that its run is cancelled
            worker_id = await fenced()
            taken_over.append(worker.flusher.batch.rows())
            return worker_id

        monkeypatch.setattr(worker, "fenced", at_that_moment)
        worker.flushed()
        assert await run.result(60) == result
    assert taken_over == [0]


async def test_a_machine_that_gives_no_process_for_suspects_is_asked_again(
    serdab: Serdab, settings: Settings, database: Database, eventually: Eventually, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    await serdab.start(noting, "suspect")
    await database.pool.execute(
        "with r as (delete from ready returning *)"
        " insert into suspect (run_id, priority, crashes, queue) select run_id, priority, 2, queue from r"
    )
    command, started = tmp_path / "command", tmp_path / "started"
    async with Worker(settings, database, ALL, alone_command=[str(command)]):
        await eventually(lambda: "suspects run alone" in caplog.text)
        command.write_text(f"#!/bin/sh\ntouch '{started}'\n")
        command.chmod(0o755)
        await eventually(started.exists)
