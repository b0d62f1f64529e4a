"""Zip archives as folders of documents."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from serdab.core import expected
from serdab.knowledge.reading.packages import open_package, read_part
from serdab.knowledge.reading.refusals import BombDocument, EmptyDocument, MalformedDocument, RefusedDocument

#: Most documents of an archive, and most archives within each other.
MOST_MEMBERS = 1000
MOST_DEPTH = 2
#: Between the name of an archive and that of what is within.
WITHIN = "#"

ReadInner = Callable[[bytes, str], str]


def member_names(data: bytes, what: str) -> list[str]:
    """The documents of an archive in order of names; folders, hidden files and the like are left out.

    Raises:
        RefusedDocument: it cannot be opened, or has more than `MOST_MEMBERS`.
    """
    with open_package(data, what) as archive:
        names = sorted({part.filename for part in archive.infolist() if _is_document(part)})
    if len(names) > MOST_MEMBERS:
        raise BombDocument(expected(f"the documents of {what}", f"at most {MOST_MEMBERS:,}", f"{len(names):,}"))
    return names


def read_member(data: bytes, member: str, most_bytes: int, what: str) -> bytes:
    """One document of an archive; `a.zip#b.txt` is one of an archive within.

    Raises:
        RefusedDocument: it is not there, too large, or stands too deep.
    """
    for _ in range(MOST_DEPTH):
        with open_package(data, what) as archive:
            name = member if member in archive.NameToInfo else _outermost(archive, member)
            data = read_part(archive, name, most_bytes)
        if name == member:
            return data
        member = member[len(name) + 1 :]
    raise MalformedDocument(expected(f"archives in {what}", f"at most {MOST_DEPTH} within each other", "more"))


def read_zip(data: bytes, most_bytes: int, read_inner: ReadInner) -> tuple[str, str]:
    """All documents of an archive that came as part of something else, each after a form feed under its name.

    Raises:
        RefusedDocument: it cannot be opened, or none of its documents is read.
    """
    pages, refused = [], None
    for name in member_names(data, "the archive"):
        try:
            pages.append(f"{name}\n{read_inner(read_member(data, name, most_bytes, 'the archive'), name)}")
        except RefusedDocument as error:
            refused = error
            pages.append(f"{name}: not read, {error}")
    if refused is not None and all(": not read, " in page[:4000] for page in pages):
        raise refused
    return "\f".join(pages), ""


def _outermost(archive: zipfile.ZipFile, member: str) -> str:
    place = member.find(WITHIN)
    while place >= 0:
        if member[:place] in archive.NameToInfo:
            return member[:place]
        place = member.find(WITHIN, place + 1)
    raise MalformedDocument(expected("the archive", f"one with {member[:200]}", "none"))


def _is_document(part: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(part.filename).parts
    named = [each for each in parts if each not in {".", ".."}]
    return not part.is_dir() and bool(named) and not any(each.startswith((".", "__MACOSX")) for each in named)


def find_members(
    data: bytes, most_bytes: int, what: str, depth: int = 1
) -> Iterator[str | tuple[str, RefusedDocument]]:
    """The documents of an archive and of those within, by the names that `read_member` takes; or why one is not had.

    Raises:
        RefusedDocument: it cannot be opened, has more than `MOST_MEMBERS`, or none.
    """
    names = member_names(data, what)
    if not names:
        raise EmptyDocument(expected(f"the archive {what}", "one with documents in it", "none"))
    for name in names:
        if not name.lower().endswith(".zip"):
            yield name
            continue
        try:
            if depth >= MOST_DEPTH:
                raise BombDocument(expected(f"archives in {what}", f"at most {MOST_DEPTH} within each other", "more"))
            within = list(find_members(read_member(data, name, most_bytes, what), most_bytes, name, depth + 1))
        except RefusedDocument as refused:
            yield name, refused
            continue
        for each in within:
            yield f"{name}{WITHIN}{each}" if isinstance(each, str) else (f"{name}{WITHIN}{each[0]}", each[1])
