"""A child process that is kept alive: started again when it dies, told once when it loops, stopped in the end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from serdab.app import children
from serdab.app.children import CRASH_LOOP, Child

Eventually = Callable[..., Awaitable[Any]]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(children, "MOST_PAUSE_S", 0.05)


@pytest.fixture
async def keep(tmp_path: Path) -> AsyncIterator[Callable[[str], Child]]:
    kept: list[tuple[Child, asyncio.Task[None]]] = []

    def start(code: str) -> Child:
        child = Child("a-child", [sys.executable, "-c", code], dict(os.environ), tmp_path / "a-child.out")
        kept.append((child, asyncio.get_running_loop().create_task(child.keep())))
        return child

    yield start
    for child, task in kept:
        await child.stop(5)
        await task


async def test_a_killed_child_is_started_again(keep: Callable[[str], Child], eventually: Eventually) -> None:
    child = keep("import time; time.sleep(600)")
    first = await eventually(lambda: child.pid)
    os.kill(first, signal.SIGKILL)
    await eventually(lambda: child.pid not in (None, first))
    assert child.restarts == 1


async def test_a_crash_loop_is_told_with_its_words_and_goes_on(
    keep: Callable[[str], Child], eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        child = keep("import sys; sys.exit('no such luck')")
        await eventually(lambda: child.restarts > CRASH_LOOP)
    assert "a-child ended: no such luck" in caplog.text
    assert "a-child keeps dying; it is tried again, slowly" in caplog.text


async def test_a_child_that_drains_is_waited_for(
    keep: Callable[[str], Child], eventually: Eventually, tmp_path: Path
) -> None:
    code = (
        "import pathlib, signal, sys\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path({str(tmp_path / 'drained')!r}).touch(), sys.exit()))\n"
        f"pathlib.Path({str(tmp_path / 'up')!r}).touch()\n"
        "signal.pause()"
    )
    child = keep(code)
    await eventually((tmp_path / "up").exists)
    await child.stop(20)
    assert (tmp_path / "drained").exists()
    assert child.pid is None
    assert child.restarts == 0


async def test_a_child_that_does_not_hear_is_killed(
    keep: Callable[[str], Child], eventually: Eventually, tmp_path: Path
) -> None:
    code = (
        "import pathlib, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"pathlib.Path({str(tmp_path / 'up')!r}).touch()\n"
        "while True: signal.pause()"
    )
    child = keep(code)
    await eventually((tmp_path / "up").exists)
    await child.stop(0.1)
    assert child.pid is None


async def test_a_program_that_is_not_there_is_told(
    tmp_path: Path, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    child = Child("nobody", [str(tmp_path / "no-program")], {}, tmp_path / "nobody.out")
    task = asyncio.get_running_loop().create_task(child.keep())
    with caplog.at_level(logging.WARNING):
        await eventually(lambda: child.restarts)
    await child.stop(1)
    await task
    assert "nobody ended" in caplog.text


async def test_a_child_that_is_stopped_while_it_is_being_started_ends_too(tmp_path: Path) -> None:
    child = Child("a-child", [sys.executable, "-c", "import time; time.sleep(600)"], dict(os.environ), tmp_path / "out")
    keeping = asyncio.get_running_loop().create_task(child.keep())
    await asyncio.sleep(0)
    assert child.pid is None
    await child.stop(20)
    async with asyncio.timeout(20):
        await keeping
    assert child.pid is None
