"""The worker: claims runs, executes them in one loop, and hands everything it learned to the flusher."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import socket
import time
from collections.abc import Sequence
from typing import Any, Self
from uuid import UUID

from serdab.core import FlowSettings, Settings
from serdab.flow.cancelling import cancel_runs
from serdab.flow.definitions import Registry, Workflow
from serdab.flow.errors import Failure
from serdab.flow.flusher import Flusher, until_connected
from serdab.flow.heartbeat import Beat, Heartbeat
from serdab.flow.hosting import RunHost
from serdab.flow.keeper import Keeper
from serdab.flow.lanes import Lanes
from serdab.flow.running import Claimed, Recorded, Run, Tried
from serdab.flow.settling import Ending, settle
from serdab.flow.suspects import AloneCommand, Suspects
from serdab.store import Connection, Database, load_statements

log = logging.getLogger(__name__)

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
        self.statements = load_statements("serdab.flow")
        self.runs: dict[UUID, Run] = {}
        #: Claimed, and their history is being loaded.
        self._coming: set[UUID] = set()
        self.worker_id = 0
        #: Runs that ended here, by the letter of their state, and claims.
        self.counts: dict[str, int] = {"d": 0, "f": 0, "c": 0, "claimed": 0}
        self._lanes = Lanes(self.queues, database, self.statements)
        self._hungry = True
        self.draining = False
        self._asked: set[UUID] = set()
        self._suspects = Suspects(self, alone_command)
        self.keeper = Keeper(settings, database)
        self._heartbeat = Heartbeat(database, self.statements, self.settings.lease_s, self._beat_from_thread)
        self.flusher = Flusher(database, self.statements, self, 0)
        self._host = RunHost(settings, database, self.flusher, self.keeper, self._heartbeat, resources)
        self._chores: list[asyncio.Task[None]] = []
        #: The end of the chores, begun by the first drain that comes to it.
        self._leaving: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    # ── Life ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def __aenter__(self) -> Self:
        self._loop = self._host.loop = asyncio.get_running_loop()
        await until_connected(self._introduce)
        self.worker_id = await self._register()
        self.flusher.worker_id = self.worker_id
        self._heartbeat.start(self.worker_id)
        for chore in (
            self.flusher.run, self._listen, self._tick, self._look_back, self._host.watch_children, self._suspects.run,
        ):  # fmt: skip
            self._chores.append(self._loop.create_task(chore()))
        try:
            await self.keeper.__aenter__()
        except BaseException:
            await self.drain(0.0)  # nobody else will: who is not entered is not left
            raise
        self.flusher.wake()
        log.info("worker is up", extra={"action": "worker_up", "worker": self.worker_id, "queues": self.queues})
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.drain(0.0)

    async def drain(self, patience_s: float | None = None) -> None:
        """Stop claiming, let runs go on for a while, hand the others back, flush, release.

        Again is safe; with less patience it hurries a drain that is going on, and both end together.
        """
        if self._loop is None or not (self._chores or self._leaving):
            return
        self.draining = True
        patience_s = self.settings.drain_s if patience_s is None else patience_s
        if self.runs and patience_s > 0:
            await asyncio.wait(self._tasks(), timeout=patience_s)
        for task in self._tasks():
            task.cancel()
        if self.runs:
            await asyncio.wait(self._tasks(), timeout=5.0)
        if self._leaving is None:
            self._leaving = self._loop.create_task(self._leave())
        await asyncio.shield(self._leaving)

    async def _leave(self) -> None:
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
        await self._host.close()
        log.info("worker is down", extra={"action": "worker_down", "worker": self.worker_id})

    async def _introduce(self) -> None:
        known = list(self.registry)
        await self.database.pool.execute(
            self.statements["know_workflows"],
            [w.name for w in known], [w.queue for w in known], [w.code for w in known], [w.timeout_s for w in known],
        )  # fmt: skip

    async def _register(self) -> int:
        register = self.statements["register_worker"]
        facts = (self.settings.lease_s, os.getpid(), self.alone, socket.gethostname(), self.queues)
        worker_id: int = await until_connected(lambda: self.database.pool.fetchval(register, *facts), insist=True)
        return worker_id

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(5):
                await self.database.pool.execute(self.statements["release_worker"], self.worker_id)
        except (TimeoutError, OSError) as error:
            log.warning("left without a word", extra={"action": "release_failed", "error": str(error)})

    # ── What the flusher asks (flusher.Ledger) ──────────────────────────────────────────────────────────────────────

    def begin_claim(self, carries: bool) -> int:
        """Begin a claim: how many runs this flush asks for; 0: none, being full, draining, or without a sign of work.

        A flush that carries rows asks in any case: that costs little more, and those who start runs hint only so often.
        """
        if self.draining or self.alone or not (carries or self._hungry):
            return 0
        room = self.settings.in_flight - len(self.runs) - len(self._coming)
        if room <= self.settings.in_flight // 8:
            return 0
        self._hungry = False  # until something is found, or a hint comes while this claim is on its way
        return room

    def lanes(self) -> tuple[list[str], list[int], list[int]]:
        """Queues, priorities and low-water sequences in the order of claiming."""
        return self._lanes.columns()

    def claimed(self, rows: Sequence[Any]) -> None:
        """Begin what was claimed."""
        self._hungry |= len(rows) > 0
        self.counts["claimed"] += len(rows)
        runs = [Claimed(*row) for row in rows]
        self._lanes.claimed(runs)
        again: list[Claimed] = []
        for claimed in runs:
            if claimed.again and not self.draining:
                again.append(claimed)
            else:
                self._begin(claimed, None, None)
        if again:
            self.begin_again(again)

    async def fenced(self) -> int:
        """Somebody took our runs: forget them all and register anew; until then we are nobody."""
        self.worker_id = 0
        for run in list(self.runs.values()):
            run.parking = True
            run.word = None
            if run.task is not None:
                run.task.cancel()
        self.runs.clear()
        self._coming.clear()
        self._lanes.forget()
        self.worker_id = await self._register()
        self._heartbeat.worker_id = self.worker_id
        self._heartbeat.poke()
        self._hungry = True
        return self.worker_id

    async def renew(self) -> None:
        """The lease lapsed, but nobody took anything yet: beat now."""
        await self._host.renew()

    async def reconcile(self, connection: Connection) -> None:
        """After a lost connection: begin runs whose claim was committed while its answer was lost.

        Those that are in memory, on their way there, or about to leave by a row that is not committed are not lost.
        """
        held = [Claimed(*row) for row in await connection.fetch(self.statements["held"], self.worker_id)]
        self._hungry = True
        self._lanes.forget()
        here = self.runs.keys() | self._coming | self.flusher.leaving()
        if lost := [claimed for claimed in held if claimed.run_id not in here]:
            self.begin_again(lost)

    # ── Runs ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def begin_again(self, rows: list[Claimed]) -> asyncio.Task[None]:
        """Begin runs of which something may be recorded, when that is loaded."""
        self._coming.update(row.run_id for row in rows)
        return self._own(self._load_and_begin(rows, self.worker_id))

    async def _load_and_begin(self, rows: list[Claimed], worker_id: int) -> None:
        ids = [row.run_id for row in rows]
        steps, tries = await until_connected(lambda: self._history(ids), insist=True)
        if worker_id != self.worker_id:
            return  # taken for dead meanwhile: they are somebody else's now
        self._coming.difference_update(ids)
        recorded: dict[UUID, dict[str, Recorded]] = {run_id: {} for run_id in ids}
        tried: dict[UUID, dict[str, Tried]] = {run_id: {} for run_id in ids}
        for run_id, key, digest, failed, output in steps:
            recorded[run_id][key] = Recorded(digest, failed, output)
        for run_id, key, attempt, retry_at in tries:
            tried[run_id][key] = Tried(attempt, retry_at)
        for row in rows:
            self._begin(row, recorded[row.run_id], tried[row.run_id])

    async def _history(self, ids: list[UUID]) -> tuple[Any, Any]:
        fetch = self.database.pool.fetch
        return await fetch(self.statements["recorded_steps"], ids), await fetch(
            self.statements["recorded_attempts"], ids
        )

    def _begin(self, claimed: Claimed, recorded: dict[str, Recorded] | None, tried: dict[str, Tried] | None) -> None:
        assert self._loop is not None  # noqa: S101 - claims come from a running worker
        if self.draining:
            # It was on its way here when the drain began, which cancels only what it finds.
            self.flusher.batch.hand_backs.append(claimed.run_id)
            self.flusher.wake()
            return
        run = Run(claimed, self._host, recorded, tried)
        self.runs[claimed.run_id] = run
        run.task = self._loop.create_task(self._execute(run))

    async def _execute(self, run: Run) -> None:
        claimed = run.claimed
        worker_id = self.worker_id
        ending: Ending | None = None
        try:
            if claimed.cancelled:
                ending = await self._cancelled(run)
            else:
                workflow = self.registry.find(claimed.workflow)
                if workflow is None:
                    self._set_aside(run)
                else:
                    ending = await settle(run, workflow)
        except asyncio.CancelledError:
            if run.run_id in self._asked:
                ending = await self._cancelled(run)
            elif self.draining and not run.parking and worker_id == self.worker_id:
                self.flusher.batch.hand_backs.append(run.run_id)
                self.flusher.wake()
        finally:
            if self.runs.get(run.run_id) is run:
                del self.runs[run.run_id]
                run.tell()
            if self._asked:
                self._asked.discard(run.run_id)
        if ending is not None and not run.parking and worker_id == self.worker_id:
            self._end(run, ending)

    async def _cancelled(self, run: Run) -> Ending:
        ask = self.statements["cancel_reason"]
        reason = await until_connected(lambda: self.database.pool.fetchval(ask, run.run_id), insist=True)
        return Ending("c", Failure(kind="Cancelled", message=reason or "cancelled on request").encode())

    def _end(self, run: Run, ending: Ending) -> None:
        self.counts[ending.status] += 1
        batch = self.flusher.batch
        batch.outcomes.append((run.run_id, ending.status, ending.output))
        self._hungry = True
        if run.claimed.parent is not None or ending.status == "c":
            future = self._host.loop.create_future()
            batch.outcome_futures.append(future)
            future.add_done_callback(functools.partial(self._ended, run.claimed, ending))
        self.flusher.wake()

    def _ended(self, claimed: Claimed, ending: Ending, future: asyncio.Future[None]) -> None:
        if future.cancelled() or future.exception() is not None:
            return
        if claimed.parent is not None:
            self.keeper.child_ended(claimed.parent)
        if ending.status == "c":
            # What it started between the request and its end was below it when nobody looked.
            reason = Failure.decode(ending.output).message
            self._own(cancel_runs(self.database, self.statements, [claimed.run_id], reason))

    def _set_aside(self, run: Run) -> None:
        log.error("unknown workflow", extra={"action": "workflow_unknown", "workflow": run.claimed.workflow})
        run.parking = True
        self._host.put_aside(run, UNKNOWN_ASIDE_S, f"no worker here knows workflow {run.claimed.workflow}")

    async def until_no_suspects(self) -> None:
        """For a worker with `alone=True`: return when no suspect is left."""
        await self._suspects.exhausted.wait()

    def flushed(self) -> asyncio.Future[None]:
        """Flush, even if there is nothing to record; done when what is to be recorded now is committed."""
        future: asyncio.Future[None] = self._host.loop.create_future()
        self.flusher.batch.outcome_futures.append(future)
        self.flusher.wake()
        return future

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [run.task for run in self.runs.values() if run.task is not None]

    # ── Chores ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _own(self, work: Any) -> asyncio.Task[None]:
        assert self._loop is not None  # noqa: S101 - only a running worker has runs
        task: asyncio.Task[None] = self._loop.create_task(work)
        self._chores.append(task)
        task.add_done_callback(lambda done: self._chores.remove(done) if done in self._chores else None)
        return task

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self.settings.poll_s)
            self._heartbeat.loop_turned = time.monotonic()
            self._there_is_work()

    async def _listen(self) -> None:
        """Hints from other processes; when they are lost, the tick finds the same a little later."""
        while True:
            lost = asyncio.Event()
            hearing = await until_connected(functools.partial(self._hear, lost))
            await lost.wait()
            hearing.terminate()

    async def _hear(self, lost: asyncio.Event) -> Connection:
        connection = await self.database.connect("hints")
        connection.add_termination_listener(lambda *_: lost.set())
        await connection.add_listener("serdab_ready", self._on_ready)
        await connection.add_listener("serdab_cancel", lambda *_: self._heartbeat.poke())
        return connection

    def _on_ready(self, _connection: object, _pid: int, _channel: str, queue: str) -> None:
        if queue in self.queues:
            self._there_is_work()

    async def _look_back(self) -> None:
        if not self.alone:
            await self._lanes.look_back(self._there_is_work)

    def _there_is_work(self) -> None:
        self._hungry = True
        self.flusher.wake()

    def _beat_from_thread(self, beat: Beat) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._on_beat, beat)

    def _on_beat(self, beat: Beat) -> None:
        self._host.clock_offset(beat.offset_s)
        self._host.lease_back.set()
        if not beat.alive:
            # Only a flush hears that at the fence, and a worker that is full, or runs a suspect, may have none to send.
            self.flushed()
        for run_id in beat.cancelled:
            run = self.runs.get(run_id)
            if run is not None and run.task is not None and run_id not in self._asked:
                self._asked.add(run_id)
                # Not at once: a task that is cancelled before its first step ends without a word, and its run never.
                self._host.loop.call_soon(run.task.cancel)
