"""What the tests of isolation run in children."""

from __future__ import annotations

import asyncio
import ctypes
import enum
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


class Kind(enum.Enum):
    LETTER = "letter"


@dataclass
class Report:
    pid: int
    kind: Kind
    text: str = ""


class Wrapped:
    """Looks like a decorated step."""

    def __init__(self, function: object) -> None:
        self.function = function


class Final(ValueError):
    retryable = False


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


def add(a: int, b: int = 1) -> int:
    return a + b


async def add_later(a: int) -> int:
    await asyncio.sleep(0)
    return a + 1


@Wrapped
def report(kind: Kind, text: str) -> Report:
    return Report(os.getpid(), kind, text)


def pid() -> int:
    return os.getpid()


def niceness() -> list[int]:
    return [os.nice(0), os.getsid(0), os.getpid()]


def fail(text: str) -> None:
    raise ValueError(text)


def fail_finally() -> None:
    try:
        fail("inner")
    except ValueError as error:
        raise Final("outer \ud800 \0") from error


def fail_mutely() -> None:
    raise Mute


def leave() -> None:
    sys.exit(3)


def leave_at_once() -> None:
    os._exit(7)


def crash() -> None:
    ctypes.string_at(0)


def end_by(number: int) -> None:
    os.kill(os.getpid(), number)


def backtrack(letters: int) -> bool:
    return re.fullmatch(r"(a|aa)+", "a" * letters + "b") is not None


def touch_and_sleep(path: Path) -> None:
    path.write_text(str(os.getpid()))
    time.sleep(600)


def start_stubbornly() -> list[int]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return [os.getpid(), subprocess.Popen(["sleep", "600"]).pid]


def touch_and_sleep_stubbornly(path: Path) -> None:
    path.write_text(" ".join(map(str, start_stubbornly())))
    while True:
        time.sleep(1)


def wait_for(path: Path, name: str, log: Path) -> None:
    with log.open("a") as file:
        file.write(f"{name}\n")
    while not path.exists():
        time.sleep(0.005)


def take(megabytes: int) -> int:
    return len(bytearray(megabytes << 20))


def take_with_numpy(megabytes: int) -> float:
    import numpy as np

    return float(np.ones(megabytes << 17).sum())


def keep(megabytes: int) -> int:
    kept.append(b"x" * (megabytes << 20))
    return os.getpid()


kept: list[bytes] = []


def echo(text: str) -> str:
    return text


def many(count: int) -> str:
    return "x" * count


def wrong() -> int:
    return "no"  # type: ignore[return-value]


def talk() -> str:
    print("a word on standard output", flush=True)
    print("a word on standard error", file=sys.stderr, flush=True)
    return "done"


def close_everything() -> None:
    os.closerange(3, 100)
    time.sleep(600)
