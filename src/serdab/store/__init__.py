"""PostgreSQL, which holds every fact, and the files of large payloads."""

from serdab.store.backups import Backup, all_backups, backup_folder, find_backup, make_backup
from serdab.store.blob_folders import GRACE_S, old_blobs, sweep_blobs
from serdab.store.blobs import Blobs
from serdab.store.clusters import Address
from serdab.store.database import Connection, Database, Pool, Record, hide_password, is_gone, lacks_means, sqlstate
from serdab.store.embedded import DatabaseStatus, EmbeddedPostgres, database_status, stop_database
from serdab.store.errors import (
    BackupDamaged,
    BadBackup,
    BadDatabase,
    BadHome,
    BlobDamaged,
    BlobMissing,
    DatabaseCareFailed,
    DatabaseNeedsUpgrade,
    DatabaseReadOnly,
    DatabaseTooNew,
    DatabaseTooOld,
    DatabaseUnreachable,
    DatabaseWontStart,
    DiskFull,
    DiskNearlyFull,
    ExtensionMissing,
    HomeInUse,
    MigrationChanged,
    NotEmbedded,
    PoolerInTheWay,
)
from serdab.store.migrating import Migration, all_migrations, migrate
from serdab.store.opening import check_version, open_database
from serdab.store.programs import bundled_major
from serdab.store.restoring import Restored, restore
from serdab.store.room import Room
from serdab.store.sharing import shared_database
from serdab.store.statements import Statements, load_statements
from serdab.store.tuning import planned_memory_mb
from serdab.store.upgrading import Upgraded, upgrade
from serdab.store.verifying import check_backup, trial

__all__ = [
    "GRACE_S",
    "Address",
    "Backup",
    "BackupDamaged",
    "BadBackup",
    "BadDatabase",
    "BadHome",
    "BlobDamaged",
    "BlobMissing",
    "Blobs",
    "Connection",
    "Database",
    "DatabaseCareFailed",
    "DatabaseNeedsUpgrade",
    "DatabaseReadOnly",
    "DatabaseStatus",
    "DatabaseTooNew",
    "DatabaseTooOld",
    "DatabaseUnreachable",
    "DatabaseWontStart",
    "DiskFull",
    "DiskNearlyFull",
    "EmbeddedPostgres",
    "ExtensionMissing",
    "HomeInUse",
    "Migration",
    "MigrationChanged",
    "NotEmbedded",
    "Pool",
    "PoolerInTheWay",
    "Record",
    "Restored",
    "Room",
    "Statements",
    "Upgraded",
    "all_backups",
    "all_migrations",
    "backup_folder",
    "bundled_major",
    "check_backup",
    "check_version",
    "database_status",
    "find_backup",
    "hide_password",
    "is_gone",
    "lacks_means",
    "load_statements",
    "make_backup",
    "migrate",
    "old_blobs",
    "open_database",
    "planned_memory_mb",
    "restore",
    "shared_database",
    "sqlstate",
    "stop_database",
    "sweep_blobs",
    "trial",
    "upgrade",
]
