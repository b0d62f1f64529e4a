"""Group commit without a timer: while one flush is in flight the next batch fills; when idle it goes at once.

A future resolves only after COMMIT. Every flush is fenced by its worker's row, and carries the next claim.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from serdab.core import SerdabError
from serdab.flow.batch import Batch
from serdab.flow.running import Claimed
from serdab.store import Connection, Database, Statements, is_gone, lacks_means, sqlstate

log = logging.getLogger(__name__)

#: Bytes of payload after which `put` asks its caller to wait for the flush in flight.
MOST_BYTES = 16 << 20

#: Runs that wait for one flush, from which on they go on in two halves: for fewer, a flush more costs what it gains.
LEAST_SPLIT = 128

#: Planner settings of the flusher's connection: its statements must never scan, whatever the statistics say.
PLANNER = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "synchronous_commit": "on",
}

#: What the fence says to a worker that was taken for dead, and to one whose lease has lapsed.
STALE = "SD001"
LAPSED = "SD002"
_UNIQUE = "23505"
#: Deadlock, serialization, lock timeout, cancelled statement: the same again may go well.
_AGAIN = {"40001", "40P01", "55P03", "57014"}


class Refused(SerdabError):
    """The database refuses a row of this run."""

    code = "row_refused"


class Ledger(Protocol):
    """Whom the flusher serves."""

    def begin_claim(self, carries: bool) -> int: ...
    def lanes(self) -> tuple[list[str], list[int], list[int]]: ...
    def claimed(self, rows: Sequence[Claimed]) -> None: ...
    async def fenced(self) -> int: ...
    async def renew(self) -> None: ...
    async def reconcile(self, connection: Connection) -> None: ...


class FlushStats:
    """What the metrics tell of the flusher."""

    def __init__(self) -> None:
        self.flushes = 0
        self.rows = 0
        self.seconds = 0.0
        self.last_seconds = 0.0
        self.refused_stale = 0
        self.retried = 0
        self.refused_rows = 0


class Flusher:
    """The one writer of a worker process, on a connection of its own."""

    def __init__(self, database: Database, statements: Statements, ledger: Ledger, worker_id: int) -> None:
        self._database = database
        self._flush = statements["flush"]
        self._flush_more = statements["flush_more"]
        self._ledger = ledger
        self._connection: Connection | None = None
        self._wake = asyncio.Event()
        self._closing = False
        self.worker_id = worker_id
        self.batch = Batch()
        self._sending = Batch()
        self.stats = FlushStats()
        #: Hears of the step rows of each batch that was committed.
        self.on_steps: Callable[[Sequence[tuple[Any, ...]]], None] | None = None

    def wake(self) -> None:
        """There may be something to flush or to claim."""
        self._wake.set()

    def close(self) -> None:
        """Flush what is there and end."""
        self._closing = True
        self._wake.set()

    def leaving(self) -> set[Any]:
        """Runs that are no longer in memory, but whose lease is given back by a row that is not committed yet."""
        return self._sending.leaving() | self.batch.leaving()

    async def run(self) -> None:
        """Flush until closed."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                batch, self.batch = self.batch, Batch()
                want = 0 if self._closing else self._ledger.begin_claim(bool(batch))
                if batch or want:
                    self._sending = batch
                    await self._commit(batch, want)
                    self._sending = Batch()
                if self._closing and not self.batch:
                    return
        finally:
            if self._connection is not None:
                self._connection.terminate()

    async def _commit(self, batch: Batch, want: int) -> None:
        """One batch until it is committed, refused row by row, or fenced."""
        again = False
        pause_s = 0.05
        while True:
            try:
                rows = await self._send(batch, want, again)
            except Exception as error:  # noqa: BLE001 - sorted below; what is not known is raised
                if await self._recovered(error, batch):
                    return
                again = True
                want = 0
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                pause_s = min(pause_s * 2, 1.0)
                continue
            if want:
                self._ledger.claimed(rows)
            await self._resolve(batch.futures())
            if self.on_steps is not None:
                self.on_steps(batch.steps)
            return

    async def _resolve(self, futures: Sequence[asyncio.Future[None]]) -> None:
        if len(futures) >= LEAST_SPLIT and not self.batch:
            # All runs move in step: they wait for the database together, and it for them. Let one half go ahead, so
            # that its rows are on their way while the other half computes.
            middle = len(futures) // 2
            _set(futures[:middle])
            await asyncio.sleep(0)
            futures = futures[middle:]
        _set(futures)

    async def _send(self, batch: Batch, want: int, again: bool) -> Sequence[Claimed]:
        connection = await self._connected()
        began = time.monotonic()
        plain = [self.worker_id, again, *batch.plain_columns(), want, *self._ledger.lanes()]
        rows: Sequence[Claimed]
        if batch.is_plain:
            rows = await connection.fetch(self._flush, *plain)
        else:
            rows = await connection.fetch(self._flush_more, *plain, *batch.more_columns())
        took = time.monotonic() - began
        self.stats.flushes += 1
        self.stats.rows += batch.rows()
        self.stats.seconds += took
        self.stats.last_seconds = took
        return rows

    async def _recovered(self, error: Exception, batch: Batch) -> bool:
        """Sort out why a flush failed; True: the batch is settled, False: send it again."""
        state = sqlstate(error)
        self.stats.retried += 1
        if state == STALE:
            self.stats.refused_stale += 1
            log.warning("taken for dead", extra={"action": "flush_refused_stale", "worker": self.worker_id})
            # What has gathered meanwhile is of the same runs: under a new registration it would pass for ours.
            gathered, self.batch = self.batch, Batch()
            self.worker_id = await self._ledger.fenced()
            _cancel(batch)
            _cancel(gathered)
            return True
        if state == LAPSED:
            await self._ledger.renew()
            return False
        if is_gone(error) or self._connection is None or self._connection.is_closed():
            # Also when we are not let in now: that is no fault of the rows.
            await self._drop_connection()
            log.warning("database is away", extra={"action": "flush_disconnected", "error": str(error)})
            return False
        if state in _AGAIN or state == _UNIQUE:
            return False
        if lacks_means(error):
            log.error("database lacks means", extra={"action": "flush_delayed", "error": str(error)})
            return False
        return await self._bisect(error, batch)

    async def _bisect(self, error: Exception, batch: Batch) -> bool:
        """One bad row must not fail its neighbours."""
        halves = batch.halves()
        if halves is not None:
            worker_id = self.worker_id
            for half in halves:
                if worker_id != self.worker_id:
                    _cancel(half)
                elif half:
                    await self._commit(half, 0)
            return True
        self.stats.refused_rows += 1
        log.error("row refused", extra={"action": "row_refused", "error": str(error)})
        refused = Refused(f"expected the database to take this row, got {type(error).__name__}: {error}")
        for future in batch.futures():
            if not future.done():
                future.set_exception(refused)
        return True

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            connection = await self._database.connect("flusher", **PLANNER)
            await self._ledger.reconcile(connection)
            self._connection = connection
        return self._connection

    async def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def _cancel(batch: Batch) -> None:
    for future in batch.futures():
        future.cancel()


def _set(futures: Sequence[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


async def until_connected(
    attempt: Callable[[], Awaitable[Any]], most_pause_s: float = 1.0, *, insist: bool = False
) -> Any:
    """Do something with the database until it is there to do it.

    Args:
        attempt: what to do.
        most_pause_s: the longest pause between two attempts.
        insist: also after a deadlock, a timeout or an administrator's cancel of the statement; for what nobody would
            do again.
    """
    pause_s = 0.05
    while True:
        try:
            return await attempt()
        except Exception as error:
            if not (is_gone(error) or lacks_means(error) or (insist and sqlstate(error) in _AGAIN)):
                raise
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        pause_s = min(pause_s * 2, most_pause_s)
