"""Vectors on their way: as bytes for the database, as text for the record of a step."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

Vector = NDArray[numpy.float32]
Vectors = NDArray[numpy.float32]

_HEADER = struct.Struct(">HH")


def to_database(vector: Vector) -> bytes:
    """Pgvector's own binary form."""
    return _HEADER.pack(len(vector), 0) + vector.astype(">f4").tobytes()


def from_database(data: bytes) -> Vector:
    """The reverse of `to_database`."""
    return numpy.frombuffer(data, ">f4", offset=_HEADER.size).astype(numpy.float32)


def to_text(vector: Vector) -> str:
    """Base64 of little-endian float32: four times shorter than decimals, and exact."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def from_text(text: str) -> Vector:
    """The reverse of `to_text`."""
    return numpy.frombuffer(base64.b64decode(text), "<f4").astype(numpy.float32)


def middle_of(vectors: Vectors) -> Vector:
    """The direction of several vectors together, of length one."""
    if len(vectors) == 1:
        first: Vector = vectors[0]
        return first
    total: Vector = vectors.mean(0)
    length = float(numpy.linalg.norm(total))
    return total if length == 0 else (total / length).astype(numpy.float32)


async def speak_vectors(connection: Any) -> None:
    """Let a connection take and give vectors as bytes in pgvector's binary form."""
    schema = await connection.fetchval(
        "select n.nspname from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typname = 'vector'"
    )
    await connection.set_type_codec("vector", schema=schema, encoder=_same, decoder=_same, format="binary")


def rows_of(vectors: Vectors) -> Sequence[bytes]:
    """Each row for the database."""
    return [to_database(row) for row in vectors]


def _same(data: bytes) -> bytes:
    return data
