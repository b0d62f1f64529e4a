"""The keeper and the engine, each as a process of its own, for a home whose parts are started one by one."""

from __future__ import annotations

import logging

from serdab.app.engine import engine_process
from serdab.app.signals import watching_signals
from serdab.core import Settings
from serdab.flow import Keeper
from serdab.store import shared_database

log = logging.getLogger(__name__)


async def run_keeper(settings: Settings) -> None:
    """Keep house until SIGTERM.

    Raises:
        SerdabError: the database cannot be used.
    """
    with watching_signals() as signals:
        async with shared_database(settings, "keeper") as database, Keeper(settings, database):
            log.info("keeper is up", extra={"action": "keeper_up"})
            await signals.drain.wait()


async def run_engine(settings: Settings) -> None:
    """Run the engine of `models.embedder` until SIGTERM; it is started again when it dies.

    Raises:
        SerdabError: its model or libraries are missing, or it does not start.
    """
    with watching_signals() as signals:
        async with engine_process(settings) as engine:
            log.info("engine is up", extra={"action": "engine_up", "url": engine.url})
            await signals.drain.wait()
