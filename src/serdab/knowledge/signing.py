"""Signatures of what is delivered to a URL, in the way of the Standard Webhooks specification.

The other side learns that a receipt comes from this house, unchanged and not long ago: an HMAC-SHA256 of
`id.timestamp.body` under a secret that both know.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from serdab.core import BadSetting

#: Front of a secret that is written in base64.
PREFIX = "whsec_"
_LEAST_BYTES = 16


def secret_of(text: str) -> bytes:
    """The bytes of a secret: `whsec_` and base64, or any text of 16 characters and more.

    Raises:
        BadSetting: it is too short, or no base64; the message does not show it.
    """
    todo = "make one by: python -c 'import base64,os;print(\"whsec_\"+base64.b64encode(os.urandom(32)).decode())'"
    try:
        secret = (
            base64.b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else text.encode()
        )
    except binascii.Error:
        secret = b""
    if len(secret) < _LEAST_BYTES:
        raise BadSetting(
            f"expected documents.webhook_secret to be {PREFIX} with base64 of {_LEAST_BYTES} bytes at least, or a text "
            f"of as many, got something else; {todo}"
        )
    return secret


def signature_headers(secret: bytes, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The three headers of a signed delivery.

    Args:
        secret: known to both sides.
        message_id: the same at every try of the same delivery.
        timestamp_s: of this try, seconds since 1970.
        body: what is sent, byte for byte.
    """
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    digest = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp_s), "webhook-signature": f"v1,{digest}"}
