"""The embedded PostgreSQL is shared by all processes of a home and owned by none: whoever leaves last stops it."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from serdab.core import SerdabError, Settings, finish, private_folder, trimming
from serdab.store.database import Database, is_gone
from serdab.store.embedded import EmbeddedPostgres, database_status, stop_database
from serdab.store.opening import open_database
from serdab.store.statements import load_statements

#: Looks whether sessions of processes that have just ended are gone, and the pause between, in seconds.
LOOKS, LOOK_EVERY_S = 10, 0.05


@asynccontextmanager
async def started_database(settings: Settings) -> AsyncIterator[EmbeddedPostgres]:
    """The embedded server, running while the block runs, neither checked nor migrated; stops as a shared one does."""
    server = EmbeddedPostgres(settings)
    with _using(settings) as lock:
        async with _opening(settings, lock):
            dsn = await server.start()
        try:
            yield server
        finally:
            await finish(_leave(settings, Database(dsn), lock))


@asynccontextmanager
async def shared_database(settings: Settings, name: str) -> AsyncIterator[Database]:
    """The database, open while the block runs; the embedded one stops when its last user leaves.

    Args:
        settings: which home, or which other database.
        name: how the sessions are called on the server.

    Raises:
        DatabaseUnreachable, DatabaseWontStart, BadDatabase: as `open_database`.
    """
    with _using(settings) as lock:
        async with _opening(settings, lock):
            database = await open_database(settings, name=name)
        try:
            async with _trimmed_log(settings):
                yield database
        finally:
            try:
                await finish(database.close())
            finally:
                await finish(_leave(settings, database, lock))


@asynccontextmanager
async def _trimmed_log(settings: Settings) -> AsyncIterator[None]:
    """The log of the embedded server stays bounded; it belongs to no process, so whoever uses the server looks."""
    if settings.database.url:
        yield
        return
    path = EmbeddedPostgres(settings).log_file
    async with trimming(settings.log.most_mb << 20, lambda: [path]):
        yield


@asynccontextmanager
async def _opening(settings: Settings, lock: int) -> AsyncIterator[None]:
    """A server that was started for a database which then is not used is stopped again."""
    was_running = bool(settings.database.url) or database_status(settings).running
    try:
        yield
    except (SerdabError, asyncio.CancelledError):
        if not was_running and _is_last(lock):
            await finish(stop_database(settings))
        raise


@contextmanager
def _using(settings: Settings) -> Iterator[int]:
    """Hold a share of this home's database: a lock that the system takes back whatever becomes of this process."""
    folder = private_folder(settings.folder / "run")
    handle = os.open(folder / "database.users", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield handle
    finally:
        os.close(handle)


async def _leave(settings: Settings, database: Database, lock: int) -> None:
    """Stop the embedded server unless somebody else makes use of it."""
    if not settings.database.url and _is_last(lock) and await _is_idle(database):
        await stop_database(settings)


def _is_last(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _is_idle(database: Database) -> bool:
    """Whether no program is connected, one that uses the database without our lock included."""
    others = load_statements("serdab.store")["others"]
    try:
        connection = await database.connect("last look")
    except Exception as error:
        if not is_gone(error):
            raise
        return False  # somebody else stops it, or it recovers: then it is not for us to stop
    try:
        for _ in range(LOOKS):
            if not await connection.fetchval(others):
                return True
            await asyncio.sleep(LOOK_EVERY_S)
        return False
    finally:
        await connection.close()
