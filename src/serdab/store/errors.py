"""What can go wrong with the store.

SerdabError
├── Unavailable
│   ├── DatabaseUnreachable     nobody answers, or not to us
│   ├── DatabaseWontStart       the embedded PostgreSQL does not come up
│   ├── DiskFull                no room for what has to be kept
│   └── DiskNearlyFull          so little room that no new work is taken
├── BadInput
│   ├── BadDatabase             a PostgreSQL that cannot be used as it is
│   │   ├── DatabaseTooOld
│   │   ├── DatabaseTooNew      its schema was made by a newer Serdab
│   │   ├── DatabaseReadOnly
│   │   ├── ExtensionMissing
│   │   └── PoolerInTheWay      a pooler that gives each transaction another session
│   ├── MigrationChanged        an applied migration is not the file we have
│   ├── BadHome                 the home folder cannot hold the embedded PostgreSQL
│   ├── DatabaseNeedsUpgrade    its data was made by another major version
│   ├── NotEmbedded             this is only for the embedded PostgreSQL
│   ├── HomeInUse               a restore would meet a database that runs or holds data
│   └── BadBackup               not a backup, or not one that can be used for this
├── BlobMissing
├── BlobDamaged
├── BackupDamaged               a file of a backup is not what it was
└── DatabaseCareFailed          a backup, restore or upgrade did not go through
"""

from __future__ import annotations

from serdab.core import BadInput, SerdabError, Unavailable


class DatabaseUnreachable(Unavailable):
    """The database cannot be reached, or does not let us in."""

    code = "database_unreachable"


class DatabaseWontStart(Unavailable):
    """The embedded PostgreSQL does not come up."""

    code = "database_wont_start"


class DiskFull(Unavailable):
    """There is no room on the disk for what has to be kept."""

    code = "disk_full"


class DiskNearlyFull(Unavailable):
    """The disk is nearly full: no new runs are taken, while those that run may end."""

    code = "disk_nearly_full"


class BadDatabase(BadInput):
    """This PostgreSQL cannot be used as it is."""

    code = "bad_database"


class DatabaseTooOld(BadDatabase):
    """The PostgreSQL, or its pgvector, is older than we need."""

    code = "database_too_old"


class DatabaseTooNew(BadDatabase):
    """The schema was made by a newer Serdab."""

    code = "database_too_new"


class DatabaseReadOnly(BadDatabase):
    """The database takes no writes."""

    code = "database_read_only"


class ExtensionMissing(BadDatabase):
    """An extension is missing."""

    code = "extension_missing"


class PoolerInTheWay(BadDatabase):
    """Between us and the database is a pooler that gives each transaction another session."""

    code = "pooler_in_the_way"


class MigrationChanged(BadInput):
    """A migration that was applied is not the file we have."""

    code = "migration_changed"


class BadHome(BadInput):
    """The home folder cannot hold the embedded PostgreSQL."""

    code = "bad_home"


class BlobMissing(SerdabError):
    """A payload's file is not there."""

    code = "blob_missing"


class BlobDamaged(SerdabError):
    """A payload's file does not hold what its name says."""

    code = "blob_damaged"


class DatabaseNeedsUpgrade(BadInput):
    """The data of the embedded PostgreSQL was made by another major version; `serdab db upgrade` brings it over."""

    code = "database_needs_upgrade"


class NotEmbedded(BadInput):
    """This is only for the embedded PostgreSQL; another one is cared for by its own tools."""

    code = "not_embedded"


class HomeInUse(BadInput):
    """The home has a database that runs, or one with data."""

    code = "home_in_use"


class BadBackup(BadInput):
    """This is no backup, or not one that can be used for what was asked."""

    code = "bad_backup"


class BackupDamaged(SerdabError):
    """A file of a backup is missing or is not what it was; use another backup."""

    code = "backup_damaged"


class DatabaseCareFailed(SerdabError):
    """A backup, restore or upgrade of the database did not go through; nothing was replaced."""

    code = "database_care_failed"
