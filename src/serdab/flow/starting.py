"""Starting runs: concurrent calls share a commit, bulk goes by COPY."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from serdab.core import SerdabError
from serdab.flow.errors import KeyTaken
from serdab.flow.flusher import until_connected
from serdab.store import Database, Statements, sqlstate

#: Most starts that share a commit.
MOST_TOGETHER = 2000
#: From so many runs on, a bulk start goes by COPY.
COPY_FROM = 200
#: Seconds between hints of one client: a worker that was just woken claims the next runs by itself.
HINT_PAUSE_S = 0.01
#: Runs in one transaction of a COPY.
COPY_CHUNK = 5000

_RUN_COLUMNS = ("run_id", "parent", "code", "timeout_s", "priority", "queue", "workflow", "input")
_READY_COLUMNS = ("segment", "priority", "queue", "run_id")


class Start(NamedTuple):
    """One run to start; the order is that of the server-side statement."""

    run_id: UUID
    parent: UUID | None
    code: int | None
    timeout_s: float | None
    priority: int
    queue: str
    workflow: str
    input: bytes
    key: str | None = None
    #: Of the input, where there is a key.
    digest: int | None = None
    at: Any = None


class Starter:
    """Commits starts in groups: while one commit is in flight the next group fills."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements
        self._waiting: list[tuple[Sequence[Start], asyncio.Future[UUID]]] = []
        self._busy: asyncio.Task[None] | None = None
        self._hinting: asyncio.Task[None] | None = None
        self._hints: set[str] = set()

    async def start(self, start: Start) -> UUID:
        """Start one run; answers the id of the run that has its key, which may be an earlier one.

        Raises:
            KeyTaken: the key belongs to a run with another input.
        """
        return await self._join((start,))

    async def start_bulk(self, starts: Sequence[Start]) -> None:
        """Start runs without keys: some with the next commit, many by COPY, a few thousand a transaction."""
        if len(starts) < COPY_FROM:
            if starts:
                await self._join(starts)
            return
        for place in range(0, len(starts), COPY_CHUNK):
            await self._copy(starts[place : place + COPY_CHUNK])

    async def close(self) -> None:
        """Wait for what is in flight."""
        for task in (self._busy, self._hinting):
            if task is not None:
                await asyncio.gather(task, return_exceptions=True)

    def _join(self, starts: Sequence[Start]) -> asyncio.Future[UUID]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[UUID] = loop.create_future()
        self._waiting.append((starts, future))
        if self._busy is None or self._busy.done():
            self._busy = loop.create_task(self._commit_groups())
        return future

    async def _commit_groups(self) -> None:
        while self._waiting:
            together = self._next_together()
            try:
                await self._commit(together)
            except Exception as error:  # noqa: BLE001 - handed to everybody who waits
                for _, future in together:
                    if not future.done():
                        future.set_exception(error)

    def _next_together(self) -> list[tuple[Sequence[Start], asyncio.Future[UUID]]]:
        taken = count = 0
        for starts, _ in self._waiting:
            if count and count + len(starts) > MOST_TOGETHER:
                break
            count += len(starts)
            taken += 1
        together, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return together

    async def _commit(self, together: list[tuple[Sequence[Start], asyncio.Future[UUID]]]) -> None:
        rows = [start for starts, _ in together for start in starts]
        # What nobody has need not be sent: the server takes what is missing for null.
        columns = [() if column.count(None) == len(rows) else column for column in zip(*rows, strict=True)]
        tries = 0

        async def once() -> Any:
            nonlocal tries
            tries += 1
            return await self._database.pool.fetch(self._statements["start_runs"], tries > 1, *columns)

        owners = {row["place"] - 1: row for row in await until_connected(once)}
        self._hint({start.queue for start in rows})
        place = 0
        for starts, future in together:
            owner = owners.get(place)
            if future.done():
                pass
            elif owner is not None and not owner["same"]:
                future.set_exception(_key_taken(starts[0], owner["run_id"]))
            else:
                future.set_result(starts[0].run_id if owner is None else owner["run_id"])
            place += len(starts)

    async def _copy(self, starts: Sequence[Start]) -> None:
        runs = [start[:8] for start in starts]

        async def once() -> None:
            async with self._database.pool.acquire() as connection, connection.transaction():
                segment = await connection.fetchval(self._statements["ring_segment"])
                await connection.copy_records_to_table("run", records=runs, columns=_RUN_COLUMNS)
                ready = [(segment, start.priority, start.queue, start.run_id) for start in starts]
                await connection.copy_records_to_table("ready", records=ready, columns=_READY_COLUMNS)

        try:
            await until_connected(once)
        except SerdabError:
            raise
        except Exception as error:
            # A COPY whose answer was lost may have been committed: then its ids are taken, by itself.
            if sqlstate(error) != "23505":
                raise
        self._hint({start.queue for start in starts})

    def _hint(self, queues: set[str]) -> None:
        """Wake workers, after the commit and apart from it; hints that come meanwhile go together."""
        self._hints |= queues
        if self._hinting is None or self._hinting.done():
            self._hinting = asyncio.get_running_loop().create_task(self._send_hints())

    async def _send_hints(self) -> None:
        while self._hints:
            queues, self._hints = self._hints, set()
            await until_connected(lambda queues=queues: self._send(queues))  # type: ignore[misc]
            await asyncio.sleep(HINT_PAUSE_S)

    async def _send(self, queues: set[str]) -> None:
        await self._database.pool.execute(self._statements["hint"], sorted(queues))


def _key_taken(start: Start, owner: UUID) -> KeyTaken:
    return KeyTaken(
        f"expected key {start.key!r} of queue {start.queue} to be new or used with the same input, got another input "
        f"than that of run {owner}; use another key",
        run_id=str(owner),
    )
