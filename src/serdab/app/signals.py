"""SIGTERM and Ctrl-C: the first means drain, a second one means now."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager


class Signals:
    """What was asked of this process from outside."""

    def __init__(self) -> None:
        self.drain = asyncio.Event()
        self.now = asyncio.Event()
        #: Whether a person asked, by Ctrl-C, and no program.
        self.by_person = False

    def ask(self, number: signal.Signals) -> None:
        """One signal more."""
        self.by_person = self.by_person or number == signal.SIGINT
        (self.now if self.drain.is_set() else self.drain).set()


@contextmanager
def watching_signals() -> Iterator[Signals]:
    """Take SIGTERM and SIGINT while the block runs.

    Raises:
        CancelledError: at its end, when it was Ctrl-C that ended it.
    """
    loop = asyncio.get_running_loop()
    signals = Signals()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signals.ask, number)
    try:
        yield signals
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    if signals.by_person:
        raise asyncio.CancelledError("runs that had not ended wait; `serdab up` goes on with them")


async def unless_now(work: asyncio.Task[None], signals: Signals) -> bool:
    """Wait for work, but not beyond a second signal; whether it was finished."""
    now = asyncio.get_running_loop().create_task(signals.now.wait())
    await asyncio.wait([work, now], return_when=asyncio.FIRST_COMPLETED)
    now.cancel()
    if work.done():
        await work
        return True
    return False
