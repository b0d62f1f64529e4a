"""Serdab for those who start runs and ask after them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar
from uuid import UUID

from serdab.core import BadInput, Ids, Settings, expected, load_settings, steady_now
from serdab.flow.cancelling import cancel_runs
from serdab.flow.children import outcome_error
from serdab.flow.definitions import CHILDREN, Workflow, not_registered
from serdab.flow.errors import Failure, UnknownRun
from serdab.flow.flusher import until_connected
from serdab.flow.inspection import Inspection, RunDetail, RunInfo
from serdab.flow.payloads import Payloads, codec_of
from serdab.flow.retries import MOST_S
from serdab.flow.starting import Start, Starter
from serdab.store import Blobs, Database, Room, load_statements, shared_database

A = TypeVar("A")
Priority = Literal["urgent", "normal", "low"]
PRIORITIES: dict[str, int] = {"urgent": 0, "normal": 1, "low": 2}

#: Seconds between looks for outcomes: at first, and at most.
LOOK_FIRST_S, LOOK_MOST_S = 0.005, 0.25

_ANY = codec_of(Any, "the result")


class Handle:
    """A run that was started, by its id."""

    __slots__ = ("_is_known", "_serdab", "_workflow", "id")

    def __init__(
        self, serdab: Serdab, run_id: UUID, workflow: Workflow[..., Any] | None, *, is_known: bool = True
    ) -> None:
        self._serdab = serdab
        self._workflow = workflow
        self._is_known = is_known
        self.id = run_id

    def __repr__(self) -> str:
        return f"Handle({self.id})"

    async def result(self, timeout_s: float | None = None) -> Any:
        """Wait for the run to end and give its result.

        Raises:
            RunFailed: it ended without one.
            TimeoutError: it has not ended after `timeout_s`; it goes on.
            UnknownRun: there is no such run, or it is no longer kept.
        """
        if not self._is_known:
            await self._serdab.inspection.check(self.id)
            self._is_known = True
        async with asyncio.timeout(timeout_s):
            status, output = await self._serdab.outcome(self.id)
        data = await self._serdab.payloads.unpack(output)
        if status != "d":
            raise outcome_error(self.id, status, Failure.decode(data))
        return (self._workflow.result if self._workflow else _ANY).decode(data)

    async def cancel(self, reason: str = "cancelled on request") -> str:
        """Cancel it and its children; "cancelled", "asked" (its worker does it now) or "ended"."""
        return (await self._serdab.cancel([self.id], reason))[self.id]

    async def detail(self) -> RunDetail:
        """Everything that is known of it."""
        return await self._serdab.show(self.id)


class Serdab:
    """The face of the engine for those who start runs; make it by `Serdab.connect()`."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.statements = load_statements("serdab.flow")
        self.payloads = Payloads(Blobs.of(settings), settings.flow.inline_bytes, settings.flow.most_bytes)
        self.inspection = Inspection(database, self.payloads)
        self._starter = Starter(database, self.statements)
        self._room = Room.of(settings)
        self._ids = Ids()
        self._waiting: dict[UUID, asyncio.Future[tuple[str, bytes]]] = {}
        self._looking: asyncio.Task[None] | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, settings: Settings | None = None) -> AsyncIterator[Serdab]:
        """Open the database, the embedded one when no other is set, and close it at the end of the block.

        An embedded one that nobody else uses then is stopped.

        Args:
            settings: the tree of settings; read from file and environment when None.
        """
        settings = settings or load_settings()
        async with shared_database(settings, "client") as database:
            serdab = cls(settings, database)
            await serdab.open()
            try:
                yield serdab
            finally:
                await serdab.close()

    async def open(self) -> None:
        """Learn the database's time; `connect` does it."""
        wall = steady_now()
        self._ids.offset_s = await self.database.pool.fetchval(self.statements["database_now"]) - wall

    async def close(self) -> None:
        """Finish what is in flight; `connect` does it."""
        await self._starter.close()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def start(
        self,
        workflow: Workflow[..., Any] | str,
        *args: Any,
        key: str | None = None,
        priority: Priority = "normal",
        delay: float | timedelta = 0,
        **kwargs: Any,
    ) -> Handle:
        """Start a run; when this returns, it is committed.

        Args:
            workflow: the decorated function, or the name of one that a worker knows.
            args: its arguments.
            key: an idempotency key, unique in its queue: the same key with the same input is the same run.
            priority: "urgent" runs are claimed before "normal" ones, "low" ones after.
            delay: seconds or a timedelta before it may begin.
            kwargs: its named arguments.

        Raises:
            NotRegistered: nobody knows a workflow of that name.
            KeyTaken: the key belongs to a run with another input.
            NotEncodable: the arguments do not fit the workflow.
            DiskNearlyFull: no new run is taken until there is room.
        """
        self._room.check()
        start = await self._start(workflow, (args, kwargs), key, priority, delay)
        return Handle(self, await self._starter.start(start), workflow if isinstance(workflow, Workflow) else None)

    async def start_many(
        self, workflow: Workflow[..., Any], inputs: Iterable[Any], *, priority: Priority = "normal"
    ) -> list[Handle]:
        """Start a run for each input, which is its one argument; many go by COPY, thousands a transaction.

        Raises:
            BadInput, NotEncodable, DiskNearlyFull: as `start`; then no run of the call was started.
        """
        self._room.check()
        if not isinstance(workflow, Workflow):
            raise BadInput(expected("workflow", "a function with @workflow", workflow))
        number = _priority(priority)
        code, timeout_s, queue, name = workflow.code, workflow.timeout_s, workflow.queue, workflow.name
        encode, needs_file, new_id = workflow.arguments.encode, self.payloads.needs_file, self._ids.new
        starts = []
        for each in inputs:
            data = encode((each,))
            stored = await self.payloads.pack(data) if needs_file(data) else data
            starts.append(Start(new_id(), None, code, timeout_s, number, queue, name, stored))
        await self._starter.start_bulk(starts)
        return [Handle(self, start.run_id, workflow) for start in starts]

    def handle(self, run_id: UUID | str, workflow: Workflow[..., Any] | None = None) -> Handle:
        """A run by its id."""
        return Handle(self, _id(run_id), workflow, is_known=False)

    async def outcome(self, run_id: UUID) -> tuple[str, bytes]:
        """Wait until a run has ended: the letter of its state and the stored payload."""
        loop = asyncio.get_running_loop()
        future = self._waiting.setdefault(run_id, loop.create_future())
        if self._looking is None or self._looking.done():
            self._looking = loop.create_task(self._look())
        return await asyncio.shield(future)

    async def runs(
        self, *, state: str | None = None, queue: str | None = None, workflow: str | None = None, limit: int = 50
    ) -> list[RunInfo]:
        """The newest runs, filtered."""
        return await self.inspection.runs(state=state, queue=queue, workflow=workflow, limit=limit)

    async def unfinished(self, workflow: Workflow[[A], Any]) -> list[tuple[A, Handle]]:
        """The runs of a workflow of one argument that have not ended, the newest first, each with its argument."""
        found = await self.inspection.unfinished(workflow.name)
        return [(workflow.arguments.decode(data)[0][0], Handle(self, run_id, workflow)) for run_id, data in found]

    async def show(self, run_id: UUID | str) -> RunDetail:
        """Everything that is known of a run.

        Raises:
            UnknownRun: there is none with this id.
        """
        return await self.inspection.detail(_id(run_id))

    async def cancel(self, run_ids: Sequence[UUID | str], reason: str = "cancelled on request") -> dict[UUID, str]:
        """Cancel runs and their children: what nobody holds ends now, the others are asked to.

        Returns:
            For each run given: "cancelled", "asked", "ended" (before) or "unknown".
        """
        given = [_id(run_id) for run_id in run_ids]
        answers = await cancel_runs(self.database, self.statements, given, reason)
        return {run_id: answers[run_id] for run_id in given}

    async def redrive(self, run_id: UUID | str) -> Handle:
        """Try a run again that ended without a result: a new run, with the recorded steps that went well.

        Raises:
            UnknownRun: there is none with this id.
            BadInput: it has not ended, or has a result.
        """
        old = _id(run_id)
        pool = self.database.pool
        detail = await self.inspection.detail(old)
        if detail.info.state not in ("failed", "cancelled", "dead"):
            raise BadInput(expected(f"run {old}", "failed, cancelled or dead", detail.info.state))
        keys = []
        for key, output in await pool.fetch(self.statements["successful_steps"], old):
            if not await self._started_a_failure(key, output):
                keys.append(key)
        new = await pool.fetchval(self.statements["redrive_run"], old, self._ids.new(), keys)
        await pool.execute(self.statements["hint"], [detail.info.queue])
        return Handle(self, new, None)

    async def _started_a_failure(self, key: str, output: bytes) -> bool:
        if not key.rsplit("/", 1)[-1].startswith(CHILDREN):
            return False
        started = _ANY.decode(output)
        first = UUID(started["first"])
        last = UUID(int=first.int + started["size"] - 1)
        return bool(await self.database.pool.fetchval(self.statements["failed_between"], first, last))

    async def _encoded(
        self, workflow: Workflow[..., Any] | str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[str, str, int, float | None], bytes]:
        if isinstance(workflow, Workflow):
            known = (workflow.queue, workflow.name, workflow.code, workflow.timeout_s)
            return known, workflow.arguments.encode(args, kwargs)
        if not isinstance(workflow, str):
            raise BadInput(expected("workflow", "a function with @workflow, or its name", workflow))
        if kwargs:
            raise BadInput(expected("arguments of a workflow by name", "positional", sorted(kwargs)))
        row = await self.database.pool.fetchrow(self.statements["known_workflow"], workflow)
        if row is None:
            names = await self.database.pool.fetch(self.statements["known_workflows"])
            raise not_registered(workflow, [name for (name,) in names])
        return (row["queue"], workflow, row["code"], row["timeout_s"]), _ANY.encode(list(args))

    async def _start(
        self,
        workflow: Workflow[..., Any] | str,
        call: tuple[tuple[Any, ...], dict[str, Any]],
        key: str | None,
        priority: Priority,
        delay: float | timedelta,
    ) -> Start:
        (queue, name, code, timeout_s), data = await self._encoded(workflow, *call)
        number = _priority(priority)
        if key is not None and (not key or len(key) > 500 or "\0" in key or not key.isprintable()):
            raise BadInput(expected("key", "1 to 500 printable characters", key))
        at = self._at(delay.total_seconds() if isinstance(delay, timedelta) else delay)
        digest = None
        if key is not None:
            digest = _digest(name, workflow.arguments.canonical(data) if isinstance(workflow, Workflow) else data)
        stored = await self.payloads.pack(data) if self.payloads.needs_file(data) else data
        return Start(self._ids.new(), None, code, timeout_s, number, queue, name, stored, key, digest, at)

    def _at(self, delay_s: float) -> datetime | None:
        if not delay_s:
            return None
        if not 0 < delay_s <= MOST_S:
            raise BadInput(expected("delay", f"from 0 to {MOST_S:,.0f} seconds", delay_s))
        from datetime import UTC

        return datetime.fromtimestamp(steady_now() + self._ids.offset_s + delay_s, UTC)

    async def _look(self) -> None:
        """Look for the outcomes that somebody here waits for, all in one statement."""
        pause_s = LOOK_FIRST_S
        while self._waiting:
            wanted = list(self._waiting)
            try:
                rows = await until_connected(
                    lambda wanted=wanted: self.database.pool.fetch(self.statements["outcomes_of"], wanted)  # type: ignore[misc]
                )
            except Exception as error:  # noqa: BLE001 - handed to everybody who waits
                waiting, self._waiting = self._waiting, {}
                for future in waiting.values():
                    if not future.done():
                        future.set_exception(error)
                return
            for run_id, status, output in rows:
                future = self._waiting.pop(run_id)
                if not future.done():
                    future.set_result((status, output))
            for run_id in [run_id for run_id, future in self._waiting.items() if future.cancelled()]:
                del self._waiting[run_id]
            pause_s = LOOK_FIRST_S if rows else min(pause_s * 1.5, LOOK_MOST_S)
            await asyncio.sleep(pause_s + len(self._waiting) / 100_000)


def _priority(priority: Priority) -> int:
    if priority not in PRIORITIES:
        raise BadInput(expected("priority", "urgent, normal or low", priority))
    return PRIORITIES[priority]


def _digest(name: str, data: bytes) -> int:
    import hashlib

    state = hashlib.blake2b(name.encode() + b"\0" + data, digest_size=8)
    return int.from_bytes(state.digest(), "big", signed=True)


def _id(run_id: UUID | str) -> UUID:
    if isinstance(run_id, UUID):
        return UUID(int=run_id.int)
    try:
        return UUID(str(run_id))
    except ValueError:
        raise UnknownRun(expected("run id", "a UUID", run_id, "see `serdab runs list`")) from None
