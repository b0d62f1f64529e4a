"""Connections to the PostgreSQL that holds every fact, and what its errors mean."""

from __future__ import annotations

import asyncio
from typing import Any, TypeAlias

import asyncpg

from serdab.core import without_passwords
from serdab.store.statements import load_statements

Connection: TypeAlias = Any
Pool: TypeAlias = Any
Record: TypeAlias = Any

#: Seconds to wait for a connection.
CONNECT_TIMEOUT_S = 20.0

#: Classes of errors of the server's means, not of our rows: disk full, out of memory, too many connections, I/O.
_MEANS = ("53", "58")
#: 55000: it takes no connections, as `alter database … allow_connections false` says for the time of some care.
_GONE_STATES = {"57P01", "57P02", "57P03", "57P05", "53300", "25006", "55000"}


class Database:
    """Where the database is, and a small pool; make it by `open_database`."""

    def __init__(self, dsn: str, pool_size: int = 4) -> None:
        self.dsn = dsn
        self.pool: Pool = asyncpg.create_pool(
            dsn,
            min_size=0,
            max_size=pool_size,
            timeout=CONNECT_TIMEOUT_S,
            max_inactive_connection_lifetime=60.0,
            reset=_leave_as_is,
            server_settings={"application_name": "serdab pool"},
        )

    async def open(self) -> None:
        """Make the pool usable; it connects when it is first used."""
        await self.pool

    async def connect(self, name: str, **server_settings: str) -> Connection:
        """A connection of one's own, with session settings that last."""
        connection = await asyncpg.connect(
            self.dsn, timeout=CONNECT_TIMEOUT_S, server_settings={"application_name": f"serdab {name}"}
        )
        if server_settings:
            # Not with the greeting: poolers refuse what they do not know there.
            try:
                set_session = load_statements("serdab.store")["set_session"]
                await connection.execute(set_session, [*server_settings], [*server_settings.values()])
            except BaseException:
                connection.terminate()
                raise
        return connection

    async def close(self) -> None:
        """Close the pool; connections of one's own are closed by whoever made them."""
        try:
            async with asyncio.timeout(5):
                await self.pool.close()
        except TimeoutError:
            self.pool.terminate()


async def _leave_as_is(_connection: Connection) -> None:
    """No statement of ours leaves session state behind, so nothing is reset: that would be a round trip at each use."""


def sqlstate(error: BaseException) -> str | None:
    """The five characters by which PostgreSQL names an error, if it is one of its."""
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None


def is_gone(error: BaseException) -> bool:
    """Whether the connection or the server is away and the same again may go well later."""
    state = sqlstate(error)
    if state is not None:
        return state in _GONE_STATES or state.startswith("08")
    if isinstance(error, asyncpg.InterfaceError):
        text = str(error)
        return "closed" in text or "closing" in text or "released" in text or "in the middle" in text
    if isinstance(error, asyncpg.InternalClientError):
        return True
    return isinstance(error, OSError | TimeoutError | asyncio.TimeoutError | EOFError)


def lacks_means(error: BaseException) -> bool:
    """Whether the server is there, but its disk or memory does not do now; the same again may go well later."""
    return (sqlstate(error) or "").startswith(_MEANS)


def hide_password(dsn: str) -> str:
    """A database URL as it may be shown."""
    return without_passwords(dsn)
