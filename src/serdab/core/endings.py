"""Endings that are not cut short: what tidies up goes on to its end, though whoever waits for it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def finish(work: Coroutine[Any, Any, T], hurry: Callable[[], None] = lambda: None) -> T:
    """Do some work to its end; what it gives.

    Args:
        work: ends by itself, in a bounded time.
        hurry: called whenever a cancellation comes meanwhile.

    Raises:
        CancelledError: one came; the work has ended all the same.
    """
    task = asyncio.get_running_loop().create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
            hurry()
    if cancelled is not None and not task.cancelled():
        raise cancelled from task.exception()
    return task.result()
