"""Payloads of rows: small ones stay in the row, large ones go to a file and leave a claim check.

SerdabError
└── BadInput
    ├── PayloadTooLarge     more bytes than `flow.most_bytes` allows
    └── BadClaim            a claim check that is none, or a file that is not what it says

A payload is JSON (`serdab.flow.encoding`), which never starts with the byte 1; a claim check always does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from serdab.core import BadInput, expected
from serdab.flow.arguments import ArgumentsCodec, hints_of, result_codec, signature_codec
from serdab.flow.encoding import Codec, NotDecodable, NotEncodable, codec_of

if TYPE_CHECKING:
    from serdab.store import Blobs

__all__ = [
    "ArgumentsCodec",
    "BadClaim",
    "Codec",
    "NotDecodable",
    "NotEncodable",
    "PayloadTooLarge",
    "Payloads",
    "codec_of",
    "hints_of",
    "result_codec",
    "signature_codec",
]

_MARK = b"\x01"
_DIGEST_BYTES = 32
_LENGTH_BYTES = 8
_CLAIM_BYTES = 1 + _DIGEST_BYTES + _LENGTH_BYTES


class PayloadTooLarge(BadInput):
    """A payload has more bytes than the setting `flow.most_bytes` allows."""

    code = "payload_too_large"
    retryable: ClassVar[bool] = False


class BadClaim(BadInput):
    """A claim check does not name a stored payload."""

    code = "bad_claim"


class Payloads:
    """Packs payloads for rows and unpacks them again."""

    def __init__(self, blobs: Blobs, inline_bytes: int, most_bytes: int) -> None:
        """Keep up to `inline_bytes` in the row, put up to `most_bytes` into `blobs`, refuse more."""
        self._blobs = blobs
        self._inline_bytes = inline_bytes
        self._most_bytes = most_bytes

    def needs_file(self, data: bytes) -> bool:
        """Whether `pack` would do more than return the data: ask first, it saves an await."""
        return len(data) > self._inline_bytes

    async def pack(self, data: bytes, what: str = "the payload") -> bytes:
        """What to keep in the row.

        Raises:
            PayloadTooLarge: there are more than `most_bytes`; `what` names the payload.
        """
        size = len(data)
        if size <= self._inline_bytes:
            return data
        if size > self._most_bytes:
            raise PayloadTooLarge(
                expected(
                    what, f"at most {self._most_bytes:,} bytes", size,
                    "keep the data in a file of your own and pass its path, or raise flow.most_bytes",
                )
            )  # fmt: skip
        return _MARK + await self._blobs.put(data) + size.to_bytes(_LENGTH_BYTES, "big")

    async def unpack(self, data: bytes) -> bytes:
        """The payload of what `pack` gave.

        Raises:
            BadClaim: the claim check is damaged, or its file has another length.
        """
        if data[:1] != _MARK:
            return data
        if len(data) != _CLAIM_BYTES:
            raise BadClaim(expected("a claim check", f"{_CLAIM_BYTES} bytes", data))
        payload = await self._blobs.get(data[1 : 1 + _DIGEST_BYTES])
        size = int.from_bytes(data[1 + _DIGEST_BYTES :], "big")
        if len(payload) != size:
            raise BadClaim(expected(f"the payload {data[1:9].hex()}…", f"{size:,} bytes", len(payload)))
        return payload
