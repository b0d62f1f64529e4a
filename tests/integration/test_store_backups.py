"""Backups of the embedded PostgreSQL: made, verified, restored, to a moment too, and refused when they are damaged."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import stat
import sys
import tempfile
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psutil
import pytest

from serdab.core import BadInput, Settings, load_settings
from serdab.store import (
    BackupDamaged,
    BadBackup,
    Blobs,
    Database,
    EmbeddedPostgres,
    HomeInUse,
    NotEmbedded,
    all_backups,
    check_backup,
    find_backup,
    make_backup,
    open_database,
    restore,
    restoring,
    trial,
)
from serdab.store.accounts import database_account
from serdab.store.archiving import fetch_command, make_archive
from serdab.store.clusters import postmaster_of


def quiet(_what: str, _done: float) -> None:
    pass


def settings_of(folder: Path, *more: str) -> Settings:
    return load_settings([f"home={folder}/home", "database.memory_mb=128", *more], environ={})


@pytest.fixture
async def folder() -> AsyncIterator[Path]:
    """Homes and backups that PostgreSQL's account may enter."""
    made = Path(tempfile.mkdtemp(prefix="serdab-backups-"))
    os.chmod(made, 0o711)
    yield made
    for home in made.glob("*/postgres"):
        await EmbeddedPostgres(load_settings([f"home={home.parent}"], environ={})).stop("immediate")
    shutil.rmtree(made, ignore_errors=True)


async def opened(settings: Settings) -> Database:
    """Open, with a session that tells a backup, which leaves last, that the server is still in use."""
    database = await open_database(settings)
    await database.pool.fetchval("select 1")
    return database


async def write(database: Database, words: str) -> datetime:
    """A row, and the database's time after it."""
    await database.pool.execute("create table if not exists note (words text)")
    await database.pool.execute("insert into note values ($1)", words)
    now: datetime = await database.pool.fetchval("select clock_timestamp()")
    return now


async def notes(settings: Settings) -> list[str]:
    database = await opened(settings)
    try:
        return [row[0] for row in await database.pool.fetch("select words from note")]
    finally:
        await database.close()


async def test_a_backup_comes_back_in_another_home_with_its_payloads(folder: Path) -> None:
    settings = settings_of(folder)
    database = await opened(settings)
    await write(database, "before")
    digest = await Blobs.of(settings).put(b"large" * 1000)
    told: list[tuple[str, float]] = []
    path = await make_backup(settings, folder / "backups", lambda what, done: told.append((what, done)))
    await write(database, "after")
    await database.close()
    assert ("database", 1.0) in told
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert (await check_backup(settings, path, quiet)).blobs == 1

    other = settings_of(folder / "other")
    (folder / "other").mkdir(mode=0o711)
    done = await restore(other, path, quiet)
    assert done.kept is None
    assert await notes(other) == ["before"], "what was committed after the backup is not in it"
    assert await Blobs.of(other).get(digest) == b"large" * 1000
    assert not list(other.folder.glob("*restoring*"))


async def test_a_home_with_data_is_replaced_only_when_told_and_its_data_kept(folder: Path) -> None:
    settings = settings_of(folder)
    database = await opened(settings)
    await write(database, "before")
    path = await make_backup(settings, folder / "backups", quiet)
    await write(database, "after")
    await database.close()
    with pytest.raises(HomeInUse, match="serdab down"):
        await restore(settings, path, quiet, over=True)
    await EmbeddedPostgres(settings).stop()
    with pytest.raises(HomeInUse, match="--over"):
        await restore(settings, path, quiet)
    done = await restore(settings, path, quiet, over=True)
    assert done.kept is not None
    assert await notes(settings) == ["before"]
    # What was there is still a database, if somebody wants it back.
    await EmbeddedPostgres(settings).stop()
    shutil.rmtree(settings.folder / "postgres")
    os.rename(done.kept, settings.folder / "postgres")
    assert await notes(settings) == ["before", "after"]


async def test_a_damaged_backup_is_found_and_never_restored(folder: Path) -> None:
    settings = settings_of(folder)
    await (await open_database(settings)).close()
    await Blobs.of(settings).put(b"large" * 1000)
    path = await make_backup(settings, folder / "backups", quiet)
    (folder / "other").mkdir(mode=0o711)
    other = settings_of(folder / "other")
    blob = next(each for each in (path / "blobs").rglob("*") if each.is_file())
    control = path / "postgres" / "global" / "pg_control"
    manifest = path / "postgres" / "backup_manifest"
    wal = next(each for each in (path / "postgres" / "pg_wal").iterdir() if each.is_file())
    for file in (blob, control, manifest, wal):
        whole = file.read_bytes()
        file.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:] if file != wal else bytes(len(whole)))
        with pytest.raises(BackupDamaged):
            await restore(other, path, quiet)
        file.write_bytes(whole)
    control.unlink()
    with pytest.raises(BackupDamaged, match="pg_control"):
        await restore(other, path, quiet)
    assert not (other.folder / "postgres").exists()


async def test_a_trial_starts_from_a_copy_and_leaves_the_backup_as_it_was(folder: Path) -> None:
    settings = settings_of(folder)
    database = await opened(settings)
    await write(database, "here")
    await database.close()
    path = await make_backup(settings, folder / "backups", quiet)
    async with trial(settings, path, quiet) as address:
        copy = Database(address.dsn())
        await copy.open()
        assert await copy.pool.fetchval("select words from note") == "here"
        await copy.pool.execute("delete from note")
        await copy.close()
    await check_backup(settings, path, quiet)
    assert not list(settings.folder.glob("trial-*"))


def serves(pid_file: Path) -> bool:
    """Whether a server has come up: it says so in its file. One that starts would end by itself without its data."""
    with contextlib.suppress(FileNotFoundError):
        return "ready" in pid_file.read_text()
    return False


async def left_by(settings: Settings, data: str, *command: str) -> psutil.Process | None:
    """Kill a command when its private server is up; the server, if it left one behind: it may have been quicker."""
    env = {**os.environ, "SERDAB_HOME": settings.home}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "serdab.cli", "db", *command, env=env, stdout=DEVNULL, stderr=DEVNULL
    )
    found: list[Path] = []
    try:
        async with asyncio.timeout(180):
            while not found and child.returncode is None:
                await asyncio.sleep(0.005)
                found = [each for each in settings.folder.glob(f"{data}/postmaster.pid") if serves(each)]
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    pid = postmaster_of(found[0].parent) if found else None
    return None if pid is None else psutil.Process(pid)


@pytest.mark.parametrize(
    ("data", "command"), [("postgres.restoring", ("restore", "--over")), ("trial-*/postgres", ("verify",))]
)
async def test_what_a_killed_command_left_ends_with_the_next(folder: Path, data: str, command: tuple[str, ...]) -> None:
    settings = settings_of(folder)
    database = await opened(settings)
    await write(database, "here")
    await database.close()
    path = await make_backup(settings, folder / "backups", quiet)
    await EmbeddedPostgres(settings).stop()
    left = None
    for _ in range(3):
        left = left or await left_by(settings, data, *command, str(path))
    assert left is not None
    if command[0] == "restore":
        await restore(settings, path, quiet, over=True)
    else:
        async with trial(settings, path, quiet):
            pass
    assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE
    assert not list(settings.folder.glob(data))
    assert await notes(settings) == ["here"]


async def test_the_newest_backups_stay_and_share_their_payloads(folder: Path) -> None:
    settings = settings_of(folder, "backup.keep=2")
    await (await open_database(settings)).close()
    await Blobs.of(settings).put(b"large" * 1000)
    backups = folder / "home" / "backups"
    (backups / ".new-serdab-killed").mkdir(parents=True)
    made = [await make_backup(settings, backups, quiet) for _ in range(3)]
    assert list(all_backups(backups)) == [made[2], made[1]]
    assert sorted(each.name for each in backups.iterdir()) == [".lock", made[1].name, made[2].name]
    blob = next(each for each in (made[2] / "blobs").rglob("*") if each.is_file())
    assert blob.stat().st_nlink == 2
    assert find_backup(settings, "newest") == made[2]
    assert find_backup(settings, made[1].name) == made[1]
    with pytest.raises(BadBackup, match="serdab db backups"):
        find_backup(settings, made[0].name)


async def test_a_backup_made_after_the_clock_was_set_back_is_not_taken_for_the_oldest(folder: Path) -> None:
    settings = settings_of(folder, "backup.keep=2")
    await (await open_database(settings)).close()
    backups = folder / "home" / "backups"
    for year in (2098, 2099):
        made = await make_backup(settings, backups, quiet)
        made.rename(backups / f"serdab-{year}0101T000000.000000Z")
    made = await make_backup(settings, backups, quiet)
    assert [each.name for each in all_backups(backups)] == ["serdab-20990101T000000.000000Z", made.name]


async def test_the_archive_leads_to_a_moment_between_two_transactions(folder: Path) -> None:
    settings = settings_of(folder, "backup.wal_archive=wal archive's")
    database = await opened(settings)
    await write(database, "in the backup")
    path = await make_backup(settings, folder / "backups", quiet)
    digest = await Blobs.of(settings).put(b"after the backup" * 100)
    moment = await write(database, "wanted")
    await write(database, "a mistake")
    await database.close()
    await EmbeddedPostgres(settings).stop()

    (folder / "other").mkdir(mode=0o711)
    other = settings_of(folder / "other")
    archive = str(settings.folder / settings.backup.wal_archive)
    with pytest.raises(BadInput, match="archive"):
        await restore(other, path, quiet, at=moment)
    done = await restore(other, path, quiet, at=moment, archive=archive)
    assert done.upto is not None
    assert done.upto <= moment
    assert await notes(other) == ["in the backup", "wanted"]
    assert await Blobs.of(other).get(digest) == b"after the backup" * 100

    # Over the same home, whose server goes on with a new timeline and a new backup.
    await restore(settings, path, quiet, at=moment, over=True)
    database = await opened(settings)
    later = await make_backup(settings, folder / "backups", quiet)
    second = await write(database, "second life")
    await write(database, "a second mistake")
    await database.close()
    await EmbeddedPostgres(settings).stop()
    await restore(settings, later, quiet, at=second, over=True)
    assert await notes(settings) == ["in the backup", "wanted", "second life"]


def test_the_account_of_the_database_reaches_the_archive_whatever_the_umask_and_nobody_else_looks_in(
    folder: Path,
) -> None:
    account = database_account()
    before = os.umask(0o077)
    try:
        make_archive(folder / "disk" / "archive", account)
    finally:
        os.umask(before)
    assert account.closed_folder(folder / "disk" / "archive" / "wal" / "piece") is None
    (folder / "disk" / "archive").chmod(0o700)  # as the unit of a service makes it
    make_archive(folder / "disk" / "archive", account)
    assert account.closed_folder(folder / "disk" / "archive" / "wal" / "piece") is None
    assert [path for path in (folder / "disk").rglob("*") if path.stat().st_mode & 0o066] == []
    assert stat.S_IMODE((folder / "disk" / "archive" / "blobs").stat().st_mode) == 0o700


async def test_moments_that_cannot_be_reached_are_refused_and_nothing_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A slow archive, and looks so seldom that the server, which ends when the log does, ends between two of them.
    monkeypatch.setattr(restoring, "fetch_command", lambda *given: f"sleep 0.5; {fetch_command(*given)}")
    monkeypatch.setattr(restoring, "LOOK_EVERY_S", 2.0)
    settings = settings_of(folder, "backup.wal_archive=archive")
    database = await opened(settings)
    before = await write(database, "first")
    path = await make_backup(settings, folder / "backups", quiet)
    await write(database, "second")
    for _ in range(4):  # pieces of the log, with more in each than the server reads ahead
        await database.pool.execute(
            "select pg_logical_emit_message(true, 'filler', repeat('x', 10000)) from generate_series(1, 300)"
        )
        await database.pool.execute("select pg_switch_wal()")
    await database.close()
    await EmbeddedPostgres(settings).stop()
    with pytest.raises(BadBackup, match="older backup"):
        await restore(settings, path, quiet, at=before, over=True)
    with pytest.raises(BadInput, match="choose an earlier one"):
        await restore(settings, path, quiet, at=datetime(2199, 1, 1, tzinfo=UTC), over=True)
    assert await notes(settings) == ["first", "second"]


async def test_the_archive_forgets_what_no_backup_needs(
    folder: Path, eventually: Callable[..., Awaitable[object]]
) -> None:
    settings = settings_of(folder, "backup.wal_archive=archive", "backup.keep=1")
    database = await opened(settings)
    await make_backup(settings, folder / "backups", quiet)
    await write(database, "old")
    done = await database.pool.fetchval("select pg_walfile_name(pg_switch_wal())")

    async def archived() -> bool:
        return await database.pool.fetchval("select last_archived_wal >= $1 from pg_stat_archiver", done) is True

    await eventually(archived)
    newest = await make_backup(settings, folder / "backups", quiet)
    assert all_backups(folder / "backups")[newest].first_wal > done
    await database.close()
    await EmbeddedPostgres(settings).stop()
    names = sorted(each.name for each in (settings.folder / "archive" / "wal").iterdir())
    assert names
    # The piece between may have come into the archive after the cleaning: it waits for the next one.
    assert [name for name in names if name[: len(done)] <= done] == []


async def test_a_backup_that_is_broken_off_ends_at_once_and_leaves_nothing(folder: Path) -> None:
    settings = settings_of(folder)
    await (await open_database(settings)).close()

    def break_off(_what: str, _done: float) -> None:
        raise KeyError("the person has gone")

    with pytest.raises(KeyError):
        async with asyncio.timeout(180):
            await make_backup(settings, folder / "backups", break_off)
    assert [each.name for each in (folder / "backups").iterdir()] == [".lock"]


async def test_another_postgresql_is_not_backed_up_by_us(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(NotEmbedded, match="its own tools"):
        await make_backup(settings, tmp_path, quiet)


async def test_a_swap_that_was_cut_short_is_finished_at_the_next_start(folder: Path) -> None:
    settings = settings_of(folder)
    database = await opened(settings)
    await write(database, "kept")
    await database.close()
    await EmbeddedPostgres(settings).stop()
    home = settings.folder
    # As a crash between the two renames leaves it.
    (home / "database.swap").write_bytes(
        msgspec.json.encode({"renames": [("postgres", "postgres.old"), ("postgres.restoring", "postgres")]})
    )
    os.rename(home / "postgres", home / "postgres.restoring")
    (home / "postgres.old").mkdir()
    assert await notes(settings) == ["kept"]
    assert not (home / "database.swap").exists()
