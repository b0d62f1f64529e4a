"""Content-addressed files for payloads that are too large for a row."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import tempfile
from pathlib import Path

from serdab.core import private_folder
from serdab.store.errors import BlobDamaged, BlobMissing, DiskFull


class Blobs:
    """Files named by the SHA-256 of what they hold; written once, synced, verified at every read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, data: bytes) -> bytes:
        """Keep data durably; its digest, 32 bytes.

        Raises:
            DiskFull: there is no room for it; nothing is left behind.
        """
        return await asyncio.to_thread(self._put, data)

    async def get(self, digest: bytes) -> bytes:
        """The data of a digest.

        Raises:
            BlobMissing: there is no such file.
            BlobDamaged: it does not hold what its name says.
        """
        return await asyncio.to_thread(self._get, digest)

    def _path(self, digest: bytes) -> Path:
        name = digest.hex()
        return self._folder / name[:2] / name[2:4] / name

    def _put(self, data: bytes) -> bytes:
        digest = hashlib.sha256(data).digest()
        path = self._path(digest)
        if path.exists() and path.stat().st_size == len(data):
            return digest
        try:
            for folder in (self._folder, path.parent.parent, path.parent):
                private_folder(folder)
            self._write(path, data)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull(
                    f"expected room for {len(data):,} bytes in {self._folder}, got {error.strerror}"
                ) from error
            raise
        return digest

    def _write(self, path: Path, data: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
        # The names must be as durable as the data: folders made on the way included.
        for folder in (path.parent, path.parent.parent, self._folder):
            _sync_folder(folder)

    def _get(self, digest: bytes) -> bytes:
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise BlobMissing(
                f"expected the payload {path} to be there, got no file; restore it from a backup"
            ) from None
        if hashlib.sha256(data).digest() != digest:
            raise BlobDamaged(f"expected {path} to hold what its name says, got other bytes; restore it from a backup")
        return data


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
