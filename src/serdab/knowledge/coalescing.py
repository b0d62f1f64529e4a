"""Many small calls to the database travel together: while a batch is under way the next one fills."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from serdab.core import Unavailable
from serdab.knowledge.errors import REMOVED, BadLabels, IndexAway
from serdab.knowledge.vectors import speak_vectors
from serdab.store import Connection, Database, is_gone, sqlstate

Item = TypeVar("Item")
Result = TypeVar("Result")

#: PostgreSQL's name for a row that belongs to one that is gone; here only a set of labels can be.
_FOREIGN_KEY = "23503"


class Link:
    """One connection of its own that knows vectors, opened when needed and again when it was lost."""

    def __init__(self, database: Database, name: str, setup: str = "") -> None:
        self._database = database
        self._name = name
        self._setup = setup
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None

    async def use(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Do one piece of work alone on the connection.

        Raises:
            IndexAway: the database is not there now; the work may or may not have been done.
            BadLabels: the set of labels that the work adds to was removed meanwhile.
        """
        async with self._lock:
            try:
                return await work(await self._open())
            except Exception as error:
                if sqlstate(error) == _FOREIGN_KEY:
                    raise BadLabels(REMOVED) from error
                if not is_gone(error):
                    raise
                await self._drop()
                raise IndexAway(f"expected the database to answer, got {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close the connection; a second call does nothing."""
        async with self._lock:
            await self._drop()

    async def _open(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            connection = await self._database.connect(self._name, jit="off")
            try:
                await speak_vectors(connection)
                if self._setup:
                    await connection.execute(self._setup)
            except BaseException:  # Also of who is cancelled: nobody else knows this connection.
                connection.terminate()
                raise
            self._connection = connection
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            connection.terminate()


class Coalescer(Generic[Item, Result]):
    """Calls one function for all items that came while it was busy; one bad item never fails its neighbours."""

    def __init__(
        self,
        handle: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        most_weight: int,
        weigh: Callable[[Item], int] = lambda _: 1,
    ) -> None:
        """Nothing runs yet.

        Args:
            handle: does the work of a batch and returns a result for each item, in order.
            most_weight: most weight of a batch; a heavier item goes alone.
            weigh: the weight of one item.
        """
        self._handle = handle
        self._most = most_weight
        self._weigh = weigh
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def __call__(self, item: Item) -> Result:
        """The result for one item."""
        if self._closed:
            raise IndexAway("expected the index to be open, got a call after close")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, done))
        if self._task is None:
            self._task = loop.create_task(self._run())
        return await done

    async def close(self) -> None:
        """Let the batch under way end, fail what still waits; a second call does nothing."""
        self._closed = True
        for _, done in self._waiting:
            if not done.done():
                done.set_exception(IndexAway("expected the index to be open, got close while a call was waiting"))
        self._waiting.clear()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            await asyncio.sleep(0)  # Calls made in the same turn of the loop join the first batch.
            while batch := self._take():
                await self._settle(batch)
        finally:
            self._task = None

    def _take(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        batch: list[tuple[Item, asyncio.Future[Result]]] = []
        weight = 0
        while self._waiting:
            item, done = self._waiting[0]
            weight += 0 if done.done() else self._weigh(item)
            if batch and weight > self._most:
                break
            self._waiting.popleft()
            if not done.done():
                batch.append((item, done))
        return batch

    async def _settle(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results: Sequence[Any] = await self._handle([item for item, _ in batch])
        except Unavailable as error:
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001 (handed to the callers, whoever they are)
            if len(batch) == 1:
                _fail(batch, error)
                return
            middle = len(batch) // 2
            await self._settle(batch[:middle])
            await self._settle(batch[middle:])
        else:
            for (_, done), result in zip(batch, results, strict=True):
                if not done.done():
                    done.set_result(result)


def _fail(batch: Sequence[tuple[Any, asyncio.Future[Any]]], error: Exception) -> None:
    for _, done in batch:
        if not done.done():
            done.set_exception(error)
