"""The engine's statements as actors call them, each on a connection of its own, for tests of races and of locks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from serdab.flow.batch import Batch
from serdab.flow.flusher import PLANNER
from serdab.store import load_statements

SQL = load_statements("serdab.flow")
QUEUE = "q"
LANES = ([QUEUE] * 3, [0, 1, 2], [0, 0, 0])
LEASE_S = 600.0
SUSPECT_AFTER, POISON_AFTER = 2, 2


def park_row(run: UUID, children: tuple[UUID, UUID, int] | None = None, wake_at: str | None = None) -> dict[str, Any]:
    """A row of a batch that parks a run."""
    first, last, size = ([each] for each in children) if children else ([], [], [])
    return {"run": run, "wake_at": wake_at, "why": "waits", "firsts": first, "lasts": last, "sizes": size}


def step_row(run: UUID, key: str = "a#1", output: bytes = b"1") -> tuple[Any, ...]:
    """A row of a batch that records a step."""
    return (run, key, 1, 1, 1, False, output)


def child_row(run: UUID, parent: UUID) -> tuple[Any, ...]:
    """A row of a batch that starts a child."""
    return (run, parent, 1, None, 1, QUEUE, "w", b"[]")


class Actor:
    """One session; what it calls goes by the statements that the engine calls."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.pid: int = connection.get_server_pid()

    async def call(self, statement: str, *arguments: Any) -> list[Any]:
        rows: list[Any] = await self.connection.fetch(SQL[statement], *arguments)
        return rows

    async def value(self, sql: str, *arguments: Any) -> Any:
        return await self.connection.fetchval(sql, *arguments)

    async def register(self, lease_s: float = LEASE_S, *, alone: bool = False) -> int:
        worker: int = (await self.call("register_worker", lease_s, 1, alone, "host", [QUEUE]))[0][0]
        return worker

    async def start(self, count: int = 1, keys: list[str | None] | None = None) -> list[UUID]:
        ids = [uuid4() for _ in range(count)]
        await self.call(
            "start_runs", False, ids, [None] * count, [1] * count, [None] * count, [1] * count, [QUEUE] * count,
            ["w"] * count, [b"[]"] * count, keys or [None] * count, [0] * count, [None] * count,
        )  # fmt: skip
        return ids

    async def flush(self, worker: int, batch: Batch, want: int = 0, *, again: bool = False) -> list[UUID]:
        """What a flusher sends; the runs that it claimed."""
        plain = [worker, again, *batch.plain_columns(), want, *LANES]
        if batch.is_plain:
            rows = await self.call("flush", *plain)
        else:
            rows = await self.call("flush_more", *plain, *batch.more_columns())
        return [UUID(int=row["run_id"].int) for row in rows]

    async def claim(self, worker: int, want: int = 1) -> list[UUID]:
        return await self.flush(worker, Batch(), want)

    async def cancel(self, run: UUID) -> str:
        answer: str = (await self.call("cancel_run", run, "why", b"{}"))[0][0]
        return answer

    async def rescue(self) -> list[Any]:
        return await self.call("rescue", 0.0, SUSPECT_AFTER, POISON_AFTER, b"{}")

    async def lapse(self, worker: int) -> None:
        await self.connection.execute(
            "update worker set lease_until = clock_timestamp() - interval '1s' where worker_id = $1", worker
        )

    async def places(self, run: UUID) -> list[str]:
        """Where a run is; one place, or the engine is wrong."""
        return [
            place
            for place, found in (
                await self.connection.fetchrow(
                    "select exists (select from ready where run_id = $1) as ready,"
                    " exists (select from lease where run_id = $1) as lease,"
                    " exists (select from parked where run_id = $1) as parked,"
                    " exists (select from suspect where run_id = $1) as suspect,"
                    " exists (select from run_outcome where run_id = $1) as ended",
                    run,
                )
            ).items()
            if found
        ]


#: A session of this name stops at the pause points of its database while somebody holds the advisory lock 1.
PAUSED = "paused"
_PAUSE = f"""
create function pause_here() returns trigger language plpgsql as $$
begin
    if current_setting('application_name') = '{PAUSED}' then perform pg_advisory_xact_lock_shared(1); end if;
    if tg_op = 'DELETE' then return old; end if;
    return new;
end $$
"""


class Stage:
    """Opens actors, stops them at exact points, and tells who waits for whom."""

    def __init__(self, dsn: str, eventually: Callable[..., Any]) -> None:
        self._dsn = dsn
        self._eventually = eventually
        self._connections: list[Any] = []
        self._watcher: Any = None

    async def __aenter__(self) -> Stage:
        self._watcher = await self._connect("watcher")
        await self._watcher.execute(_PAUSE)
        return self

    async def __aexit__(self, *exc: object) -> None:
        for connection in self._connections:
            connection.terminate()

    async def _connect(self, name: str) -> Any:
        connection = await asyncpg.connect(self._dsn, server_settings={**PLANNER, "application_name": name})
        self._connections.append(connection)
        return connection

    async def actor(self) -> Actor:
        return Actor(await self._connect("actor"))

    async def hasty_actor(self) -> Actor:
        """One whose commits wait for no disk: more happens in a second."""
        actor = await self.actor()
        await actor.connection.execute("set synchronous_commit = off")
        return actor

    @contextlib.asynccontextmanager
    async def paused(self, moment: str, work: Callable[[Actor], Awaitable[Any]]) -> AsyncIterator[asyncio.Task[Any]]:
        """Let an actor do something up to a moment, such as `before delete on ready`, and go on after the block.

        The task of the actor is done by then.
        """
        await self._watcher.execute(f"create trigger pause {moment} for each row execute function pause_here()")
        actor = Actor(await self._connect(PAUSED))
        await self._watcher.execute("select pg_advisory_lock(1)")
        task = asyncio.ensure_future(work(actor))
        try:
            await self.until_blocked(actor.pid, self._watcher.get_server_pid())
            yield task
        finally:
            await self._watcher.execute("select pg_advisory_unlock(1)")
            await asyncio.wait([task])

    async def waiting(self, work: Callable[[Actor], Awaitable[Any]]) -> asyncio.Task[Any]:
        """Let an actor do something that has to wait for another session's lock, and see that it waits."""
        actor = await self.actor()
        task = asyncio.ensure_future(work(actor))
        await self.until_blocked(actor.pid)
        return task

    async def until_blocked(self, pid: int, by: int | None = None) -> None:
        """Wait until a session waits for a lock that another one holds."""

        async def is_blocked() -> bool:
            blocking = await self._watcher.fetchval("select pg_blocking_pids($1)", pid)
            return bool(blocking) if by is None else by in blocking

        await self._eventually(is_blocked)
