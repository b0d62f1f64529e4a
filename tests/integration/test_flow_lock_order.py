"""Everybody at once, for seconds, on few runs: the order of locks (0003_flow_functions.sql) leaves no deadlock."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from flow_actors import Actor, Stage, child_row, park_row, step_row

from serdab.core import Settings
from serdab.flow.batch import Batch
from serdab.store import sqlstate

SECONDS = 5.0
#: The fence, and rows that are there already: what the flusher expects and answers.
EXPECTED = {"SD001", "SD002", "23505"}
#: Seconds between two deeds of a role, so that those who find little to do leave room for the others.
PAUSES_S = {"lapse": 0.04, "leave": 0.04, "turn": 0.05, "partitions": 0.05, "worker": 0.0}
#: Nothing waits for ever: a statement that takes longer fails the test.
FOR_EVER_S = 60.0


class Crowd:
    """What all know of each other, and what each does in a loop."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.runs: list[UUID] = []
        self.workers: list[int] = []
        self.done: Counter[str] = Counter()
        self.ends = time.monotonic() + SECONDS

    def some(self, count: int) -> list[UUID]:
        return self.random.sample(self.runs, min(count, len(self.runs)))

    async def repeat(self, name: str, work: Callable[[], Awaitable[Any]]) -> None:
        while time.monotonic() < self.ends or not self.done[name]:
            try:
                async with asyncio.timeout(FOR_EVER_S):
                    await work()
            except asyncpg.PostgresError as error:
                if sqlstate(error) not in EXPECTED:
                    raise
            self.done[name] += 1
            await asyncio.sleep(PAUSES_S.get(name, 0.002))

    async def work(self, actor: Actor) -> None:
        """A worker's life: claims, flushes of all kinds, some sent twice, until it is taken for dead."""
        worker = await actor.register()
        self.workers.append(worker)
        held: list[UUID] = []

        async def flush() -> None:
            batch = Batch()
            while held:
                self.put_down(batch, held.pop(), held)
            try:
                held.extend(await actor.flush(worker, batch, 6))
            except asyncpg.PostgresError as error:
                if sqlstate(error) == "23505":
                    held.extend(await actor.flush(worker, batch, 6, again=True))
                else:
                    raise
            if self.random.random() < 0.2:
                await actor.flush(worker, batch, again=True)

        try:
            while time.monotonic() < self.ends or not self.done["flush"]:
                async with asyncio.timeout(FOR_EVER_S):
                    await flush()
                self.done["flush"] += 1
        except asyncpg.PostgresError as error:
            if sqlstate(error) not in EXPECTED:
                raise
        self.workers.remove(worker)

    def put_down(self, batch: Batch, run: UUID, held: list[UUID]) -> None:
        batch.steps.append(step_row(run, f"a#{uuid4()}"))
        batch.progress[run] = (0.5, "half")
        kind = self.random.randrange(6)
        if kind == 0:
            batch.outcomes.append((run, "d", b"{}"))
        elif kind == 1:
            batch.parks.append(park_row(run, wake_at="2000-01-01Z"))
        elif kind == 2:
            first = UUID(int=uuid4().int >> 24 << 24)
            batch.children += [child_row(UUID(int=first.int + n), run) for n in range(2)]
            batch.parks.append(park_row(run, (first, UUID(int=first.int + 1), 2)))
            self.runs += [UUID(int=first.int + n) for n in range(2)]
        elif kind == 3:
            batch.hand_backs.append(run)
        elif kind == 4:
            batch.attempts.append((run, "b#1", 1, 1, 1.0, b"{}"))
            batch.outcomes.append((run, "f", b"{}"))
        # else: it forgets the run, as one whose answer was lost, and its lease goes with the worker.


class Other:
    """What keepers, clients and misfortune do, each method a role; on a connection of its own."""

    ROLES = (
        "start", "lapse", "leave", "beat", "partitions", "cancel", "redrive", "alone", "turn", "rescue", "due",
        "parents",
    )  # fmt: skip

    def __init__(self, crowd: Crowd, actor: Actor) -> None:
        self.crowd = crowd
        self.actor = actor

    async def start(self) -> None:
        if len(self.crowd.runs) < 2000:
            self.crowd.runs += await self.actor.start(4)
            self.crowd.done["keyed"] += len(
                await self.actor.start(2, [f"k{self.crowd.random.randrange(20)}" for _ in range(2)])
            )

    async def lapse(self) -> None:
        if self.crowd.workers:
            await self.actor.lapse(self.crowd.random.choice(self.crowd.workers))

    async def leave(self) -> None:
        if self.crowd.workers:
            await self.actor.call("release_worker", self.crowd.random.choice(self.crowd.workers))

    async def beat(self) -> None:
        if self.crowd.workers:
            await self.actor.call("heartbeat", self.crowd.random.choice(self.crowd.workers), 60.0)

    async def partitions(self) -> None:
        week = f"20{self.crowd.random.randrange(40, 90)}-01-06Z"
        await self.actor.value("select make_week(date_trunc('week', $1::text::timestamptz))", week)
        await self.actor.call("make_partitions")
        name = await self.actor.value("select to_char(date_trunc('week', $1::text::timestamptz), 'IYYY\"w\"IW')", week)
        if await self.actor.value("select to_regclass('run_' || $1)", name):
            await self.actor.call("drop_week", name)

    async def cancel(self) -> None:
        for run in self.crowd.some(1):
            await self.actor.cancel(run)

    async def redrive(self) -> None:
        for run in self.crowd.some(3):
            if await self.actor.value("select status::text from run_outcome where run_id = $1", run) in ("f", "c", "x"):
                await self.actor.call("redrive_run", run, uuid4(), ["a#1"])

    async def alone(self) -> None:
        worker = await self.actor.register(alone=True)
        for row in await self.actor.call("claim_alone", worker, ["q"]):
            await self.actor.flush(worker, Batch(outcomes=[(UUID(int=row["run_id"].int), "f", b"{}")]))
        await self.actor.call("release_worker", worker)

    async def turn(self) -> None:
        await self.actor.call("turn_ring")

    async def rescue(self) -> None:
        await self.actor.rescue()

    async def due(self) -> None:
        await self.actor.call("wake_due", 50)

    async def parents(self) -> None:
        await self.actor.call("wake_parents", self.crowd.some(200))


@pytest.fixture
async def stage(settings: Settings, eventually: Callable[..., Any]) -> AsyncIterator[Stage]:
    async with Stage(settings.database.url, eventually) as opened:
        yield opened


async def test_everybody_at_once_never_deadlocks_and_loses_no_run(stage: Stage) -> None:
    crowd = Crowd(seed=42)
    watcher = await stage.actor()
    crowd.runs = await watcher.start(40)
    async with asyncio.TaskGroup() as together:
        for name in [*Other.ROLES, "rescue", "parents", "due", "cancel"]:
            other = Other(crowd, await stage.hasty_actor())
            together.create_task(crowd.repeat(name, getattr(other, name)))
        for _ in range(6):
            actor = await stage.hasty_actor()
            together.create_task(crowd.repeat("worker", lambda actor=actor: crowd.work(actor)))  # type: ignore[misc]
    print(crowd.done)
    assert set(crowd.done) >= {*Other.ROLES, "worker", "flush"}, f"each did something: {crowd.done}"
    assert await watcher.value("select deadlocks from pg_stat_database where datname = current_database()") == 0
    astray = await watcher.value(
        """select count(*) from run u
            where 1 <> (select count(*) from (
                select run_id from ready union all select run_id from lease union all select run_id from parked
                union all select run_id from suspect union all select run_id from run_outcome) p
                 where p.run_id = u.run_id)"""
    )
    assert astray == 0, "every run is in exactly one place"
    orphans = "select count(*) from lease l join worker w on w.worker_id = l.worker where w.gone_at is not null"
    assert await watcher.value(orphans) == 0, "no lease of a worker that is gone"
    waiting = "select count(*) from cancel_request k join run_outcome o on o.run_id = k.run_id"
    assert await watcher.value(waiting) == 0, "no request to cancel what has ended"
