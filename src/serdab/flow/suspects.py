"""Runs that may be poison are run alone, in a child process, before they are called so."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any

from serdab.flow.flusher import LAPSED, until_connected
from serdab.flow.running import Claimed
from serdab.store import sqlstate

log = logging.getLogger(__name__)

#: The command line of a worker process that takes suspects only.
AloneCommand = Sequence[str]

#: Seconds between looks for suspects when no rescue told of one.
LOOK_EVERY_S = 2.0


class Suspects:
    """For a worker: starts a child process when there are suspects. In that child: claims one after the other."""

    def __init__(self, worker: Any, command: AloneCommand | None) -> None:
        self._worker = worker
        self._command = command
        self._wake = asyncio.Event()
        self._child: asyncio.subprocess.Process | None = None
        #: In the child: nothing was left to claim.
        self.exhausted = asyncio.Event()

    async def run(self) -> None:
        """Look for suspects until cancelled."""
        if self._worker.alone:
            await self._claim_one_by_one()
        elif self._command is not None:
            self._worker.keeper.on_suspects = self._wake.set
            await self._start_when_needed(self._command)

    async def stop(self) -> None:
        """End the child."""
        child = self._child
        if child is not None and child.returncode is None:
            child.terminate()
            await child.wait()

    async def _start_when_needed(self, command: AloneCommand) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._wake.wait()
            self._wake.clear()
            if await until_connected(self._are_there, insist=True):
                log.warning("suspects run alone", extra={"action": "suspects_alone"})
                try:
                    self._child = await asyncio.create_subprocess_exec(*command)
                except OSError as error:
                    log.warning("no process for suspects", extra={"action": "alone_failed", "error": str(error)})
                    continue
                await self._child.wait()

    async def _are_there(self) -> bool:
        worker = self._worker
        return bool(await worker.database.pool.fetchval(worker.statements["suspects"], worker.queues))

    async def _claim_one_by_one(self) -> None:
        worker = self._worker
        while not worker.draining:
            try:
                rows = await worker.database.pool.fetch(
                    worker.statements["claim_alone"], worker.worker_id, worker.queues
                )
            except Exception as error:  # noqa: BLE001 - said, and the process ends
                if sqlstate(error) == LAPSED:
                    await worker.renew()
                    continue
                # Whatever it is, somebody waits for the end of this process. What was claimed while its answer was lost
                # goes back with it; a new one follows.
                log.warning("no more suspects here", extra={"action": "alone_ended", "error": str(error)})
                self.exhausted.set()
                return
            if not rows:
                self.exhausted.set()
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            await self._alone(Claimed(*rows[0]))
        self.exhausted.set()

    async def _alone(self, claimed: Claimed) -> None:
        worker = self._worker
        await worker.begin_again([claimed])
        run = worker.runs.get(claimed.run_id)
        if run is not None:
            await asyncio.wait([run.task])
            # Fenced meanwhile, it is cancelled: the run is with others, and the next claim says more.
            await asyncio.gather(worker.flushed(), return_exceptions=True)
