"""From a claim to an outcome: run one workflow's function and say how it ended."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from serdab.core import time_of
from serdab.flow.definitions import Workflow
from serdab.flow.errors import CodeChanged, Failure, RunTimedOut
from serdab.flow.running import Branch, Parked, Run, current_branch


class Ending(NamedTuple):
    """How a run ended: the letter of its state and what is kept of it."""

    status: str
    output: bytes


async def settle(run: Run, workflow: Workflow[..., Any]) -> Ending | None:
    """Execute a run in the current task; None when it is parked.

    Raises:
        asyncio.CancelledError: somebody cancelled the task: whether that ends the run is for the caller to know.
    """
    try:
        return Ending("d", await _returned(run, workflow))
    except Parked:
        return None
    except BaseException as error:
        if not run.failed_by_itself(error):
            raise
        return Ending("f", Failure.of(error).encode())


async def _returned(run: Run, workflow: Workflow[..., Any]) -> bytes:
    args, kwargs = workflow.arguments.decode(await _input(run))
    branch = Branch(run)
    branch.task = run.task
    token = current_branch.set(branch)
    try:
        if run.claimed.timeout_s is None:
            value = await workflow.function(*args, **kwargs)
        else:
            value = await _in_time(run, workflow, args, kwargs)
    finally:
        current_branch.reset(token)
    if run.parking:
        raise Parked
    if run.recorded:
        changed = "the code changed since its start" if run.claimed.code != workflow.code else "the code is the same"
        raise CodeChanged(
            f"expected the code of {workflow.name} to reach all recorded steps, got {len(run.recorded)} that it does "
            f"not reach, like {min(run.recorded)} ({changed}); put the old step back, or redrive the run"
        )
    output = workflow.result.encode(value)
    return output if run.host.inline(output) else await run.host.pack(output)


async def _input(run: Run) -> bytes:
    data = run.claimed.input
    return data if data[:1] != b"\x01" else await run.host.unpack(data)


async def _in_time(run: Run, workflow: Workflow[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    timeout_s = run.claimed.timeout_s or 0.0
    run.deadline = time_of(run.run_id) + timeout_s
    left_s = run.deadline - run.host.database_now()
    try:
        async with asyncio.timeout(max(left_s, 0.0)) as scope:
            return await workflow.function(*args, **kwargs)
    except TimeoutError as error:
        if not scope.expired():
            raise
        raise RunTimedOut(
            f"expected run {run.run_id} of {workflow.name} to end within {timeout_s:g} s of its start, got no result"
        ) from error
