"""The process that takes documents from watched folders and mailboxes: one beside the workers of a tree.

It is a process and no durable workflow: all it must remember stands in two small tables, and a workflow that looks
every few seconds for years would write history that tells nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from serdab.app.processes import publish, withdraw
from serdab.app.signals import watching_signals
from serdab.core import Settings
from serdab.flow import Serdab

if TYPE_CHECKING:
    from serdab.knowledge import MailboxSource, Watched, WatchedSource

log = logging.getLogger(__name__)

#: How often a watching process looks whether the supervisor that started it still lives, seconds.
LOOK_EVERY_S = 1.0


def watch_command() -> Sequence[str]:
    """The command line of the watching process of a tree."""
    return [sys.executable, "-m", "serdab.cli", "watch", "--supervisor", str(os.getpid())]


async def run_watch(
    settings: Settings,
    sources: Sequence[WatchedSource],
    *,
    password: Callable[[MailboxSource], str],
    label_set: str = "",
    once: bool = False,
    supervisor: int = 0,
) -> Sequence[Watched]:
    """Watch until SIGTERM, or until the supervisor dies, or with `once` until all that is there is done.

    Raises:
        MailboxRefused, MailboxAway: with `once`, a mailbox does not let us in, or its server is not there.
        Denied: `guard.allow` does not list a mailbox.
        SerdabError: the database cannot be used.
    """
    from serdab.knowledge import watch_sources

    loop = asyncio.get_running_loop()
    with watching_signals() as signals:
        async with Serdab.connect(settings) as serdab:
            watching = loop.create_task(
                watch_sources(serdab, sources, password=password, label_set=label_set, once=once)
            )
            ends = [watching, loop.create_task(signals.drain.wait()), loop.create_task(_until_alone(supervisor))]
            name = "watch" if supervisor else f"watch-{os.getpid()}"
            publish(settings, name, "watch", "", supervisor)
            log.info("watching", extra={"action": "watch_up", "sources": len(sources)})
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                withdraw(settings, name)
            done = watching.done()
            for end in ends:
                end.cancel()
            results = await asyncio.gather(*ends, return_exceptions=True)
            if done and isinstance(results[0], BaseExceptionGroup):
                raise results[0].exceptions[0]
            return watching.result() if done else []


async def _until_alone(supervisor: int) -> None:
    """Wait until the process that started this one is not its parent any more; for ever when none did."""
    while not supervisor or os.getppid() == supervisor:  # noqa: ASYNC110 - the end of a parent tells nobody
        await asyncio.sleep(LOOK_EVERY_S)
