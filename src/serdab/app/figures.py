"""What the supervisor tells about its tree: readiness, and the metrics of all its processes in one text."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

import aiohttp
from prometheus_client.core import Metric

from serdab.app.metrics import counter, exposition, gauge, labelled, process_metrics, rescue_metrics
from serdab.app.processes import ProcessFile, living
from serdab.app.readiness import Probe
from serdab.app.tree import Tree
from serdab.core import Settings
from serdab.flow import Serdab
from serdab.store import Room, is_gone

#: How long one scrape waits for the database, and for a worker, in seconds.
SCRAPE_TIMEOUT_S = 3.0


class Figures:
    """Asks the database and the workers of one tree."""

    def __init__(self, settings: Settings, tree: Tree) -> None:
        self._settings = settings
        self._tree = tree
        #: Whether this home can take work now.
        self._room = Room.of(settings)
        self.readiness = Probe(tree.database, room=self._room)
        self._inspection = Serdab(settings, tree.database).inspection

    async def metrics(self) -> str:
        """One text: what the database says, what this process says, and what each worker says, by its name."""
        workers = living(self._settings, "worker")
        mine = exposition(process_metrics, lambda: rescue_metrics(self._tree.keeper.rescued))
        texts = {"up": mine} | await _texts(workers)
        found = await self._of_database()
        return exposition(lambda: found, lambda: self._of_tree(len(workers)), lambda: labelled(texts))

    async def _of_database(self) -> list[Metric]:
        """Only that it is away while it is: the other figures are still told."""
        try:
            async with asyncio.timeout(SCRAPE_TIMEOUT_S):
                counts = {(queue, state): number for queue, state, number in await self._inspection.counts()}
                ages = {(queue, state): age_s for queue, state, age_s in await self._inspection.oldest()}
        except Exception as error:
            if not is_gone(error):
                raise
            return [gauge("serdab_database_up", {(): 0})]
        return [
            gauge("serdab_database_up", {(): 1}),
            gauge("serdab_runs", counts),
            gauge("serdab_oldest_run_seconds", ages),
        ]

    def _of_tree(self, workers: int) -> Iterable[Metric]:
        children = (*self._tree.workers, *self._tree.watchers)
        restarts = Counter({(child.name,): child.restarts for child in children})
        restarts[("engine",)] = self._tree.engine.restarts
        yield counter("serdab_restarts_total", restarts)
        yield gauge("serdab_processes", {("worker",): workers})
        yield gauge("serdab_disk_free_bytes", {(folder,): free for folder, free in self._room.free().items()})


async def _texts(workers: dict[str, ProcessFile]) -> dict[str, str]:
    async def text(session: aiohttp.ClientSession, name: str, url: str) -> tuple[str, str]:
        try:
            async with session.get(f"{url}/metrics") as answer:
                return name, await answer.text() if answer.status == 200 else ""
        except (aiohttp.ClientError, TimeoutError):
            return name, ""

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SCRAPE_TIMEOUT_S)) as session:
        return dict(await asyncio.gather(*(text(session, name, each.url) for name, each in workers.items())))
