"""Trees that live as long as one command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest

from serdab.app import some_tree
from serdab.app.processes import living
from serdab.core import Settings, WorkersSettings


@pytest.mark.usefixtures("database")
async def test_workers_of_two_commands_that_begin_at_once_have_names_of_their_own(
    settings: Settings, eventually: Callable[..., Any]
) -> None:
    settings = msgspec.structs.replace(settings, workers=WorkersSettings(processes=1))
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(some_tree(settings)) for _ in range(2)))
        await eventually(lambda: len(living(settings, "worker")) == 2)
