"""What a worker does for its runs: record, park, tell the time, and call functions elsewhere."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from serdab.core import Ids, Settings, Unavailable, expected, steady_now
from serdab.flow.flusher import Flusher, until_connected
from serdab.flow.heartbeat import Heartbeat
from serdab.flow.isolation import IsolatedPool
from serdab.flow.keeper import Keeper
from serdab.flow.payloads import Payloads
from serdab.flow.running import Group, Run, Wait
from serdab.flow.threads import Threads
from serdab.store import Blobs, Database, load_statements

R = TypeVar("R")

log = logging.getLogger(__name__)

#: How often children that are waited for in memory are looked at, in seconds.
WATCH_EVERY_S = 0.05


class RunHost:
    """The side of a worker that its runs see (`running.Host`)."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        flusher: Flusher,
        keeper: Keeper,
        heartbeat: Heartbeat,
        resources: Sequence[object],
    ) -> None:
        flow = settings.flow
        #: The worker's own; set when it comes up.
        self.loop: asyncio.AbstractEventLoop
        self.park_after_s = flow.park_after_s
        self.parked = 0
        self.lease_back = asyncio.Event()
        self._lease_s = flow.lease_s
        self._inline_bytes = flow.inline_bytes
        self._database = database
        self._flusher = flusher
        self._keeper = keeper
        self._heartbeat = heartbeat
        self._statements = load_statements("serdab.flow")
        self._payloads = Payloads(Blobs.of(settings), flow.inline_bytes, flow.most_bytes)
        self._resources = {type(each): each for each in resources}
        self._ids = Ids()
        self._watched: set[Wait] = set()
        self._threads = Threads(flow.threads)
        self._isolated = IsolatedPool(flow.isolated or os.cpu_count() or 1, most_bytes=flow.most_bytes)

    async def close(self) -> None:
        """End child processes and threads."""
        await self._isolated.stop()
        self._threads.close()

    def may_step(self) -> bool:
        """Whether a step may start: the lease has not lapsed by this machine's own clock."""
        return time.monotonic() < self._heartbeat.ends

    async def lease_restored(self) -> None:
        """Wait until the lease is back; nothing is cancelled meanwhile."""
        while not self.may_step():
            await self.renew()

    async def renew(self) -> None:
        """Beat now, and wait for the answer, a lease long at most."""
        self.lease_back.clear()
        self._heartbeat.poke()
        try:
            async with asyncio.timeout(self._lease_s):
                await self.lease_back.wait()
        except TimeoutError:
            log.warning("lease not renewed", extra={"action": "lease_lapsed"})

    def clock_offset(self, offset_s: float) -> None:
        """How far the database's clock is ahead of this machine's, seconds."""
        self._ids.offset_s = offset_s

    def database_now(self) -> float:
        """Seconds since 1970 by the database's clock, as far as this process knows it."""
        return steady_now() + self._ids.offset_s

    def record(self, row: tuple[Any, ...]) -> asyncio.Future[None]:
        """A step's result; the future is done when it is committed."""
        flusher = self._flusher
        batch = flusher.batch
        future = self.loop.create_future()
        batch.steps.append(row)
        batch.step_futures.append(future)
        flusher.wake()
        return future

    def record_attempt(self, row: tuple[Any, ...]) -> asyncio.Future[None]:
        """A failed attempt; the future is done when it is committed."""
        future = self.loop.create_future()
        self._flusher.batch.attempts.append(row)
        self._flusher.batch.attempt_futures.append(future)
        self._flusher.wake()
        return future

    def record_children(self, step: tuple[Any, ...], rows: list[tuple[Any, ...]]) -> asyncio.Future[None]:
        """Children and the step row that says who they are, in one transaction."""
        self._flusher.batch.children.extend(rows)
        return self.record(step)

    def tell(self, run_id: UUID, fraction: float, message: str) -> None:
        """The last progress of a run; goes with the next flush."""
        self._flusher.batch.progress[run_id] = (fraction, message)
        self._flusher.wake()

    def park(self, run: Run) -> None:
        """Put a run that only waits out of memory."""
        run.tell()
        groups = tuple(group for wait in run.waits for group in wait.groups)
        why = "; ".join(sorted({wait.why for wait in run.waits}))
        self._park(run, run.soonest(), why, groups)

    def put_aside(self, run: Run, seconds: float, why: str) -> None:
        """Park a run that cannot go on here for a while."""
        self._park(run, self.database_now() + seconds, why, ())

    def _park(self, run: Run, wake_at: float | None, why: str, groups: tuple[Group, ...]) -> None:
        batch = self._flusher.batch
        future = self.loop.create_future()
        batch.parks.append(
            {
                "run": run.run_id,
                "wake_at": None if wake_at is None else _timestamp(wake_at),
                "why": why[:500],
                "firsts": [group.first for group in groups],
                "lasts": [group.last for group in groups],
                "sizes": [group.size for group in groups],
            }
        )
        batch.park_futures.append(future)
        future.add_done_callback(functools.partial(self._parked, run, bool(groups)))
        self._flusher.wake()

    def _parked(self, run: Run, has_children: bool, future: asyncio.Future[None]) -> None:
        if future.cancelled() or future.exception() is not None:
            return
        self.parked += 1
        run.leave()
        if has_children:
            # A child may have ended between its parent's last look and the commit of the park.
            self._keeper.child_ended(run.run_id)

    def watch(self, wait: Wait) -> None:
        """Look now and then whether children that are waited for in memory have ended."""
        self._watched.add(wait)

    def resource(self, kind: type[R]) -> R:
        """The object of a type.

        Raises:
            Unavailable: this worker was given none.
        """
        for each in kind.__mro__:
            found = self._resources.get(each)
            if found is not None:
                return found  # type: ignore[return-value]
        for value in self._resources.values():
            if isinstance(value, kind):
                return value
        raise Unavailable(expected("resource", f"one of {[k.__name__ for k in self._resources]}", kind.__name__))

    async def pack(self, data: bytes) -> bytes:
        """What to keep in the row of a payload."""
        return await self._payloads.pack(data)

    async def unpack(self, data: bytes) -> bytes:
        """The payload of a row."""
        return await self._payloads.unpack(data)

    def inline(self, data: bytes) -> bool:
        """Whether a payload stays in its row."""
        return len(data) <= self._inline_bytes

    async def outcomes(self, group: Group) -> list[tuple[UUID, str, bytes]]:
        """The outcomes of a group of children that have all ended."""
        rows = await until_connected(
            lambda: self._database.pool.fetch(self._statements["outcomes_between"], group.first, group.last),
            insist=True,
        )
        return [tuple(row) for row in rows]

    async def in_thread(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a synchronous function in a thread, with the context of its run."""
        call = functools.partial(contextvars.copy_context().run, function, *args, **kwargs)
        return await self._threads.call(call)

    async def in_process(self, place: str, data: bytes, timeout_s: float | None, memory_bytes: int | None) -> bytes:
        """Call a function in a child process that can be killed."""
        return await self._isolated.call(place, data, timeout_s=timeout_s, memory_bytes=memory_bytes)

    def block(self) -> UUID:
        """The first id of a group of children."""
        return self._ids.block()

    async def watch_children(self) -> None:
        """Look for the ends of children that are waited for in memory, until cancelled."""
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            waits = [wait for wait in self._watched if not wait.future.done()]
            self._watched = set(waits)
            if waits:
                await self._look_at_children(waits)

    async def _look_at_children(self, waits: list[Wait]) -> None:
        groups = [group for wait in waits for group in wait.groups]
        rows = await until_connected(
            lambda: self._database.pool.fetch(
                self._statements["ended_groups"],
                [g.first for g in groups], [g.last for g in groups], [g.size for g in groups],
            ),
            insist=True,
        )  # fmt: skip
        ended = {groups[row[0] - 1] for row in rows}
        for wait in waits:
            if not wait.future.done() and all(group in ended for group in wait.groups):
                wait.future.set_result(None)


def _timestamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(seconds))) + f".{int(seconds % 1 * 1e6):06d}+00"
