"""One isolated process as its parent sees it: the process, its channel, one question at a time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from serdab.core import stranger_environment
from serdab.flow.isolated_wire import ANSWER

if TYPE_CHECKING:
    from collections.abc import Callable

#: How long a child that was told to end may take, s.
END_S = 2.0


class Gone(Exception):
    """The child hung up; its argument says whether it had read the question, so that the function may have begun."""


class Expired(Exception):
    """The time for an answer is over; its argument is that time, s."""


class ChildProcess(asyncio.Protocol):
    """One process and the channel to it."""

    def __init__(self, most_bytes: int, on_lost: Callable[[ChildProcess], None]) -> None:
        """Plan a child that sends at most `most_bytes` at once; `on_lost` is told when its channel closes."""
        self.loaded: dict[str, int] = {}
        self.calls = 0
        self.rss_bytes = 0
        self.first_rss_bytes = 0
        self.idle_since = 0.0
        self.is_gone = False
        self.pid = 0
        self._most_bytes = most_bytes
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._buffer = bytearray()

    def start(self) -> None:
        """Spawn the process; never a fork, which would take over the parent's threads half-way.

        Raises:
            OSError: the machine gives no process.
        """
        ours, theirs = socket.socketpair()
        words = [str(theirs.fileno()), str(os.getpid()), str(self._most_bytes)]
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    [sys.executable, "-P", "-m", "serdab.flow.isolated_child", *words],
                    stdin=subprocess.DEVNULL, stdout=2, pass_fds=(theirs.fileno(),), start_new_session=True,
                    env=stranger_environment(),
                )  # fmt: skip
            except OSError:
                ours.close()
                raise
        ours.setblocking(False)
        self._channel = ours
        self.pid = self._process.pid

    async def connect(self) -> None:
        """Open the channel; once, after `start`."""
        await self._loop.create_unix_connection(lambda: self, sock=self._channel)

    def is_alive(self) -> bool:
        """Whether the process runs and listens."""
        return not self.is_gone and not self._is_over()

    async def ask(self, head: bytes, body: bytes, timeout_s: float | None) -> tuple[int, bytes]:
        """The kind and body of the answer.

        Raises:
            Gone: the child hung up first.
            Expired: it took longer.
        """
        if self.is_gone or self._transport is None:
            raise Gone(False)
        self._waiting = answer = self._loop.create_future()
        self._transport.write(head + body)
        timer = None if timeout_s is None else self._loop.call_later(timeout_s, _expire, answer, timeout_s)
        try:
            result: tuple[int, bytes] = await answer
            return result
        finally:
            self._waiting = None
            if timer is not None:
                timer.cancel()

    def kill(self) -> None:
        """End the process and whatever it started, now."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self.hang_up()

    def hang_up(self) -> None:
        """Close the channel; a child that sees it ends."""
        self.is_gone = True
        if self._transport is not None:
            self._transport.abort()
        elif self._channel is not None:
            self._channel.close()

    async def ended(self) -> int:
        """Wait for the end of the process, helping after `END_S`; its return code as of `Popen`."""
        if self._process is None:
            return 0
        deadline = self._loop.time() + END_S
        pause_s = 0.001
        while not self._is_over():
            if self._loop.time() > deadline:
                self.kill()
            await asyncio.sleep(pause_s)
            pause_s = min(0.05, pause_s * 1.5)
        self.kill()
        return self._process.wait()

    def _is_over(self) -> bool:
        """Whether the process is over; it is not reaped by asking, so that its group can still be killed."""
        if self._process is None or self._process.returncode is not None:
            return True
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Told by the loop: the channel is open."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Told by the loop: a part of an answer. A child that breaks the rules is killed."""
        buffer = self._buffer
        buffer += data
        if len(buffer) < ANSWER.size:
            return
        size, kind, rss_bytes = ANSWER.unpack_from(buffer)
        if size > self._most_bytes or self._waiting is None or len(buffer) > ANSWER.size + size:
            self.kill()
        elif len(buffer) == ANSWER.size + size:
            self._buffer = bytearray()
            self.rss_bytes = rss_bytes
            if not self._waiting.done():
                self._waiting.set_result((kind, bytes(memoryview(buffer)[ANSWER.size :])))

    def connection_lost(self, exc: Exception | None) -> None:
        """Told by the loop: the channel is closed."""
        self.is_gone = True
        if self._waiting is not None and not self._waiting.done():
            # A socket that closes with unread bytes in it resets the other side; one that is closed breaks a write.
            had_read = not isinstance(exc, ConnectionResetError | BrokenPipeError)
            self._waiting.set_exception(Gone(had_read))
        self._on_lost(self)


def _expire(answer: asyncio.Future[tuple[int, bytes]], timeout_s: float) -> None:
    if not answer.done():
        answer.set_exception(Expired(timeout_s))
