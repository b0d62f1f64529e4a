"""Ctrl-C and SIGTERM: the first ends a command in order and says how to go on, a second one ends it at once."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

#: The signals that end a command: of a person, and of a program. Its exit code is 128 and the number, as in shells.
ENDING = (signal.SIGINT, signal.SIGTERM)
#: What holds for every command that says nothing of its own.
NOTHING_LOST = "what was recorded stays, nothing is left half done; say it again to go on"
#: Seconds after which somebody who waits is told of the second Ctrl-C.
PATIENCE_S = 1.0
#: Seconds between two signals to a child, so that they are not taken for one.
BETWEEN_S = 0.1


class Interrupted(BaseException):
    """A signal ended the command; the text says what state things are in and how to go on."""

    def __init__(self, told: str = NOTHING_LOST, number: int = signal.SIGINT) -> None:
        super().__init__(told)
        self.exit_code = 128 + number


class Ending:
    """What ended a command, if anything did."""

    number: int = signal.SIGINT


def catch_interrupts() -> None:
    """Let a signal raise `Interrupted` from now on, unless whoever started us lets us ignore it."""
    for number in ENDING:
        if signal.getsignal(number) in {signal.default_int_handler, signal.SIG_DFL}:
            signal.signal(number, _interrupt)


@contextmanager
def stopped(tell: Callable[[], str]) -> Iterator[None]:
    """Within the block, Ctrl-C is told by these words, unless an inner block has told it."""
    try:
        yield
    except asyncio.CancelledError as error:
        raise asyncio.CancelledError(*(error.args or (tell(),))) from error


@contextmanager
def cancelling(loop: asyncio.AbstractEventLoop, task: asyncio.Task[object]) -> Iterator[Ending]:
    """Within the block the first signal cancels a task, a second one ends the process at once."""
    before = {number: signal.getsignal(number) for number in ENDING}
    ending = Ending()

    def first(number: int, frame: FrameType | None) -> None:
        ending.number = number
        for each in ENDING:
            signal.signal(each, _end_now)
        loop.call_soon_threadsafe(task.cancel)
        loop.call_soon_threadsafe(lambda: loop.call_later(PATIENCE_S, _tell, "stopping; Ctrl-C again ends it at once"))

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, first)
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise Interrupted(number=number)


def _end_now(number: int, frame: FrameType | None) -> NoReturn:
    """Tell our children that now means now, and go. Workers hand their runs back; the last one stops the database."""
    import psutil

    children = psutil.Process().children(recursive=True)
    for again in (False, True):
        if again:
            time.sleep(BETWEEN_S)
        for child in children:
            with suppress(psutil.Error):
                child.terminate()
    _tell("ended at once; what was recorded stays; `serdab down` ends what may still run")
    os._exit(128 + number)


def _tell(text: str) -> None:
    """A line on stderr, without the buffers, in which a signal may have come."""
    os.write(2, f"{text}\n".encode())
