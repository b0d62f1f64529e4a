"""The head of a safetensors file: a length, then JSON with each tensor's type, sizes and place."""

from __future__ import annotations

import math
import struct

import msgspec

from serdab.core import expected
from serdab.models.errors import BadModelFile
from serdab.models.headers.stores import Reading, Span
from serdab.models.headers.tensors import Tensor

#: Longest head, bytes; the format's own limit.
MOST_HEAD_BYTES = 100_000_000
MOST_TENSORS = 200_000
_BITS = {
    "F64": 64, "I64": 64, "U64": 64, "C64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16,
    "U16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I8": 8, "U8": 8,
    "BOOL": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip


class _Described(msgspec.Struct, frozen=True):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def head_size(data: bytes, file_size: int) -> int:
    """Bytes of the head with its length, from the first eight bytes.

    Raises:
        BadModelFile: it is no safetensors file, or too short for its head.
    """
    if len(data) < 8:
        raise BadModelFile(expected("a safetensors file", "8 bytes or more", len(data), "is it whole?"))
    size: int = struct.unpack("<Q", data[:8])[0]
    if size > min(MOST_HEAD_BYTES, file_size - 8):
        raise BadModelFile(
            expected("the head of a safetensors file", f"at most {min(MOST_HEAD_BYTES, file_size - 8):,} bytes", size)
        )
    return 8 + size


def read_safetensors(data: bytes, file_size: int) -> Reading[tuple[Tensor, ...]]:
    """The tensors of one file.

    Args:
        data: its first bytes, 8 or more.
        file_size: of the whole file, bytes.

    Raises:
        BadModelFile: it is no safetensors file, truncated, or describes what cannot be.
    """
    size = head_size(data, file_size)
    if len(data) < size:
        data += yield Span(len(data), size - len(data))
    if len(data) < size:
        raise BadModelFile(expected("the file", f"{size:,} bytes or more", len(data), "is it whole?"))
    try:
        head = msgspec.json.decode(data[8:size], type=dict[str, msgspec.Raw])
        head.pop("__metadata__", None)
        if len(head) > MOST_TENSORS:
            raise BadModelFile(expected("the number of tensors", f"at most {MOST_TENSORS:,}", len(head)))
        described = {name: msgspec.json.decode(raw, type=_Described) for name, raw in head.items()}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadModelFile(
            expected("the head of a safetensors file", "JSON as the format has it", str(error))
        ) from error
    tensors = tuple(_tensor(name, each, file_size - size) for name, each in described.items())
    _check_places(described)
    return tensors


def _check_places(described: dict[str, _Described]) -> None:
    """Refuse tensors that lie on each other: their bytes would count twice."""
    before = 0
    for name, each in sorted(described.items(), key=lambda pair: pair[1].data_offsets):
        begin, end = each.data_offsets
        if begin < before:
            to_be = f"{before:,} or more, where the tensor before it ends"
            raise BadModelFile(expected(f"the place of {name[:80]}", to_be, begin))
        before = end


def _tensor(name: str, described: _Described, room: int) -> Tensor:
    begin, end = described.data_offsets
    if described.dtype not in _BITS:
        raise BadModelFile(expected(f"the type of {name[:80]}", f"one of {', '.join(_BITS)}", described.dtype))
    if len(described.shape) > 16 or any(not 0 <= size < 1 << 40 for size in described.shape):
        raise BadModelFile(expected(f"the sizes of {name[:80]}", "up to 16, from 0 to 2^40", described.shape[:16]))
    if not 0 <= begin <= end <= room:
        raise BadModelFile(
            expected(f"the place of {name[:80]}", f"within {room:,} bytes", (begin, end), "is it whole?")
        )
    elements = math.prod(described.shape)
    wanted = elements * _BITS[described.dtype] // 8
    if wanted != end - begin:
        raise BadModelFile(expected(f"{name[:80]}", f"{wanted:,} bytes, as its sizes say", end - begin))
    return Tensor(name, elements, end - begin, described.dtype)
