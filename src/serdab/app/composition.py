"""From the settings to what everything else is given: the database, the client, the resources of steps."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

from serdab.app.engine import embedder_of
from serdab.app.processes import run_folder
from serdab.app.workflows import has_documents
from serdab.core import SerdabError, Settings
from serdab.flow import Serdab
from serdab.store import Database, database_status, load_statements, open_database, stop_database

#: Looks whether sessions of processes that have just ended are gone, and the pause between, in seconds.
LOOKS, LOOK_EVERY_S = 10, 0.05


@asynccontextmanager
async def opened_database(settings: Settings, name: str) -> AsyncIterator[Database]:
    """The database, open while the block runs; the embedded one stops when its last user leaves."""
    with _using(settings) as lock:
        database = await _open(settings, name)
        try:
            yield database
        finally:
            await database.close()
            if not settings.database.url and _is_last(lock) and await _is_idle(database):
                await stop_database(settings)


async def _open(settings: Settings, name: str) -> Database:
    """Open it; a server that was started for a database which then cannot be used is stopped again."""
    was_running = bool(settings.database.url) or database_status(settings).running
    try:
        return await open_database(settings, name=name)
    except SerdabError:
        if not was_running:
            await stop_database(settings)
        raise


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Serdab]:
    """The client of the engine of durable steps, over a database that is opened for it."""
    async with opened_database(settings, "client") as database:
        serdab = Serdab(settings, database)
        await serdab.open()
        try:
            yield serdab
        finally:
            await serdab.close()


@asynccontextmanager
async def resources(settings: Settings, database: Database) -> AsyncIterator[Sequence[object]]:
    """What `resource(Type)` finds in a step: nothing here is connected before it is used."""
    async with AsyncExitStack() as stack:
        made: list[object] = [settings, database]
        if has_documents():
            from serdab.guard import Fetcher
            from serdab.knowledge import Classifier, Delivery, Index

            fetcher = await stack.enter_async_context(Fetcher.of(settings))
            made.append(await stack.enter_async_context(embedder_of(settings)))
            made.append(await stack.enter_async_context(Classifier(database)))
            made.append(await stack.enter_async_context(Index(database)))
            made.append(await stack.enter_async_context(Delivery(settings, fetcher)))
        yield made


@contextmanager
def _using(settings: Settings) -> Iterator[int]:
    """Hold a share of this home's database: a lock that the system takes back whatever becomes of this process."""
    folder = run_folder(settings)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / "database.users", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield handle
    finally:
        os.close(handle)


def _is_last(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _is_idle(database: Database) -> bool:
    """Whether no program is connected, one that uses the database without our lock included."""
    others = load_statements("serdab.app")["others"]
    try:
        connection = await database.connect("last look")
    except OSError:
        return False
    try:
        for _ in range(LOOKS):
            if not await connection.fetchval(others):
                return True
            await asyncio.sleep(LOOK_EVERY_S)
        return False
    finally:
        await connection.close()
