"""What steps and flushes did, in append-only files that no part of the engine reads or writes: one for each process."""

from __future__ import annotations

import functools
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

#: Names the folder of the histories to worker processes, those of `serdab up` too.
FOLDER_VARIABLE = "CHAOS_HISTORY"


@functools.cache
def _handle(_pid: int) -> int:
    path = Path(os.environ[FOLDER_VARIABLE]) / f"{os.getpid()}.history"
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def write(event: str, *facts: object) -> None:
    """One line by one write: it is whole, and it outlives a SIGKILL right after it."""
    line = " ".join(str(fact) for fact in (event, f"{time.time():.6f}", *facts)) + "\n"
    os.write(_handle(os.getpid()), line.encode())


def first_time(what: object) -> bool:
    """Whether nobody asked this before, in any process: for faults that happen once."""
    try:
        os.close(os.open(Path(os.environ[FOLDER_VARIABLE]) / f"{what}.once", os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """A step began to execute."""

    at: float
    #: The registration of the worker that executed it.
    worker: int
    #: What this execution will give.
    nonce: str
    #: What it was given: the result of the step before.
    before: str


@dataclass
class History:
    """Everything that was written."""

    #: (run, key) → every execution.
    begins: dict[tuple[UUID, str], list[Begin]] = field(default_factory=lambda: defaultdict(list))
    #: (seconds since 1970, seconds until it was committed) of every flush, its retries included.
    flushes: list[tuple[float, float]] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> History:
        history = cls()
        for event, at, *facts in _lines(folder):
            if event == "begin":
                run, key, worker, nonce, before = facts
                begin = Begin(at=float(at), worker=int(worker), nonce=nonce, before=before)
                history.begins[UUID(run), key].append(begin)
            elif event == "flush":
                history.flushes.append((float(at), float(facts[0])))
        return history

    @property
    def executions(self) -> int:
        return sum(len(each) for each in self.begins.values())


def _lines(folder: Path) -> Iterator[list[str]]:
    for path in sorted(folder.glob("*.history")):
        for line in path.read_text().splitlines():
            yield line.split(" ")
