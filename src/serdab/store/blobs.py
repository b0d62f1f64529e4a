"""Content-addressed files for payloads that are too large for a row."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import tempfile
from pathlib import Path

from serdab.core import Settings, private_folder
from serdab.store.archiving import archive_folder
from serdab.store.errors import BlobDamaged, BlobMissing, DiskFull
from serdab.store.swapping import sync_folder


class Blobs:
    """Files named by the SHA-256 of what they hold; written once, synced, verified at every read."""

    def __init__(self, folder: Path, mirror: Path | None = None) -> None:
        """Keep them in `folder`; and in `mirror` first, so that an archive has what any row may name."""
        self._folders = (folder,) if mirror is None else (mirror, folder)

    @classmethod
    def of(cls, settings: Settings) -> Blobs:
        """Those of a home."""
        archive = archive_folder(settings)
        return cls(settings.folder / "blobs", archive / "blobs" if archive else None)

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

    def _put(self, data: bytes) -> bytes:
        digest = hashlib.sha256(data).digest()
        for folder in self._folders:
            path = _path(folder, digest)
            if _is_there(path, len(data)):
                continue
            try:
                for each in (folder, path.parent.parent, path.parent):
                    private_folder(each)
                _write(folder, path, data)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise DiskFull(
                        f"expected room for {len(data):,} bytes in {folder}, got {error.strerror}"
                    ) from error
                raise
        return digest

    def _get(self, digest: bytes) -> bytes:
        path = _path(self._folders[-1], digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise BlobMissing(
                f"expected the payload {path} to be there, got no file; restore it from a backup"
            ) from None
        if hashlib.sha256(data).digest() != digest:
            raise BlobDamaged(f"expected {path} to hold what its name says, got other bytes; restore it from a backup")
        return data


def _path(folder: Path, digest: bytes) -> Path:
    name = digest.hex()
    return folder / name[:2] / name[2:4] / name


def _is_there(path: Path, length: int) -> bool:
    """Whether it is kept already; if so it is young from now on, and so safe from being swept."""
    try:
        if path.stat().st_size != length:
            return False
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _write(folder: Path, path: Path, data: bytes) -> None:
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
    for each in (path.parent, path.parent.parent, folder):
        sync_folder(each)
