"""A house for a test: a real PostgreSQL and a real worker, in a folder that the test throws away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from serdab.core import load_settings
from serdab.flow import Serdab, Worker, Workflow


@asynccontextmanager
async def running(
    home: Path, *workflows: Workflow[..., Any], resources: Sequence[object] = (), overrides: Sequence[str] = ()
) -> AsyncIterator[Serdab]:
    """A client whose runs are executed by a worker in this process; everything stops at the end of the block.

    Args:
        home: a folder for the data; the same one again goes on with what it holds. As root, PostgreSQL's account must
            be able to enter every folder above it.
        workflows: what the worker knows.
        resources: what `resource(Type)` finds in steps.
        overrides: `name=value` of settings, such as `database.url=postgresql://…`.
    """
    settings = load_settings([f"home={home}", "flow.poll_s=0.2", *overrides], environ={})
    async with Serdab.connect(settings) as serdab, Worker(settings, serdab.database, workflows, resources=resources):
        yield serdab
