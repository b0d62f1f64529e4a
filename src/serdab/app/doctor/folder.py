"""The folder of a home: whose it is, and who else can look into it."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from serdab.app.doctor.findings import Finding, bad, well
from serdab.core import Settings

#: Folders of a home in which every file is its owner's alone; those of PostgreSQL watch over themselves.
PRIVATE = ("logs", "run", "blobs", "backups", "deliveries")

#: Most files that are looked at.
MOST_FILES = 20_000


def check_owner(settings: Settings) -> Finding:
    """Whose the home is, and what others may do in it."""
    home = settings.folder
    if not home.exists():
        return well("owner", f"{home} is not there yet; it is made at the first start")
    state = home.stat()
    if state.st_uid != os.geteuid():
        todo = f"call serdab as its owner, or say: chown -R {_name(os.geteuid())} {home}"
        return bad(
            "owner", f"{home} belongs to {_name(state.st_uid)}, we are {_name(os.geteuid())}", "nothing starts", todo
        )
    # The account of PostgreSQL passes through a home of root.
    allowed = 0o711 if os.geteuid() == 0 else 0o700
    mode = stat.filemode(state.st_mode)
    if state.st_mode & 0o777 & ~allowed:
        return bad("owner", f"{home} is {mode}", "others may look into it", f"say: chmod {allowed:o} {home}")
    return well("owner", f"{home} is {mode}, of {_name(state.st_uid)}")


def check_privacy(settings: Settings) -> Finding:
    """Files that somebody else could read or write."""
    home = settings.folder
    looked_at = islice(_private(home), MOST_FILES)
    found = [path for path in looked_at if path.lstat().st_mode & 0o077 and not path.is_symlink()]
    if not found:
        return well("privacy", "no file is open to others")
    more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
    todo = f"say: chmod -R go= {' '.join(_places(home, found))}"
    return bad("privacy", f"others can look into {found[0]}{more}", "documents and passwords may leak", todo)


def _private(home: Path) -> Iterator[Path]:
    if home.is_dir() and os.access(home, os.R_OK | os.X_OK):
        yield from (path for path in home.iterdir() if path.is_file())
        for name in PRIVATE:
            yield from (path for path in (home / name).rglob("*") if path.is_file())


def _places(home: Path, found: list[Path]) -> list[str]:
    return sorted({str(home / path.relative_to(home).parts[0]) for path in found})


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
