"""Ctrl-C and SIGTERM: the first ends a command in order and says how to go on, a second one hurries that ending."""

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
#: Seconds that the ending may take after a second Ctrl-C, before the process leaves without it.
MOST_S = 10.0
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
    came: bool = False


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


def told_by(error: BaseException | None) -> str:
    """What was told of an interrupted command; a second Ctrl-C cancels the ending of the first and tells nothing."""
    while error is not None:
        if isinstance(error, asyncio.CancelledError) and error.args:
            return str(error)
        error = error.__context__
    return NOTHING_LOST


@contextmanager
def cancelling(loop: asyncio.AbstractEventLoop, task: asyncio.Task[object]) -> Iterator[Ending]:
    """Within the block the first signal cancels a task, and so does a second one, after which the end is near.

    Once a signal came, its handlers stay: what is left of the process is its end.
    """
    before = {number: signal.getsignal(number) for number in ENDING}
    ending = Ending()

    def handle(handler: Callable[[int, FrameType | None], None]) -> None:
        for number in before:
            if before[number] is not signal.SIG_IGN:
                signal.signal(number, handler)

    def cancel() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(task.cancel)

    def first(number: int, frame: FrameType | None) -> None:
        ending.number, ending.came = number, True
        handle(second)
        cancel()
        loop.call_soon_threadsafe(lambda: loop.call_later(PATIENCE_S, _tell, "stopping; Ctrl-C again means now"))

    def second(number: int, frame: FrameType | None) -> None:
        handle(lambda *_: None)
        signal.signal(signal.SIGALRM, lambda *_: _leave(ending.number))
        signal.setitimer(signal.ITIMER_REAL, MOST_S)
        cancel()

    handle(first)
    try:
        yield ending
    finally:
        if not ending.came:
            for number, handler in before.items():
                signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise Interrupted(number=number)


def _leave(number: int) -> NoReturn:
    """Tell our children that now means now, and go: the ending does not come to its end."""
    import psutil

    children = psutil.Process().children(recursive=True)
    for again in (False, True):
        if again:
            time.sleep(BETWEEN_S)
        for child in children:
            with suppress(psutil.Error):
                child.terminate()
    _tell("left before everything had ended; what was recorded stays; `serdab down` ends what may still run")
    os._exit(128 + number)


def _tell(text: str) -> None:
    """A line on stderr, without the buffers, in which a signal may have come."""
    os.write(2, f"{text}\n".encode())
