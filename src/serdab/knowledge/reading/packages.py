"""Zip files, looked at before they are unfolded, and the XML within."""

from __future__ import annotations

import io
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from serdab.core import expected
from serdab.knowledge.reading.refusals import AGAIN, BombDocument, MalformedDocument, encrypted

if TYPE_CHECKING:
    from lxml.etree import _Element

#: Most bytes that all parts may unfold to, and most times a part may grow.
MOST_UNFOLDED = 200_000_000
MOST_RATIO = 200
#: Most parts, and most bytes of their list.
MOST_PARTS = 10_000
MOST_LIST = 2_000_000
#: Largest part of XML that is built as a tree, which takes many times its bytes.
MOST_XML = 40_000_000
_SMALL = 1_000_000
#: Strict files (ISO/IEC 29500-1) name the same elements otherwise than all others (part 4); how far on they say so.
_STRICT = b"http://purl.oclc.org/ooxml/"
_STRICT_NAMES = re.compile(
    rb"http://purl\.oclc\.org/ooxml/((?:wordprocessing|presentation|spreadsheet|drawing)ml)/main"
)
_PROLOG = 5_000
#: The same thing in several forms, of which a program shows one; the first is the best (ECMA-376 part 3, 10.2).
FORMS = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
#: Flag of a part whose name is written in UTF-8 (APPNOTE 4.4.4, bit 11).
_IS_UTF8 = 0x800
_END = struct.Struct("<4s4H2LH")
_BROKEN = (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, OSError, ValueError, RuntimeError, zlib.error,
           struct.error, OverflowError)  # fmt: skip


@contextmanager
def open_package(data: bytes, what: str) -> Iterator[zipfile.ZipFile]:
    """A zip that is safe to unfold.

    Raises:
        BombDocument: it unfolds to far more than it is, or has too many parts.
        EncryptedDocument: it needs a password.
        MalformedDocument: it is no zip, or lacks a part that is asked for.
    """
    _look_at_list(data, what)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _look(archive, what)
            _name_as_meant(archive)
            yield archive
    except _BROKEN as error:
        raise MalformedDocument(expected(what, "a whole zip", str(error), AGAIN)) from error


def main_part(archive: zipfile.ZipFile, what: str, usual: str) -> str:
    """The name of the part that an office document begins with.

    Args:
        archive: the document.
        what: how to call it in errors.
        usual: where the part stands when the package does not tell.

    Raises:
        MalformedDocument: there is none.
    """
    name = next((name for kind, name in relations_of(archive, "").values() if kind == "officeDocument"), usual)
    if name not in archive.NameToInfo:
        raise MalformedDocument(expected(what, f"a zip with {usual}", "none", AGAIN))
    return name


def read_part(archive: zipfile.ZipFile, name: str, most_bytes: int = MOST_XML) -> bytes:
    """A part's bytes; what the list says of its size is not believed.

    Raises:
        BombDocument: it has more than `most_bytes`.
    """
    with archive.open(name) as part:
        content = part.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise BombDocument(expected(f"the part {name[:100]}", f"at most {most_bytes:,} bytes", "more"))
    return content


def parse_xml(content: bytes, what: str) -> _Element:
    """The root of some XML; entities are not unfolded, nothing is fetched.

    Raises:
        MalformedDocument: it is no XML, or nested too deeply.
    """
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
                             remove_comments=True, remove_pis=True)  # fmt: skip
    if _STRICT in content[:_PROLOG]:
        content = _STRICT_NAMES.sub(rb"http://schemas.openxmlformats.org/\1/2006/main", content)
    try:
        root: _Element = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MalformedDocument(expected(what, "well-formed XML", str(error)[:300], AGAIN)) from error
    return root


def relations_of(archive: zipfile.ZipFile, name: str) -> dict[str, tuple[str, str]]:
    """What a part refers to inside of its package: id → (last word of the type, name of the part)."""
    folder, file = posixpath.split(name)
    place = f"{folder}/_rels/{file}.rels".lstrip("/")
    if place not in archive.NameToInfo:
        return {}
    found = {}
    for node in parse_xml(read_part(archive, place), place).iter("{*}Relationship"):
        target = node.get("Target") or ""
        if node.get("TargetMode") != "External" and target:
            path = posixpath.normpath(target if target.startswith("/") else f"{folder}/{target}").lstrip("/")
            if path in archive.NameToInfo:
                found[node.get("Id") or ""] = ((node.get("Type") or "").rsplit("/", 1)[-1], path)
    return found


def title_of(archive: zipfile.ZipFile) -> str:
    """The title that the writer gave an office document."""
    if "docProps/core.xml" in archive.NameToInfo:
        for node in parse_xml(read_part(archive, "docProps/core.xml"), "the properties").iter("{*}title"):
            return " ".join((node.text or "").split())[:120]
    return ""


def _look_at_list(data: bytes, what: str) -> None:
    """Refuse a list of parts that would be costly before anything is made of it."""
    place = data.rfind(b"PK\5\6", max(0, len(data) - 66_000))
    if place < 0 or len(data) - place < _END.size:
        raise MalformedDocument(expected(what, "a whole zip", "one without its list of parts", AGAIN))
    parts, size = _END.unpack_from(data, place)[4:6]
    if parts > MOST_PARTS or size > MOST_LIST:
        raise BombDocument(expected(f"the parts of {what}", f"at most {MOST_PARTS:,}", f"{parts:,} in {size:,} bytes"))


def _look(archive: zipfile.ZipFile, what: str) -> None:
    parts = archive.infolist()
    unfolded = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS:
        raise BombDocument(expected(f"the parts of {what}", f"at most {MOST_PARTS:,}", f"{len(parts):,}"))
    if unfolded > MOST_UNFOLDED:
        raise BombDocument(expected(what, f"at most {MOST_UNFOLDED:,} bytes unfolded", f"{unfolded:,}"))
    for part in parts:
        if part.file_size > _SMALL and part.file_size > MOST_RATIO * max(part.compress_size, 1):
            allowed = f"at most {MOST_RATIO} times its {part.compress_size:,} packed bytes"
            raise BombDocument(expected(f"{part.filename} in {what}", allowed, f"{part.file_size:,}"))
    if any(part.flag_bits & 1 for part in parts):
        raise encrypted(what)


def _name_as_meant(archive: zipfile.ZipFile) -> None:
    """Give parts the names that their writer meant: UTF-8 that is not called so is read as code page 437.

    What is no UTF-8 stays: of a few letters nobody can tell the code page.
    """
    for part in archive.infolist():
        if part.flag_bits & _IS_UTF8 or part.filename.isascii():
            continue
        try:
            meant = part.filename.encode("cp437").decode()
        except ValueError:
            continue
        if archive.NameToInfo.get(part.filename) is part and meant not in archive.NameToInfo:
            archive.NameToInfo[meant] = archive.NameToInfo.pop(part.filename)
            part.filename = meant
