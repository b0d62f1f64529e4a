"""However the code of a run ends, the run ends: at once, with its reason, and nobody else is disturbed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from serdab.core import Settings
from serdab.flow import (
    BadDefinition,
    Registry,
    RunCancelled,
    RunFailed,
    Serdab,
    StepFailed,
    Worker,
    gather,
    map_steps,
    progress,
    sleep,
    start_child,
    step,
    workflow,
)
from serdab.store import Database

Eventually = Callable[..., Awaitable[object]]


class SilentError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Odd(BaseException):
    pass


@step
async def awaits_what_was_cancelled() -> None:
    task = asyncio.ensure_future(asyncio.sleep(60))
    task.cancel()
    await task


@step
async def leaves() -> None:
    sys.exit(3)


@step
def leaves_from_a_thread() -> None:
    sys.exit(3)


@step
async def is_odd() -> None:
    raise Odd("odd")


@step
async def is_silent() -> None:
    raise SilentError


@step
def has_no_next() -> None:
    next(iter(()))


ENDERS = {
    each.name: each
    for each in (awaits_what_was_cancelled, leaves, leaves_from_a_thread, is_odd, is_silent, has_no_next)
}


@workflow()
async def ending(name: str) -> None:
    await ENDERS[name]()


@workflow()
async def ending_beside_another(name: str) -> None:
    await gather(ENDERS[name](), ENDERS[name]())


@workflow()
async def ending_beside_a_sleep(name: str) -> None:
    await gather(ENDERS[name](), sleep(3600))


@workflow()
async def ending_by_itself(name: str) -> None:
    await ENDERS[name].function()


async def _by_itself(name: str) -> None:
    await ENDERS[name].function()


@workflow()
async def ending_in_a_branch(name: str) -> None:
    await gather(_by_itself(name), sleep(3600))


@step
async def large(number: int) -> str:
    return "y" * 100_000 + str(number)


@step
async def fails() -> None:
    raise ValueError("no")


@step
async def nap(seconds: float) -> None:
    await asyncio.sleep(seconds)


async def _fails_late() -> None:
    await nap(0.2)
    await fails()


async def _many_large_ones() -> None:
    for number in range(4):
        await large(number)
    await nap(60)


@workflow()
async def going_on_after_an_error() -> str:
    try:
        await gather(_fails_late(), _many_large_ones())
    except StepFailed:
        await sleep(0.8)  # leaves memory, and comes here again
    return "fine"


@step
async def odd_one(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return number


@workflow()
async def mapping_over_an_error() -> list[int]:
    return await map_steps(odd_one, range(50), limit=2)


@step
async def outer() -> list[int]:
    return await map_steps(odd_one, [1])


@workflow()
async def step_in_step() -> list[int]:
    return await outer()


@workflow()
async def telling(words: list[str]) -> None:
    for place, word in enumerate(words):
        await progress(place / 10, word.replace("*", "\ud800"))
    await sleep(3600)


@workflow()
async def resting() -> None:
    await sleep(3600)


@workflow()
async def starting_for_ever() -> None:
    while True:
        await start_child(resting)


@workflow()
async def counting(words: dict[str, int]) -> int:
    return len(words)


@pytest.fixture
async def worker(settings: Settings, database: Database) -> AsyncIterator[Worker]:
    registry = Registry()
    registry.add_module(sys.modules[__name__])
    async with Worker(settings, database, registry) as running:
        yield running


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("way", [ending, ending_beside_another, ending_beside_a_sleep, ending_in_a_branch])
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("awaits_what_was_cancelled", "CancelledError"), ("leaves", "SystemExit: 3"), ("is_odd", "Odd: odd"),
        ("is_silent", "SilentError: <the text of this SilentError fails: RuntimeError>"),
    ],
)  # fmt: skip
async def test_a_run_ends_as_its_code_does(serdab: Serdab, way: Any, name: str, kind: str) -> None:
    with pytest.raises(RunFailed, match=kind):
        await (await serdab.start(way, name)).result(60)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("name", ["awaits_what_was_cancelled", "leaves", "is_odd", "is_silent"])
async def test_a_run_ends_as_its_own_function_does(serdab: Serdab, name: str) -> None:
    with pytest.raises(RunFailed, match="has no result"):
        await (await serdab.start(ending_by_itself, name)).result(60)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("name", "kind"), [("leaves_from_a_thread", "SystemExit: 3"), ("has_no_next", "StopIteration")]
)
async def test_a_thread_that_leaves_takes_nobody_with_it(serdab: Serdab, name: str, kind: str) -> None:
    run = await serdab.start(ending_beside_another, name)
    with pytest.raises(RunFailed, match=kind):
        await run.result(60)


@pytest.mark.usefixtures("worker")
async def test_steps_that_an_error_beside_them_cut_short_need_not_be_reached_again(serdab: Serdab) -> None:
    assert await (await serdab.start(going_on_after_an_error)).result(60) == "fine"


@pytest.mark.usefixtures("worker")
async def test_what_a_failed_map_leaves_undone_is_put_away(serdab: Serdab, recwarn: pytest.WarningsRecorder) -> None:
    with pytest.raises(RunFailed, match="three"):
        await (await serdab.start(mapping_over_an_error)).result(60)
    assert not [each for each in recwarn if "never awaited" in str(each.message)]


@pytest.mark.usefixtures("worker")
async def test_a_step_inside_a_step_is_refused_before_anything_is_recorded(serdab: Serdab) -> None:
    run = await serdab.start(step_in_step)
    with pytest.raises(RunFailed, match=r"StepInStep.*expected map to be called by a workflow.*inside step outer#1"):
        await run.result(60)


@pytest.mark.usefixtures("worker")
async def test_the_last_word_of_progress_is_the_one_that_is_kept(serdab: Serdab, eventually: Eventually) -> None:
    waiting = await serdab.start(telling, ["begun", "half", "waits for an answer"])
    broken = await serdab.start(telling, ["begun", "lone * surrogate"])

    async def told() -> bool:
        infos = [(await run.detail()).info for run in (waiting, broken)]
        return [info.message for info in infos] == ["waits for an answer", "lone ? surrogate"]

    await eventually(told)


@pytest.mark.usefixtures("worker")
async def test_what_a_run_starts_until_it_is_cancelled_is_cancelled_too(serdab: Serdab, eventually: Eventually) -> None:
    run = await serdab.start(starting_for_ever)

    async def has_children() -> bool:
        return (await run.detail()).children > 5

    async def rests() -> bool:
        return not [info for info in await serdab.runs(limit=10_000) if info.ended_at is None]

    await eventually(has_children)
    await run.cancel("enough")
    with pytest.raises(RunCancelled, match="enough"):
        await run.result(60)
    await eventually(rests)


async def test_the_order_of_what_has_none_does_not_matter_to_a_key(serdab: Serdab) -> None:
    once = await serdab.start(counting, {"a": 1, "b": 2}, key="k")
    assert (await serdab.start(counting, {"b": 2, "a": 1}, key="k")).id == once.id


def test_a_name_that_children_begin_with_is_refused() -> None:
    with pytest.raises(BadDefinition, match="does not begin with start:"):
        step(name="start:job")(fails.function)


@pytest.mark.parametrize("seconds", [1e12, float("inf"), float("nan"), 0, "30"])
def test_a_time_that_no_clock_can_name_is_refused(seconds: Any) -> None:
    with pytest.raises(BadDefinition, match="expected timeout_s to be more than 0"):
        workflow(timeout_s=seconds)(resting.function)


async def test_a_process_waits_for_no_thread_that_its_drain_has_left() -> None:
    code = """
import asyncio, threading
from serdab.flow.threads import Threads
async def main():
    threads = Threads(1)
    stuck = asyncio.ensure_future(threads.call(threading.Event().wait))
    waiting = asyncio.ensure_future(threads.call(print))
    await asyncio.sleep(0)
    stuck.cancel()
    threads.close()
    for each in await asyncio.gather(stuck, waiting, return_exceptions=True):
        print(type(each).__name__)
asyncio.run(main())
"""
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.split() == ["CancelledError", "CancelledError"]
