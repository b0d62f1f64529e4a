"""Pieces of files, from a folder or over HTTP ranges: never more than was asked for, and counted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Protocol, Self, TypeVar

import aiohttp
import msgspec

from serdab.core import expected, without_passwords
from serdab.models.errors import BadModelFile, PullFailed
from serdab.models.hub import REFUSALS, todo_of_refusal

#: Most bytes of all answers together that are read of a remote model.
MOST_REMOTE_BYTES = 1_000_000
#: Most bytes of local files that are read, for all heads together.
MOST_LOCAL_BYTES = 512 << 20
#: Most files of a folder that are looked at.
MOST_FILES = 5_000
#: How long all answers of a remote model together may take, in seconds.
MOST_REMOTE_S = 120.0
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=20, sock_read=30)
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")

T = TypeVar("T")


class Span(msgspec.Struct, frozen=True):
    """A piece of a file that a reader wants next."""

    offset: int
    size: int


class Piece(msgspec.Struct, frozen=True):
    """What came of it: fewer bytes only at the end of the file."""

    data: bytes
    file_size: int


#: A reader that says which piece it wants and gets its bytes: it knows nothing of files or networks.
Reading = Generator[Span, bytes, T]


class Store(Protocol):
    """Where the files of one model are."""

    #: As a person would name it.
    name: str
    remote: bool
    #: Bytes read so far.
    bytes_read: int

    async def read(self, file: str, offset: int, size: int) -> Piece | None:
        """A piece of a file; None: there is no such file."""
        ...

    async def files(self) -> list[str]:
        """Names of the files, with folders; empty when it cannot be known."""
        ...


async def run(reading: Reading[T], store: Store, file: str) -> T:
    """Feed a reader with the pieces that it asks for.

    Raises:
        BadModelFile: the file is not what the reader expects, or shorter than it says.
        PullFailed: the other side does not answer.
    """
    try:
        span = next(reading)
        while True:
            piece = await store.read(file, span.offset, span.size)
            span = reading.send(b"" if piece is None else piece.data)
    except StopIteration as end:
        result: T = end.value
        return result


class LocalStore:
    """Files under a folder."""

    remote = False

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self.bytes_read = 0
        self._folder = folder

    async def read(self, file: str, offset: int, size: int) -> Piece | None:
        """A piece of a file; None: there is no such file.

        Raises:
            BadModelFile: it cannot be read, or too much was.
        """
        path = self._folder / file
        try:
            if not path.is_file():
                return None
            with path.open("rb") as opened:
                opened.seek(offset)
                data = opened.read(size)
                file_size = path.stat().st_size
        except OSError as error:
            raise BadModelFile(expected(str(path), "a file that can be read", str(error))) from error
        self.bytes_read += len(data)
        if self.bytes_read > MOST_LOCAL_BYTES:
            raise BadModelFile(expected(f"the heads of {self.name}", f"at most {MOST_LOCAL_BYTES:,} bytes", "more"))
        return Piece(data, file_size)

    async def files(self) -> list[str]:
        """Names of the files, those of subfolders too."""
        found: list[str] = []
        for pattern in ("*", "*/*"):
            for path in self._folder.glob(pattern):
                if path.is_file():
                    found.append(path.relative_to(self._folder).as_posix())
                if len(found) > MOST_FILES:
                    raise BadModelFile(expected(self.name, f"a folder of at most {MOST_FILES:,} files", "more"))
        return sorted(found)


class _Listed(msgspec.Struct, frozen=True):
    path: str
    type: str = "file"


class RemoteStore:
    """Files behind URLs: `{base}/{file}`; `async with` it."""

    remote = True

    def __init__(
        self,
        name: str,
        base: str,
        listing: str = "",
        headers: Mapping[str, str] | None = None,
        most_s: float = MOST_REMOTE_S,
    ) -> None:
        """Describe a place.

        Args:
            name: as a person would say it.
            base: URL before the names of files.
            listing: URL that answers with the names of files, as Hugging Face's hub does; empty: none.
            headers: sent to the host of `base` alone, like the token of a hub.
            most_s: how long all answers together may take, in seconds.
        """
        self.name = without_passwords(name)
        self.bytes_read = 0
        self._base = base.rstrip("/")
        self._listing = listing
        self._headers = dict(headers or {})
        self._session: aiohttp.ClientSession | None = None
        self._most_s = most_s
        self._until = 0.0

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True)
        self._until = asyncio.get_running_loop().time() + self._most_s
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def read(self, file: str, offset: int, size: int) -> Piece | None:
        """A piece of a file; None: there is no such file.

        Raises:
            PullFailed: the other side does not answer, or knows no ranges.
            BadModelFile: reading on would be more than a head.
        """
        return await self._get(f"{self._base}/{file}", offset, size)

    async def files(self) -> list[str]:
        """Names of the files; empty when the other side does not tell."""
        if not self._listing:
            return []
        try:
            piece = await self._get(self._listing, 0, MOST_REMOTE_BYTES // 4, whole=True)
        except PullFailed:  # It may still have the files; whether it does is said when they are asked for.
            return []
        if piece is None:
            return []
        try:
            return sorted(
                each.path for each in msgspec.json.decode(piece.data, type=list[_Listed]) if each.type == "file"
            )
        except msgspec.MsgspecError:
            return []

    async def _get(self, url: str, offset: int, size: int, whole: bool = False) -> Piece | None:
        if self._session is None:
            raise RuntimeError("expected the store to be entered with `async with`")
        size = min(size, MOST_REMOTE_BYTES - self.bytes_read)
        if size <= 0:
            raise BadModelFile(
                expected(
                    f"the head of {self.name}", f"found in {MOST_REMOTE_BYTES:,} bytes", "more",
                    "bring the files here and give their path",
                )
            )  # fmt: skip
        headers = (
            self._headers
            | {"Accept-Encoding": "identity"}
            | ({} if whole else {"Range": f"bytes={offset}-{offset + size - 1}"})
        )
        try:
            async with asyncio.timeout_at(self._until), self._session.get(url, headers=headers) as answer:
                return await self._read_answer(answer, url, offset, size)
        except TimeoutError as error:
            told = f"nothing for {_TIMEOUT.sock_read:g} s, or more than {self._most_s:g} s for all that was asked"
            raise PullFailed(expected(f"{url.split('?')[0]}", "one that answers in time", told)) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise PullFailed(
                f"expected {url.split('?')[0]} to answer, got {type(error).__name__}: {error}; is models.hub_url right?"
            ) from error

    async def _read_answer(self, answer: aiohttp.ClientResponse, url: str, offset: int, size: int) -> Piece | None:
        if answer.status in (404, 410):
            return None
        if answer.status == 416:
            return Piece(b"", offset)
        if answer.status in REFUSALS:
            todo = todo_of_refusal(self._headers)
            raise PullFailed(expected(f"the answer of {self.name}", "200 or 206", answer.status, todo))
        if answer.status not in (200, 206):
            raise PullFailed(expected(f"the answer of {url.split('?')[0]}", "200 or 206", answer.status))
        told = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if answer.status == 206 and (told is None or int(told[1]) != offset):
            raise PullFailed(
                expected(f"the range that {self.name} sends", f"from {offset}", answer.headers.get("Content-Range"))
            )
        whole = answer.status == 200
        if whole and (offset or (answer.content_length or 0) > size):
            raise self._without_ranges()
        parts: list[bytes] = []
        left = size + whole
        while left > 0 and (part := await answer.content.read(left)):
            parts.append(part)
            left -= len(part)
            self.bytes_read += len(part)
        if whole and not left:
            raise self._without_ranges()
        data = b"".join(parts)
        return Piece(data, int(told[3]) if told else len(data))

    def _without_ranges(self) -> PullFailed:
        todo = "bring the files here and give their path"
        return PullFailed(
            expected(f"the server of {self.name}", "able to send ranges of a file", "the whole file", todo)
        )
