"""Worker processes that are started again when they die; what became of each is kept."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
#: Seconds before a worker that died is started again.
AGAIN_S = 0.1


class Workers:
    """Some places, with a living worker process in each."""

    def __init__(self, options: Sequence[str], environment: Mapping[str, str], output: Path) -> None:
        self.options = list(options)
        self.environment = dict(environment)
        self._output = output
        self.processes: list[asyncio.subprocess.Process] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False
        #: pid → when it ended, seconds since 1970; None: it lives.
        self.ended: dict[int, float | None] = {}
        #: Processes that were frozen: to others they looked dead.
        self.frozen: set[int] = set()

    async def start(self, count: int) -> None:
        self.processes = [await self._spawn() for _ in range(count)]
        self._keepers = [asyncio.ensure_future(self._keep(place)) for place in range(count)]

    async def _spawn(self) -> asyncio.subprocess.Process:
        with open(self._output, "ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "chaos.worker", *self.options,
                cwd=ROOT, env=self.environment, stdout=output, stderr=output,
            )  # fmt: skip
        self.ended[process.pid] = None
        return process

    async def _keep(self, place: int) -> None:
        while not self._stopping:
            process = self.processes[place]
            await process.wait()
            self.ended[process.pid] = time.time()
            if not self._stopping:
                await asyncio.sleep(AGAIN_S)
                self.processes[place] = await self._spawn()

    def signal(self, place: int, number: int) -> int:
        """Send a signal to whoever is there; its pid."""
        process = self.processes[place]
        if process.returncode is None:
            if number == signal.SIGSTOP:
                self.frozen.add(process.pid)
            os.kill(process.pid, number)
        return process.pid

    @contextlib.contextmanager
    def held_up(self) -> Iterator[None]:
        """All stand still for a moment that must not make them look dead: they are not noted as frozen."""
        pids = [process.pid for process in self.processes if process.returncode is None]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def lives(self) -> dict[int, float | None]:
        """When each process ended that was never frozen."""
        return {pid: at for pid, at in self.ended.items() if pid not in self.frozen}

    async def stop(self) -> None:
        """Drain all; one that does not end within 20 s is killed."""
        self._stopping = True
        for place in range(len(self.processes)):
            self.signal(place, signal.SIGCONT)
            self.signal(place, signal.SIGTERM)
        for process in self.processes:
            try:
                await asyncio.wait_for(process.wait(), 20)
            except TimeoutError:
                process.kill()
                await process.wait()
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._keepers, self.processes = [], []
