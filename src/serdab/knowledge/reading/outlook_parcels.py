"""`winmail.dat`, in which Outlook wraps what came with a mail (TNEF, [MS-OXTNEF])."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from serdab.core import expected
from serdab.knowledge.reading.charsets import decode
from serdab.knowledge.reading.refusals import EmptyDocument, RefusedDocument

#: The first bytes of every parcel: 0x223E9F78; a key of two bytes follows.
SIGNATURE = b"\x78\x9f\x3e\x22"
#: Most attachments that are read.
MOST_ATTACHMENTS = 50
_START = 6
#: An attribute: its level, its number, the length of its data; behind the data stand two bytes of checksum.
_ATTRIBUTE = struct.Struct("<BII")
_CHECKSUM = 2
#: Numbers of attributes: an attachment begins, its short name, its bytes, its further properties.
_BEGINS, _TITLE, _DATA, _PROPERTIES = 0x00069002, 0x00018010, 0x0006800F, 0x00069005
#: Type and number of the property that has the long name, in UTF-16, and what stands before the name: count and length.
_LONG_NAME, _COUNTED = struct.pack("<HH", 0x001F, 0x3707), struct.Struct("<II")
_MOST_NAME = 500


def read_parcel(data: bytes, read_inner: Callable[[bytes, str], str]) -> tuple[str, str]:
    """What each attachment says, a form feed between them.

    Raises:
        EmptyDocument: there is no attachment in it.
    """
    pages = []
    for name, content in _attachments(data):
        heading = f"Attachment: {name or 'without a name'} ({len(content):,} bytes)"
        try:
            pages.append(f"{heading}\n{read_inner(content, name)}")
        except RefusedDocument as refused:
            pages.append(f"{heading}: not read, {refused}")
        if len(pages) == MOST_ATTACHMENTS:
            break
    if not pages:
        raise EmptyDocument(expected("what Outlook wrapped", "attachments", "none"))
    return "\f".join(pages), ""


def _attachments(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each attachment; what breaks off ends them."""
    name, content = "", b""
    for number, value in _attributes(data):
        if number == _BEGINS:
            if content:
                yield name, content
            name, content = "", b""
        elif number == _TITLE:
            name = name or decode(value[:_MOST_NAME].partition(b"\0")[0])
        elif number == _DATA:
            content = value
        elif number == _PROPERTIES:
            name = _long_name(value) or name
    if content:
        yield name, content


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = _START
    while place + _ATTRIBUTE.size <= len(data):
        _, number, length = _ATTRIBUTE.unpack_from(data, place)
        place += _ATTRIBUTE.size
        yield number, data[place : place + length]
        place += length + _CHECKSUM


def _long_name(properties: bytes) -> str:
    place = properties.find(_LONG_NAME) + len(_LONG_NAME)
    if place < len(_LONG_NAME) or place + _COUNTED.size > len(properties):
        return ""
    _, length = _COUNTED.unpack_from(properties, place)
    place += _COUNTED.size
    return properties[place : place + min(length, _MOST_NAME)].decode("utf-16-le", "replace").partition("\0")[0]
