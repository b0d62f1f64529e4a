"""The worker's one lease, renewed from a thread of its own: code that blocks the loop must not look like death.

A thread does not help against code that holds the interpreter lock; `isolate="process"` is for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from serdab.core import steady_now
from serdab.flow.flusher import until_connected
from serdab.store import Connection, Database, Statements

log = logging.getLogger(__name__)

#: Share of the lease after which it is renewed.
BEAT = 0.25
#: A loop that has not turned for so many leases is taken for hung: its lease is left to lapse.
HUNG_LEASES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What a heartbeat learned."""

    alive: bool
    #: Database time minus this machine's, seconds.
    offset_s: float
    #: Runs of this worker that somebody wants cancelled.
    cancelled: tuple[UUID, ...]


class Heartbeat:
    """Renews the lease of a worker until stopped.

    Attributes:
        ends: when the lease lapses, by `time.monotonic`; written here, read by everybody.
    """

    def __init__(
        self, database: Database, statements: Statements, lease_s: float, on_beat: Callable[[Beat], None]
    ) -> None:
        self._database = database
        self._statement = statements["heartbeat"]
        self._lease_s = lease_s
        self._on_beat = on_beat
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._poke: asyncio.Event | None = None
        self.worker_id = 0
        self.ends = 0.0
        self.loop_turned = time.monotonic()

    def start(self, worker_id: int) -> None:
        """Begin, right after the registration of the worker."""
        self.worker_id = worker_id
        self.ends = time.monotonic() + self._lease_s
        self._thread = threading.Thread(target=self._main, name="serdab-heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; idempotent."""
        self._stop.set()
        self.poke()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def poke(self) -> None:
        """Beat now."""
        loop, poke = self._loop, self._poke
        if loop is not None and poke is not None:
            with contextlib.suppress(RuntimeError):  # it is closed: the thread came to its end
                loop.call_soon_threadsafe(poke.set)

    def _main(self) -> None:
        asyncio.run(self._beat_until_stopped())

    async def _beat_until_stopped(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._poke = asyncio.Event()
        connection: Connection | None = None
        while not self._stop.is_set():
            if self._is_hung():
                log.critical("the loop does not turn", extra={"action": "loop_hung", "worker": self.worker_id})
            else:
                try:
                    connection = await self._beat(connection)
                except Exception:
                    log.exception("a beat failed", extra={"action": "beat_failed", "worker": self.worker_id})
                    connection = None
            try:
                pause_s = self._lease_s * BEAT * random.uniform(0.8, 1.0)  # noqa: S311 - jitter
                async with asyncio.timeout(pause_s):
                    await self._poke.wait()
                self._poke.clear()
            except TimeoutError:
                pass
        if connection is not None:
            connection.terminate()

    def _is_hung(self) -> bool:
        return time.monotonic() - self.loop_turned > self._lease_s * HUNG_LEASES

    async def _beat(self, connection: Connection | None) -> Connection | None:
        async def once() -> tuple[Connection, Any, float, float]:
            nonlocal connection
            if self._stop.is_set():
                raise asyncio.CancelledError
            if connection is None or connection.is_closed():
                connection = await self._database.connect("heartbeat", synchronous_commit="off")
            try:
                began, wall = time.monotonic(), steady_now()
                row = await connection.fetchrow(self._statement, self.worker_id, self._lease_s, timeout=self._lease_s)
            except BaseException:
                connection.terminate()
                connection = None
                raise
            return connection, row, began, wall

        try:
            # Back in time after the database was away: others may rescue one lease after it came up.
            connected, row, began, wall = await until_connected(once, self._lease_s / 8)
        except asyncio.CancelledError:
            return None
        if row["alive"]:
            self.ends = began + self._lease_s
        offset_s = row["told_at"].timestamp() - wall
        self._on_beat(Beat(alive=row["alive"], offset_s=offset_s, cancelled=tuple(row["cancelled"])))
        return connected
