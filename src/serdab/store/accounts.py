"""Whom the embedded PostgreSQL runs as: oneself, or, because it refuses root, a lesser user."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serdab.store.errors import BadHome

#: Tried in this order when we are root.
LESSER_USERS = ("postgres", "nobody")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of this system."""

    uid: int
    gid: int
    name: str

    @property
    def is_self(self) -> bool:
        """Whether that is who we are."""
        return self.uid == os.geteuid()

    def popen(self) -> dict[str, Any]:
        """Arguments for `subprocess` to run as this user."""
        return {} if self.is_self else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def may_enter(self, folder: Path) -> bool:
        """Whether the user may go through this one folder."""
        stat = folder.stat()
        if stat.st_uid == self.uid:
            return bool(stat.st_mode & 0o100)
        return bool(stat.st_mode & (0o010 if stat.st_gid == self.gid else 0o001))

    def closed_folder(self, path: Path) -> Path | None:
        """The first folder on the way to a path that the user may not go through."""
        if self.is_self:
            return None
        folders = [folder for folder in reversed(path.resolve().parents) if folder.exists()]
        return next((folder for folder in folders if not self.may_enter(folder)), None)


def database_account() -> Account:
    """Ourselves; for root `postgres` when there is such a user, else `nobody`.

    Raises:
        BadHome: we are root and there is neither.
    """
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid(), name=str(os.geteuid()))
    for name in LESSER_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid, name=name)
    raise BadHome(
        f"expected one of the users {', '.join(LESSER_USERS)} to exist, because PostgreSQL refuses to run as root, got "
        "neither; run Serdab as a normal user, or set database.url"
    )
