"""The embedded PostgreSQL of a tree: started again when it dies, however that came."""

from __future__ import annotations

import asyncio
import logging

from serdab.core import SerdabError, Settings
from serdab.store import EmbeddedPostgres, database_status

log = logging.getLogger(__name__)

#: Seconds between looks, and the longest pause between starts that fail.
LOOK_EVERY_S, MOST_PAUSE_S = 1.0, 30.0


async def keep_database(settings: Settings) -> None:
    """Start the embedded PostgreSQL whenever it is down; for ever, and nothing when another one is used."""
    if settings.database.url:
        return
    pause_s = LOOK_EVERY_S
    while True:
        await asyncio.sleep(pause_s)
        if database_status(settings).running:
            pause_s = LOOK_EVERY_S
            continue
        log.warning("PostgreSQL is down; starting it again", extra={"action": "database_restarted"})
        try:
            await EmbeddedPostgres(settings).start()
        except (SerdabError, OSError) as error:
            log.warning("PostgreSQL did not start: %s", error, extra={"action": "database_failed"})
            pause_s = min(pause_s * 2, MOST_PAUSE_S)
