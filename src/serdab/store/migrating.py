"""Forward-only migrations: SQL files, each in one transaction with the record that it was applied."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

from serdab.core import expected
from serdab.store.database import Connection
from serdab.store.errors import DatabaseTooNew, MigrationChanged

_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_LOCK = "select pg_advisory_lock(hashtext('serdab.migrations'))"
_UNLOCK = "select pg_advisory_unlock(hashtext('serdab.migrations'))"
_TABLE = """create table if not exists serdab_migration (
    name text primary key, sha256 text not null, applied_at timestamptz not null default clock_timestamp())"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Digest of its text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def all_migrations() -> list[Migration]:
    """Every migration of this version, in order."""
    folder = resources.files("serdab.store") / "migrations"
    files = sorted((file for file in folder.iterdir() if _FILE.fullmatch(file.name)), key=lambda file: file.name)
    return [Migration(name=file.name, sql=file.read_text("utf-8")) for file in files]


async def migrate(connection: Connection, migrations: list[Migration] | None = None) -> list[str]:
    """Bring the schema up to date; safe when many processes do it at once.

    Returns:
        The names applied now.

    Raises:
        MigrationChanged: an applied one is not the file we have.
        DatabaseTooNew: the database has one that we do not have.
    """
    migrations = all_migrations() if migrations is None else migrations
    await connection.execute(_LOCK)
    try:
        await connection.execute(_TABLE)
        rows = await connection.fetch("select name, sha256 from serdab_migration")
        applied = {row["name"]: row["sha256"] for row in rows}
        _compare(applied, migrations)
        missing = [migration for migration in migrations if migration.name not in applied]
        for migration in missing:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "insert into serdab_migration (name, sha256) values ($1, $2)", migration.name, migration.sha256
                )
        return [migration.name for migration in missing]
    finally:
        await connection.execute(_UNLOCK)


def _compare(applied: dict[str, str], migrations: list[Migration]) -> None:
    known = {migration.name: migration.sha256 for migration in migrations}
    unknown = sorted(set(applied) - set(known))
    if unknown:
        raise DatabaseTooNew(
            expected(
                "the schema", f"no newer than {max(known, default='nothing')}", unknown[-1], "install a newer Serdab"
            )
        )
    for name, digest in applied.items():
        if known[name] != digest:
            raise MigrationChanged(
                expected(f"migration {name}", "the file that was applied", known[name][:12], "restore the old file")
            )
