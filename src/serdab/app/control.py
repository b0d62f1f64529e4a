"""The tree of a home seen and steered from another process: start it detached, look at it, take it down."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from serdab.app.errors import AlreadyUp, DidNotComeUp
from serdab.app.processes import ProcessFile, living, run_folder, send
from serdab.app.readiness import Readiness, readiness_of
from serdab.app.supervisor import only_one
from serdab.app.tree import STOP_MARGIN_S, Tree
from serdab.app.workflows import all_workflows
from serdab.core import Settings, child_environment, log_folder, open_output, private_folder
from serdab.store import database_status, stop_database

#: Added to the start of the database until a tree is given up, in seconds.
START_MARGIN_S = 60.0
LOOK_EVERY_S = 0.05
#: Most bytes of the reason for which a tree did not come up.
_MOST_WORDS = 8000
#: How long a command waits for a tree that it finds not ready, in seconds.
YOUNG_TREE_S = 10.0
#: Deaths of one worker after which a tree that is just starting is given up.
MOST_DEATHS = 2
#: How long the runs of a tree may go on when the command that brought it up is interrupted, in seconds.
DRAIN_INTERRUPTED_S = 1.0


async def start_detached(settings: Settings) -> ProcessFile:
    """Start `serdab up` in the background and return when it can take work.

    Raises:
        BadInput: a setting cannot be used; see `all_workflows`.
        AlreadyUp: this home has a tree already.
        DidNotComeUp: it ended, or was not ready in time; its words are in the message.
    """
    found = living(settings, "up").get("up")
    if found is not None:
        who = f"pid {found.pid} at {found.url}"
        raise AlreadyUp(f"expected the home {settings.folder} to have no tree, got {who}; see `serdab status`")
    all_workflows(settings)
    output = private_folder(log_folder(settings)) / "up.out"
    reason, reason_to = os.pipe()
    try:
        try:
            process = await asyncio.to_thread(_begin, settings, output, reason_to)
        finally:
            os.close(reason_to)
        missing = ""
        deadline = time.monotonic() + settings.database.start_timeout_s + START_MARGIN_S
        while time.monotonic() < deadline and process.poll() is None:
            found = living(settings, "up").get("up")
            if found is not None and found.pid == process.pid and not (missing := await _missing(found.url)):
                return found
            await asyncio.sleep(LOOK_EVERY_S)
        if process.poll() is not None:
            with only_one(settings):  # another one that was faster holds it
                pass
            missing = os.read(reason, _MOST_WORDS).decode("utf-8", "replace")
    finally:
        os.close(reason)
    words = missing or output.read_text("utf-8", "replace").strip()[-2000:]
    todo = f"see {output}" if process.poll() is not None else "it goes on trying, `serdab down` stops it"
    raise DidNotComeUp(f"expected the tree to become ready, got: {words or 'no word'}; {todo}")


def _begin(settings: Settings, output: Path, reason_to: int) -> subprocess.Popen[bytes]:
    """Start `serdab up`; why it ended comes through a pipe: the file for its words may stand on a full disk."""
    with open_output(output) as file:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "serdab.cli", "up", "--reason-to", str(reason_to)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=child_environment(settings),
            start_new_session=True,
            pass_fds=[reason_to],
        )


async def _missing(url: str) -> str:
    """What a tree lacks to take work; empty: nothing."""
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as answer:
            return msgspec.json.decode(await answer.read(), type=Readiness).missing
    except (aiohttp.ClientError, msgspec.MsgspecError) as error:
        return str(error) or type(error).__name__


async def take_down(settings: Settings, tell: Callable[[str], None]) -> None:
    """Stop everything of this home: the supervisor with its workers, orphans of a killed one, the database.

    Args:
        settings: the whole tree of settings.
        tell: hears what is being done; what does not end in time is killed.
    """
    patience_s = settings.flow.drain_s + 2 * STOP_MARGIN_S
    await _end(living(settings, "up"), patience_s, tell)
    await _end(living(settings, "worker"), patience_s, tell)
    if database_status(settings).running:
        tell("stopping the database")
    await stop_database(settings)


async def _end(processes: Mapping[str, ProcessFile], patience_s: float, tell: Callable[[str], None]) -> None:
    for name, process in processes.items():
        tell(f"stopping {name} (pid {process.pid})")
        send(process, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    for name, process in processes.items():
        while process.is_alive():
            if time.monotonic() > deadline:
                tell(f"killing {name}, which did not end within {patience_s:g} s")
                send(process, signal.SIGKILL)
            await asyncio.sleep(LOOK_EVERY_S)


async def _grown_up(tree: ProcessFile) -> None:
    """Wait for a tree that is just starting; one that lacks something says what when it is asked for work."""
    deadline = time.monotonic() + YOUNG_TREE_S
    while await _missing(tree.url):
        if time.monotonic() > deadline or not tree.is_alive():
            return
        await asyncio.sleep(LOOK_EVERY_S)


@asynccontextmanager
async def _names(settings: Settings) -> AsyncIterator[str]:
    """What the names of workers begin with: names that come again, so that logs do not pile up.

    Another such tree at the same time gets its own, and so does one beside workers that outlived a killed command.
    """
    handle = os.open(private_folder(run_folder(settings)) / "run.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        taken = any(name.startswith("run-") for name in living(settings, "worker"))
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            taken = True
        yield f"run-{os.getpid()}-" if taken else "run-"
    finally:
        os.close(handle)


@asynccontextmanager
async def some_tree(settings: Settings) -> AsyncIterator[bool]:
    """The tree of this home if it has one, else one that lives as long as the block; whether it is such a one.

    Raises:
        BadInput: a setting of a new tree cannot be used; see `all_workflows`.
        DidNotComeUp: the workers of the new tree do not come up.
    """
    if found := living(settings, "up").get("up"):
        await _grown_up(found)
        yield False
        return
    all_workflows(settings)
    async with _names(settings) as prefix, Tree(settings, prefix) as tree:
        deadline = time.monotonic() + START_MARGIN_S
        while not (await readiness_of(tree.database)).ready:
            for worker in tree.workers:
                if worker.restarts >= MOST_DEATHS or time.monotonic() > deadline:
                    raise DidNotComeUp(f"expected {worker.name} to come up, got: {worker.last_words() or 'no word'}")
            await asyncio.sleep(LOOK_EVERY_S)
        try:
            yield True
        except asyncio.CancelledError:
            await tree.stop(DRAIN_INTERRUPTED_S)
            raise
