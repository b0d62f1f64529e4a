"""Functions in processes that can be killed: for parsers of files that nobody trusts.

SerdabError
├── RemoteFailure       the function raised an exception
├── OutOfMemory         … because it wanted more memory than its limit
├── ChildDied           its process died: a crash in C, or killed from outside
├── IsolatedTimeout     it took too long and was killed
└── Unavailable
    └── NoChild         no process can be had: the pool has stopped, or the machine gives none

A child runs one call at a time and is used again. Killing one fails one call and nothing else.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from serdab.core import SerdabError, Unavailable, expected
from serdab.flow.isolated_process import ChildProcess, Expired, Gone
from serdab.flow.isolated_wire import QUESTION, Answer, Ask, Load, Report
from serdab.flow.payloads import PayloadTooLarge

if TYPE_CHECKING:
    from types import TracebackType

#: How long a new child may take to start and to import the module of a function, s; no timeout of a call counts it.
LOAD_TIMEOUT_S = 60.0
#: After that many calls a child is replaced.
CALLS_PER_CHILD = 1000
#: A child whose resident memory grew by more is replaced, bytes.
GROWN_BYTES = 512 << 20
#: A child without work for that long ends, s.
IDLE_S = 60.0
#: Largest argument list or result, bytes.
MOST_BYTES = 256 << 20
_HINTS = {
    "SIGKILL": "killed from outside, often by the kernel for want of memory",
    "SIGSEGV": "a crash in native code",
    "SIGABRT": "native code gave up",
}
_SIGNALS = {each.value: each.name for each in signal.Signals}


class RemoteFailure(SerdabError):
    """A function in an isolated process raised an exception."""

    code = "remote_failure"

    @property
    def kind(self) -> str:
        """Name of the exception's class."""
        return str(self.facts.get("kind", ""))

    @property
    def message(self) -> str:
        """What the exception said."""
        return self.detail

    @property
    def traceback(self) -> str:
        """The user's own lines, as text."""
        return str(self.facts.get("traceback", ""))

    @property
    def retryable(self) -> bool:
        """Whether another attempt makes sense, as far as the exception's class says."""
        return bool(self.facts.get("retryable", True))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The exception's classes as "module.Name", the most special first."""
        return tuple(self.facts.get("kinds", ()))


class OutOfMemory(SerdabError):
    """A function in an isolated process wanted more memory than its limit."""

    code = "out_of_memory"


class ChildDied(SerdabError):
    """The process of an isolated function died before it answered; `facts` has the signal or exit status."""

    code = "child_died"


class IsolatedTimeout(SerdabError):
    """An isolated function took longer than its timeout; its process was killed."""

    code = "isolated_timeout"
    #: Recorded like the timeout of any other step.
    kind = "StepTimedOut"


class NoChild(Unavailable):
    """No isolated process can be had now."""

    code = "no_child"


class IsolatedPool:
    """At most `size` children that run functions; a service: `async with IsolatedPool(2) as pool`."""

    def __init__(
        self, size: int, *, most_bytes: int = MOST_BYTES, calls_per_child: int = CALLS_PER_CHILD,
        grown_bytes: int = GROWN_BYTES, idle_s: float = IDLE_S,
    ) -> None:  # fmt: skip
        """Plan a pool; children start with the first calls.

        Args:
            size: most children at a time; further calls wait their turn, first come first served.
            most_bytes: largest argument list or result.
            calls_per_child: calls after which a child is replaced.
            grown_bytes: growth of resident memory after which a child is replaced.
            idle_s: a child without work for that long ends.
        """
        self._slots = asyncio.Semaphore(size)
        self._most_bytes = most_bytes
        self._calls_per_child = calls_per_child
        self._grown_bytes = grown_bytes
        self._idle_s = idle_s
        self._children: set[ChildProcess] = set()
        self._idle: list[ChildProcess] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._is_stopped = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def pids(self) -> list[int]:
        """The processes that are there now."""
        return [child.pid for child in self._children]

    async def stop(self) -> None:
        """Kill all children and wait for their end; calls in flight or waiting raise `NoChild`. Idempotent."""
        self._is_stopped = True
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        for child in list(self._children):
            child.kill()
            self._bury(child)
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def call(
        self, function: str, payload: bytes, *, timeout_s: float | None = None, memory_bytes: int | None = None
    ) -> bytes:
        """Call "package.module:qualname" in a child.

        Args:
            function: a module-level function, synchronous or not, or a `Step` around one.
            payload: JSON `[args, kwargs]`; `ArgumentsCodec.call_payload` makes it.
            timeout_s: most seconds from the moment a child with the function loaded gets the call.
            memory_bytes: private memory that the call may take on top of what the child has after the import of the
                function's module; what the function itself imports counts the first time.

        Returns:
            JSON of the result, checked against the function's annotation.

        Raises:
            RemoteFailure: the function, or the import of its module, raised an exception.
            OutOfMemory: it met the memory limit.
            IsolatedTimeout: its time was over.
            ChildDied: its process died.
            NoChild: the pool has stopped, or the machine gives no process.
            PayloadTooLarge: the payload is larger than a frame may be.
        """
        if len(payload) > self._most_bytes:
            raise PayloadTooLarge(
                expected(f"the arguments of {function}", f"at most {self._most_bytes:,} bytes", len(payload))
            )
        place = _importable(function) if function.startswith("__main__:") else function
        async with self._slots:
            answer = None
            while answer is None:
                answer = await self._answer(
                    await self._take(), function, (place, payload, timeout_s, memory_bytes or 0)
                )
        kind, body = answer
        if kind == Answer.DONE:
            return body
        raise _error_of(function, kind, msgspec.json.decode(body, type=Report), memory_bytes)

    async def _answer(
        self, child: ChildProcess, function: str, question: tuple[str, bytes, float | None, int]
    ) -> tuple[int, bytes] | None:
        """The answer of one child; None when it had died of idleness and never read the question."""
        was_used = child.calls > 0
        try:
            kind, body = await self._asked(child, *question)
        except Expired as over:
            child.kill()
            raise IsolatedTimeout(
                f"expected {function} to end within {over.args[0]:g} s, got no result; its process was killed"
            ) from None
        except Gone as gone:
            if was_used and not gone.args[0] and not self._is_stopped:
                return None
            raise await self._death_of(child, function, question[3]) from None
        except BaseException:
            child.kill()
            raise
        finally:
            self._give_back(child)
        if kind == Answer.OUT_OF_MEMORY:
            self._end(child)
        return kind, body

    async def _asked(
        self, child: ChildProcess, place: str, payload: bytes, timeout_s: float | None, memory_bytes: int
    ) -> tuple[int, bytes]:
        number = child.loaded.get(place)
        if number is None:
            load = msgspec.json.encode(Load(place=place, path=sys.path))
            kind, body = await child.ask(QUESTION.pack(len(load), Ask.LOAD, 0, 0), load, LOAD_TIMEOUT_S)
            child.first_rss_bytes = child.first_rss_bytes or child.rss_bytes
            if kind != Answer.DONE:
                return kind, body
            number = child.loaded[place] = len(child.loaded)
        child.calls += 1
        return await child.ask(QUESTION.pack(len(payload), Ask.CALL, memory_bytes, number), payload, timeout_s)

    async def _take(self) -> ChildProcess:
        """A child that is free, or a new one."""
        while self._idle and not self._is_stopped:
            child = self._idle.pop()
            if child.is_alive():
                return child
            self._bury(child)
        if self._is_stopped:
            raise NoChild("the pool of isolated processes has stopped")
        return await self._start()

    async def _start(self) -> ChildProcess:
        child = ChildProcess(self._most_bytes, self._lost)
        try:
            child.start()
        except OSError as error:
            raise NoChild(expected("a new isolated process", "startable", str(error))) from error
        self._children.add(child)
        try:
            await child.connect()
        except BaseException:
            child.kill()
            self._bury(child)
            raise
        return child

    def _give_back(self, child: ChildProcess) -> None:
        """Keep a child for the next call, or replace it."""
        if child.is_gone or self._is_stopped:
            child.kill()
            self._bury(child)
        elif child.calls >= self._calls_per_child or child.rss_bytes - child.first_rss_bytes > self._grown_bytes:
            self._end(child)
        else:
            loop = asyncio.get_running_loop()
            child.idle_since = loop.time()
            self._idle.append(child)
            if self._sweep_timer is None:
                self._sweep_timer = loop.call_later(self._idle_s, self._sweep)

    def _sweep(self) -> None:
        """End the children that have been idle for too long."""
        loop = asyncio.get_running_loop()
        self._sweep_timer = None
        for child in list(self._idle):
            if loop.time() - child.idle_since >= self._idle_s:
                self._end(child)
        if self._idle:
            next_end = min(child.idle_since for child in self._idle) + self._idle_s
            self._sweep_timer = loop.call_at(next_end + 0.001, self._sweep)

    def _lost(self, child: ChildProcess) -> None:
        """Told by a child that its channel is closed: one that died while it was idle is forgotten."""
        if child in self._idle:
            child.kill()
            self._bury(child)

    def _end(self, child: ChildProcess) -> None:
        """Let a child end by itself."""
        child.hang_up()
        self._bury(child)

    def _bury(self, child: ChildProcess) -> None:
        """Forget a child, and see its process out."""
        if child in self._idle:
            self._idle.remove(child)
        if child in self._children:
            self._children.discard(child)
            task = asyncio.get_running_loop().create_task(child.ended())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _death_of(self, child: ChildProcess, function: str, memory_bytes: int) -> SerdabError:
        if self._is_stopped:
            return NoChild("the pool of isolated processes has stopped")
        status = await child.ended()
        how = _SIGNALS.get(-status, f"signal {-status}") if status < 0 else f"exit status {status}"
        hint = _HINTS.get(how, "it ended by itself")
        if memory_bytes and how != "SIGKILL":
            hint += f", perhaps at its limit of {memory_bytes:,} bytes of memory"
        return ChildDied(f"expected {function} to answer, got the end of its process: {how} ({hint})", how=how)


def _importable(place: str) -> str:
    """The name under which a child can import what the parent runs as `__main__`."""
    main = sys.modules["__main__"]
    qualname = place.partition(":")[2]
    if getattr(main, "__spec__", None) is not None:
        return f"{main.__spec__.name}:{qualname}"  # type: ignore[union-attr]
    file = getattr(main, "__file__", None)
    if file is None:
        raise NoChild(expected("an isolated step", "defined in a file", place, "put it into a module"))
    return f"{Path(file).absolute()}:{qualname}"


def _error_of(function: str, kind: int, report: Report, memory_bytes: int | None) -> SerdabError:
    if kind == Answer.OUT_OF_MEMORY:
        limit = f"{memory_bytes:,} bytes of memory" if memory_bytes else "the memory of this machine"
        return OutOfMemory(
            f"expected {function} to need at most {limit}, got {report.kind}: {report.message}",
            memory_bytes=memory_bytes,
        )
    return RemoteFailure(
        report.message, kind=report.kind, traceback=report.traceback, retryable=report.retryable, kinds=report.kinds
    )
