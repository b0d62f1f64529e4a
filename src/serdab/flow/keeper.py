"""Keeping house: rescue, timers, parents, the ring, partitions, history that is over.

Everybody keeps house, nobody is elected: each statement is guarded in itself (row locks that are skipped, states that
are checked), so two keepers at once only do less each, and a keeper that hangs holds nothing that others need.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

from serdab.core import Settings
from serdab.flow.errors import Failure
from serdab.flow.flusher import until_connected
from serdab.flow.retention import Historian
from serdab.store import Database, load_statements

log = logging.getLogger(__name__)

#: Seconds between looks for timers that are due: how late a long sleep may end.
TIMERS_EVERY_S = 0.2
#: Most timers that one look wakes.
MOST_WOKEN = 2000
#: Seconds between looks for parents whose wake-up was lost.
PARENTS_EVERY_S = 5.0
RING_EVERY_S = 15.0
PARTITIONS_EVERY_S = 3600.0
HISTORY_EVERY_S = 3600.0

_POISON = Failure(
    kind="Poison",
    message="its workers died again and again while they ran it, at last alone; see the worker's log, mend the code or "
    "the input, then redrive it",
).encode()


@dataclass(slots=True)
class Rescued:
    """What the rescues of this process found, for the metrics."""

    workers: int = 0
    again: int = 0
    suspects: int = 0
    dead: int = 0


@dataclass(slots=True)
class _Chore:
    every_s: float
    work: Callable[[], Awaitable[None]]
    due: float = field(default=0.0)


class Keeper:
    """The chores of one process; an async context manager."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._flow = settings.flow
        self._database = database
        self._statements = load_statements("serdab.flow")
        self._historian = Historian(settings, database)
        self._parents: set[UUID] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.rescued = Rescued()
        self.on_suspects: Callable[[], None] = lambda: None
        lease_s = self._flow.lease_s
        #: By how much the database's clock was ahead of our steady one at most, at the last look for dead workers; and
        #: until when nobody is one.
        self._ahead_s: float | None = None
        self._patient_until = 0.0
        self._chores = [
            _Chore(PARTITIONS_EVERY_S, self._make_partitions),
            _Chore(TIMERS_EVERY_S, self._wake_due),
            _Chore(lease_s / 4, self._rescue, time.monotonic() + lease_s / 4),
            _Chore(PARENTS_EVERY_S, self._sweep_parents),
            _Chore(RING_EVERY_S, self._turn_ring, time.monotonic() + RING_EVERY_S),
            _Chore(HISTORY_EVERY_S, self._drop_history, time.monotonic() + RING_EVERY_S),
        ]

    async def __aenter__(self) -> Self:
        await self._safely(self._make_partitions)
        self._task = asyncio.get_running_loop().create_task(self._keep())
        return self

    async def __aexit__(self, *exc: object) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def child_ended(self, parent: UUID) -> None:
        """A child's outcome is committed: look soon whether its parent can wake."""
        self._parents.add(parent)
        self._wake.set()

    async def _keep(self) -> None:
        while True:
            if self._parents:
                parents, self._parents = list(self._parents), set()
                await self._safely(lambda parents=parents: self._wake_parents(parents))  # type: ignore[misc]
            for chore in self._chores:
                now = time.monotonic()
                if now >= chore.due:
                    chore.due = now + chore.every_s * random.uniform(0.8, 1.0)  # noqa: S311 - jitter
                    await self._safely(chore.work)
            pause_s = max(min(chore.due for chore in self._chores) - time.monotonic(), 0.005)
            try:
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()
                await asyncio.sleep(0.005)
                self._wake.clear()
            except TimeoutError:
                pass

    async def _safely(self, work: Callable[[], Awaitable[None]]) -> None:
        """A chore that fails must not stop the others; it is tried again when it is due again."""
        try:
            await until_connected(work)
        except Exception:
            log.exception("a chore failed", extra={"action": "chore_failed"})

    async def _queues(self, statement: str, *arguments: Any) -> None:
        rows = await self._database.pool.fetch(self._statements[statement], *arguments)
        if rows:
            await self._hint({row[0] for row in rows})

    async def _hint(self, queues: set[str]) -> None:
        await self._database.pool.execute(self._statements["hint"], sorted(queues))

    async def _wake_due(self) -> None:
        await self._queues("wake_due", MOST_WOKEN)

    async def _wake_parents(self, parents: list[UUID]) -> None:
        await self._queues("wake_parents", parents)

    async def _sweep_parents(self) -> None:
        rows = await self._database.pool.fetch(self._statements["waiting_parents"], PARENTS_EVERY_S)
        if rows:
            await self._wake_parents([row[0] for row in rows])

    async def _turn_ring(self) -> None:
        await self._database.pool.fetchval(self._statements["turn_ring"])

    async def _make_partitions(self) -> None:
        await self._database.pool.fetchval(self._statements["make_partitions"])

    async def _drop_history(self) -> None:
        await self._historian.drop_ended()

    async def _is_patient(self) -> bool:
        """Whether the database's clock leapt a moment ago: the machine slept, or the clock was set.

        Leases lapsed then that nobody could renew; for as long as one lasts nobody is taken for dead.
        """
        began, lease_s = time.monotonic(), self._flow.lease_s
        told = await self._database.pool.fetchval(self._statements["database_now"])
        now = time.monotonic()
        # However long either answer took, by so much at least.
        leapt_s = 0.0 if self._ahead_s is None else told - now - self._ahead_s
        self._ahead_s = told - began
        if leapt_s > lease_s / 2:
            log.warning("the database's clock leapt", extra={"action": "clock_leapt", "by_s": leapt_s})
            self._patient_until = now + lease_s
        return now < self._patient_until

    async def _rescue(self) -> None:
        flow = self._flow
        if await self._is_patient():
            return
        rows = await self._database.pool.fetch(
            self._statements["rescue"], flow.lease_s, flow.suspect_after, flow.poison_after, _POISON
        )
        for row in rows:
            self.rescued.workers += 1
            self.rescued.again += row["again"]
            self.rescued.suspects += row["suspects"]
            self.rescued.dead += row["dead"]
            log.warning(
                "rescued runs",
                extra={"action": "rescued", **{k: row[k] for k in ("dead_worker", "again", "suspects", "dead")}},
            )
            if row["queues"]:
                await self._hint(set(row["queues"]))
            if row["suspects"]:
                self.on_suspects()
            self._parents.update(row["parents"] or ())
