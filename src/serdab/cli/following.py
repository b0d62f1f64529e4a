"""Waits for many runs with a progress bar."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from serdab.cli.interruption import stopped
from serdab.cli.printing import console
from serdab.flow import Handle, RunFailed


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


async def follow(handles: Sequence[Handle], began: float, what: str) -> list[Any]:
    """Wait for all of them.

    Args:
        handles: the runs.
        began: `time.monotonic()` before the first was started.
        what: said before the bar.

    Returns:
        In the order of the runs: the result of each, or the error that ended it.
    """
    ended = 0

    def state() -> str:
        return (
            f"{ended:,} of {len(handles):,} {what} are done, the others wait; "
            "the same command again goes on with them, and so does `serdab up`"
        )

    with stopped(state), progress_bar(what) as bar:
        task = bar.add_task(what, total=len(handles), rate="")

        async def one(handle: Handle) -> Any:
            nonlocal ended
            try:
                result = await handle.result()
            except RunFailed as error:
                result = error
            ended += 1
            minute = ended / max(time.monotonic() - began, 1e-9) * 60
            bar.update(task, advance=1, rate=f"{minute:,.0f} a minute")
            return result

        return list(await asyncio.gather(*(one(handle) for handle in handles)))
