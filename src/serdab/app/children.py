"""A child process that is kept alive: what dies is started again, ever more slowly while it keeps dying."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from serdab.core import open_output

log = logging.getLogger(__name__)

#: The longest pause before the first restart, in seconds; it doubles with every death that follows soon.
FIRST_PAUSE_S = 0.5
MOST_PAUSE_S = 30.0
#: A child that lived this long starts the pauses anew, in seconds.
STEADY_S = 30.0
#: Deaths in a row after which it is called a crash loop.
CRASH_LOOP = 5


class Child:
    """One process with a name; `keep` it in a task, then `stop` it."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], output: Path) -> None:
        self.name = name
        self.restarts = 0
        self._command = command
        self._environment = environment
        self._output = output
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        #: Held while a process is being started: who stops it meanwhile would find none.
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Its number while it lives."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def keep(self) -> None:
        """Start it, and again whenever it ends, until stopped."""
        loop = asyncio.get_running_loop()
        deaths = 0
        while not self._stopping.is_set():
            began = loop.time()
            code = await self._run_once()
            if self._stopping.is_set():
                return
            deaths = 1 if loop.time() - began > STEADY_S else deaths + 1
            self.restarts += 1
            pause_s = min(FIRST_PAUSE_S * 2 ** (deaths - 1), MOST_PAUSE_S) * random.uniform(0.5, 1.0)  # noqa: S311
            self._tell(code, deaths, pause_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()

    async def stop(self, patience_s: float) -> None:
        """Ask it to drain and wait for its end; after `patience_s` it is killed, which loses time but no facts."""
        self._stopping.set()
        async with self._starting:
            process = self._process
        self.ask()
        if process is None:
            return
        try:
            async with asyncio.timeout(patience_s):
                await process.wait()
        except TimeoutError:
            log.warning("%s did not end in time and is killed", self.name, extra={"action": "child_killed"})
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def ask(self) -> None:
        """Send SIGTERM: the first means drain, a second one means now."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    async def _run_once(self) -> int | str:
        try:
            async with self._starting:
                self._process = await self._spawn()
        except OSError as error:
            return str(error)
        return await self._process.wait()

    async def _spawn(self) -> asyncio.subprocess.Process:
        # A session of its own: Ctrl-C at the terminal is for the supervisor, which asks its children itself.
        with open_output(self._output) as output:
            return await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(self._environment),
                start_new_session=True,
            )

    def _tell(self, code: int | str, deaths: int, pause_s: float) -> None:
        words = self.last_words()
        facts = {"action": "child_ended", "child": self.name, "code": code, "again_in_s": round(pause_s, 1)}
        log.warning("%s ended%s", self.name, f": {words}" if words else "", extra=facts)
        if deaths >= CRASH_LOOP:
            log.error(
                "%s keeps dying; it is tried again, slowly", self.name, extra={"action": "crash_loop", "deaths": deaths}
            )

    def last_words(self) -> str:
        """The end of what it printed."""
        try:
            lines = self._output.read_text("utf-8", "replace")[-4000:].splitlines()
        except OSError:
            return ""
        return " ".join(line.strip() for line in lines[-3:] if line.strip())[-500:]
