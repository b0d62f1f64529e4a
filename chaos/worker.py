"""A worker process of the matrix: `python -m chaos.worker [--alone] [--newer] [--broken NAME] name=value…`.

The folder of the histories comes by the environment. SIGUSR1 steps this process's clock an hour ahead, SIGUSR2 an hour
back: the functions that read the wall clock are replaced in this process, which is not the machine's clock.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from chaos import broken, newer, workflows
from chaos.history import write
from serdab.core import load_settings
from serdab.flow import Worker, Workflow
from serdab.flow.batch import Batch
from serdab.store import migrating, open_database, opening

HOUR_NS = 3600 * 10**9


def step_clock(by_ns: int) -> None:
    """What `time.time_ns` says from now on in this process; histories keep the true time of `time.time`."""
    before = time.time_ns
    time.time_ns = lambda: before() + by_ns


def timed(worker: Worker) -> None:
    """Write how long every flush took until it was committed, whatever came between."""
    commit = worker.flusher._commit

    async def measured(batch: Batch, want: int) -> None:
        began = time.monotonic()
        await commit(batch, want)
        write("flush", f"{time.monotonic() - began:.6f}", batch.rows())

    worker.flusher._commit = measured  # type: ignore[method-assign]


async def main(arguments: argparse.Namespace) -> None:
    if arguments.newer:
        vars(opening)["migrate"] = functools.partial(migrating.migrate, migrations=newer.migrations())
    database = await open_database(load_settings(arguments.options))
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_signal_handler(signal.SIGUSR1, step_clock, HOUR_NS)
    loop.add_signal_handler(signal.SIGUSR2, step_clock, -HOUR_NS)
    alone = [sys.executable, "-m", "chaos.worker", "--alone", *sys.argv[1:]]
    known: Sequence[Workflow[..., Any]] = newer.ALL if arguments.newer else workflows.ALL
    worker = Worker(
        load_settings(arguments.options),
        database,
        known,
        alone=arguments.alone,
        alone_command=None if arguments.alone else alone,
    )
    if arguments.broken:
        broken.VARIANTS[arguments.broken].plant(worker)
    timed(worker)
    async with worker:
        waits: list[Any] = [asyncio.ensure_future(stopped.wait())]
        if arguments.alone:
            waits.append(asyncio.ensure_future(worker.until_no_suspects()))
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        await worker.drain(2.0)
    await database.close()


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--newer", action="store_true")
    parser.add_argument("--broken", choices=sorted(broken.VARIANTS))
    parser.add_argument("options", nargs="*")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(options()))
