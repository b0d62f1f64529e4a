"""The workflows that the benchmarks run."""

from __future__ import annotations

import time
from typing import Any

from serdab.flow import sleep, start_children, step, workflow

#: 100 bytes of JSON in, with the number; each step gives about as much.
TEXT = "a hundred bytes of json in and out of every step of this workflow, that is about this text"


@step
async def first(number: int) -> dict[str, Any]:
    return {"n": number + 1, "text": TEXT}


@step
async def second(number: int) -> dict[str, Any]:
    return {"n": number + 1, "text": TEXT}


@step
async def third(number: int) -> dict[str, Any]:
    return {"n": number + 1, "text": TEXT}


@step
async def fourth(number: int) -> dict[str, Any]:
    return {"n": number + 1, "text": TEXT}


@workflow(queue="bench")
async def four_steps(document: dict[str, Any]) -> dict[str, Any]:
    number = document["n"]
    for each in (first, second, third, fourth):
        number = (await each(number))["n"]
    return {"n": number, "text": TEXT}


@step
async def begun() -> float:
    return time.clock_gettime(time.CLOCK_MONOTONIC)


@workflow(queue="latency")
async def when_begun(started: float) -> float:
    return (await begun()) - started


@workflow(queue="bench")
async def four_steps_after(began: float) -> float:
    latency = await begun() - began
    number = 0
    for each in (second, third, fourth):
        number = (await each(number))["n"]
    return latency


@workflow(queue="parking")
async def parked(seconds: float) -> str:
    await sleep(seconds)
    return "awake"


@step
async def replayed() -> float:
    return time.monotonic()


@workflow(queue="parking")
async def nothing(number: int) -> int:
    return number


@workflow(queue="parking")
async def parent(size: int) -> int:
    return sum(await (await start_children(nothing, range(size))).results())


ALL = [four_steps, when_begun, four_steps_after, parked, nothing, parent]
