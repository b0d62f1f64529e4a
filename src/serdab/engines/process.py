"""Keeps one embedding engine alive: starts it, believes it when an embedding came back, starts it again."""

from __future__ import annotations

import asyncio
import logging
import random
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import msgspec

from serdab.core import (
    Settings,
    Unavailable,
    expected,
    owner_only,
    private_folder,
    stranger_environment,
    trim,
    trimming,
)
from serdab.engines.addresses import EngineAddress, find_engine, remove_address, started_at, write_address
from serdab.engines.embedder import Embedder
from serdab.engines.errors import EngineFailed, EngineUnavailable
from serdab.engines.wire import EngineReady

#: How long an engine may take to load, convert its weights the first time included, s.
START_TIMEOUT_S = 180.0
#: How long it may take to end before it is killed, s.
STOP_TIMEOUT_S = 10.0
#: Pause before the first restart, s; it doubles while the engine keeps dying.
FIRST_PAUSE_S = 0.5
MOST_PAUSE_S = 60.0
#: An engine that lived this long starts the pauses anew, s.
STEADY_S = 60.0
#: How often it is looked whether the address still stands: two commands may start an engine at the same time, s.
ADDRESS_EVERY_S = 2.0
_FIRST_DEADLINE_S = 30.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """What to run."""

    #: Name under which the engine is found and which it answers to.
    model: str
    #: Folder with the weights.
    folder: Path
    #: Width of the vectors that must come back.
    dimensions: int
    #: `auto`, `f32`, `bf16` or `int8`.
    precision: str = "auto"
    #: Threads of the model; 0 means all cores.
    threads: int = 0
    #: 0 means any free port.
    port: int = 0
    #: More arguments for the process.
    more: tuple[str, ...] = ()


class EngineProcess:
    """One engine process and the task that watches it; `async with` it, or `start` and `stop`."""

    def __init__(self, options: EngineOptions, settings: Settings) -> None:
        self._options = options
        self._settings = settings
        self._process: Process | None = None
        self._ready: EngineReady | None = None
        self._port = options.port
        self._log_start = 0
        self._watcher: asyncio.Task[None] | None = None
        #: How often the engine has been started again.
        self.restarts = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """The engine's address.

        Raises:
            EngineUnavailable: it is down at the moment.
        """
        return self.ready.url

    @property
    def ready(self) -> EngineReady:
        """What the running engine said about itself.

        Raises:
            EngineUnavailable: it is down at the moment.
        """
        if self._ready is None:
            raise EngineUnavailable(f"expected the engine {self._options.model} to be running, got none at the moment")
        return self._ready

    async def start(self) -> None:
        """Start and return when a real embedding of the right width came back.

        Raises:
            EngineFailed: it ended or answered something else; the message holds the last line of its log.
            EngineUnavailable: it was not ready in time.
        """
        if self._watcher is not None:
            return
        try:
            await self._start_once()
        except BaseException:
            await self._end()
            raise
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self) -> None:
        """End the engine and take its address back; a second call does nothing."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
            self._watcher = None
        await self._end()

    async def _start_once(self) -> None:
        self._process = process = await self._spawn()
        output = process.stdout
        if output is None:
            raise EngineFailed("expected the engine to have a pipe for its first line, got none")
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                line = await output.readline()
        except TimeoutError as error:
            what = expected(f"the engine {self._options.model}", f"ready within {START_TIMEOUT_S:g} s", "nothing")
            raise EngineUnavailable(f"{what}; its log is {self.log_file}") from error
        if not line:
            code = await process.wait()
            what = expected(f"the engine {self._options.model}", "ready", f"exit code {code}: {self._last_words()}")
            raise EngineFailed(f"{what}; its log is {self.log_file}")
        ready = msgspec.json.decode(line, type=EngineReady)
        await self._prove(ready)
        self._port = int(ready.url.rpartition(":")[2])
        self._publish(ready)
        _logger.info("engine %s ready at %s after %.1f s", ready.model, ready.url, ready.load_s)

    async def _prove(self, ready: EngineReady) -> None:
        async with Embedder(ready.url, self._options.dimensions, _FIRST_DEADLINE_S) as embedder:
            await embedder.embed(["Is anyone there?"])

    def _publish(self, ready: EngineReady) -> None:
        self._ready = ready
        born = started_at(ready.pid)
        if born is not None:
            address = EngineAddress(
                url=ready.url,
                pid=ready.pid,
                started_at=born,
                model=self._options.model,
                dimensions=ready.dimensions,
                precision=ready.precision,
            )
            write_address(self._settings, address)

    async def _watch(self) -> None:
        """Start the engine again whenever it ends, and keep its log within bounds."""
        async with trimming(self._most_log_bytes, lambda: [self.log_file]):
            await self._restart_for_ever()

    async def _restart_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE_S
        while True:
            born = loop.time()
            if self._process is not None:
                code = await self._end_of(self._process)
                _logger.warning("engine %s ended with code %s: %s", self._options.model, code, self._last_words())
            await self._end()
            pause = FIRST_PAUSE_S if loop.time() - born > STEADY_S else min(pause * 2, MOST_PAUSE_S)
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 (spreads restarts, keeps no secret)
            self.restarts += 1
            try:
                await self._start_once()
            except (EngineFailed, Unavailable, OSError, msgspec.MsgspecError) as error:
                _logger.warning("engine %s did not start again: %s", self._options.model, error)
                self._port = self._options.port  # Its old port may be another's by now.
                await self._end()

    async def _end_of(self, process: Process) -> int:
        """Wait for the end of a process, and tell its address again when an engine beside it took that along."""
        while True:
            try:
                async with asyncio.timeout(ADDRESS_EVERY_S):
                    return await process.wait()
            except TimeoutError:
                self._tell_again()

    def _tell_again(self) -> None:
        try:
            if self._ready is not None and find_engine(self._settings, self._options.model) is None:
                self._publish(self._ready)
        except OSError as error:  # such as a full disk: it is tried at the next look
            _logger.warning("the address of the engine %s cannot be told: %s", self._options.model, error)

    async def _end(self) -> None:
        process, self._process = self._process, None
        ready, self._ready = self._ready, None
        if ready is not None:
            remove_address(self._settings, self._options.model, ready.pid)
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            _logger.warning("engine %s did not end within %g s and is killed", self._options.model, STOP_TIMEOUT_S)
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _spawn(self) -> Process:
        with self._open_log() as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "serdab.engines.embedding_server",
                *self._arguments(),
                stdin=PIPE,
                stdout=PIPE,
                stderr=log,
                env=stranger_environment(),
                start_new_session=True,
            )

    def _arguments(self) -> Sequence[str]:
        options = self._options
        pairs = {
            "--model-folder": str(options.folder),
            "--name": options.model,
            "--precision": options.precision,
            "--threads": str(options.threads),
            "--port": str(self._port),
        }
        return [*(word for pair in pairs.items() for word in pair), "--exit-with-stdin", *options.more]

    @property
    def log_file(self) -> Path:
        """Where the engine writes its log."""
        return self._settings.folder / "logs" / f"engine-{self._options.model}.log"

    @property
    def _most_log_bytes(self) -> int:
        return self._settings.log.most_mb << 20

    def _open_log(self) -> IO[bytes]:
        path = self.log_file
        private_folder(path.parent)
        trim(path, self._most_log_bytes)
        log = open(path, "ab", opener=owner_only)  # noqa: SIM115 - the caller closes it
        self._log_start = log.tell()
        return log

    def _last_words(self) -> str:
        try:
            data = self.log_file.read_bytes()
            begin = self._log_start if self._log_start <= len(data) else 0  # trimmed since
            lines = data[begin:].decode("utf-8", "replace").split("\n")
        except OSError:
            return "no log"
        return next((line for line in reversed(lines) if line.strip()), "no word")
