"""Whole folders of blobs: copied into a backup and back, checked, swept."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from pathlib import Path

from serdab.store.errors import BackupDamaged
from serdab.store.swapping import sync_folder

#: How long a blob that no row names stays, in seconds: it is written before its row is committed, and a database that
#: is away delays that row.
GRACE_S = 86_400.0
_CHUNK = 1 << 20


def all_blobs(folder: Path) -> Iterator[Path]:
    """The files of a folder, in the order of their names; unfinished ones are not among them."""
    for first in sorted(folder.glob("??")):
        for second in sorted(first.glob("??")):
            yield from sorted(path for path in second.iterdir() if not path.name.startswith("."))


def copy_blobs(
    source: Path, into: Path, previous: Path | None = None, tell: Callable[[float], None] = lambda done: None
) -> tuple[int, int]:
    """Add the blobs of one folder to another; how many it has of them now, and their bytes.

    What `into` or `previous` has already is not copied: a name says what is in a file. What is copied is checked.

    Args:
        source: may be absent.
        into: gets them, durably.
        previous: on the same disk; its files are linked to.
        tell: hears how much of it is done, 0 to 1.

    Raises:
        BackupDamaged: a file does not hold what its name says.
    """
    count = size = 0
    touched = {into}
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in all_blobs(source):
        relative = path.relative_to(source)
        target = into / relative
        with suppress(FileNotFoundError):  # swept meanwhile: no row names it
            length = path.stat().st_size
            if not (target.exists() and target.stat().st_size == length):
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                touched |= {target.parent, target.parent.parent}
                if previous is None or not _link(previous / relative, target, length):
                    _copy(path, target)
            count, size = count + 1, size + length
        if count % 100 == 0:
            tell(int(path.name[:4], 16) / 0x10000)
    for folder in touched:
        sync_folder(folder)
    return count, size


def check_blobs(folder: Path, tell: Callable[[float], None] = lambda done: None) -> int:
    """Read every blob; how many there are.

    Raises:
        BackupDamaged: one does not hold what its name says.
    """
    count = 0
    for count, path in enumerate(all_blobs(folder), 1):  # noqa: B007 - the number of the last one
        _check(path, path.name)
        tell(int(path.name[:4], 16) / 0x10000)
    return count


def old_blobs(folder: Path, grace_s: float = GRACE_S) -> set[bytes]:
    """The digests of blobs that nobody has written for a while."""
    before = time.time_ns() / 1e9 - grace_s
    return {bytes.fromhex(path.name) for path in all_blobs(folder) if path.stat().st_mtime < before}


def sweep_blobs(folder: Path, digests: set[bytes], named: Container[bytes], grace_s: float = GRACE_S) -> int:
    """Remove those of some old blobs that no row names; how many.

    Who writes a blob that is there already touches it first; so one that is young when it has lost its name is put
    back, and one whose touch came too late is written anew.
    """
    swept = 0
    before = time.time_ns() / 1e9 - grace_s
    for digest in digests:
        if digest in named:
            continue
        name = digest.hex()
        path = folder / name[:2] / name[2:4] / name
        doomed = path.with_name(f".doomed-{name}")
        with suppress(FileNotFoundError):
            os.rename(path, doomed)
            if doomed.stat().st_mtime < before:
                doomed.unlink()
                swept += 1
            else:
                os.rename(doomed, path)
    return swept


def _link(previous: Path, target: Path, length: int) -> bool:
    try:
        if previous.stat().st_size != length:
            return False
        os.link(previous, target)
    except OSError:  # not there, or a disk without links
        return False
    return True


def _copy(path: Path, target: Path) -> None:
    partial = target.with_name(f".new-{target.name}")
    with path.open("rb") as source, partial.open("wb") as file:
        shutil.copyfileobj(source, file, _CHUNK)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(partial, 0o600)
    _check(partial, path.name)
    os.replace(partial, target)


def _check(path: Path, name: str) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != name:
        raise BackupDamaged(f"expected {path} to hold what its name says, got other bytes; restore it from a backup")
