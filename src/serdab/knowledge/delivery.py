"""Receipts leave: as files of a folder, or to an http(s) address that the guard allows."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from serdab.core import BadSetting, Settings, expected, private_folder, steady_now
from serdab.guard import AllowList, Denied, Fetcher, check_url, is_success
from serdab.knowledge.coalescing import Coalescer
from serdab.knowledge.errors import BadDelivery, DeliveryFailed, DeliveryRefused
from serdab.knowledge.signing import secret_of, signature_headers

#: Folder under `home` that takes receipts when nothing else is said.
FOLDER = "deliveries"
#: How long the other side may take, seconds.
TIMEOUT_S = 20.0
#: Files that are on their way at once, and threads that write them.
_FILES_PER_BATCH, _WRITERS = 64, 4
#: Answers below 500 after which trying again may help: timeout, too early, too many requests.
_LATER = frozenset({408, 425, 429})
#: Longest pause that the other side may ask for, seconds; those between the tries come on top.
_MOST_ASKED_S = 600.0
#: Faults of a disk that pass when somebody makes room.
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE})
_JSON = {"Content-Type": "application/json"}


class _File(msgspec.Struct, frozen=True, kw_only=True):
    path: Path
    body: bytes


class Delivery:
    """Takes receipts to where they belong; `async with` it, or `close` it."""

    def __init__(self, settings: Settings, fetcher: Fetcher) -> None:
        self._settings = settings
        self._fetcher = fetcher
        self._files: Coalescer[_File, None] = Coalescer(_write_all, _FILES_PER_BATCH)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Finish the files under way; a second call does nothing."""
        await self._files.close()

    def place_of(self, document_id: UUID, deliver_to: str = "") -> str:
        """Where a receipt goes: a URL as it is, or the path of its file.

        Args:
            document_id: names the file.
            deliver_to: a folder or URL; empty means the setting `documents.deliver_to`, and else a folder of `home`.

        Raises:
            BadDelivery: it is neither.
        """
        place = deliver_to or self._settings.documents.deliver_to
        if not place:
            return str(self._settings.folder / FOLDER / f"{document_id}.json")
        if _is_url(place):
            return place
        return str(Path(place).expanduser().absolute() / f"{document_id}.json")

    async def deliver(self, place: str, body: bytes, key: str) -> None:
        """Take a receipt to a place from `place_of`; when this returns it is there, and again changes nothing.

        Args:
            place: the URL or path.
            body: JSON.
            key: lets the other side notice a repetition.

        Raises:
            DeliveryRefused: the other side will not take it (4xx, or a redirect).
            DeliveryFailed: it was not there, or has a fault of its own.
            Denied: the guard does not allow the place.
            BadDelivery: the folder cannot be written.
            BadSetting: the secret for signatures is none.
        """
        if _is_url(place):
            await self._post(place, body, key)
        else:
            await self._files(_File(path=Path(place), body=body))

    async def _post(self, url: str, body: bytes, key: str) -> None:
        headers = _JSON
        secret = self._settings.documents.webhook_secret
        if secret:
            headers = _JSON | signature_headers(secret_of(secret), key, int(steady_now()), body)
        reply = await self._fetcher.post(url, body, headers, idempotency_key=key, timeout_s=TIMEOUT_S)
        if is_success(reply.status):
            return
        said = f"{reply.status} {reply.body[:200].decode('utf-8', 'replace')}".strip()
        what = expected(f"the answer of {_host_of(url)}", "2xx", said)
        if reply.status >= 500 or reply.status in _LATER:
            pause_s = asked_pause_s(reply.headers.get("retry-after", ""), steady_now())
            raise DeliveryFailed(what, status=reply.status, retry_after_s=pause_s)
        todo = "give the address that it moved to" if 300 <= reply.status < 400 else "see there why it was not taken"
        raise DeliveryRefused(f"{what}; {todo}", status=reply.status)


def check_delivery(settings: Settings) -> None:
    """See that receipts may go where the settings say, as far as that is known without a call.

    Raises:
        BadDelivery: `documents.deliver_to` is neither a folder nor a URL.
        BadAllowList: `guard.allow` cannot be read.
        BadSetting: it does not let that URL be called, or the secret for signatures is none.
    """
    allow = AllowList.read(settings.guard.allow)
    if _is_url(settings.documents.deliver_to):
        try:
            check_url(settings.documents.deliver_to, allow)
        except Denied as error:
            what = "expected documents.deliver_to to be a URL that may be called, got one that may not"
            raise BadSetting(f"{what}: {error}") from error
        if settings.documents.webhook_secret:
            secret_of(settings.documents.webhook_secret)


def _is_url(place: str) -> bool:
    """Whether a place of receipts is a URL, not a folder.

    Raises:
        BadDelivery: it is neither.
    """
    if place.startswith(("http://", "https://")):
        return True
    if "://" in place or "\0" in place:
        raise BadDelivery(expected("the place of receipts", "a folder or an http(s) URL", place))
    return False


def key_of(body: bytes) -> str:
    """By which the other side tells a repetition: the same for the same receipt, whichever run or try brings it."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def asked_pause_s(asked: str, now_s: float) -> float:
    """The pause that an answer asks for, bounded, in seconds; 0: none.

    Args:
        asked: its header `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).
        now_s: seconds since 1970.
    """
    try:
        pause_s = float(asked) if asked.isdigit() else parsedate_to_datetime(asked).timestamp() - now_s
    except (ValueError, OverflowError):
        return 0.0
    return min(max(pause_s, 0.0), _MOST_ASKED_S)


def _host_of(url: str) -> str:
    """Where a hook is, without its path and query: whoever knows those may call it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


async def _write_all(files: Sequence[_File]) -> Sequence[None]:
    """Each file whole or not at all, on the disk when this returns; of several for one place the last counts."""
    results = [None] * len(files)
    files = list({file.path: file for file in files}.values())
    try:
        folders = await asyncio.to_thread(_make_folders, files)
        # Each waits for the disk, which puts away what several ask for at once in one go.
        parts = [files[start::_WRITERS] for start in range(min(_WRITERS, len(files)))]
        ended = await asyncio.gather(*(asyncio.to_thread(_write, part) for part in parts), return_exceptions=True)
        for error in filter(None, ended):
            raise error
        await asyncio.to_thread(_sync_folders, folders)
    except OSError as error:
        if error.errno in _PASSING:
            raise DeliveryFailed(expected("the folder of receipts", "writable", str(error), "make room")) from error
        raise BadDelivery(expected("the folder of receipts", "one that can be written", str(error))) from error
    return results


def _make_folders(files: Sequence[_File]) -> Sequence[Path]:
    return [private_folder(folder) for folder in dict.fromkeys(file.path.parent for file in files)]


def _write(files: Sequence[_File]) -> None:
    for file in files:
        _write_one(file)


def _write_one(file: _File) -> None:
    # A process writes one file of a place at a time, and the name says which process: two writers cannot mix.
    temporary = file.path.with_name(f".{file.path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as out:
            # A receipt is open to whom its folder is open to.
            os.fchmod(out.fileno(), file.path.parent.stat().st_mode & 0o666)
            out.write(file.body)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(file.path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _sync_folders(folders: Sequence[Path]) -> None:
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
