"""PostgreSQL, which holds every fact, and the files of large payloads."""

from serdab.store.blobs import Blobs
from serdab.store.database import Connection, Database, Pool, Record, hide_password, is_gone, sqlstate
from serdab.store.embedded import DatabaseStatus, EmbeddedPostgres, database_status, stop_database
from serdab.store.errors import (
    BadDatabase,
    BadHome,
    BlobDamaged,
    BlobMissing,
    DatabaseReadOnly,
    DatabaseTooNew,
    DatabaseTooOld,
    DatabaseUnreachable,
    DatabaseWontStart,
    DiskFull,
    ExtensionMissing,
    MigrationChanged,
    PoolerInTheWay,
)
from serdab.store.migrating import Migration, all_migrations, migrate
from serdab.store.opening import check_version, open_database
from serdab.store.sharing import shared_database
from serdab.store.statements import Statements, load_statements

__all__ = [
    "BadDatabase",
    "BadHome",
    "BlobDamaged",
    "BlobMissing",
    "Blobs",
    "Connection",
    "Database",
    "DatabaseReadOnly",
    "DatabaseStatus",
    "DatabaseTooNew",
    "DatabaseTooOld",
    "DatabaseUnreachable",
    "DatabaseWontStart",
    "DiskFull",
    "EmbeddedPostgres",
    "ExtensionMissing",
    "Migration",
    "MigrationChanged",
    "Pool",
    "PoolerInTheWay",
    "Record",
    "Statements",
    "all_migrations",
    "check_version",
    "database_status",
    "hide_password",
    "is_gone",
    "load_statements",
    "migrate",
    "open_database",
    "shared_database",
    "sqlstate",
    "stop_database",
]
