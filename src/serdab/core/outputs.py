"""Files that other programs print into stay bounded: what they hold is moved away under their hands."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from serdab.core.folders import owner_only

log = logging.getLogger(__name__)

#: Seconds between looks: a file may grow beyond its bound by what is printed in that time.
TRIM_EVERY_S = 10.0
BLOCK = 1 << 20


def open_output(path: Path) -> IO[bytes]:
    """A file for what another program prints: empty, its owner's alone, and always written at its end.

    The latter lets it be trimmed: a program that remembers its place would leave a hole.
    """
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600), "ab")


def trim(path: Path, most_bytes: int) -> bool:
    """Move the end of a file that is too large into `<name>.1`, and empty it; whether it was too large.

    What is printed between the copy and the cut is lost, so this is for a program's own words, not for records.
    """
    try:
        with open(path, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            state = os.fstat(file.fileno())
            if state.st_size <= most_bytes:
                return False
            file.seek(state.st_size - most_bytes)
            partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
            try:
                with open(partial, "xb", opener=owner_only) as older:
                    if state.st_uid != os.geteuid():  # a backup reads it as PostgreSQL's account
                        os.fchown(older.fileno(), state.st_uid, state.st_gid)
                    _copy(file, older, most_bytes)
                os.replace(partial, path.with_name(f"{path.name}.1"))
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
            file.truncate(0)
            return True
    except FileNotFoundError:
        return False


def _copy(file: IO[bytes], older: IO[bytes], most_bytes: int) -> None:
    """So many bytes and no more: who prints as fast as we copy would never let us come to an end."""
    while block := file.read(min(most_bytes, BLOCK)):
        older.write(block)
        most_bytes -= len(block)


@asynccontextmanager
async def trimming(most_bytes: int, paths: Callable[[], Iterable[Path]]) -> AsyncIterator[None]:
    """Keep files within a bound while the block runs.

    Args:
        most_bytes: the bound of each; what it held before may take as much again.
        paths: says at each look which files.
    """
    task = asyncio.get_running_loop().create_task(_trim_for_ever(most_bytes, paths))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _trim_for_ever(most_bytes: int, paths: Callable[[], Iterable[Path]]) -> None:
    while True:
        await asyncio.sleep(TRIM_EVERY_S)
        for path in paths():
            try:
                await asyncio.to_thread(trim, path, most_bytes)
            except OSError as error:
                log.warning("%s cannot be trimmed: %s", path, error, extra={"action": "trim_failed"})
