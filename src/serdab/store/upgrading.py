"""From one major version of PostgreSQL to the next: dumped by the old server, restored into a new one, compared."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import msgspec

from serdab.core import Settings, expected
from serdab.store.backups import Tell, embedded_of
from serdab.store.clusters import Address, make_data, private_server
from serdab.store.embedded import EmbeddedPostgres
from serdab.store.errors import BadHome, DatabaseCareFailed, HomeInUse
from serdab.store.programs import MAJOR, Programs, major_of, wheel_programs
from serdab.store.statements import load_statements
from serdab.store.swapping import swap

NEW = "postgres.upgrading"


class Upgraded(msgspec.Struct, frozen=True, kw_only=True):
    """What an upgrade did."""

    before: int
    now: int
    #: Rows of all tables, the same in both.
    rows: int
    #: Where the old data is now.
    kept: str


async def upgrade(settings: Settings, tell: Tell, old_bin: Path | None = None) -> Upgraded | None:
    """Bring the data of a home to the version of PostgreSQL that we use; None: it is of that version.

    Args:
        settings: whose home.
        tell: hears how far it is.
        old_bin: the `bin` folder of the old version; the wheel's own by default.

    Raises:
        BadHome: there is no data, or nobody has programs of its version.
        HomeInUse: the database runs.
        DatabaseCareFailed: a program failed, or the new data is not the old; the home is as it was.
    """
    server = embedded_of(settings)
    major = server.major()
    if major is None:
        raise BadHome(expected(f"{server.data}", "a PostgreSQL data folder", "none"))
    if major == MAJOR:
        return None
    server.make_home()
    with server.locked():
        if server.status().running:
            raise HomeInUse(expected(f"the database of {server.home}", "down", "running", "say `serdab down` first"))
        old, new = _programs(settings, server, (major, old_bin))
        fresh = server.home / NEW
        dump = server.home / f"{NEW}.dump"
        try:
            shutil.rmtree(dump, ignore_errors=True)
            dump.mkdir(mode=0o700)
            await asyncio.to_thread(make_data, new, server.account, fresh, server.password())
            rows = await _carry_over(server, (old, new), fresh, dump, tell)
            kept = _put_in_place(server, major)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.rmtree(dump, ignore_errors=True)
    return Upgraded(before=major, now=MAJOR, rows=rows, kept=str(kept))


def _programs(
    settings: Settings, server: EmbeddedPostgres, wanted: tuple[int, Path | None]
) -> tuple[Programs, Programs]:
    major, old_bin = wanted
    if old_bin is None:
        old = wheel_programs(server.home, server.account, settings.database.start_timeout_s, major)
        if old is None:
            todo = f"install PostgreSQL {major} with pgvector somewhere and name its bin folder by --old-bin"
            raise BadHome(expected("the programs of the old version", f"PostgreSQL {major}", "none", todo))
    else:
        if (found := major_of(old_bin)) != major:
            got = f"PostgreSQL {found}" if found else "none"
            raise BadHome(expected(f"--old-bin {old_bin}", f"the bin folder of PostgreSQL {major}", got))
        old = Programs(old_bin.absolute().parent, server.account, settings.database.start_timeout_s)
    return old, server.programs()


async def _carry_over(
    server: EmbeddedPostgres, programs: tuple[Programs, Programs], fresh: Path, dump: Path, tell: Tell
) -> int:
    old, new = programs
    password = server.password()
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(private_server(old, server.account, server.data, password))
        quick = {"fsync": "off", "synchronous_commit": "off", "max_wal_size": "8GB", "maintenance_work_mem": "512MB"}
        target = await stack.enter_async_context(private_server(new, server.account, fresh, password, **quick))
        await _say(new, "pg_dumpall", "--globals-only", "-f", str(dump / "globals.sql"), env=source.env())
        # Not stopped by an error: the owner of the database is there already.
        await _say(new, "psql", "-q", "-d", "postgres", "-f", str(dump / "globals.sql"), env=target.env())
        jobs = str(len(os.sched_getaffinity(0)))
        names = await _databases(source)
        for place, name in enumerate(names):
            tell(f"database {name}", place / len(names))
            into = str(dump / str(place))
            await _say(new, "pg_dump", "-F", "directory", "-j", jobs, "-f", into, "-d", name, env=source.env())
            await _say(new, "pg_restore", "--create", "--exit-on-error", "-d", "postgres", "-j", jobs, into,
                       env=target.env())  # fmt: skip
        await _say(new, "vacuumdb", "--all", "--analyze-only", env=target.env())
        tell("comparing", 1.0)
        return await _compare(names, source, target)


async def _say(programs: Programs, program: str, *arguments: str, env: Mapping[str, str]) -> None:
    said = await programs.work(program, *arguments, env=env)
    if said:
        raise DatabaseCareFailed(f"expected {program} to go through, got: {said}")


async def _databases(address: Address) -> list[str]:
    connection = await asyncpg.connect(address.dsn("postgres"))
    try:
        rows = await connection.fetch(load_statements("serdab.store")["databases"])
        return [row[0] for row in rows]
    finally:
        await connection.close()


async def _compare(names: list[str], source: Address, target: Address) -> int:
    """Every table must have the same number of rows in both; how many these are."""
    total = 0
    for name in names:
        before, after = await _counts(source.dsn(name)), await _counts(target.dsn(name))
        if before != after:
            wrong = sorted({table for table, _ in before.items() ^ after.items()})
            raise DatabaseCareFailed(
                f"expected the tables of {name} to have as many rows as before, got others: {wrong}"
            )
        total += sum(after.values())
    return total


async def _counts(dsn: str) -> dict[str, int]:
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(load_statements("serdab.store")["tables"])
        return {table: await connection.fetchval(f"select count(*) from {table}") for (table,) in tables}  # noqa: S608
    finally:
        await connection.close()


def _put_in_place(server: EmbeddedPostgres, major: int) -> Path:
    os.sync()
    stamp = f"{datetime.fromtimestamp(time.time_ns() / 1e9, UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    kept = server.home / f"postgres.{major}-{stamp}"
    swap(server.home, [(server.data.name, kept.name), (NEW, server.data.name)])
    return kept
