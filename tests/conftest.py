"""One embedded PostgreSQL for the whole session; each test that asks gets a fresh, migrated database of its own."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import asyncpg
import hypothesis
import pytest

from receipt_office import Office, open_office
from serdab.core import Settings, load_settings
from serdab.flow import Serdab
from serdab.store import Database, EmbeddedPostgres, open_database

# A gate says the same of the same code each time; `make fuzz` looks for new examples.
# How long it takes to draw them says something of the machine alone.
hypothesis.settings.register_profile(
    "gate", derandomize=True, database=None, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("fuzz", max_examples=2000, deadline=None, print_blob=True)
hypothesis.settings.load_profile("gate")


def pytest_configure() -> None:
    """A shell that starts the tests in the background has them ignore Ctrl-C, and so would all that they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
async def home() -> AsyncIterator[Path]:
    """A home that the account of PostgreSQL may enter, also when the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="serdab-test-"))
    os.chmod(folder, 0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def server(home: Path) -> AsyncIterator[EmbeddedPostgres]:
    """The embedded PostgreSQL of the session with a migrated template database."""
    embedded = EmbeddedPostgres(load_settings([f"home={home}", "database.memory_mb=128"], environ={}))
    url = await embedded.start()
    await _admin(url, "create database template_serdab")
    template = await open_database(load_settings([f"database.url={with_database(url, 'template_serdab')}"], environ={}))
    await template.close()
    yield embedded
    await embedded.stop("immediate")


def with_database(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    before, after = url.split("@/", 1)
    return f"{before}@/{name}?{after.split('?', 1)[1]}"


async def _admin(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@pytest.fixture
async def settings(server: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Settings]:
    """Settings of a fresh database and a home of its own, tuned to be quick.

    The lease is as long as by default: a machine that stands still for seconds must not make a worker pass for dead.
    """
    url = await server.start()
    name = f"t_{uuid4().hex}"
    await _admin(url, f"create database {name} template template_serdab")
    yield load_settings(
        [
            f"home={tmp_path}", f"database.url={with_database(url, name)}", "flow.poll_s=0.2", "flow.park_after_s=0.3",
            "flow.isolated=1",
        ],
        environ={},
    )  # fmt: skip
    await _admin(url, f"drop database {name} with (force)")


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """A fresh database."""
    opened = await open_database(settings)
    yield opened
    await opened.close()


@pytest.fixture
async def serdab(settings: Settings, database: Database) -> AsyncIterator[Serdab]:
    """The client of a fresh database."""
    client = Serdab(settings, database)
    await client.open()
    yield client
    await client.close()


@pytest.fixture
def eventually() -> Callable[..., object]:
    """Poll a condition that other processes bring about."""
    import asyncio
    import time

    async def wait_until(check: Callable[[], object], seconds: float = 60.0) -> object:
        deadline = time.monotonic() + seconds
        while True:
            found = check()
            if hasattr(found, "__await__"):
                found = await found
            if found:
                return found
            assert time.monotonic() < deadline, f"did not happen within {seconds} s"
            await asyncio.sleep(0.02)

    return wait_until


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    async with open_office() as here:
        yield here
