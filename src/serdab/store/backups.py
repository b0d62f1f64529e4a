"""Physical backups of the embedded PostgreSQL, with the write-ahead log that makes them whole, and of large payloads.

A backup is a folder: `postgres` (a data folder with PostgreSQL's own manifest of SHA-256 digests), `blobs` (named by
their digests; the same file as in an earlier backup is a hard link to it), `database.password`, and `backup.json`,
which comes last and says what the backup is.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from serdab.core import BadInput, Settings, expected
from serdab.store.archiving import forget_before
from serdab.store.blob_folders import copy_blobs
from serdab.store.embedded import EmbeddedPostgres, write_private
from serdab.store.errors import BadBackup, DatabaseCareFailed, DiskFull, NotEmbedded
from serdab.store.programs import MAJOR
from serdab.store.sharing import started_database
from serdab.store.swapping import sync_folder

MANIFEST = "backup.json"
PREFIX = "serdab-"
_PARTIAL = ".new-"
#: Hears how far something is: what is being done, and how much of it, 0 to 1.
Tell = Callable[[str, float], None]


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself."""

    #: When it was begun, and when all of it was there; the database is as it was in between.
    began_at: datetime
    ended_at: datetime
    #: Major version of PostgreSQL.
    major: int
    #: The first file of the write-ahead log that it needs; what is archived from there on leads to later moments.
    first_wal: str
    #: SHA-256 of PostgreSQL's own manifest.
    manifest_sha256: str
    database_bytes: int
    blobs: int
    blob_bytes: int


def backup_folder(settings: Settings) -> Path:
    """Where backups go when nothing else is said."""
    return settings.folder / settings.backup.folder


def embedded_of(settings: Settings) -> EmbeddedPostgres:
    """The embedded PostgreSQL of these settings.

    Raises:
        NotEmbedded: they use another one.
    """
    if settings.database.url:
        raise NotEmbedded(
            expected("database.url", "empty", "set", "back up and restore that PostgreSQL by its own tools")
        )
    return EmbeddedPostgres(settings)


def read_backup(path: Path) -> Backup:
    """What a backup says of itself.

    Raises:
        BadBackup: it is none.
    """
    try:
        return msgspec.json.decode((path / MANIFEST).read_bytes(), type=Backup)
    except (OSError, msgspec.MsgspecError):
        todo = "`serdab db backups` lists those of this home"
        raise BadBackup(expected("the backup", f"a folder with a {MANIFEST}", str(path), todo)) from None


def all_backups(folder: Path) -> dict[Path, Backup]:
    """The finished backups of a folder, the newest first."""
    found = {}
    for path in sorted(folder.glob(f"{PREFIX}*"), reverse=True):
        with contextlib.suppress(BadBackup):
            found[path] = read_backup(path)
    return found


def find_backup(settings: Settings, what: str) -> Path:
    """A backup by its path, by its name in the folder of backups, or by the word `newest`.

    Raises:
        BadBackup: there is none.
    """
    folder = backup_folder(settings)
    if what == "newest":
        newest = next(iter(all_backups(folder)), None)
        if newest is None:
            raise BadBackup(expected(f"{folder}", "a folder with backups", "none", "make one: serdab db backup"))
        return newest
    path = next((path for path in (folder / what, Path(what).absolute()) if path.is_dir()), Path(what))
    read_backup(path)
    return path


async def make_backup(settings: Settings, folder: Path, tell: Tell) -> Path:
    """Back up the running database of a home into a new folder inside of `folder`; its path.

    Older backups than the newest `backup.keep` are removed. What fails leaves nothing behind.

    Raises:
        NotEmbedded: the database is not the embedded one.
        DiskFull: there is no room.
        DatabaseCareFailed: pg_basebackup failed; its words are in the message.
    """
    embedded_of(settings)
    async with started_database(settings) as server:
        return await _make(settings, server, folder, tell)


async def _make(settings: Settings, server: EmbeddedPostgres, folder: Path, tell: Tell) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        got = f"{folder}: {error.strerror}"
        raise BadInput(expected("the folder of backups", "one that can be made and written", got)) from error
    began_at = _now()
    name = f"{PREFIX}{began_at:%Y%m%dT%H%M%S.%fZ}"
    with _alone(folder):
        partial = folder / f"{_PARTIAL}{name}"
        partial.mkdir(mode=0o700)
        try:
            await _copy_database(server, partial / "postgres", tell)
            previous = next(iter(all_backups(folder)), None)
            # After the database: whatever its rows name is there by now, files being written before rows.
            count, size = await asyncio.to_thread(
                copy_blobs, settings.folder / "blobs", partial / "blobs", previous and previous / "blobs",
                lambda done: tell("large payloads", done),
            )  # fmt: skip
            backup = await asyncio.to_thread(_describe, server, partial, (began_at, count, size))
            os.replace(partial, folder / name)
            sync_folder(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        kept = _forget_old(folder, folder / name, settings.backup.keep)
        oldest = min((each.first_wal for each in kept), default=backup.first_wal)
        await forget_before(settings, server.programs(), oldest, min(each.began_at for each in kept))
    return folder / name


async def _copy_database(server: EmbeddedPostgres, into: Path, tell: Tell) -> None:
    free = shutil.disk_usage(into.parent).free
    needed = await asyncio.to_thread(_size, server.data)
    if free < needed:
        raise DiskFull(f"expected {into.parent.parent} to have room for {needed:,} bytes, got {free:,}")

    def heard(line: str) -> None:
        if found := re.search(r"\((\d+)%\)", line):
            tell("database", int(found[1]) / 100)

    said = await server.programs().work(
        "pg_basebackup", "-D", str(into), "-F", "plain", "-X", "stream", "-c", "fast", "-P", "--no-password",
        "--manifest-checksums=SHA256", "-l", "serdab", env=server.address().env(), tell=heard,
    )  # fmt: skip
    if said:
        raise DatabaseCareFailed(f"expected pg_basebackup to copy the database, got: {said}")


def _describe(server: EmbeddedPostgres, partial: Path, facts: tuple[datetime, int, int]) -> Backup:
    began_at, count, size = facts
    data = partial / "postgres"
    label = (data / "backup_label").read_text()
    found = re.search(r"START WAL LOCATION: \S+ \(file (\w+)\)", label)
    write_private(partial / "database.password", server.password())
    backup = Backup(
        began_at=began_at,
        ended_at=_now(),
        major=MAJOR,
        first_wal=found[1] if found else "",
        manifest_sha256=digest_of(data / "backup_manifest"),
        database_bytes=_size(data),
        blobs=count,
        blob_bytes=size,
    )
    write_private(partial / MANIFEST, msgspec.json.format(msgspec.json.encode(backup), indent=2).decode())
    sync_folder(partial)
    return backup


def _forget_old(folder: Path, made: Path, keep: int) -> list[Backup]:
    # The one just made is the newest, whatever its name says: the clock may have gone ahead when others were made.
    backups = sorted(all_backups(folder).items(), key=lambda item: item[0] != made)
    for path, _ in backups[keep:]:
        # Under a name that is no backup's, so that a half-removed one is never taken for one.
        doomed = folder / f"{_PARTIAL}{path.name}"
        os.replace(path, doomed)
        shutil.rmtree(doomed)
    return [backup for _, backup in backups[:keep]]


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One backup at a time in a folder; what a killed one left is removed."""
    handle = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DatabaseCareFailed(f"expected nobody to back up into {folder} now, got another backup") from None
        for left in folder.glob(f"{_PARTIAL}*"):
            shutil.rmtree(left)
        yield
    finally:
        os.close(handle)


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.lstat().st_size
    return total


def _now() -> datetime:
    return datetime.fromtimestamp(time.time_ns() / 1e9, UTC)
