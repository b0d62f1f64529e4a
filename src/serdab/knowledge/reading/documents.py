"""One document's bytes to its text, by what the bytes say and, where they say nothing, by the name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from serdab.core import expected
from serdab.knowledge.reading.mails import read_eml
from serdab.knowledge.reading.packages import read_docx
from serdab.knowledge.reading.pages import read_pdf
from serdab.knowledge.reading.plain import read_csv, read_html, read_text
from serdab.knowledge.reading.refusals import EmptyDocument, MalformedDocument, UnsupportedDocument

#: Most characters of text that a document may have.
MOST_CHARACTERS = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDocument:
    """What a document says."""

    text: str
    title: str
    media_type: str


_Reader = Callable[[bytes], tuple[str, str]]

_READERS: dict[str, _Reader] = {
    "application/pdf": read_pdf,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": read_docx,
    "message/rfc822": read_eml,
    "text/csv": read_csv,
    "text/html": read_html,
    "text/markdown": read_text,
    "text/plain": read_text,
}

#: File endings and what they promise.
MEDIA_TYPES = {
    ".csv": "text/csv",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".eml": "message/rfc822",
    ".htm": "text/html",
    ".html": "text/html",
    ".markdown": "text/markdown",
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".text": "text/plain",
    ".txt": "text/plain",
}

_BINARY = {b"\x89PNG": "PNG image", b"\xff\xd8\xff": "JPEG image", b"GIF8": "GIF image", b"\x7fELF": "program"}


def read_document(data: bytes, name: str) -> ReadDocument:
    """Read one document; meant for a process that can be killed.

    Args:
        data: the whole file.
        name: its file name, for its ending and as a title of last resort.

    Raises:
        RefusedDocument: it cannot be read; the class says why.
    """
    if not data.strip(b" \t\r\n\0"):
        raise EmptyDocument(
            expected(f"the document {name}", "a file with something in it", f"{len(data):,} empty bytes")
        )
    media_type = media_type_of(data, name)
    try:
        text, title = _READERS[media_type](data)
    except RecursionError as error:
        raise MalformedDocument(expected(f"the document {name}", "nested reasonably", "too deep")) from error
    return ReadDocument(text=text[:MOST_CHARACTERS], title=title or PurePath(name).stem, media_type=media_type)


def media_type_of(data: bytes, name: str) -> str:
    """The media type by content first, by ending second.

    Raises:
        UnsupportedDocument: nothing here reads it.
        MalformedDocument: the ending promises what the bytes are not.
    """
    ending = PurePath(name).suffix.lower()
    promised = MEDIA_TYPES.get(ending)
    head = data[:1024].lstrip()
    if head.startswith(b"%PDF-"):
        return "application/pdf"
    if data.startswith(b"PK\x03\x04"):
        if b"word/" in data or promised == MEDIA_TYPES[".docx"]:
            return MEDIA_TYPES[".docx"]
        raise UnsupportedDocument(expected(f"the document {name}", f"one of {', '.join(sorted(MEDIA_TYPES))}", "a zip"))
    if promised in (MEDIA_TYPES[".pdf"], MEDIA_TYPES[".docx"]):
        raise MalformedDocument(expected(f"the document {name}", f"a real {ending} file", bytes(data[:16])))
    for magic, what in _BINARY.items():
        if data.startswith(magic):
            raise UnsupportedDocument(expected(f"the document {name}", "text, mail, pdf or docx", what))
    if promised is None and ending:
        raise UnsupportedDocument(
            expected(f"the ending of {name}", f"one of {', '.join(sorted(MEDIA_TYPES))}, .jsonl", ending)
        )
    return promised or "text/plain"
