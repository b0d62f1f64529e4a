"""Folders that only their owner enters, and files that only their owner opens, whatever the umask is."""

from __future__ import annotations

import os
from pathlib import Path


def private_folder(path: Path) -> Path:
    """Make a folder for its owner alone, and those above it that are missing; one that is there stays as it is.

    What root makes on the way lets others pass, but not look: the account of PostgreSQL must get through.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder != path and os.geteuid() == 0:
            os.chmod(folder, 0o711)  # noqa: S103 - to pass through
    return path


def owner_only(path: str, flags: int) -> int:
    """An opener for `open(…, opener=owner_only)`: a file that is made is its owner's alone."""
    return os.open(path, flags, 0o600)
