"""Workers and PostgreSQL are killed while runs go on; an independent history says whether anything was lost."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from chaos_worker import chain, poison
from history import History, violations

from serdab.core import Settings, load_settings
from serdab.flow import RunDead, Serdab
from serdab.store import EmbeddedPostgres, is_gone

RUNS = 2000
LEASE_S = 2


class Workers:
    """Worker processes that are started again when they die."""

    def __init__(self, settings: Settings, history: Path, options: list[str]) -> None:
        self._command = [
            sys.executable, str(Path(__file__).with_name("chaos_worker.py")), str(history), f"home={settings.home}",
            *options,
        ]  # fmt: skip
        self.processes: list[asyncio.subprocess.Process] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self, count: int) -> None:
        self.processes = [await self._spawn() for _ in range(count)]
        self._keepers = [asyncio.ensure_future(self._keep(place)) for place in range(count)]

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(*self._command)

    async def _keep(self, place: int) -> None:
        while not self._stopping:
            await self.processes[place].wait()
            if not self._stopping:
                self.processes[place] = await self._spawn()

    def signal(self, place: int, number: int) -> None:
        if self.processes[place].returncode is None:
            os.kill(self.processes[place].pid, number)

    async def stop(self) -> None:
        self._stopping = True
        for place in range(len(self.processes)):
            self.signal(place, signal.SIGCONT)
            self.signal(place, signal.SIGTERM)
        for process in self.processes:
            try:
                await asyncio.wait_for(process.wait(), 15)
            except TimeoutError:
                process.kill()
                await process.wait()
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)


@pytest.fixture
async def server() -> AsyncIterator[EmbeddedPostgres]:
    """A PostgreSQL that only this test kills."""
    folder = Path(tempfile.mkdtemp(prefix="serdab-chaos-"))
    os.chmod(folder, 0o711)
    settings = load_settings([f"home={folder}", "database.memory_mb=128", *OPTIONS], environ={})
    embedded = EmbeddedPostgres(settings)
    embedded.settings = settings  # type: ignore[attr-defined]
    yield embedded
    await embedded.stop("immediate")
    shutil.rmtree(folder, ignore_errors=True)


OPTIONS = [f"flow.lease_s={LEASE_S}", "flow.poll_s=0.2", "flow.park_after_s=0.3", "flow.in_flight=200"]


async def everything(serdab: Serdab) -> dict[str, Any]:
    pool = serdab.database.pool
    return {
        "outcomes": await pool.fetch("select run_id, status::text, output from run_outcome"),
        "steps": await pool.fetch(
            "select run_id, step_key, worker, extract(epoch from ended_at)::float8 as ended_at, output from step_result"
        ),
        "workers": await pool.fetch("select worker_id, extract(epoch from gone_at)::float8 as gone_at from worker"),
    }


async def until_ended(serdab: Serdab, count: int, seconds: float) -> None:
    """Wait until that many runs have ended; a database that is away meanwhile is looked at again."""
    async with asyncio.timeout(seconds):
        ended = 0
        while ended < count:
            await asyncio.sleep(0.1)
            try:
                ended = await serdab.database.pool.fetchval("select count(*) from run_outcome")
            except Exception as error:
                if not is_gone(error):
                    raise


@pytest.mark.timeout(180)
async def test_nothing_is_lost_when_workers_are_killed_and_frozen_and_postgresql_crashes(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    settings: Settings = server.settings  # type: ignore[attr-defined]
    history = tmp_path / "history"
    history.touch()
    async with Serdab.connect(settings) as serdab:
        workers = Workers(settings, history, OPTIONS)
        await workers.start(3)
        try:
            accepted: list[UUID] = [run.id for run in await serdab.start_many(chain, range(RUNS // 2))]
            for _ in range(3):
                await asyncio.sleep(chance.uniform(0.3, 0.9))
                workers.signal(chance.randrange(2), signal.SIGKILL)
            workers.signal(2, signal.SIGSTOP)
            accepted += [run.id for run in await serdab.start_many(chain, range(RUNS // 2, RUNS))]
            await asyncio.sleep(0.5)
            await server.restart("immediate")
            await asyncio.sleep(LEASE_S * 2.2)  # the frozen one is past its lease, and its runs are taken
            workers.signal(2, signal.SIGCONT)
            await until_ended(serdab, RUNS, 90)
            await asyncio.sleep(0.5)  # what a zombie would still write
        finally:
            await workers.stop()
        facts = await everything(serdab)
        assert await serdab.database.pool.fetchval("select count(*) from lease") == 0
    read = History.read(history)
    assert violations(read, accepted, **facts) == []
    assert read.executions >= RUNS * 4


@pytest.mark.timeout(180)
async def test_a_poison_run_is_found_alone_and_condemns_no_innocent_one(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    settings: Settings = server.settings  # type: ignore[attr-defined]
    history = tmp_path / "history"
    history.touch()
    async with Serdab.connect(settings) as serdab:
        workers = Workers(settings, history, OPTIONS)
        await workers.start(1)
        try:
            innocents = await serdab.start_many(chain, range(150))
            poisoned = await serdab.start(poison, 1)
            innocents += await serdab.start_many(chain, range(150))
            with pytest.raises(RunDead, match="Poison"):
                await poisoned.result(100)
            await asyncio.gather(*(run.result(60) for run in innocents))
        finally:
            await workers.stop()
        facts = await everything(serdab)
    facts["outcomes"] = [row for row in facts["outcomes"] if row["run_id"] != poisoned.id]
    assert violations(History.read(history), [run.id for run in innocents], **facts) == []
    assert len(facts["outcomes"]) == len(innocents)


def test_the_checker_finds_what_it_is_for(tmp_path: Path) -> None:
    run = UUID(int=7)
    history = History()
    history.begins[run, "link#1"] = [(10.0, 1, "aa", "0"), (12.0, 2, "bb", "0")]
    step = {"run_id": run, "step_key": "link#1", "worker": 1, "ended_at": 11.0, "output": b'"aa"'}
    workers = [{"worker_id": 1, "gone_at": 10.5}, {"worker_id": 2, "gone_at": None}]
    found = violations(history, [run, UUID(int=8)], [{"run_id": run, "status": "x", "output": b"{}"}], [step], workers)
    assert [each.split(": ", 1)[1].split(" at ")[0] for each in found] == [
        "accepted, but it has not ended", "an innocent run ended as x", "written under the old registration 1",
        "began",
    ]  # fmt: skip
    twice = violations(history, [], [], [step, {**step, "output": b'"cc"'}], [])
    assert any("recorded twice" in each for each in twice)
    assert any("never made" in each for each in twice)
