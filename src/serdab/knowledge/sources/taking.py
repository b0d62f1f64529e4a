"""Taking a document in: a copy of our own, runs under a key that its content has, and a note of both.

Whenever the process dies, the next one does the same again and finds the same runs: the key is made from the source
and the content. The copy is what the runs read, so that a file may change, move or go as soon as it was taken.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from uuid import UUID

import msgspec

from serdab.core import private_folder, steady_now
from serdab.flow import KeyTaken, Serdab
from serdab.knowledge.classification import DEFAULT_SET
from serdab.knowledge.reading import Refusal, find_sources, path_from_text, path_to_text, shown_path
from serdab.knowledge.triaging import QUEUE, Document, document_of, triage
from serdab.store import load_statements

log = logging.getLogger(__name__)

_SQL = load_statements("serdab.knowledge.sources")
#: Folder under `home` for the copies.
FOLDER = "inbox"
#: Documents that are settled in one round, and runs that are started at once.
MOST_SETTLED, _AT_ONCE = 1_000, 256
_PIECE = 1 << 20
#: From which age on a copy that is not noted is left over, s.
_OLD_S = 3600.0
#: Faults of our disk, not of what is copied to it.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """A copy that is on the disk under a name of the moment."""

    path: Path
    digest: bytes
    size: int


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How far a content is that was taken."""

    #: All is done that was to be done.
    settled: bool
    #: No run failed.
    well: bool


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """A document whose runs have all ended."""

    digest: bytes
    place: str
    #: Our copy; empty: there is none.
    copy: str
    #: All of them with a result; never, where nothing was taken.
    well: bool


class Intake:
    """Takes the documents of one source."""

    def __init__(self, serdab: Serdab, source: str, label_set: str = "") -> None:
        self.source = source
        self.taken = 0
        self._serdab = serdab
        self._pool = serdab.database.pool
        self._label_set = label_set or DEFAULT_SET
        self._batch = source[:500]
        name = hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self._folder = serdab.settings.folder / FOLDER / name
        #: Held while it is noted what is where: a content may become an old version at another place meanwhile.
        self._noting = asyncio.Lock()

    async def open(self) -> dict[str, tuple[int, int]]:
        """What was seen where before: size and time of change by place; what a killed process left is removed."""
        await asyncio.to_thread(self._clear)
        await self._drop_copies()
        rows = await self._pool.fetch(_SQL["places_of"], self.source)
        return {row["place"]: (row["size"], row["changed_ns"]) for row in rows}

    async def take(self, copied: Copied, place: str, changed_ns: int, title: str, name: str) -> Sequence[str]:
        """Take a copied document in, unless its content was taken before and that still counts.

        Args:
            copied: it becomes ours.
            place: where it was seen.
            changed_ns: when that changed, nanoseconds since 1970; 0: it never does.
            title: the name of the file, which tells its type.
            name: the source that its receipt tells.

        Returns:
            Places to look at again: what was here before is still there, and would be found no more.
        """
        async with self._noting:
            before = await self._pool.fetchrow(_SQL["find_taken"], self.source, copied.digest, place)
            if before is not None and before["counts"]:
                await asyncio.to_thread(copied.path.unlink)
                await self.see(place, copied.size, changed_ns, copied.digest)
                return []
        kept = await asyncio.to_thread(self._keep, copied, title)
        key = self._key(copied.digest, "" if before is None else before["taken_at"].isoformat())
        runs = await self._start(kept, key, name)
        noted = (self.source, copied.digest, place, copied.size, changed_ns, path_to_text(kept), runs)
        async with self._noting:
            rows = await self._pool.fetch(_SQL["take_document"], *noted)
        self.taken += 1
        log.info("taken", extra={"action": "document_taken", "source": self.source, "place": place, "runs": len(runs)})
        return [row["place"] for row in rows]

    async def state_of(self, digest: bytes) -> State | None:
        """How far a content is that was taken before; None: it was not."""
        row = await self._pool.fetchrow(_SQL["state_of_document"], self.source, digest)
        return None if row is None else State(settled=row["settled"], well=row["well"])

    async def refuse(self, place: str, size: int, changed_ns: int, refusal: Refusal) -> None:
        """Note a document that is not taken, and of which there is no copy: its run fails with the reason."""
        # In place of the digest of a content that nobody read.
        digest = hashlib.sha256(f"{self.source}\0{place}".encode("utf-8", "surrogateescape"))
        settings = self._serdab.settings
        document = document_of(refusal, settings, label_set=self._label_set, batch=self._batch)
        runs = [await self._start_one(document, digest.hexdigest())]
        await self._pool.fetch(_SQL["take_document"], self.source, digest.digest(), place, size, changed_ns, "", runs)

    async def see(self, place: str, size: int, changed_ns: int, digest: bytes) -> None:
        """Note what was seen where."""
        await self._pool.execute(_SQL["see_place"], self.source, place, size, changed_ns, digest)

    async def forget(self, places: Sequence[str]) -> None:
        """Note that nothing is at these places any more."""
        await self._pool.execute(_SQL["forget_places"], self.source, list(places))

    async def ended(self) -> tuple[list[Settled], int]:
        """Documents whose runs have all ended since, and how many are still under way."""
        rows = await self._pool.fetch(_SQL["open_documents"], self.source, MOST_SETTLED)
        found = [
            Settled(
                digest=row["digest"], place=row["place"], copy=row["copy"], well=bool(row["copy"]) and not row["failed"]
            )
            for row in rows
            if row["ended"] >= row["runs"]
        ]
        return found, len(rows) - len(found)

    async def settle(self, documents: Sequence[Settled]) -> None:
        """Note that all is done for them; copies are removed where all went well, for a redrive reads the others."""
        for document in documents:
            if document.well:
                await asyncio.to_thread(shutil.rmtree, path_from_text(document.copy).parent, ignore_errors=True)
        digests = [document.digest for document in documents]
        await self._pool.execute(_SQL["settle_documents"], self.source, digests)

    def copy_file(self, path: Path, expected_stat: tuple[int, int]) -> Copied | None:
        """Copy a file and learn its digest; None when it is not any more what it was.

        Raises:
            OSError: it cannot be read, or the copy cannot be written.
        """
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:
            found = self.write(iter(lambda: file.read(_PIECE), b""))
            now = os.fstat(file.fileno())
        if (now.st_size, now.st_mtime_ns) != expected_stat or found.size != now.st_size:
            found.path.unlink()
            return None
        return found

    def write(self, pieces: Iterator[bytes]) -> Copied:
        """Write a copy, on the disk when this returns."""
        path = private_folder(self._folder) / f".{secrets.token_hex(8)}.part"
        digest, size = hashlib.sha256(), 0
        try:
            with path.open("xb") as out:
                for piece in pieces:
                    digest.update(piece)
                    size += len(piece)
                    out.write(piece)
                out.flush()
                os.fsync(out.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Copied(path=path, digest=digest.digest(), size=size)

    def _keep(self, copied: Copied, title: str) -> Path:
        folder = private_folder(self._folder / copied.digest.hex())
        kept = folder / title
        copied.path.replace(kept)
        for each in (folder, self._folder):
            descriptor = os.open(each, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        return kept

    def _clear(self) -> None:
        for left in self._folder.glob(".*.part"):
            left.unlink(missing_ok=True)

    async def _drop_copies(self) -> None:
        """Remove old copies that a killed process kept and did not note, unless a run or a redrive may read them."""
        copies = await asyncio.to_thread(self._old_copies)
        noted = {row["digest"] for row in await self._pool.fetch(_SQL["noted_documents"], self.source, list(copies))}
        for digest in copies.keys() - noted:
            try:
                count = await asyncio.to_thread(self._count, copies[digest])
            except FileNotFoundError:
                continue
            keys = [f"{self._key(digest)}-{n}" for n in range(count)]
            if not await self._pool.fetchval(_SQL["need_copy"], QUEUE, keys):
                await asyncio.to_thread(shutil.rmtree, copies[digest], ignore_errors=True)

    def _old_copies(self) -> dict[bytes, Path]:
        """The folders of copies by their digests; a young one may be another process's that is about to note it."""
        old, found = steady_now() - _OLD_S, {}
        for each in self._folder.glob("[0-9a-f]" * 64):
            with suppress(FileNotFoundError):  # Another process may settle it meanwhile.
                state = each.lstat()
                if stat.S_ISDIR(state.st_mode) and state.st_mtime < old:
                    found[bytes.fromhex(each.name)] = each
        return found

    def _count(self, copy: Path) -> int:
        return sum(1 for _ in find_sources(list(copy.iterdir()), self._serdab.settings.documents.most_bytes))

    def _key(self, digest: bytes, again: str = "") -> str:
        """By which the runs of a content are the same whoever starts them; `again` tells a content that came back."""
        source = self.source.encode("utf-8", "surrogateescape")
        return hashlib.sha256(source + b"\0" + digest + again.encode()).hexdigest()

    async def _start(self, kept: Path, key: str, name: str) -> list[UUID]:
        """A run for each document of a file: one, or one for each line of JSON."""
        documents = enumerate(self._documents(kept, name))
        runs: list[UUID] = []
        while part := await asyncio.to_thread(lambda: list(islice(documents, _AT_ONCE))):
            runs += await asyncio.gather(*(self._start_one(document, f"{key}-{n}") for n, document in part))
        return runs

    async def _start_one(self, document: Document, key: str) -> UUID:
        try:
            return (await self._serdab.start(triage, document, key=key)).id
        except KeyTaken:
            # Started before we died, when the file had another name, or other settings were in force.
            found: UUID = await self._pool.fetchval(_SQL["run_of_key"], QUEUE, key)
            return UUID(int=found.int)

    def _documents(self, kept: Path, name: str) -> Iterator[Document]:
        settings = self._serdab.settings
        for source in find_sources([kept], settings.documents.most_bytes):
            document = document_of(source, settings, label_set=self._label_set, batch=self._batch)
            yield _renamed(document, name + source.name.removeprefix(shown_path(kept)))


def _renamed(document: Document, name: str) -> Document:
    return msgspec.structs.replace(document, source=name.encode("utf-8", "replace").decode())
