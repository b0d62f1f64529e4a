"""The worker: claims runs, executes them in one loop, and hands everything it learned to the flusher."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import os
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar
from uuid import UUID

from serdab.core import FlowSettings, Ids, Settings, Unavailable, expected
from serdab.flow.definitions import Registry, Workflow
from serdab.flow.errors import Failure
from serdab.flow.flusher import PLANNER, Flusher, until_connected
from serdab.flow.heartbeat import Beat, Heartbeat
from serdab.flow.isolation import IsolatedPool
from serdab.flow.keeper import Keeper
from serdab.flow.payloads import Payloads
from serdab.flow.running import Claimed, Group, Recorded, Run, Tried, Wait
from serdab.flow.settling import Ending, settle
from serdab.flow.suspects import AloneCommand, Suspects
from serdab.store import Blobs, Connection, Database, load_statements

R = TypeVar("R")

log = logging.getLogger(__name__)

#: How often a lane is claimed from its very beginning, to find rows that were committed late, in seconds.
SWEEP_EVERY_S = 1.0
#: How often children that are waited for in memory are looked at, in seconds.
WATCH_EVERY_S = 0.05
#: How long a run whose workflow nobody here knows is put aside, in seconds.
UNKNOWN_ASIDE_S = 10.0


class Worker:
    """One process's worth of runs; an async context manager that drains at its end.

    Args:
        settings: the whole tree; `settings.flow` is what it goes by.
        database: the PostgreSQL that holds every fact; not closed here.
        workflows: what it can run; it serves the queues of these, or the ones given.
        resources: objects for `resource(Type)`, by their type.
        queues: serve only these.
        alone: run suspects, one at a time, and nothing else.
        alone_command: how to start a worker with `alone=True` in a process of its own; None: suspects wait.
    """

    def __init__(  # noqa: PLR0913 - the composition root names each once
        self,
        settings: Settings,
        database: Database,
        workflows: Registry | Sequence[Workflow[..., Any]],
        *,
        resources: Sequence[object] = (),
        queues: Sequence[str] | None = None,
        alone: bool = False,
        alone_command: AloneCommand | None = None,
    ) -> None:
        self.settings: FlowSettings = settings.flow
        self.database = database
        self.registry = workflows if isinstance(workflows, Registry) else Registry(workflows)
        self.queues = sorted(queues) if queues is not None else self.registry.queues()
        self.alone = alone
        self.park_after_s = self.settings.park_after_s
        self.statements = load_statements("serdab.flow")
        self.payloads = Payloads(
            Blobs(settings.folder / "blobs"), self.settings.inline_bytes, self.settings.most_bytes
        )
        self.runs: dict[UUID, Run] = {}
        self.worker_id = 0
        self.counts: dict[str, int] = {"d": 0, "f": 0, "c": 0, "x": 0, "parked": 0, "claimed": 0}
        self._resources = {type(each): each for each in resources}
        self._ids = Ids()
        self._lows: dict[tuple[str, int], int] = {}
        self._swept = 0.0
        self._hungry = True
        self._draining = False
        self._asked: set[UUID] = set()
        self._watched: set[Wait] = set()
        self._inline_bytes = self.settings.inline_bytes
        self._threads = ThreadPoolExecutor(self.settings.threads, "serdab-step")
        self._isolated = IsolatedPool(self.settings.isolated or os.cpu_count() or 1)
        self._suspects = Suspects(self, alone_command)
        self.keeper = Keeper(settings, database)
        self._heartbeat = Heartbeat(database, self.statements, self.settings.lease_s, self._beat_from_thread)
        self._flusher: Flusher | None = None
        self._chores: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lease_back = asyncio.Event()

    # ── Life ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await until_connected(self._introduce)
        self.worker_id = await self._register()
        self.flusher = self._flusher = Flusher(self.database, self.statements, self, self.worker_id)
        self._heartbeat.start(self.worker_id)
        for chore in (self.flusher.run, self._listen, self._tick, self._watch_children, self._suspects.run):
            self._chores.append(self._loop.create_task(chore()))
        await self.keeper.__aenter__()
        self.flusher.wake()
        log.info("worker is up", extra={"action": "worker_up", "worker": self.worker_id, "queues": self.queues})
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.drain(0.0)

    async def drain(self, patience_s: float | None = None) -> None:
        """Stop claiming, let runs go on for a while, hand the others back, flush, release; idempotent."""
        if not self._chores:
            return
        self._draining = True
        patience_s = self.settings.drain_s if patience_s is None else patience_s
        if self.runs and patience_s > 0:
            await asyncio.wait(self._tasks(), timeout=patience_s)
        for task in self._tasks():
            task.cancel()
        if self.runs:
            await asyncio.wait(self._tasks(), timeout=5.0)
        self.flusher.close()
        chores, self._chores = self._chores, []
        await self.keeper.__aexit__()
        await asyncio.wait([chores[0]], timeout=max(self.settings.lease_s, 5.0))
        self._heartbeat.stop()
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        await self._release()
        await self._suspects.stop()
        await self._isolated.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)
        log.info("worker is down", extra={"action": "worker_down", "worker": self.worker_id})

    async def _introduce(self) -> None:
        known = list(self.registry)
        await self.database.pool.execute(
            self.statements["know_workflows"],
            [w.name for w in known], [w.queue for w in known], [w.code for w in known], [w.timeout_s for w in known],
        )  # fmt: skip

    async def _register(self) -> int:
        worker_id: int = await until_connected(
            lambda: self.database.pool.fetchval(
                self.statements["register_worker"],
                self.settings.lease_s, os.getpid(), self.alone, socket.gethostname(), self.queues,
            )
        )  # fmt: skip
        return worker_id

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(5):
                await self.database.pool.execute(self.statements["release_worker"], self.worker_id)
        except (TimeoutError, OSError) as error:
            log.warning("left without a word", extra={"action": "release_failed", "error": str(error)})

    # ── What the flusher asks (flusher.Ledger) ──────────────────────────────────────────────────────────────────────

    def claim_size(self) -> int:
        """How many runs to ask for with this flush; 0 when full, draining, or nothing was there a moment ago."""
        if self._draining or not self._hungry or self.alone:
            return 0
        room = self.settings.in_flight - len(self.runs)
        return room if room > self.settings.in_flight // 8 else 0

    def lanes(self) -> tuple[list[str], list[int]]:
        """Queues and their low-water sequences; from the beginning every second or so."""
        now = time.monotonic()
        if now - self._swept > SWEEP_EVERY_S:
            self._swept = now
            self._lows.clear()
        return self.queues, [self._lows.get((queue, priority), 0) for queue in self.queues for priority in (0, 1, 2)]

    def claimed(self, rows: Sequence[Any]) -> None:
        """Begin what was claimed."""
        self._hungry = len(rows) > 0
        self.counts["claimed"] += len(rows)
        again: list[Claimed] = []
        first: dict[tuple[str, int], int] = {}
        for row in rows:
            claimed = Claimed(*row)
            lane = (claimed.queue, claimed.priority)
            if lane not in first:
                self._lows[lane] = first[lane] = claimed.seq
            if claimed.again:
                again.append(claimed)
            else:
                self._begin(claimed, None, None)
        if again:
            self._own(self.begin_again(again))

    async def fenced(self) -> int:
        """Somebody took our runs: forget them all and register anew."""
        for run in list(self.runs.values()):
            run.parking = True
            if run.task is not None:
                run.task.cancel()
        self.runs.clear()
        self._lows.clear()
        self.worker_id = await self._register()
        self._heartbeat.worker_id = self.worker_id
        self._heartbeat.poke()
        self._hungry = True
        return self.worker_id

    async def renew(self) -> None:
        """The lease lapsed, but nobody took anything yet: beat now."""
        self._lease_back.clear()
        self._heartbeat.poke()
        try:
            await asyncio.wait_for(self._lease_back.wait(), self.settings.lease_s)
        except TimeoutError:
            log.warning("lease not renewed", extra={"action": "lease_lapsed", "worker": self.worker_id})

    async def reconcile(self, connection: Connection) -> None:
        """After a lost connection: begin runs whose claim was committed while its answer was lost."""
        held = await connection.fetch(self.statements["held"], self.worker_id, list(self.runs))
        self._hungry = True
        self._lows.clear()
        if held:
            self._own(self.begin_again([Claimed(*row) for row in held]))

    # ── Runs ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def begin_again(self, rows: list[Claimed]) -> None:
        ids = [row.run_id for row in rows]
        steps, tries = await until_connected(lambda: self._history(ids))
        recorded: dict[UUID, dict[str, Recorded]] = {run_id: {} for run_id in ids}
        tried: dict[UUID, dict[str, Tried]] = {run_id: {} for run_id in ids}
        for run_id, key, digest, failed, output in steps:
            recorded[run_id][key] = Recorded(digest, failed, output)
        for run_id, key, attempt, retry_at in tries:
            tried[run_id][key] = Tried(attempt, retry_at)
        for row in rows:
            self._begin(row, recorded[row.run_id], tried[row.run_id])

    async def _history(self, ids: list[UUID]) -> tuple[Any, Any]:
        pool = self.database.pool
        return (
            await pool.fetch(self.statements["recorded_steps"], ids),
            await pool.fetch(self.statements["recorded_attempts"], ids),
        )

    def _begin(
        self, claimed: Claimed, recorded: dict[str, Recorded] | None, tried: dict[str, Tried] | None
    ) -> None:
        assert self._loop is not None  # noqa: S101 - claims come from a running worker
        run = Run(claimed, self, recorded, tried)
        self.runs[claimed.run_id] = run
        run.task = self._loop.create_task(self._execute(run))

    async def _execute(self, run: Run) -> None:
        claimed = run.claimed
        worker_id = self.worker_id
        ending: Ending | None = None
        try:
            if claimed.cancelled:
                ending = _cancelled()
            else:
                workflow = self.registry.find(claimed.workflow)
                if workflow is None:
                    self._set_aside(run)
                else:
                    ending = await settle(run, workflow)
        except asyncio.CancelledError:
            if run.run_id in self._asked:
                ending = _cancelled()
            elif self._draining and not run.parking and worker_id == self.worker_id:
                self.flusher.batch.hand_backs.append(run.run_id)
                self.flusher.wake()
        finally:
            if self.runs.get(run.run_id) is run:
                del self.runs[run.run_id]
            if self._asked:
                self._asked.discard(run.run_id)
        if ending is not None and not run.parking and worker_id == self.worker_id:
            self._end(run, ending)

    def _end(self, run: Run, ending: Ending) -> None:
        self.counts[ending.status] += 1
        batch = self.flusher.batch
        batch.outcomes.append((run.run_id, ending.status, ending.output))
        self._hungry = True
        if run.claimed.parent is not None:
            future = self._future()
            batch.outcome_futures.append(future)
            future.add_done_callback(functools.partial(self._child_ended, run.claimed.parent))
        self.flusher.wake()

    def _child_ended(self, parent: UUID, future: asyncio.Future[None]) -> None:
        if not future.cancelled() and future.exception() is None:
            self.keeper.child_ended(parent)

    def _set_aside(self, run: Run) -> None:
        log.error("unknown workflow", extra={"action": "workflow_unknown", "workflow": run.claimed.workflow})
        run.parking = True
        self._park(run, self.database_now() + UNKNOWN_ASIDE_S, f"no worker knows workflow {run.claimed.workflow}", ())

    # ── What runs ask (running.Host) ────────────────────────────────────────────────────────────────────────────────

    def may_step(self) -> bool:
        """Whether a step may start: the lease has not lapsed by this machine's own clock."""
        return time.monotonic() < self._heartbeat.ends

    async def lease_restored(self) -> None:
        """Wait until the lease is back; nothing is cancelled meanwhile."""
        while not self.may_step():
            await self.renew()

    def database_now(self) -> float:
        """Seconds since 1970 by the database's clock, as far as this process knows it."""
        return time.time_ns() / 1e9 + self._ids.offset_s

    def record(self, row: tuple[Any, ...]) -> asyncio.Future[None]:
        """A step's result; the future is done when it is committed."""
        flusher = self.flusher
        batch = flusher.batch
        future = self._future()
        batch.steps.append(row)
        batch.step_futures.append(future)
        flusher.wake()
        return future

    def record_attempt(self, row: tuple[Any, ...]) -> asyncio.Future[None]:
        """A failed attempt; the future is done when it is committed."""
        future = self._future()
        self.flusher.batch.attempts.append(row)
        self.flusher.batch.attempt_futures.append(future)
        self.flusher.wake()
        return future

    def record_children(self, step: tuple[Any, ...], rows: list[tuple[Any, ...]]) -> asyncio.Future[None]:
        """Children and the step row that says who they are, in one transaction."""
        self.flusher.batch.children.extend(rows)
        self._hungry = True
        return self.record(step)

    def tell(self, run_id: UUID, fraction: float, message: str) -> None:
        """The last progress of a run; goes with the next flush."""
        self.flusher.batch.progress[run_id] = (fraction, message)
        self.flusher.wake()

    def park(self, run: Run) -> None:
        """Put a run that only waits out of memory."""
        groups = tuple(group for wait in run.waits for group in wait.groups)
        why = "; ".join(sorted({wait.why for wait in run.waits}))
        self._park(run, run.soonest(), why, groups)

    def _park(self, run: Run, wake_at: float | None, why: str, groups: tuple[Group, ...]) -> None:
        batch = self.flusher.batch
        future = self._future()
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
        self.flusher.wake()

    def _parked(self, run: Run, has_children: bool, future: asyncio.Future[None]) -> None:
        if future.cancelled() or future.exception() is not None:
            return
        self.counts["parked"] += 1
        self._hungry = True
        run.leave()
        if has_children:
            # A child may have ended between its parent's last look and the commit of the park.
            self.keeper.child_ended(run.run_id)

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
        return await self.payloads.pack(data)

    async def unpack(self, data: bytes) -> bytes:
        """The payload of a row."""
        return await self.payloads.unpack(data)

    def inline(self, data: bytes) -> bool:
        """Whether a payload stays in its row."""
        return len(data) <= self._inline_bytes

    async def outcomes(self, group: Group) -> list[tuple[UUID, str, bytes]]:
        """The outcomes of a group of children that have all ended."""
        rows = await until_connected(
            lambda: self.database.pool.fetch(self.statements["outcomes_between"], group.first, group.last)
        )
        return [tuple(row) for row in rows]

    async def in_thread(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a synchronous function in a thread, with the context of its run."""
        call = functools.partial(contextvars.copy_context().run, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def in_process(self, place: str, data: bytes, timeout_s: float | None, memory_bytes: int | None) -> bytes:
        """Call a function in a child process that can be killed."""
        return await self._isolated.call(place, data, timeout_s=timeout_s, memory_bytes=memory_bytes)

    def block(self) -> UUID:
        """The first id of a group of children."""
        return self._ids.block()

    async def flushed(self) -> None:
        """Wait until what is to be recorded now is committed."""
        future = self._future()
        self.flusher.batch.outcome_futures.append(future)
        self.flusher.wake()
        await future

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [run.task for run in self.runs.values() if run.task is not None]

    # ── Chores ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _future(self) -> asyncio.Future[None]:
        assert self._loop is not None  # noqa: S101 - only a running worker has runs
        return self._loop.create_future()

    def _own(self, work: Any) -> None:
        assert self._loop is not None  # noqa: S101 - only a running worker has runs
        task: asyncio.Task[None] = self._loop.create_task(work)
        self._chores.append(task)
        task.add_done_callback(lambda done: self._chores.remove(done) if done in self._chores else None)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self.settings.poll_s)
            self._heartbeat.loop_turned = time.monotonic()
            self._hungry = True
            self.flusher.wake()

    async def _listen(self) -> None:
        """Hints from other processes; when they are lost, the tick finds the same a little later."""
        while True:
            connection = await until_connected(lambda: self.database.connect("hints"))
            lost = asyncio.Event()
            connection.add_termination_listener(lambda *_, lost=lost: lost.set())
            await connection.add_listener("serdab_ready", self._on_ready)
            await connection.add_listener("serdab_cancel", lambda *_: self._heartbeat.poke())
            await lost.wait()

    def _on_ready(self, _connection: object, _pid: int, _channel: str, queue: str) -> None:
        if queue in self.queues:
            self._hungry = True
            self.flusher.wake()

    async def _watch_children(self) -> None:
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            waits = [wait for wait in self._watched if not wait.future.done()]
            self._watched = set(waits)
            if waits:
                await self._look_at_children(waits)

    async def _look_at_children(self, waits: list[Wait]) -> None:
        groups = [group for wait in waits for group in wait.groups]
        rows = await until_connected(
            lambda: self.database.pool.fetch(
                self.statements["ended_groups"],
                [g.first for g in groups], [g.last for g in groups], [g.size for g in groups],
            )
        )  # fmt: skip
        ended = {groups[row[0] - 1] for row in rows}
        for wait in waits:
            if not wait.future.done() and all(group in ended for group in wait.groups):
                wait.future.set_result(None)

    def _beat_from_thread(self, beat: Beat) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._on_beat, beat)

    def _on_beat(self, beat: Beat) -> None:
        self._ids.offset_s = beat.offset_s
        self._lease_back.set()
        for run_id in beat.cancelled:
            run = self.runs.get(run_id)
            if run is not None and run.task is not None and run_id not in self._asked:
                self._asked.add(run_id)
                run.task.cancel()


def _cancelled() -> Ending:
    return Ending("c", Failure(kind="Cancelled", message="cancelled on request").encode())


def _timestamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(seconds))) + f".{int(seconds % 1 * 1e6):06d}+00"


__all__ = ["PLANNER", "Worker"]
