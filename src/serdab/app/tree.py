"""The tree of processes of a home: database, engine, workers, and the keeper inside this one."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, Self

from serdab.app.children import Child
from serdab.app.database import keep_database
from serdab.app.engine import EngineKeeper
from serdab.app.watching import watch_command
from serdab.app.worker_process import WorkerOptions, worker_command
from serdab.core import Settings, child_environment, finish, log_folder, private_folder, trimming
from serdab.flow import Keeper
from serdab.store import Database, shared_database

log = logging.getLogger(__name__)

#: Added to the drain of a worker before it is killed, in seconds: its last flush and its children.
STOP_MARGIN_S = 15.0


def worker_count(settings: Settings) -> int:
    """How many worker processes: as set, or one core less than there are, one at least."""
    cores = len(os.sched_getaffinity(0))
    return settings.workers.processes or max(cores - 1, 1)


class Tree:
    """Everything that `serdab up` keeps alive; an async context manager that drains at its end."""

    def __init__(self, settings: Settings, prefix: str = "") -> None:
        """Nothing is started yet.

        Args:
            settings: the whole tree of settings.
            prefix: put before the names of workers, for a tree that lives beside another.
        """
        self.settings = settings
        self.engine = EngineKeeper(settings)
        output = self._output = private_folder(log_folder(settings))
        environment = child_environment(settings)
        names = [f"{prefix}worker-{number}" for number in range(1, worker_count(settings) + 1)]
        self.workers = [
            Child(
                name,
                worker_command(WorkerOptions(name=name, supervisor=os.getpid())),
                environment,
                output / f"{name}.out",
            )
            for name in names
        ]
        #: Takes documents from watched sources, where the settings name some; a tree for one command has none.
        self.watchers = (
            [Child("watch", watch_command(), environment, output / "watch.out")]
            if settings.documents.watch and not prefix
            else []
        )
        self._stack = AsyncExitStack()
        self._keeping: list[asyncio.Task[None]] = []
        self._database: Database | None = None
        self._keeper: Keeper | None = None

    @property
    def database(self) -> Database:
        """The open database of a tree that is up."""
        assert self._database is not None  # noqa: S101 - set by __aenter__
        return self._database

    @property
    def keeper(self) -> Keeper:
        """The keeper of a tree that is up."""
        assert self._keeper is not None  # noqa: S101 - set by __aenter__
        return self._keeper

    async def __aenter__(self) -> Self:
        async with self._stack:
            self._database = await self._stack.enter_async_context(shared_database(self.settings, "up"))
            most_bytes = self.settings.log.most_mb << 20
            await self._stack.enter_async_context(trimming(most_bytes, lambda: self._output.glob("*.out")))
            self._keeper = await self._stack.enter_async_context(Keeper(self.settings, self._database))
            self._stack = self._stack.pop_all()
        loop = asyncio.get_running_loop()
        children = [*self.workers, *self.watchers]
        kept = [*(child.keep() for child in children), self.engine.keep(), keep_database(self.settings)]
        self._keeping = [loop.create_task(_told(work)) for work in kept]
        log.info("tree is up", extra={"action": "tree_up", "workers": len(self.workers)})
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    def hurry(self) -> None:
        """Ask the workers a second time, which means now."""
        for worker in self.workers:
            worker.ask()

    async def stop(self, drain_s: float | None = None) -> None:
        """Drain the workers, stop the engine, let go of the database; again is safe, a cancellation means now.

        Args:
            drain_s: after how many seconds the workers hand their runs back; `flow.drain_s` by default.
        """
        await finish(self._stop(drain_s), self.hurry)

    async def _stop(self, drain_s: float | None) -> None:
        patience_s = self.settings.flow.drain_s + STOP_MARGIN_S
        hurrying = asyncio.get_running_loop().call_later(patience_s if drain_s is None else drain_s, self.hurry)
        await asyncio.gather(*(child.stop(patience_s) for child in (*self.watchers, *self.workers)))
        hurrying.cancel()
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        self._keeping = []
        await self.engine.stop()
        if self._database is not None:
            self._database = None
            await self._stack.aclose()
            log.info("tree is down", extra={"action": "tree_down"})


async def _told(work: Coroutine[Any, Any, None]) -> None:
    """Work that nobody awaits must not end unheard."""
    try:
        await work
    except Exception:
        log.exception("a part of the tree is no longer kept", extra={"action": "keeping_failed"})
        raise
