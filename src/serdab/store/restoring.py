"""From a backup back to a home: verified first, brought up in private, then put in place in one step."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from serdab.core import BadInput, Settings, expected
from serdab.store.archiving import archive_folder, fetch_command
from serdab.store.backups import Backup, Tell, embedded_of
from serdab.store.blob_folders import copy_blobs
from serdab.store.clusters import discard, private_server
from serdab.store.database import is_gone
from serdab.store.embedded import EmbeddedPostgres, write_private
from serdab.store.errors import BadBackup, DatabaseCareFailed, DatabaseWontStart, HomeInUse
from serdab.store.programs import Programs
from serdab.store.statements import load_statements
from serdab.store.swapping import swap
from serdab.store.verifying import check_backup, copy_data, programs_of

NEW = "postgres.restoring"
LOOK_EVERY_S = 0.1


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What a restore did."""

    home: str
    #: The time of the last transaction that is there again; None when the backup itself says no more.
    upto: datetime | None
    #: Where the data that was there before is now.
    kept: str | None


async def restore(
    settings: Settings, path: Path, tell: Tell, *, at: datetime | None = None, over: bool = False, archive: str = ""
) -> Restored:
    """Restore a backup into the home of these settings.

    Args:
        settings: whose home gets it.
        path: the backup.
        tell: hears how far it is.
        at: go on from the backup to this moment, by the archive of the write-ahead log.
        over: even if the home has data; that is kept aside.
        archive: the folder of the archive; that of the settings by default.

    Raises:
        HomeInUse: the database of the home runs, or has data and `over` is not said.
        BadBackup, BackupDamaged: the backup cannot be used.
        BadInput: the archive does not reach the moment.
        DatabaseWontStart: PostgreSQL does not come up from it. In each case the home is as it was.
    """
    server = embedded_of(settings)
    check_free(server, over=over)
    folder = Path(archive).absolute() if archive else archive_folder(settings)
    backup = await check_backup(settings, path, tell)
    if at is not None:
        _check_moment(backup, at, folder)
    server.make_home()
    with server.locked():
        check_free(server, over=over)
        new = server.home / NEW
        discard(new)
        try:
            await asyncio.to_thread(copy_data, path / "postgres", new, server.account, tell)
            password = (path / "database.password").read_text().strip()
            upto = await _bring_up(settings, (programs_of(settings, backup), new, password), (folder, at))
            blobs = [path / "blobs", folder / "blobs"] if folder and at else [path / "blobs"]
            for each in blobs:
                await asyncio.to_thread(
                    copy_blobs, each, server.home / "blobs", None, lambda done: tell("large payloads", done)
                )
            kept = _put_in_place(server, path)
        finally:
            discard(new)
    return Restored(home=str(server.home), upto=upto, kept=str(kept) if kept else None)


def check_free(server: EmbeddedPostgres, *, over: bool) -> None:
    """Refuse a home whose data must not be replaced.

    Raises:
        HomeInUse: its database runs; or it has data, and `over` is not said.
    """
    if server.status().running:
        raise HomeInUse(expected(f"the database of {server.home}", "down", "running", "say `serdab down` first"))
    if server.data.exists() and not over:
        todo = "restore --into another home, or say --over, which keeps that data aside"
        raise HomeInUse(expected(f"the home {server.home}", "without a database", f"{server.data}", todo))


def _check_moment(backup: Backup, at: datetime, folder: Path | None) -> None:
    if folder is None or not (folder / "wal").is_dir():
        todo = "name its folder by --archive, or restore without --at"
        raise BadInput(expected("backup.wal_archive", "the folder of an archive", str(folder or ""), todo))
    if at < backup.ended_at:
        todo = "choose an older backup"
        raise BadBackup(expected("--at", f"after the end of the backup, {backup.ended_at.isoformat()}", str(at), todo))


async def _bring_up(
    settings: Settings, copy: tuple[Programs, Path, str], target: tuple[Path | None, datetime | None]
) -> datetime | None:
    """Let PostgreSQL recover in private, and stop cleanly: what is put in place needs no recovery any more."""
    programs, new, password = copy
    folder, at = target
    server = EmbeddedPostgres(settings)
    more: dict[str, str] = {}
    if at is not None and folder is not None:
        (new / "recovery.signal").touch(mode=0o600)
        os.chown(new / "recovery.signal", server.account.uid, server.account.gid)
        data = server.data if server.data.exists() else None
        more = {
            "restore_command": fetch_command(folder, data),
            "recovery_target_time": at.astimezone(UTC).isoformat(),
            "recovery_target_action": "promote",
        }
    try:
        async with private_server(programs, server.account, new, password, **more) as address:
            upto: datetime | None = await _until_up(address.dsn("postgres"), settings.database.start_timeout_s)
            return upto
    except (DatabaseWontStart, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        # PostgreSQL ends when the log ends before the moment: at its start, or a little later.
        if at is not None and (is_gone(error) or "before configured recovery target" in str(error)):
            raise BadInput(
                expected("--at", "a moment that the archive reaches", str(at), "choose an earlier one")
            ) from error
        raise


async def _until_up(dsn: str, timeout_s: float) -> Any:
    deadline = time.monotonic() + timeout_s
    connection = await asyncpg.connect(dsn)
    try:
        while True:
            recovering, upto = await connection.fetchrow(load_statements("serdab.store")["is_recovering"])
            if not recovering:
                return upto
            if time.monotonic() > deadline:
                raise DatabaseCareFailed(
                    f"expected the recovery to end within {timeout_s:g} s, got no end; raise database.start_timeout_s"
                )
            await asyncio.sleep(LOOK_EVERY_S)
    finally:
        await connection.close()


def _put_in_place(server: EmbeddedPostgres, path: Path) -> Path | None:
    for left in ("backup_manifest", "backup_label.old", "tablespace_map.old"):
        (server.home / NEW / left).unlink(missing_ok=True)
    write_private(server.home / "database.password.new", (path / "database.password").read_text().strip())
    stamp = f"{datetime.fromtimestamp(time.time_ns() / 1e9, UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    kept = server.home / f"postgres.before-{stamp}" if server.data.exists() else None
    renames = [(server.data.name, kept.name)] if kept else []
    swap(server.home, [*renames, (NEW, server.data.name), ("database.password.new", server.password_file.name)])
    return kept
