"""Workflows that the acceptance tests run from a shell."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from serdab.flow import step, workflow


@step
async def greet(name: str) -> str:
    return f"hello {name}"


@step
def refuse(name: str) -> str:
    raise ValueError(f"{name} is not welcome")


@step
async def wait_for(path: str) -> str:
    """Say that it has begun, and wait for a file."""
    Path(f"{path}.begun").touch()
    while not Path(path).exists():
        await asyncio.sleep(0.02)
    return path


@step(isolate="process")
def environment_apart() -> str:
    """What untrusted code in a process of its own finds in its environment."""
    return repr(dict(os.environ))


@step
async def large(kilobytes: int) -> str:
    return "x" * kilobytes * 1024


@workflow(queue="shell")
async def apart(kilobytes: int = 0) -> str:
    await large(kilobytes)
    return await environment_apart()


@workflow(queue="shell")
async def hello(name: str, times: int = 1) -> str:
    greeting = ""
    for _ in range(times):
        greeting = await greet(name)
    return greeting


@workflow(queue="shell")
async def refused(name: str) -> str:
    await greet(name)
    return await refuse(name)


@workflow(queue="shell")
async def patient(path: str) -> str:
    await greet("you")
    return await wait_for(path)
