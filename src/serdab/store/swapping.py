"""Renames that belong together: written down first, so that a start after a crash finishes them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

FILE = "database.swap"


class _Swap(msgspec.Struct, frozen=True):
    #: Old and new names, relative to the home; done in this order.
    renames: list[tuple[str, str]]


def swap(home: Path, renames: Sequence[tuple[str, str]]) -> None:
    """Rename files and folders of a home, all or, after a crash, when the database is next started."""
    journal = home / FILE
    partial = journal.with_suffix(".new")
    with partial.open("wb") as file:
        file.write(msgspec.json.encode(_Swap(list(renames))))
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, journal)
    sync_folder(home)
    finish_swap(home)


def finish_swap(home: Path) -> None:
    """Do what a journal says; nothing when there is none. Again is safe: what was renamed stays."""
    journal = home / FILE
    if not journal.exists():
        return
    for old, new in msgspec.json.decode(journal.read_bytes(), type=_Swap).renames:
        if (home / old).exists() and (not (home / new).exists() or (home / old).is_file()):
            os.replace(home / old, home / new)
    sync_folder(home)
    journal.unlink()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder as durable as the data behind them."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
