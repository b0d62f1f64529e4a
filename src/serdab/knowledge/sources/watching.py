"""All watched sources of a house, each in a task of its own, until they are told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from serdab.core import Unavailable
from serdab.flow import Serdab
from serdab.guard import AllowList, check_mailbox
from serdab.knowledge.sources.addresses import FolderSource, MailboxSource, WatchedSource
from serdab.knowledge.sources.errors import MailboxAway, MailboxRefused
from serdab.knowledge.sources.folders import FolderWatch
from serdab.knowledge.sources.mailboxes import MailboxWatch
from serdab.knowledge.sources.taking import FULL, Intake
from serdab.store import is_gone, lacks_means

log = logging.getLogger(__name__)

Watch: TypeAlias = FolderWatch | MailboxWatch
#: Seconds between looks while runs are under way, and the pauses after a failure: the first, and the longest.
SOON_S = 1.0
FIRST_PAUSE_S, MOST_PAUSE_S = 1.0, 300.0


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """What a watch has done since it began."""

    source: str
    taken: int


async def watch_sources(
    serdab: Serdab,
    sources: Sequence[WatchedSource],
    *,
    password: Callable[[MailboxSource], str],
    label_set: str = "",
    once: bool = False,
) -> list[Watched]:
    """Take documents from folders and mailboxes: for ever, or until all that is there now is done.

    Args:
        serdab: starts the runs.
        sources: what is watched.
        password: gives the password of a mailbox.
        label_set: the labels to classify by; empty: the default ones.
        once: end when nothing is left to take and every run has ended.

    Raises:
        MailboxRefused: with `once`, a mailbox does not let us in; else that is logged and tried again, slowly.
        MailboxAway: with `once`, the server of a mailbox is not there at the beginning; else it is waited for.
        OSError: with `once`, our disk is full.
        Denied: `guard.allow` does not list a mailbox.
    """
    allow = AllowList.read(serdab.settings.guard.allow)
    for source in sources:
        if isinstance(source, MailboxSource):
            check_mailbox(source.host, source.port, allow)
    intakes = [Intake(serdab, source.name, label_set) for source in sources]
    async with asyncio.TaskGroup() as group:
        for source, intake in zip(sources, intakes, strict=True):
            group.create_task(_watch(serdab, source, intake, password, once))
    return [Watched(source=intake.source, taken=intake.taken) for intake in intakes]


async def _watch(
    serdab: Serdab, source: WatchedSource, intake: Intake, password: Callable[[MailboxSource], str], once: bool
) -> None:
    limits = serdab.settings.documents
    watch: Watch
    if isinstance(source, FolderSource):
        watch = FolderWatch(intake, source, limits.watch_settle_s, limits.most_bytes)
    else:
        watch = MailboxWatch(intake, source, password(source), limits.most_bytes)
    pause_s, opened, looked = FIRST_PAUSE_S, False, False
    with contextlib.closing(watch) if isinstance(watch, MailboxWatch) else contextlib.nullcontext():
        while True:
            try:
                if not opened:
                    await watch.open()
                    opened = True
                waiting = await watch.look()
                looked = True
                under_way = await watch.settle()
                if once and not waiting and not under_way:
                    return
                await _pause(watch, limits.watch_poll_s, busy=bool(waiting or under_way))
                pause_s = FIRST_PAUSE_S
            except (Unavailable, OSError, MailboxRefused) as error:
                is_final = isinstance(error, MailboxRefused) or (isinstance(error, MailboxAway) and not looked)
                if once and (is_final or (isinstance(error, OSError) and error.errno in FULL)):
                    raise
                pause_s = await _after(error, source, pause_s)
            except Exception as error:
                if not is_gone(error) and (once or not lacks_means(error)):
                    raise
                pause_s = await _after(error, source, pause_s)


async def _pause(watch: Watch, poll_s: float, *, busy: bool) -> None:
    if isinstance(watch, FolderWatch) or busy:
        await asyncio.sleep(min(poll_s, SOON_S) if busy else poll_s)
    else:
        await watch.wait(poll_s)


async def _after(error: Exception, source: WatchedSource, pause_s: float) -> float:
    """Wait after a failure; how long to wait after the next one."""
    refused = isinstance(error, MailboxRefused)
    log.warning("%s", error, extra={"action": "watch_failed", "source": source.name})
    await asyncio.sleep(MOST_PAUSE_S if refused else pause_s)
    return min(pause_s * 2, MOST_PAUSE_S)
