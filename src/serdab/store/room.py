"""Room on the disk: looked at now and then, so that new work is refused before the disk is full."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from serdab.core import Settings
from serdab.store.errors import DiskNearlyFull

#: Seconds for which a look holds.
LOOK_EVERY_S = 1.0
_MB = 1 << 20
#: Without a setting: this part of the disk, within these bounds in MB.
PART, LEAST_MB, MOST_MB = 0.02, 1024, 20_480


class Room:
    """The disks of a home: that of the embedded database, of large payloads and of the archive."""

    def __init__(self, folders: Sequence[Path], least_free_mb: int = 0) -> None:
        """Look at the disks that hold some folders.

        Args:
            folders: those that do not exist yet are looked for above.
            least_free_mb: below that much a disk is nearly full; 0: 2 % of it, from 1 to 20 GB.
        """
        self._folders = folders
        self._least_mb = least_free_mb
        self._looked = -LOOK_EVERY_S
        self._missing = ""

    @classmethod
    def of(cls, settings: Settings) -> Room:
        """Those of a home. The disk of a database elsewhere is for its own people to watch."""
        home = settings.folder
        folders = [home / "blobs"]
        if not settings.database.url:
            folders.append(home / "postgres")
        if settings.backup.wal_archive:
            folders.append(home / settings.backup.wal_archive)
        return cls(folders, settings.store.least_free_mb)

    def check(self) -> None:
        """Refuse new work while a disk is nearly full; asks the system once a second at most.

        Raises:
            DiskNearlyFull: and which, with the figures.
        """
        if missing := self.missing():
            raise DiskNearlyFull(missing)

    def missing(self) -> str:
        """What is wrong, as a sentence; empty when there is room."""
        now = time.monotonic()
        if now - self._looked >= LOOK_EVERY_S:
            self._missing = next(filter(None, map(self._look, self._folders)), "")
            self._looked = now
        return self._missing

    def free(self) -> dict[str, int]:
        """Free bytes by folder."""
        found = {}
        for folder in self._folders:
            stat = os.statvfs(_existing(folder))
            found[str(folder)] = stat.f_bavail * stat.f_frsize
        return found

    def _look(self, folder: Path) -> str:
        try:
            stat = os.statvfs(_existing(folder))
        except OSError:  # whoever needs it will say so more clearly
            return ""
        free_mb = stat.f_bavail * stat.f_frsize // _MB
        part_mb = int(stat.f_blocks * stat.f_frsize * PART) // _MB
        least_mb = self._least_mb or min(max(part_mb, LEAST_MB), MOST_MB)
        if free_mb >= least_mb:
            return ""
        return (
            f"expected the disk of {folder} to have {least_mb:,} MB free, got {free_mb:,} MB; no new run is taken "
            "until there is room: remove something, shorten retention.days, or lower store.least_free_mb"
        )


def _existing(folder: Path) -> Path:
    return next((each for each in (folder, *folder.parents) if each.exists()), folder)
