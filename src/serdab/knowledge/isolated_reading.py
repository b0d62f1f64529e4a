"""Files from outside are read in a process of its own that can be killed, under the limits of the settings."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

import msgspec

from serdab.core import Settings, expected
from serdab.flow import Step, step
from serdab.knowledge.reading import (
    TooLargeDocument,
    UnreachableDocument,
    path_from_text,
    read_document,
    read_member,
    shown_path,
)


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A document as plain text, before it is normalised."""

    text: str
    title: str
    media_type: str
    #: SHA-256 of what was read, hexadecimal.
    digest: str
    #: For a mail the id of the one that began the conversation; else empty.
    thread: str = ""
    #: From which page on it is an electronic invoice; 0: it is none and brings none.
    electronic_page: int = 0


@step(isolate="process")
def read(path: str, most_bytes: int, member: str = "", ocr: bool = False) -> Reading:
    """Read a file, or a member of an archive, in a process of its own: it may be broken, enormous or hostile."""
    place = path_from_text(path)
    name = PurePosixPath(shown_path(place)).name
    data = _bytes_of(place, most_bytes)
    if member:
        data = read_member(data, member, most_bytes, name)
    found = read_document(data, PurePosixPath(member).name if member else name, ocr=ocr)
    return Reading(
        text=found.text,
        title=found.title,
        media_type=found.media_type,
        digest=hashlib.sha256(data).hexdigest(),
        thread=found.thread,
        electronic_page=found.electronic_page,
    )


def bounded_read(settings: Settings) -> Step[[str, int, str, bool], Reading]:
    """`read` with the time and the memory that the settings give it."""
    limits = settings.documents
    return read.within(timeout_s=limits.read_timeout_s, memory=f"{limits.read_memory_mb}MB")


def _bytes_of(path: Path, most_bytes: int) -> bytes:
    """The content of a file that may have changed since somebody looked at it."""
    try:
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        what = expected(f"the document {shown_path(path)}", "a file that can be read", error.strerror)
        raise UnreachableDocument(what) from error
    if len(data) > most_bytes:
        todo = "raise documents.most_bytes"
        what = expected(f"the document {shown_path(path)}", f"at most {most_bytes:,} bytes", "a larger one", todo)
        raise TooLargeDocument(what)
    return data
