"""A worker process for the chaos tests: `chaos_worker.py HISTORY [--alone] name=value…`.

Every step writes what it does to an independent, append-only history before and after.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from serdab.core import load_settings
from serdab.flow import Worker, current_run_id, sleep, step, workflow
from serdab.flow.running import current_branch
from serdab.store import open_database

HISTORY = Path(os.devnull)


def write(event: str, *facts: object) -> None:
    line = " ".join(str(fact) for fact in (event, f"{time.time():.6f}", *facts)) + "\n"
    handle = os.open(HISTORY, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(handle, line.encode())  # one write, one line: O_APPEND keeps them whole
    os.close(handle)


@step
async def link(before: str, place: int) -> str:
    branch = current_branch.get()
    assert branch is not None
    worker = branch.run.host._flusher.worker_id  # type: ignore[attr-defined]
    nonce = f"{random.getrandbits(48):x}"
    write("begin", current_run_id(), branch.step_key, worker, nonce, before)
    await asyncio.sleep(random.uniform(0, 0.02))
    write("end", current_run_id(), branch.step_key, worker, nonce)
    return nonce


@workflow(queue="chaos")
async def chain(number: int) -> list[str]:
    """Four links, each made from the one before; every tenth run sleeps outside of memory."""
    links = [str(number)]
    for place in range(4):
        links.append(await link(links[-1], place))
        if place == 1 and number % 10 == 0:
            await sleep(0.5)
    return links


@workflow(queue="chaos")
async def poison(number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main(history: str, arguments: list[str]) -> None:
    global HISTORY  # noqa: PLW0603 - a script of a test
    HISTORY = Path(history)
    alone = "--alone" in arguments
    options = [each for each in arguments if each != "--alone"]
    settings = load_settings(options, environ={})
    database = await open_database(settings)
    command = [sys.executable, __file__, history, "--alone", *options]
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    worker = Worker(settings, database, [chain, poison], alone=alone, alone_command=None if alone else command)
    async with worker:
        waits: list[Any] = [asyncio.ensure_future(stopped.wait())]
        if alone:
            waits.append(asyncio.ensure_future(worker.until_no_suspects()))
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        await worker.drain(2.0)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
