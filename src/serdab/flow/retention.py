"""How long history stays: whole weeks are dropped, never one that a living run needs, then payloads without a row."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from serdab.core import BadSetting, Settings, expected
from serdab.store import Database, load_statements, old_blobs, sweep_blobs

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Days that ended runs stay; 0 means for ever."""

    days: int
    by_queue: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say.

        Raises:
            BadSetting: `retention.queues` is not a list of `queue=days`.
        """
        found: dict[str, int] = {}
        for part in filter(None, (part.strip() for part in settings.retention.queues.split(","))):
            queue, sign, days = part.partition("=")
            if not (queue and sign and days.isdecimal() and len(days) <= 5):
                todo = "write queue=days, with commas between; 0 days means for ever"
                raise BadSetting(expected("retention.queues", "like imports=7,audit=0", part, todo))
            found[queue.strip()] = int(days)
        return cls(days=settings.retention.days, by_queue=found)

    @property
    def least_days(self) -> int | None:
        """Nothing younger is ever dropped; None: nothing is."""
        return min((days for days in (self.days, *self.by_queue.values()) if days), default=None)

    def days_of(self, queues: frozenset[str]) -> int | None:
        """How long a week stays that has runs of these queues: as long as any of them; None: for ever."""
        days = [self.by_queue.get(queue, self.days) for queue in queues] or [self.days]
        return None if 0 in days else max(days)


class Historian:
    """Drops what is over; any number of them at once only do less each."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._retention = Retention.of(settings)
        self._blobs = settings.folder / "blobs"
        self._database = database
        self._statements = load_statements("serdab.flow")
        #: The queues of a week never change once it has ended.
        self._queues: dict[str, frozenset[str]] = {}

    async def drop_ended(self) -> list[str]:
        """Drop every week whose time is over and that nobody needs; their names."""
        least = self._retention.least_days
        if least is None:
            return []
        dropped = []
        now = None
        for name, ended_at, now in await self._database.pool.fetch(self._statements["ended_weeks"]):
            if now - ended_at >= timedelta(days=least) and await self._is_over(name, now - ended_at):
                said = await self._database.pool.fetchval(self._statements["drop_week"], name)
                log.info("week of history", extra={"action": f"week_{said}", "week": name})
                if said == "dropped":
                    dropped.append(name)
        if dropped and now is not None:
            await self._forget_the_rest(now - timedelta(days=least))
        return dropped

    async def _is_over(self, week: str, age: timedelta) -> bool:
        queues: frozenset[str] = frozenset()
        if self._retention.by_queue:
            queues = self._queues.get(week) or await self._queues_of(week)
            self._queues[week] = queues
        days = self._retention.days_of(queues)
        return days is not None and age >= timedelta(days=days)

    async def _queues_of(self, week: str) -> frozenset[str]:
        ask = self._statements["queues_of_week"]
        return frozenset(row[0] for row in await self._database.pool.fetch(ask, week))

    async def _forget_the_rest(self, before: datetime) -> None:
        await self._database.pool.execute(self._statements["forget_workers"], before)
        old = await asyncio.to_thread(old_blobs, self._blobs)
        if not old:
            return
        named = {row[0] for row in await self._database.pool.fetch(self._statements["claims"])}
        swept = await asyncio.to_thread(sweep_blobs, self._blobs, old, named)
        log.info("payloads that no row names", extra={"action": "blobs_swept", "blobs": swept})
