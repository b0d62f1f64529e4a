"""What the runs of the matrix do: chains whose every link is made from the one before, and troublemakers."""

from __future__ import annotations

import asyncio
import ctypes
import os
import random
import signal
import time
from typing import Any

from chaos.history import first_time, write
from serdab.flow import Backoff, Retry, Workflow, current_run_id, run_child, sleep, step, workflow
from serdab.flow.running import Branch, current_branch

SOON = Retry(attempts=5, backoff=Backoff(first_s=0.05, most_s=0.2))


def _here() -> tuple[Branch, int]:
    branch = current_branch.get()
    assert branch is not None
    return branch, branch.run.host._flusher.worker_id  # type: ignore[attr-defined]


@step
async def link(before: str) -> str:
    branch, worker = _here()
    nonce = f"{random.getrandbits(48):x}"
    write("begin", current_run_id(), branch.step_key, worker, nonce, before)
    await asyncio.sleep(random.uniform(0, 0.02))
    write("end", current_run_id(), branch.step_key, worker, nonce)
    return nonce


@step(retries=SOON)
async def flaky(number: int) -> None:
    """Fails twice, or more often where the same try is made again."""
    if first_time(f"flaky-{number}-a") or first_time(f"flaky-{number}-b"):
        raise ConnectionError("the other side is away")


@workflow(queue="chaos")
async def leaf(before: str) -> str:
    return await link(before)


async def links_of(number: int) -> list[str]:
    """Four links; every tenth run sleeps outside of memory, some try again, some wait for a child."""
    links = [str(number)]
    for place in range(4):
        links.append(await link(links[-1]))
        if place == 1 and number % 10 == 0:
            await sleep(0.5)
        if place == 2 and number % 25 == 3:
            await flaky(number)
    if number % 20 == 5:
        links.append(await run_child(leaf, links[-1]))
    return links


@workflow(queue="chaos")
async def chain(number: int) -> list[str]:
    return await links_of(number)


@workflow(queue="chaos")
async def poison(number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


# ── Troublemakers: each does it once and then goes on like the others ───────────────────────────────────────────────


@step
async def block_the_loop(number: int, seconds: float) -> None:
    if first_time(f"block-{number}"):
        time.sleep(seconds)  # noqa: ASYNC251 - that is the fault


@step
async def hold_the_interpreter(number: int, seconds: float) -> None:
    if first_time(f"hold-{number}"):
        ctypes.PyDLL(None).usleep(int(seconds * 1e6))  # PyDLL does not let go of the interpreter lock


@step(isolate="process", memory="64MB", retries=SOON)
def eat_memory(number: int) -> int:
    return len(bytearray(1 << 30)) if first_time(f"eat-{number}") else 0


@workflow(queue="chaos")
async def blocking(number: int, seconds: float) -> list[str]:
    await block_the_loop(number, seconds)
    return await links_of(number)


@workflow(queue="chaos")
async def holding(number: int, seconds: float) -> list[str]:
    await hold_the_interpreter(number, seconds)
    return await links_of(number)


@workflow(queue="chaos")
async def hungry(number: int) -> list[str]:
    await eat_memory(number)
    return await links_of(number)


ALL: list[Workflow[..., Any]] = [chain, leaf, poison, blocking, holding, hungry]
