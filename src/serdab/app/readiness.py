"""Readiness: whether work can be claimed and committed now."""

from __future__ import annotations

import asyncio

import msgspec

from serdab.store import Database, is_gone, load_statements

#: How long a probe waits for the database, in seconds.
PROBE_TIMEOUT_S = 3.0


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether work can be taken, and if not, what is missing."""

    ready: bool
    #: Workers whose lease is alive.
    workers: int
    #: What is missing; empty when ready.
    missing: str = ""


async def readiness_of(database: Database) -> Readiness:
    """Whether a worker can claim now, and a transaction can be committed."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            row = await database.pool.fetchrow(load_statements("serdab.app")["can_commit"])
    except Exception as error:
        if not is_gone(error):
            raise
        return Readiness(ready=False, workers=0, missing=f"the database does not commit: {error or 'no answer'}")
    workers = int(row["workers"])
    missing = "" if workers else "no worker holds a lease"
    return Readiness(ready=workers > 0, workers=workers, missing=missing)
