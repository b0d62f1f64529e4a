"""Performing steps, one after the other in a branch, or side by side in branches of their own."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any, Protocol, TypeVar, overload

from serdab.core import expected
from serdab.flow.errors import BadDefinition, CodeChanged, Failure, StepChanged, StepTimedOut, failed_step
from serdab.flow.payloads import ArgumentsCodec, Codec
from serdab.flow.retries import Retry, asked_delay_s, is_retryable
from serdab.flow.running import Branch, Host, Parked, Run, Tried, Wait, branch_of, current_branch
from serdab.flow.side_by_side import side_by_side

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


class Performable(Protocol):
    """What performing needs to know of a step."""

    name: str
    place: str
    function: Any
    is_async: bool
    isolated: bool
    is_plain: bool
    memory_bytes: int | None
    timeout_s: float | None
    retries: Retry
    arguments: ArgumentsCodec
    result: Codec


class Call(Protocol):
    """A call of a step that is not yet performed."""

    step: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


async def perform(
    step: Performable, args: tuple[Any, ...], kwargs: dict[str, Any], branch: Branch | None = None, key: str = ""
) -> Any:
    """Give the recorded result of a step, or execute it and give its result once that is recorded."""
    if branch is None:
        branch = branch_of(step.name)
        key = branch.next_key(step.name)
    run = branch.run
    host = run.host
    data = step.arguments.encode(args, kwargs)
    digest = step.arguments.digest(data)
    if run.recorded is not None and key in run.recorded:
        return await replayed(run, key, digest, step.result)
    if run.parking:
        raise Parked
    if run.tried is not None and key in run.tried:
        return await _attempts(branch, step, args, kwargs, (key, data, digest))
    if not host.may_step():
        await _lease_restored(run)
    branch.step_key = key
    began = time.perf_counter_ns()
    try:
        if step.is_plain:
            output, value = step.result.settle(await step.function(*args, **kwargs))
        else:
            output, value = await _execute(step, host, args, kwargs, data)
    except BaseException as error:
        took_us = (time.perf_counter_ns() - began) // 1000
        failure = await _failed(branch, step, (key, digest), 1, (took_us, error))
        if failure is not None:
            raise failure from error
        return await _attempts(branch, step, args, kwargs, (key, data, digest))
    branch.step_key = None
    took_us = (time.perf_counter_ns() - began) // 1000
    stored = output if host.inline(output) else await host.pack(output)
    if run.parking:
        raise Parked
    await host.record((run.run_id, key, digest, min(took_us, 2**31 - 1), 1, False, stored))
    return value


async def _lease_restored(run: Run) -> None:
    await run.host.lease_restored()
    if run.parking:  # it was somebody else's meanwhile
        raise Parked


async def replayed(run: Run, key: str, digest: int, codec: Codec) -> Any:
    """The recorded result of a step.

    Raises:
        StepChanged: it was recorded for another input.
        StepFailed: it was recorded as failed.
    """
    assert run.recorded is not None  # noqa: S101 - for the type checker; the caller looked
    recorded = run.recorded.pop(key)
    if recorded.digest != digest:
        raise StepChanged(
            f"expected step {key} to be called with its recorded input, got another one; the code or its data changed: "
            "give the step another name, or redrive the run",
            step=key,
        )
    output = await run.host.unpack(recorded.output)
    if recorded.failed:
        raise failed_step(key, Failure.decode(output))
    return codec.decode(output)


async def _execute(
    step: Performable, host: Host, args: tuple[Any, ...], kwargs: dict[str, Any], data: bytes
) -> tuple[bytes, Any]:
    """Call the function; its result as bytes and as every replay will give it."""
    if step.isolated:
        payload = step.arguments.call_payload(data)
        output = await host.in_process(step.place, payload, step.timeout_s, step.memory_bytes)
        return output, step.result.decode(output)
    if step.timeout_s is None:
        return step.result.settle(await _called(step, host, args, kwargs))
    try:
        async with asyncio.timeout(step.timeout_s) as scope:
            value = await _called(step, host, args, kwargs)
    except TimeoutError as error:
        if not scope.expired():
            raise
        raise StepTimedOut(f"expected step {step.name} to end within {step.timeout_s:g} s, got no result") from error
    return step.result.settle(value)


def _called(step: Performable, host: Host, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Awaitable[Any]:
    return step.function(*args, **kwargs) if step.is_async else host.in_thread(step.function, args, kwargs)


async def _attempts(
    branch: Branch, step: Performable, args: tuple[Any, ...], kwargs: dict[str, Any], call: tuple[str, bytes, int]
) -> Any:
    """The second attempt and the ones after it; each waits until it is due, outside of memory if that takes long."""
    key, data, digest = call
    run = branch.run
    host = run.host
    while True:
        tried = run.tried[key] if run.tried else Tried(0, 0.0)
        await sleep_until(run, tried.retry_at, f"step {key} is tried again")
        if not host.may_step():
            await _lease_restored(run)
        branch.step_key = key
        began = time.perf_counter_ns()
        attempt = tried.attempts + 1
        try:
            output, value = await _execute(step, host, args, kwargs, data)
        except BaseException as error:
            took_us = (time.perf_counter_ns() - began) // 1000
            failure = await _failed(branch, step, (key, digest), attempt, (took_us, error))
            if failure is not None:
                raise failure from error
            continue
        branch.step_key = None
        took_us = (time.perf_counter_ns() - began) // 1000
        stored = await host.pack(output)
        if run.parking:
            raise Parked
        await host.record((run.run_id, key, digest, min(took_us, 2**31 - 1), attempt, False, stored))
        return value


async def _failed(
    branch: Branch, step: Performable, call: tuple[str, int], attempt: int, end: tuple[int, BaseException]
) -> BaseException | None:
    """Record a failed attempt; the error to raise when it was the last one, None when another one follows."""
    key, digest = call
    took_us, error = end
    run = branch.run
    branch.step_key = None
    if isinstance(error, StepChanged | CodeChanged) or not run.failed_by_itself(error):
        raise error
    if run.parking:
        raise Parked
    took_us = min(took_us, 2**31 - 1)
    failure = Failure.of(error)
    again = attempt < step.retries.attempts and is_retryable(error, step.retries)
    backoff = step.retries.backoff
    delay_s = asked_delay_s(error) + backoff.delay_s(attempt, random.random()) if again else None  # noqa: S311 - jitter
    recorded = run.host.record_attempt((run.run_id, key, attempt, took_us, delay_s, failure.encode()))
    if delay_s is not None:
        await recorded
        if run.tried is None:
            run.tried = {}
        run.tried[key] = Tried(attempt, run.host.database_now() + delay_s)
        return None
    stored = await run.host.pack(failure.encode())
    if run.parking:
        raise Parked
    await run.host.record((run.run_id, key, digest, took_us, attempt, True, stored))
    return failed_step(key, failure, error)


async def sleep_until(run: Run, wake_at: float, why: str) -> None:
    """Wait until a moment of the database's clock, in memory when it is near, else parked."""
    loop = run.host.loop
    # A day at a time, as far as timers of loops reach.
    while (delay_s := wake_at - run.host.database_now()) > 0:
        wait = Wait(loop.create_future(), why, wake_at)
        timer = loop.call_later(min(delay_s, 86_400.0), _ring, run, wait)
        try:
            await run.wait(wait)
        finally:
            timer.cancel()


def _ring(run: Run, wait: Wait) -> None:
    if not run.parking and not wait.future.done():
        wait.future.set_result(None)


@overload
async def gather(a: Awaitable[A], b: Awaitable[B], /) -> tuple[A, B]: ...
@overload
async def gather(a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], /) -> tuple[A, B, C]: ...
@overload
async def gather(a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], /) -> tuple[A, B, C, D]: ...
@overload
async def gather(*awaitables: Awaitable[A]) -> tuple[A, ...]: ...
async def gather(*awaitables: Awaitable[Any]) -> tuple[Any, ...]:
    """Perform steps, or coroutines with steps in them, side by side; their numbers cannot mix.

    Returns:
        Their results in the order given.

    Raises:
        Exception: the first error of any; the others are cancelled.
    """
    branch = branch_of("gather")
    path = branch.next_key("gather")
    works = [_branch_work(branch, f"{path}.{n}/", awaitable) for n, awaitable in enumerate(awaitables)]
    return tuple(await side_by_side(branch.run, works, len(works), f"{path}."))


async def map_steps(step: Any, items: Iterable[Any], *, limit: int = 16) -> list[Any]:
    """Perform one step for each item, at most `limit` at a time.

    Args:
        step: a step of one argument.
        items: what to give it, each once.
        limit: most calls at the same time.

    Returns:
        The results in the order of the items.
    """
    if limit < 1:
        raise BadDefinition(expected("limit", "1 or more", limit))
    branch = branch_of("map_steps")
    path = branch.next_key("map")
    inner = Branch(branch.run, f"{path}/")
    works = [_step_work(inner, step(item)) for item in items]
    return await side_by_side(branch.run, works, limit, f"{path}/")


def _branch_work(branch: Branch, path: str, awaitable: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
    if hasattr(awaitable, "step"):
        return _step_work(branch, awaitable)
    return _in_branch(Branch(branch.run, path), awaitable)


def _step_work(branch: Branch, call: Any) -> Coroutine[Any, Any, Any]:
    # The key is taken here, in the order of the arguments, whatever runs first later.
    key = branch.next_key(call.step.name)
    return _in_branch(Branch(branch.run, branch.path), call, key)


async def _in_branch(branch: Branch, work: Any, key: str = "") -> Any:
    branch.task = asyncio.current_task(branch.run.host.loop)
    current_branch.set(branch)
    return await (perform(work.step, work.args, work.kwargs, branch, key) if key else work)
