"""Isolated steps outside of a run: nothing is recorded, the limits are the same."""

from __future__ import annotations

from typing import ParamSpec, TypeVar

from serdab.flow.definitions import Step
from serdab.flow.isolation import IsolatedPool

P = ParamSpec("P")
T = TypeVar("T")


async def call_isolated(step: Step[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call the function of a step once, in a process of its own that ends with the call.

    Raises:
        RemoteFailure: the function raised an exception.
        OutOfMemory: it wanted more memory than the step may take.
        IsolatedTimeout: it took longer than the step may.
        ChildDied: its process died.
        NoChild: the machine gives no process.
    """
    payload = step.arguments.call_payload(step.arguments.encode(args, kwargs))
    async with IsolatedPool(1) as pool:
        output = await pool.call(step.place, payload, timeout_s=step.timeout_s, memory_bytes=step.memory_bytes)
    found: T = step.result.decode(output)
    return found
