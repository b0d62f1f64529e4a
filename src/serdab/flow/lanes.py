"""Lanes: the ready runs of one queue and priority, and from which sequence on each is claimed.

A claim begins at the low-water sequence of its lane, because what lies before it is claimed: dead rows, millions of
them while somebody holds a snapshot open. A row that took its number early and was committed late lies before it too.
So each lane is looked at from its very beginning again and again, apart from the claims, which nothing may delay.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from serdab.flow.flusher import until_connected
from serdab.flow.running import Claimed
from serdab.store import Database, Statements

log = logging.getLogger(__name__)

PRIORITIES = (0, 1, 2)
#: Seconds between two looks at the beginnings, and the most of the time that they may take up.
LOOK_EVERY_S, LOOK_SHARE = 1.0, 0.02


class Lane(NamedTuple):
    """One queue and priority."""

    queue: str
    priority: int


class Lanes:
    """The lanes of one worker, in the order of claiming."""

    def __init__(self, queues: Sequence[str], database: Database, statements: Statements) -> None:
        self._turns = deque(queues)
        self._lows: dict[Lane, int] = {}
        self._database = database
        self._first_ready = statements["first_ready"]

    def columns(self) -> tuple[list[str], list[int], list[int]]:
        """Queues, priorities and low-water sequences; urgent runs first, and no queue first for ever."""
        lanes = [Lane(queue, priority) for priority in PRIORITIES for queue in self._turns]
        return (
            [lane.queue for lane in lanes],
            [lane.priority for lane in lanes],
            [self._lows.get(at, 0) for at in lanes],
        )

    def claimed(self, rows: Sequence[Claimed]) -> None:
        """Each lane goes on where this claim found its first row; it is another queue's turn."""
        self._turns.rotate(-1)
        # Backwards, so that the first row of each lane is the one that stays.
        self._lows.update({Lane(row.queue, row.priority): row.seq for row in reversed(rows)})

    def forget(self) -> None:
        """Claim every lane from its beginning."""
        self._lows.clear()

    async def look_back(self, found: Callable[[], None]) -> None:
        """For ever: find the first row of each lane, wherever claims have got to; tell when there is one.

        A look that fails is logged, and the next one comes: a run that nobody looks for would wait for ever. So might
        one after a look that a machine or a database that stood still made long: it takes two in a row to be believed.
        """
        before_s = 0.0
        while True:
            began = time.monotonic()
            try:
                if await until_connected(self._look):
                    found()
            except Exception:
                log.exception("could not look for late runs", extra={"action": "look_failed"})
            took_s = time.monotonic() - began
            await asyncio.sleep(max(LOOK_EVERY_S, min(before_s, took_s) / LOOK_SHARE))
            before_s = took_s

    async def _look(self) -> bool:
        queues, priorities, _ = self.columns()
        rows = await self._database.pool.fetch(self._first_ready, queues, priorities)
        self._lows.update({Lane(queue, priority): seq for queue, priority, seq in rows})
        return bool(rows)
