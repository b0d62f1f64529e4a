"""`/readyz` says yes only while a claim can be made and committed, says why not, and comes back by itself."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import msgspec
import pytest

from serdab.app.probes import serving
from serdab.app.readiness import Probe, Readiness
from serdab.core import Settings, load_settings
from serdab.flow import Worker, step, workflow
from serdab.store import Database, EmbeddedPostgres, open_database

Eventually = Callable[..., Awaitable[Any]]
Ask = Callable[[], Awaitable[tuple[int, Readiness]]]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stands still for seconds is no database that does not answer."""
    monkeypatch.setattr("serdab.app.readiness.PROBE_TIMEOUT_S", 60.0)


@step
async def note(text: str) -> str:
    return text


@workflow(queue="readiness")
async def noted(text: str) -> str:
    return await note(text)


@asynccontextmanager
async def asking(probe: Probe) -> AsyncIterator[Ask]:
    """The real endpoint over a probe."""

    async def metrics() -> str:
        return ""

    async with serving("127.0.0.1", 0, probe, metrics) as url, aiohttp.ClientSession() as session:

        async def ask() -> tuple[int, Readiness]:
            async with session.get(f"{url}/readyz") as answer:
                return answer.status, msgspec.json.decode(await answer.read(), type=Readiness)

        yield ask


def patient(settings: Settings) -> Settings:
    """A worker that notices nothing by itself: what a test does to it stays as it is until it is woken."""
    flow = msgspec.structs.replace(settings.flow, lease_s=600, poll_s=60)
    return msgspec.structs.replace(settings, flow=flow)


async def registered(database: Database, lease_s: float = 600) -> int:
    """A worker as the database knows it, with no process behind it that could beat or claim meanwhile."""
    worker: int = await database.pool.fetchval(
        "select register_worker_v1($1, 1, false, 'elsewhere', array['readiness'])", lease_s
    )
    return worker


async def test_a_read_only_database_is_503_with_the_reason_until_it_takes_writes_again(
    settings: Settings, database: Database, eventually: Eventually
) -> None:
    admin = await asyncpg.connect(re.sub(r"@/\w+", "@/postgres", settings.database.url))
    name = await database.pool.fetchval("select current_database()")

    async def let_write(yes: bool) -> None:
        await admin.execute(f"alter database {name} set default_transaction_read_only = {'off' if yes else 'on'}")
        await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)

    async with Worker(settings, database, [noted]), asking(Probe(database, holds_s=0)) as ask:
        assert await ask() == (200, Readiness(ready=True, workers=1))
        await let_write(False)
        await eventually(lambda: says(ask, 503, "read-only transaction"))
        await let_write(True)
        await eventually(lambda: says(ask, 200, ""))
    await admin.close()


async def says(ask: Ask, status: int, missing: str) -> bool:
    code, found = await ask()
    return code == status and missing in found.missing


async def test_a_stopped_database_is_503_with_the_reason_until_it_is_back(eventually: Eventually) -> None:
    folder = Path(tempfile.mkdtemp(prefix="serdab-readiness-"))
    os.chmod(folder, 0o711)
    settings = load_settings([f"home={folder}/home", "database.memory_mb=128"], environ={})
    server = EmbeddedPostgres(settings)
    try:
        database = await open_database(settings)
        async with Worker(settings, database, [noted]), asking(Probe(database, holds_s=0)) as ask:
            assert await ask() == (200, Readiness(ready=True, workers=1))
            await server.stop("immediate")
            await eventually(lambda: says(ask, 503, "the database does not commit"))
            await server.start()
            await eventually(lambda: says(ask, 200, ""))
        await database.close()
    finally:
        await server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


async def test_a_fenced_worker_is_503_with_the_reason_until_it_has_registered_anew(
    settings: Settings, database: Database, eventually: Eventually
) -> None:
    async with (
        Worker(patient(settings), database, [noted]) as worker,
        asking(Probe(database, lambda: worker.worker_id, holds_s=0)) as ask,
    ):
        assert await ask() == (200, Readiness(ready=True, workers=1))

        async def fenced() -> bool:  # again, where its first flush came between and it has registered anew
            await database.pool.execute("update worker set gone_at = clock_timestamp()")
            return await says(ask, 503, f"worker {worker.worker_id} was taken for dead")

        await eventually(fenced)

        async def nudged() -> bool:  # again and again: a worker that does not listen yet hears nothing
            await database.pool.execute("select pg_notify('serdab_ready', 'readiness')")
            return await says(ask, 200, "")

        await eventually(nudged)


async def test_a_lapsed_lease_and_an_unknown_worker_are_503_with_the_reason(database: Database) -> None:
    worker = await registered(database, lease_s=-1)
    async with asking(Probe(database, lambda: worker)) as ask:
        assert await says(ask, 503, f"the lease of worker {worker} has lapsed")
    async with asking(Probe(database)) as ask:
        assert await ask() == (503, Readiness(ready=False, workers=0, missing="no worker holds a lease"))
    async with asking(Probe(database, lambda: 999_999)) as ask:
        assert await says(ask, 503, "does not know worker 999999")


async def test_a_probe_writes_a_row_and_however_many_ask_it_is_one_row(database: Database) -> None:
    async def version() -> object:
        return await database.pool.fetchval("select xmin::text || ctid::text from worker")

    await registered(database)
    async with asking(Probe(database, holds_s=3600)) as ask:
        before = await version()
        assert (await ask())[0] == 200
        after = await version()
        assert after != before
        answers = await asyncio.gather(*(ask() for _ in range(50)))
        assert {status for status, _ in answers} == {200}
        assert await version() == after


async def test_a_probe_claims_nothing(database: Database) -> None:
    worker = await registered(database)
    await database.pool.execute("insert into ready (segment, priority, queue, run_id) "
                                "select ring_segment(), 1, 'readiness', gen_random_uuid()")  # fmt: skip
    assert (await Probe(database, lambda: worker)()).ready
    assert await database.pool.fetchval("select count(*) from ready") == 1


async def test_a_mistake_of_ours_is_not_taken_for_a_database_that_is_away() -> None:
    closed = Database("postgresql://nobody@127.0.0.1:9/nothing")
    with pytest.raises(asyncpg.InterfaceError, match="not initialized"):
        await Probe(closed)()
