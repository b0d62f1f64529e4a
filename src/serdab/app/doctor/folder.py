"""The folder of a home: on which file system it is, whose it is, and who else can look into it."""

from __future__ import annotations

import os
import pwd
import re
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from serdab.app.doctor.disk import existing
from serdab.app.doctor.findings import Finding, bad, warning, well
from serdab.core import Settings

NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs"}
#: What they lose, and when.
PASSING = {
    "tmpfs": "everything is gone when the machine restarts",
    "ramfs": "everything is gone when the machine restarts",
    "overlay": "everything is gone with its container, and a flush may not reach a disk",
}
#: Folders of a home in which every file is its owner's alone; those of PostgreSQL watch over themselves.
PRIVATE = ("logs", "run", "blobs", "backups", "deliveries")

#: Most files that are looked at.
MOST_FILES = 20_000


def check_file_system(settings: Settings) -> Finding:
    """Which file system holds the home."""
    kind = file_system_of(existing(settings.folder), Path("/proc/self/mountinfo").read_text())
    if kind in NETWORK:
        todo = "locks and flushes of a network file system are not to be relied on; use a disk of this machine"
        return warning("file system", kind, todo)
    if kind in PASSING:
        return warning("file system", kind, f"{PASSING[kind]}; use a disk, or a volume")
    return well("file system", kind)


def file_system_of(folder: Path, mounts: str) -> str:
    """The kind of the file system that holds a folder.

    Args:
        folder: which one.
        mounts: the text of `/proc/self/mountinfo`.
    """
    found = {_unescaped(left.split()[4]): right.split()[0] for left, right in _mounts(mounts)}
    real = folder.resolve()
    return next((found[str(each)] for each in (real, *real.parents) if str(each) in found), "unknown")


def _mounts(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        if separator:
            yield left, right


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def check_owner(settings: Settings) -> Finding:
    """Whose the home is, and what others may do in it."""
    home = settings.folder
    if not home.exists():
        return well("owner", f"{home} is not there yet; it is made at the first start")
    state = home.stat()
    if state.st_uid != os.geteuid():
        todo = f"call serdab as its owner, or say: chown -R {_name(os.geteuid())} {home}"
        return bad("owner", f"{home} belongs to {_name(state.st_uid)}, we are {_name(os.geteuid())}", todo)
    # The account of PostgreSQL passes through a home of root.
    allowed = 0o711 if os.geteuid() == 0 else 0o700
    mode = stat.filemode(state.st_mode)
    if state.st_mode & 0o777 & ~allowed:
        return bad("owner", f"{home} is {mode}", f"say: chmod {allowed:o} {home}")
    return well("owner", f"{home} is {mode}, of {_name(state.st_uid)}")


def check_privacy(settings: Settings) -> Finding:
    """Files that somebody else could read or write."""
    home = settings.folder
    looked_at = islice(_private(home), MOST_FILES)
    found = [path for path in looked_at if path.lstat().st_mode & 0o077 and not path.is_symlink()]
    if not found:
        return well("privacy", "no file is open to others")
    more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
    return bad(
        "privacy", f"others can look into {found[0]}{more}", f"say: chmod -R go= {' '.join(_places(home, found))}"
    )


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
