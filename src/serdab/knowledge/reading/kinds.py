"""What kind of document some bytes are: by what they say, and where they say nothing, by the name."""

from __future__ import annotations

from pathlib import PurePath

from serdab.core import expected
from serdab.knowledge.reading.einvoices import is_einvoice, root_of
from serdab.knowledge.reading.outlook_parcels import SIGNATURE
from serdab.knowledge.reading.refusals import AGAIN, MalformedDocument, UnsupportedDocument, encrypted

_OFFICE = "application/vnd.openxmlformats-officedocument."
DOCX = _OFFICE + "wordprocessingml.document"
XLSX = _OFFICE + "spreadsheetml.sheet"
PPTX = _OFFICE + "presentationml.presentation"
PDF = "application/pdf"
RTF = "application/rtf"
ZIP = "application/zip"
PARCEL = "application/ms-tnef"
MAIL = "message/rfc822"
CSV = "text/csv"
HTML = "text/html"
MARKDOWN = "text/markdown"
TEXT = "text/plain"
XML = "application/xml"

#: File endings and what they promise. Those with an m hold macros, of which nothing is run or read.
MEDIA_TYPES = {
    ".csv": CSV,
    ".docm": DOCX,
    ".docx": DOCX,
    ".eml": MAIL,
    ".htm": HTML,
    ".html": HTML,
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".markdown": MARKDOWN,
    ".md": MARKDOWN,
    ".pdf": PDF,
    ".png": "image/png",
    ".pptm": PPTX,
    ".pptx": PPTX,
    ".rtf": RTF,
    ".text": TEXT,
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".tsv": CSV,
    ".txt": TEXT,
    ".xhtml": HTML,
    ".xlsm": XLSX,
    ".xlsx": XLSX,
    ".xml": XML,
    ".zip": ZIP,
}
IMAGES = ("image/jpeg", "image/png", "image/tiff")
_ZIPPED = {DOCX: b"word/", XLSX: b"xl/", PPTX: b"ppt/"}
_BEGINNINGS = {
    SIGNATURE: PARCEL,
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
}
_OTHERS = {b"GIF8": "a GIF image", b"\x7fELF": "a program", b"MZ\x90\0": "a program",
           b"\x1f\x8b": "gzip", b"7z\xbc\xaf": "7-zip", b"Rar!": "RAR"}  # fmt: skip
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
#: What the streams of an Outlook message (.msg) are called.
_OUTLOOK = "__substg1.0_".encode("utf-16-le")
#: What the first part of an OpenDocument file and of an e-book is called, and where (OpenDocument 1.3, part 2, 3.3).
_TYPED, _TYPED_AT = b"mimetypeapplication/", 30
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def media_type_of(data: bytes, name: str) -> str:
    """The media type by content first, by ending second.

    Raises:
        UnsupportedDocument: nothing here reads it.
        EncryptedDocument: it is an office document behind a password.
        MalformedDocument: the ending promises what the bytes are not.
    """
    ending = PurePath(name).suffix.lower()
    promised = MEDIA_TYPES.get(ending)
    head = data[:1024].lstrip()
    if b"%PDF-" in head and (promised == PDF or head.startswith(b"%PDF-")):
        return PDF
    if head.startswith(b"{\\rtf"):
        return RTF
    if data.startswith(_TYPED, _TYPED_AT):
        what, todo = "an OpenDocument file or an e-book", "save it as one of these"
        raise UnsupportedDocument(expected(f"the document {name}", "docx, xlsx, pptx or pdf", what, todo))
    if data.startswith(b"PK\x03\x04") or data.startswith(b"PK\x05\x06"):
        return _zipped(data, promised)
    _refuse_others(data, name, promised)
    if promised == XML or is_einvoice(data):
        return _xml(data, name)
    for magic, what in _BEGINNINGS.items():
        if data.startswith(magic):
            return what
    if promised in (PDF, DOCX, XLSX, PPTX, RTF, ZIP, *IMAGES):
        begins = bytes(data[:16]).decode("ascii", "backslashreplace")
        todo = f"give it the ending of what it is, or {AGAIN}"
        got = f"one that begins {begins}"
        raise MalformedDocument(expected(f"the document {name}", f"a real {ending} file", got, todo))
    if promised is None and ending:
        known = ", ".join(sorted(MEDIA_TYPES))
        raise UnsupportedDocument(expected(f"the ending of {name}", f"one of {known}, .jsonl", ending))
    is_page = promised in (TEXT, None) and head[:14].lower().startswith((b"<!doctype html", b"<html"))
    return HTML if is_page else promised or TEXT


def _zipped(data: bytes, promised: str | None) -> str:
    """An office document or an archive: its list of parts, near the end, tells; the ending decides where it is lost."""
    parts = data[-2_100_000:]
    if promised in _ZIPPED and _ZIPPED[promised] in parts:
        return promised
    for media_type, folder in _ZIPPED.items():
        if folder in parts and b"[Content_Types].xml" in parts:
            return media_type
    return promised if promised in _ZIPPED else ZIP


def _xml(data: bytes, name: str) -> str:
    """XML is told by its root: of its many kinds one is read."""
    if is_einvoice(data):
        return XML
    root = root_of(data)
    if not root:
        raise MalformedDocument(
            expected(f"the document {name}", "well-formed XML", "a fault before its first element", AGAIN)
        )
    wanted, todo = "an electronic invoice (UBL or CII of EN 16931)", "send what a person reads, as pdf or html"
    raise UnsupportedDocument(expected(f"the XML {name}", wanted, f"one that begins with {root[:200]}", todo))


def _refuse_others(data: bytes, name: str, promised: str | None) -> None:
    """Files that are known for what they are, and not read."""
    if data.startswith(_OLE):
        if promised in _ZIPPED or _ENCRYPTED in data:
            raise encrypted(f"the document {name}")
        if _OUTLOOK in data:
            todo = "save it as one"
            raise UnsupportedDocument(expected(f"the document {name}", "a mail as .eml", "an Outlook message", todo))
        what, todo = "an office file of before 2007", "save it as one of these"
        raise UnsupportedDocument(expected(f"the document {name}", "docx, xlsx or pptx", what, todo))
    for magic, what in _OTHERS.items():
        if data.startswith(magic):
            raise UnsupportedDocument(expected(f"the document {name}", "text, mail, pdf or office", what))
