"""The archive of the write-ahead log: with a backup, it leads to any later moment.

Every finished piece of the log goes there, compressed, by PostgreSQL's `archive_command`; large payloads go there when
they are written. Off unless `backup.wal_archive` names a folder.
"""

from __future__ import annotations

import asyncio
import os
import shlex
from datetime import datetime
from pathlib import Path

from serdab.core import Settings, expected, private_folder
from serdab.store.accounts import Account
from serdab.store.errors import BadHome
from serdab.store.programs import Programs

#: Seconds after which a piece that is not full goes there too: what a lost machine may lose.
PIECE_S = 60
#: By how much the clock of a machine that shares the folder may be wrong, in seconds.
CLOCKS_S = 3600.0


def archive_folder(settings: Settings) -> Path | None:
    """The folder, if there is to be an archive."""
    return settings.folder / settings.backup.wal_archive if settings.backup.wal_archive else None


def make_archive(folder: Path, account: Account) -> None:
    """Make the folder, such that the account of the database may write into it.

    Raises:
        BadHome: it cannot be.
    """
    try:
        for each in (folder / "wal", folder / "blobs"):
            private_folder(each)
        if not account.is_self and not account.may_enter(folder):
            os.chmod(folder, folder.stat().st_mode | 0o011)  # noqa: S103 - our own folder, not those above it
        os.chown(folder / "wal", account.uid, account.gid)
        os.chmod(folder / "wal", 0o700)
    except OSError as error:
        raise BadHome(f"expected backup.wal_archive to be a folder that can be made, got {error}") from error
    closed = account.closed_folder(folder / "wal" / "piece")
    if closed is not None:
        todo = f"say: chmod o+x {closed}"
        raise BadHome(expected("backup.wal_archive", f"a folder that {account.name} may enter", str(closed), todo))


def archive_settings(folder: Path | None) -> dict[str, str]:
    """What the server needs to know. A piece gets its name only when all of it is on the disk."""
    if folder is None:
        return {"archive_mode": "off"}
    wal = shlex.quote(str(folder / "wal")).replace("%", "%%")
    piece, new = f"{wal}/%f.gz", f"{wal}/.%f.new"
    command = (
        f"if test -f {piece}; then gzip -dc {piece} | cmp -s - %p; "
        f"else gzip -1 -c %p > {new} && sync {new} && mv -T {new} {piece} && sync {wal}; fi"
    )
    return {"archive_mode": "on", "archive_command": command, "archive_timeout": str(PIECE_S)}


def fetch_command(folder: Path, data: Path | None) -> str:
    """The server's `restore_command`.

    Args:
        folder: the archive.
        data: a data folder whose newest pieces may not be in the archive yet.
    """
    wal = shlex.quote(str(folder / "wal")).replace("%", "%%")
    command = f"test -f {wal}/%f.gz && gzip -dc {wal}/%f.gz > %p"
    if data is None:
        return command
    near = shlex.quote(str(data / "pg_wal")).replace("%", "%%")
    return f"({command}) || cp {near}/%f %p"


async def forget_before(settings: Settings, programs: Programs, first_wal: str, before: datetime) -> None:
    """Remove from the archive what no kept backup needs.

    Args:
        settings: where the archive is.
        programs: PostgreSQL's.
        first_wal: the first piece that the oldest kept backup needs.
        before: when that backup was begun; payloads written earlier are in it.
    """
    folder = archive_folder(settings)
    if folder is None or not (folder / "wal").is_dir() or not first_wal:
        return
    await programs.work("pg_archivecleanup", "-b", "-x", ".gz", str(folder / "wal"), first_wal, env={})
    await asyncio.to_thread(_forget_blobs, folder / "blobs", before.timestamp())


def _forget_blobs(folder: Path, before: float) -> None:
    for path in folder.glob("??/??/*"):
        if path.stat().st_mtime < before - CLOCKS_S:
            path.unlink()
