"""From one major version of PostgreSQL to the next, with the two versions that the wheel brings."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from serdab.core import Settings, load_settings
from serdab.store import (
    BadHome,
    DatabaseNeedsUpgrade,
    EmbeddedPostgres,
    HomeInUse,
    all_migrations,
    migrate,
    open_database,
    upgrade,
)
from serdab.store.clusters import USER, private_server
from serdab.store.embedded import write_private
from serdab.store.programs import Programs, wheel_programs

OLD = 16


def quiet(_what: str, _done: float) -> None:
    pass


@pytest.fixture
async def settings_of_old() -> AsyncIterator[Settings]:
    """A home whose data an older PostgreSQL made: migrated, with a run, a vector and a role."""
    folder = Path(tempfile.mkdtemp(prefix="serdab-upgrade-"))
    os.chmod(folder, 0o711)
    settings = load_settings([f"home={folder}/home", "database.memory_mb=128"], environ={})
    server = EmbeddedPostgres(settings)
    server.make_home()
    write_private(server.password_file, "a secret of long ago")
    await asyncio.to_thread(make_old_data, server)
    async with private_server(old_programs(server), server.account, server.data, server.password()) as address:
        admin = await asyncpg.connect(address.dsn("postgres"))
        await admin.execute("create database serdab")
        await admin.execute("create role clerk login password 'pw'")
        await admin.close()
        connection = await asyncpg.connect(address.dsn())
        await connection.execute("create extension vector")
        await migrate(connection)
        await connection.execute(
            "insert into run (run_id, priority, queue, workflow, input)"
            " select gen_random_uuid(), 1, 'q', 'w', convert_to('\"سرداب\"', 'UTF8') from generate_series(1, 1000);"
            "create table likeness (v vector(3)); insert into likeness values ('[1,2,3]')"
        )
        await connection.close()
    yield settings
    await server.stop("immediate")
    shutil.rmtree(folder, ignore_errors=True)


def make_old_data(server: EmbeddedPostgres) -> None:
    """As `make_data` does now, without what that version does not have yet."""
    server.data.mkdir(mode=0o700)
    for path in (server.data, server.password_file):
        os.chown(path, server.account.uid, server.account.gid)
    done = old_programs(server).run(
        "initdb", "-D", str(server.data), "-U", USER, "--pwfile", str(server.password_file), "-A", "scram-sha-256",
        "-E", "UTF8", "--locale=C",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    os.chown(server.password_file, os.geteuid(), os.getegid())


def old_programs(server: EmbeddedPostgres) -> Programs:
    found = wheel_programs(server.home, server.account, 60, OLD)
    assert found is not None
    return found


async def test_the_data_of_an_older_postgresql_is_brought_over_whole(settings_of_old: Settings) -> None:
    settings = settings_of_old
    with pytest.raises(DatabaseNeedsUpgrade, match="serdab db upgrade"):
        await open_database(settings)
    done = await upgrade(settings, quiet)
    assert done is not None
    assert (done.before, done.now) == (OLD, 18)
    assert done.rows >= 1001 + len(all_migrations())
    database = await open_database(settings)
    try:
        assert await database.pool.fetchval("show server_version_num") >= "180000"
        assert await database.pool.fetchval("select count(distinct run_id) from run") == 1000
        assert await database.pool.fetchval("select convert_from(min(input), 'UTF8') from run") == '"سرداب"'
        assert await database.pool.fetchval("select v <-> '[1,2,5]' from likeness") == 2.0
        assert await database.pool.fetchval("select rolcanlogin from pg_roles where rolname = 'clerk'") is True
    finally:
        await database.close()
    assert await upgrade(settings, quiet) is None, "there is nothing to do any more"
    assert (Path(done.kept) / "PG_VERSION").read_text().strip() == str(OLD)
    assert not list(settings.folder.glob("postgres.upgrading*"))


async def test_an_upgrade_that_cannot_be_leaves_the_home_as_it_was(settings_of_old: Settings, tmp_path: Path) -> None:
    settings = settings_of_old
    with pytest.raises(BadHome, match="the bin folder of PostgreSQL 16, got 'none'"):
        await upgrade(settings, quiet, tmp_path)
    server = EmbeddedPostgres(settings)
    async with private_server(old_programs(server), server.account, server.data, server.password()):
        with pytest.raises(HomeInUse, match="down"):
            await upgrade(settings, quiet)
    with pytest.raises(BadHome, match="a PostgreSQL data folder"):
        await upgrade(load_settings([f"home={tmp_path}"], environ={}), quiet)
    assert (server.data / "PG_VERSION").read_text().strip() == str(OLD)
    done = await upgrade(settings, quiet)
    assert done is not None
