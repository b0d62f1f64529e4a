"""`serdab up`: the tree of a home, held by a lock, with its HTTP server, until it is told to stop."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from serdab.app.errors import AlreadyUp
from serdab.app.figures import Figures
from serdab.app.probes import serving
from serdab.app.processes import ProcessFile, living, orphans, publish, run_folder, send, withdraw
from serdab.app.readiness import Probe
from serdab.app.service_manager import ServiceManager
from serdab.app.signals import Signals, unless_now, watching_signals
from serdab.app.tree import Tree
from serdab.app.workflows import all_workflows
from serdab.core import Settings, manager_variables, private_folder

log = logging.getLogger(__name__)

#: Name of the supervisor's file in `home/run`.
NAME = "up"
#: How long a service manager waits for work to be taken before it is told that the tree is up all the same.
COME_UP_S = 30.0
LOOK_EVERY_S = 0.05


async def run_tree(settings: Settings) -> None:
    """Keep the whole tree alive until SIGTERM (drain) or a second one (now).

    Raises:
        BadInput: a setting cannot be used; see `all_workflows`.
        AlreadyUp: this home has a tree already.
        PortTaken: another program listens on `http.port`.
        SerdabError: the database cannot be used.
    """
    all_workflows(settings)
    manager = ServiceManager(manager_variables())
    with only_one(settings), watching_signals() as signals:
        end_orphans(settings)
        async with manager.hearing(), Tree(settings) as tree:
            figures = Figures(settings, tree)
            address = settings.http.host, settings.http.port
            async with serving(*address, figures.readiness, figures.metrics) as url:
                publish(settings, NAME, "up", url)
                try:
                    log.info("serving %s", url, extra={"action": "serving"})
                    missing = await _come_up(figures.readiness, signals)
                    manager.tell("READY=1", f"STATUS=serving {url}{missing}")
                    await signals.drain.wait()
                    manager.tell("STOPPING=1", "STATUS=draining")
                    await _drain(tree, signals)
                finally:
                    withdraw(settings, NAME)


async def _come_up(readiness: Probe, signals: Signals) -> str:
    """Wait until work can be taken; when it cannot for long, what is missing: a tree that is half up is up."""
    deadline = time.monotonic() + COME_UP_S
    while not (found := await readiness()).ready and not signals.drain.is_set():
        if time.monotonic() > deadline:
            return f", not ready: {found.missing}"
        await asyncio.sleep(LOOK_EVERY_S)
    return ""


async def _drain(tree: Tree, signals: Signals) -> None:
    drain_s = tree.settings.flow.drain_s
    log.info("draining for %g s at most; a second Ctrl-C means now", drain_s, extra={"action": "tree_drains"})
    stopping = asyncio.get_running_loop().create_task(tree.stop())
    if not await unless_now(stopping, signals):
        tree.hurry()
        await stopping


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Hold the lock of this home's tree while the block runs.

    Raises:
        AlreadyUp: another process holds it.
    """
    folder = private_folder(run_folder(settings))
    handle = os.open(folder / "up.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            found = living(settings, "up").get(NAME)
            who = f"pid {found.pid} at {found.url}" if found else "one that is starting or stopping"
            todo = "see `serdab status`, or stop it by `serdab down`"
            raise AlreadyUp(f"expected the home {settings.folder} to have no tree, got {who}; {todo}") from error
        yield
    finally:
        os.close(handle)


def end_orphans(settings: Settings) -> dict[str, ProcessFile]:
    """Ask workers to drain whose supervisor has died; answers which."""
    found = orphans(settings)
    for name, worker in found.items():
        log.warning("%s lost its supervisor and is drained", name, extra={"action": "orphan_drained"})
        send(worker, signal.SIGTERM)
    return found
