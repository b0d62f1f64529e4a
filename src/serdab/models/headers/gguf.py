"""The head of a GGUF file: metadata and tensors. Counts, lengths and offsets are believed only within bounds.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Arrays of a tokenizer are left out; over a network
even their bytes are (see `gguf_strings`).
"""

from __future__ import annotations

import math
import struct

import msgspec

from serdab.core import expected
from serdab.models.errors import BadModelFile
from serdab.models.headers.gguf_strings import jump, walk
from serdab.models.headers.gguf_types import TENSOR_TYPES
from serdab.models.headers.stores import Reading, Span
from serdab.models.headers.tensors import Tensor

#: Furthest that tensors may be described from the start of a file, bytes.
MOST_HEAD_BYTES = 64 << 20
MOST_KEYS = 65_536
MOST_TENSORS = 200_000
MOST_DIMENSIONS = 4
_MOST_KEY = 65_535
#: Longer strings, like templates of chats, are left out.
_MOST_STRING = 16_384
_MOST_KEPT = 4_096
_MOST_DEPTH = 3
#: Bytes that are asked for at once.
CHUNK = 32_768
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9

Value = bool | int | float | str | tuple[bool | int | float | str, ...]


class GgufHead(msgspec.Struct, frozen=True, kw_only=True):
    """What stands before the weights."""

    version: int
    #: Scalars, short strings and short arrays.
    metadata: dict[str, Value]
    #: Number of entries of the arrays that were left out.
    left_out: dict[str, int]
    tensors: tuple[Tensor, ...]
    data_offset: int


class _Cursor:
    """A place in the file and the bytes around it."""

    def __init__(self, data: bytes, file_size: int) -> None:
        self.data = data
        self.start = 0
        self.at = 0
        self.file_size = file_size

    def have(self, size: int) -> Reading[None]:
        """Make sure that the next `size` bytes are here."""
        if self.at + size > min(self.file_size, MOST_HEAD_BYTES):
            raise _bad("its head", f"within {min(self.file_size, MOST_HEAD_BYTES):,} bytes", self.at + size)
        place = self.at - self.start
        if place < 0 or place + size > len(self.data):
            self.data = yield Span(self.at, max(size, CHUNK))
            self.start = self.at
            if len(self.data) < size:
                raise _bad("the file", f"{self.at + size:,} bytes or more", self.at + len(self.data), "is it whole?")

    def take(self, size: int) -> Reading[bytes]:
        yield from self.have(size)
        place = self.at - self.start
        self.at += size
        return self.data[place : place + size]

    def number(self, form: str) -> Reading[int]:
        raw = yield from self.take(struct.calcsize("<" + form))
        value: int = struct.unpack("<" + form, raw)[0]
        return value

    def text(self, most: int, what: str) -> Reading[str]:
        length = yield from self.number("Q")
        if length > most:
            raise _bad(f"the length of {what}", f"at most {most:,}", length)
        raw = yield from self.take(length)
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise _bad(what, "UTF-8", raw[:40]) from error

    def skip(self, size: int) -> None:
        if self.at + size > min(self.file_size, MOST_HEAD_BYTES):
            raise _bad("its head", f"within {min(self.file_size, MOST_HEAD_BYTES):,} bytes", self.at + size)
        self.at += size


class _Found:
    """Metadata as it is collected."""

    def __init__(self) -> None:
        self.metadata: dict[str, Value] = {}
        self.left_out: dict[str, int] = {}
        #: Whether keys may have been jumped over, so that their number no longer says where they end.
        self.jumped = False
        #: Arrays inside of others, of all keys together.
        self.nested = 0


def read_gguf(data: bytes, file_size: int, sparse: bool) -> Reading[GgufHead]:
    """Read the head.

    Args:
        data: the first bytes of the file.
        file_size: of the whole file, bytes.
        sparse: find the end of long arrays of strings by a few looks instead of reading them all.

    Raises:
        BadModelFile: it is no GGUF, truncated, or describes what cannot be.
    """
    cursor = _Cursor(data, file_size)
    if (yield from cursor.take(4)) != b"GGUF":
        raise _bad("the file", "a GGUF", data[:4])
    version = yield from cursor.number("I")
    if version not in (2, 3):
        raise _bad("the version of the GGUF", "2 or 3, little-endian", version)
    tensor_count = yield from cursor.number("Q")
    key_count = yield from cursor.number("Q")
    if tensor_count > MOST_TENSORS:
        raise _bad("the number of tensors", f"at most {MOST_TENSORS:,}", tensor_count)
    if key_count > MOST_KEYS:
        raise _bad("the number of keys", f"at most {MOST_KEYS:,}", key_count)
    found = _Found()
    for _ in range(key_count):
        if found.jumped and (yield from _at_tensors(cursor)):
            break
        key = yield from cursor.text(_MOST_KEY, "a key")
        kind = yield from cursor.number("I")
        yield from _read_value(cursor, key, kind, found, sparse)
    alignment = found.metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 1 <= alignment <= 65_536 or alignment & (alignment - 1):
        raise _bad("general.alignment", "a power of two up to 65,536", alignment)
    described = []
    for _ in range(tensor_count):
        described.append((yield from _read_tensor(cursor)))  # noqa: PERF401 - a generator of its own
    data_offset = -(-cursor.at // alignment) * alignment
    _check_places(described, data_offset, alignment, file_size)
    return GgufHead(
        version=version,
        metadata=found.metadata,
        left_out=found.left_out,
        tensors=tuple(tensor for tensor, _ in described),
        data_offset=data_offset,
    )


def _read_value(cursor: _Cursor, key: str, kind: int, found: _Found, sparse: bool) -> Reading[None]:
    if kind in _SCALARS:
        found.metadata[key] = yield from cursor.number(_SCALARS[kind])
    elif kind == _STRING:
        length = yield from cursor.number("Q")
        if length > _MOST_STRING:
            cursor.skip(length)
        else:
            raw = yield from cursor.take(length)
            found.metadata[key] = raw.decode(errors="replace")
    elif kind == _ARRAY:
        yield from _read_array(cursor, key, found, sparse, depth=1)
    else:
        raise _bad(f"the type of {key[:80]}", "0 to 12", kind)


def _read_array(cursor: _Cursor, key: str, found: _Found, sparse: bool, depth: int) -> Reading[None]:
    kind = yield from cursor.number("I")
    length = yield from cursor.number("Q")
    found.left_out[key] = length
    if kind in _SCALARS:
        size = struct.calcsize("<" + _SCALARS[kind])
        if length <= _MOST_KEPT:
            raw = yield from cursor.take(size * length)
            found.metadata[key] = struct.unpack(f"<{length}{_SCALARS[kind]}", raw)
            del found.left_out[key]
        else:
            cursor.skip(size * length)
    elif kind == _STRING:
        yield from _skip_strings(cursor, length, found, sparse)
    elif kind == _ARRAY and depth < _MOST_DEPTH and found.nested + length <= _MOST_KEPT:
        found.nested += length
        for _ in range(length):
            yield from _read_array(cursor, key, found, sparse, depth + 1)
    else:
        to_be = f"of a known type, nested {_MOST_DEPTH} deep at most, with {_MOST_KEPT:,} arrays in all"
        raise _bad(f"the array {key[:80]}", to_be, f"type {kind}, {length:,} entries")


def _skip_strings(cursor: _Cursor, length: int, found: _Found, sparse: bool) -> Reading[None]:
    """Pass an array of strings, by reading them or by looking where they end."""
    limit = min(cursor.file_size, MOST_HEAD_BYTES)
    if length * 8 > limit - cursor.at:
        raise _bad("an array of strings", f"within {limit:,} bytes", f"{length:,} strings")
    left = length
    while left:
        yield from cursor.have(8)
        place, walked = walk(cursor.data, cursor.at - cursor.start, left)
        moved = cursor.start + place - cursor.at
        cursor.at += moved
        left -= walked
        if left * 9 > CHUNK and sparse:
            end = yield from jump(cursor.at, left, limit)
            if end is not None:
                cursor.at = end
                found.jumped = True
                return
            sparse = False
        if left and not moved:
            size = yield from cursor.number("Q")
            cursor.skip(size)
            left -= 1


def _at_tensors(cursor: _Cursor) -> Reading[bool]:
    """Whether a description of a tensor stands here, and no key: what would be its sizes says so."""
    before = cursor.at
    try:
        yield from _read_tensor(cursor)
    except BadModelFile:
        return False
    finally:
        cursor.at = before
    return True


def _read_tensor(cursor: _Cursor) -> Reading[tuple[Tensor, int]]:
    """A tensor and its offset among the weights."""
    name = yield from cursor.text(256, "the name of a tensor")
    dimensions = yield from cursor.number("I")
    if not 1 <= dimensions <= MOST_DIMENSIONS:
        raise _bad(f"the dimensions of {name[:80]}", f"1 to {MOST_DIMENSIONS}", dimensions)
    sizes = struct.unpack(f"<{dimensions}Q", (yield from cursor.take(8 * dimensions)))
    kind = yield from cursor.number("I")
    offset = yield from cursor.number("Q")
    if not all(0 < size < 1 << 32 for size in sizes) or (elements := math.prod(sizes)) > 1 << 44:
        raise _bad(f"the sizes of {name[:80]}", "1 to 2^32, and 2^44 together", sizes)
    if kind not in TENSOR_TYPES:
        raise _bad(f"the type of {name[:80]}", "a type of ggml that Serdab knows", kind)
    type_name, block, block_bytes = TENSOR_TYPES[kind]
    if sizes[0] % block:
        raise _bad(f"the first size of {name[:80]}", f"a multiple of {block}, as {type_name} needs", sizes[0])
    return Tensor(name, elements, elements // block * block_bytes, type_name), offset


def _check_places(described: list[tuple[Tensor, int]], data_offset: int, alignment: int, file_size: int) -> None:
    end = 0
    for tensor, offset in sorted(described, key=lambda each: each[1]):
        if offset % alignment:
            raise _bad(f"the offset of {tensor.name[:80]}", f"a multiple of {alignment}", offset)
        if offset < end:
            raise _bad(f"the offset of {tensor.name[:80]}", f"{end:,} or more, where the tensor before it ends", offset)
        end = offset + tensor.bytes
    if data_offset + end > file_size:
        raise _bad("the file", f"{data_offset + end:,} bytes, to hold its tensors", file_size, "is it whole?")


def _bad(what: str, to_be: str, got: object, todo: str = "") -> BadModelFile:
    return BadModelFile(expected(what, to_be, got, todo))
