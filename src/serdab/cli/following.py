"""Waits for many runs with a progress bar."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from serdab.cli.printing import console
from serdab.flow import Handle, RunFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What became of some runs."""

    #: In the order of the runs: the result, or the error that ended it.
    results: Sequence[Any]
    #: From the first start call to the last outcome.
    seconds: float

    @property
    def failures(self) -> int:
        """Runs without a result."""
        return sum(isinstance(each, RunFailed) for each in self.results)

    @property
    def per_minute(self) -> float:
        """Runs a minute."""
        return len(self.results) / max(self.seconds, 1e-9) * 60


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """A run without a result, for JSON."""

    run: str
    code: str
    kind: str
    message: str

    @classmethod
    def of(cls, handle: Handle, error: RunFailed) -> Failed:
        """From the error that waiting for it raised."""
        kind = str(error.facts.get("kind", ""))
        return cls(run=str(handle.id), code=error.code, kind=kind, message=str(error.facts.get("message", error)))


def progress_bar(what: str) -> Progress:
    """A bar on stderr; on no terminal nothing is drawn."""
    return Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        console=console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )


async def follow(handles: Sequence[Handle], began: float, what: str) -> Ended:
    """Wait for all of them.

    Args:
        handles: the runs.
        began: `time.monotonic()` before the first was started.
        what: said before the bar.
    """
    with progress_bar(what) as bar:
        task = bar.add_task(what, total=len(handles), rate="")

        async def one(handle: Handle) -> Any:
            try:
                return await handle.result()
            except RunFailed as error:
                return error
            finally:
                done = bar.tasks[0].completed + 1
                minute = done / max(time.monotonic() - began, 1e-9) * 60
                bar.update(task, advance=1, rate=f"{minute:,.0f} a minute")

        results = await asyncio.gather(*(one(handle) for handle in handles))
    return Ended(results=results, seconds=time.monotonic() - began)
