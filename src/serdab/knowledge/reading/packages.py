"""Word documents: zip files, looked at before they are unfolded."""

from __future__ import annotations

import io
import zipfile

from serdab.core import expected
from serdab.knowledge.reading.refusals import BombDocument, EncryptedDocument, MalformedDocument

#: Most bytes that all parts may unfold to, and most times a part may grow.
MOST_UNFOLDED = 200_000_000
MOST_RATIO = 200
_CONTENT = "word/document.xml"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_BREAKS = {f"{_W}tab": "\t", f"{_W}br": "\n"}


def read_docx(data: bytes) -> tuple[str, str]:
    """Paragraphs and table rows in reading order.

    Raises:
        BombDocument: it unfolds to far more than it is.
        EncryptedDocument: it needs a password.
        MalformedDocument: it is no Word document.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _look(archive)
            content = archive.read(_CONTENT)
            title = _title(archive)
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, OSError) as error:
        raise MalformedDocument(expected("the docx", f"a zip with {_CONTENT}", str(error))) from error
    return "\n".join(_paragraphs(content)), title


def _look(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    unfolded = sum(part.file_size for part in parts)
    if unfolded > MOST_UNFOLDED or any(
        part.file_size > 1_000_000 and part.file_size > MOST_RATIO * max(part.compress_size, 1) for part in parts
    ):
        raise BombDocument(expected("the docx", f"at most {MOST_UNFOLDED:,} bytes unfolded", f"{unfolded:,}"))
    if any(part.flag_bits & 1 for part in parts):
        raise EncryptedDocument(expected("the docx", "readable without a password", "an encrypted one"))


def _root(content: bytes) -> object:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise MalformedDocument(expected("the text of the docx", "well-formed XML", str(error))) from error


def _paragraphs(content: bytes) -> list[str]:
    lines = []
    for paragraph in _root(content).iter(f"{_W}p"):  # type: ignore[attr-defined]
        nodes = paragraph.iter(f"{_W}t", f"{_W}tab", f"{_W}br")
        lines.append("".join(node.text or "" if node.tag == f"{_W}t" else _BREAKS[node.tag] for node in nodes))
    return lines


def _title(archive: zipfile.ZipFile) -> str:
    if "docProps/core.xml" not in archive.namelist():
        return ""
    for node in _root(archive.read("docProps/core.xml")).iter("{http://purl.org/dc/elements/1.1/}title"):  # type: ignore[attr-defined]
        return (node.text or "")[:120]
    return ""
