"""The database, when it runs: whether it answers, keeps what it has committed, and has the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from serdab.app.doctor.findings import Finding, bad, judged, well
from serdab.core import SerdabError, Settings
from serdab.machine import wall_s
from serdab.store import Connection, Database, EmbeddedPostgres, database_status, hide_password, is_gone, sqlstate
from serdab.store import load_statements as statements_of

#: How long it may take to answer, in seconds.
ANSWER_TIMEOUT_S = 5.0
#: How far its clock may be from ours, in seconds.
MOST_OFFSET_S = 1.0
STATEMENTS = "serdab.app"


async def examine_database(settings: Settings) -> list[Finding]:
    """All checks of the database; one that is down and ours to start is not started."""
    if not settings.database.url and not database_status(settings).running:
        return [well("database", "down; what it says of itself is looked at while it runs")]
    try:
        dsn = settings.database.url or EmbeddedPostgres(settings).dsn()
        connection = await Database(dsn, 1).connect("doctor")
    except (OSError, ValueError, SerdabError) as error:
        return [_away(settings, error)]
    except Exception as error:
        if sqlstate(error) is None and not is_gone(error):
            raise
        return [_away(settings, error)]
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return [await check(connection) for check in CHECKS]
    except TimeoutError as error:
        return [_away(settings, error)]
    finally:
        await connection.close(timeout=ANSWER_TIMEOUT_S)


def _away(settings: Settings, error: Exception) -> Finding:
    place = hide_password(settings.database.url) or "the embedded one"
    return bad(
        "database",
        f"{place}: {type(error).__name__}: {error}",
        "nothing runs without it",
        "start it, or mend database.url",
    )


async def check_version(connection: Connection) -> Finding:
    """Whether it answers, and what it is."""
    return well("database", f"PostgreSQL {await connection.fetchval('show server_version')} answers")


async def check_durability(connection: Connection) -> Finding:
    """Whether what is committed is kept whatever happens."""
    row = await connection.fetchrow(statements_of(STATEMENTS)["durability"])
    found = ", ".join(f"{name}={value}" for name, value in row.items())
    off = [name for name, value in row.items() if value == "off"]
    if off:
        todo = f"set {', '.join(f'{name}=on' for name in off)} on the server"
        return bad("durability", found, "a crash can lose what was committed", todo)
    return well("durability", found)


async def check_offset(connection: Connection) -> Finding:
    """How far its clock is from ours."""
    before_s = wall_s()
    theirs_s = float(await connection.fetchval(statements_of(STATEMENTS)["clock"]))
    offset_s = clock_offset(before_s, theirs_s, wall_s())
    return judged(
        "database clock",
        f"{offset_s:+.3f} s from ours",
        is_well=abs(offset_s) < MOST_OFFSET_S,
        effect="times in logs and in runs do not fit",
        todo="keep both clocks by the same time server",
    )


def clock_offset(before_s: float, theirs_s: float, after_s: float) -> float:
    """How far another clock is ahead, in seconds, when it was asked between two looks at ours."""
    return theirs_s - (before_s + after_s) / 2


CHECKS: Sequence[Callable[[Connection], Awaitable[Finding]]] = (check_version, check_durability, check_offset)
