"""Readiness: whether work can be claimed and committed now, found out by doing it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec

from serdab.flow import CannotCommit, prove
from serdab.store import Database, Room

#: How long a probe waits for the database, in seconds.
PROBE_TIMEOUT_S = 3.0
#: How long an answer holds, in seconds: however many ask, there is one commit in that time.
HOLDS_S = 1.0


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether work can be taken, and if not, what is missing."""

    ready: bool
    #: Workers whose lease is alive.
    workers: int
    #: What is missing; empty when ready.
    missing: str = ""


async def readiness_of(database: Database, worker_id: int | None = None, room: Room | None = None) -> Readiness:
    """Whether a worker, or any of a home, can claim and commit: a claim that wants nothing and a row are committed.

    Args:
        database: where.
        worker_id: that worker; None: any.
        room: the disks, where new runs are refused when they are nearly full.
    """
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            workers = await prove(database, worker_id)
    except TimeoutError:
        missing = f"the database does not commit: no answer within {PROBE_TIMEOUT_S:g} s"
        return Readiness(ready=False, workers=0, missing=missing)
    except CannotCommit as error:
        return Readiness(ready=False, workers=0, missing=str(error))
    missing = (room.missing() if room else "") or ("" if workers else "no worker holds a lease")
    return Readiness(ready=not missing, workers=workers, missing=missing)


class Probe:
    """Readiness for whoever asks, found out anew when the last answer is old."""

    def __init__(
        self,
        database: Database,
        worker_id: Callable[[], int | None] = lambda: None,
        *,
        room: Room | None = None,
        holds_s: float = HOLDS_S,
    ) -> None:
        self._database = database
        self._worker_id = worker_id
        self._room = room
        self._holds_s = holds_s
        self._lock = asyncio.Lock()
        self._last: tuple[float, Readiness] | None = None

    async def __call__(self) -> Readiness:
        """The answer; those who ask meanwhile get the same one."""
        async with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > self._holds_s:
                found = await readiness_of(self._database, self._worker_id(), self._room)
                self._last = time.monotonic(), found
            return self._last[1]
