"""Threads for synchronous steps.

They hold no process back: a function that a drain did not wait for cannot be stopped, only left behind.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

_Call: TypeAlias = "tuple[Future[Any], Callable[[], Any]]"


class Threads:
    """At most so many daemon threads that call functions, started as they are needed."""

    def __init__(self, size: int) -> None:
        """Plan at most `size` threads."""
        self._size = size
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []

    async def call(self, function: Callable[[], Any]) -> Any:
        """What a function gives, or the exception that it raises; while it waits its turn it can be cancelled."""
        future: Future[Any] = Future()
        if not self._idle.acquire(blocking=False) and len(self._threads) < self._size:
            # Before the call is handed over: a machine that gives no thread now raises here, and the call is not made.
            thread = threading.Thread(target=self._serve, name=f"serdab-step-{len(self._threads)}", daemon=True)
            thread.start()
            self._threads.append(thread)
        self._calls.put((future, function))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Cancel what waits its turn, and let the threads end by themselves."""
        while True:
            try:
                call = self._calls.get_nowait()
            except Empty:
                break
            if call is not None:
                call[0].cancel()
        for _ in self._threads:
            self._calls.put(None)

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            _perform(*call)
            del call
            self._idle.release()


def _perform(future: Future[Any], function: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function())
    except StopIteration as error:  # no future of asyncio takes one: whoever waits would wait for ever
        future.set_exception(RuntimeError(f"the function raised StopIteration: {error.value!r}"))
    except BaseException as error:  # noqa: BLE001 - handed to whoever waits for it
        future.set_exception(error)
