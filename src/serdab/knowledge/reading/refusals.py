"""Why a document was not read.

SerdabError
└── BadInput
    └── RefusedDocument
        ├── EmptyDocument           nothing in it
        ├── TooLargeDocument        more bytes, or more text, than is read
        ├── EncryptedDocument       needs a password
        ├── BombDocument            unfolds to far more than it is
        ├── MalformedDocument       is not what its name or its first bytes say
        ├── TextlessDocument        pictures of pages, no text
        ├── UnsupportedDocument     a kind of file that is not read
        └── UnreachableDocument     not there, or not for us
"""

from __future__ import annotations

from typing import ClassVar

from serdab.core import BadInput, expected

#: What to do about a file that is broken.
AGAIN = "get the file again from where it came"


class RefusedDocument(BadInput):
    """The document cannot be read."""

    code = "document_refused"
    retryable: ClassVar[bool] = False


class EmptyDocument(RefusedDocument):
    """There is nothing in the document."""

    code = "document_empty"


class TooLargeDocument(RefusedDocument):
    """The document has more bytes, or more text, than is read."""

    code = "document_too_large"


class EncryptedDocument(RefusedDocument):
    """The document needs a password."""

    code = "document_encrypted"


class BombDocument(RefusedDocument):
    """The document unfolds to far more than it is."""

    code = "document_bomb"


class MalformedDocument(RefusedDocument):
    """The document is not what its name or its first bytes say."""

    code = "document_malformed"


class TextlessDocument(RefusedDocument):
    """The document has pages but no text: it is a picture."""

    code = "document_without_text"


class UnsupportedDocument(RefusedDocument):
    """Files of this kind are not read."""

    code = "document_unsupported"


class UnreachableDocument(RefusedDocument):
    """The document is not there, or not for us."""

    code = "document_unreachable"


def encrypted(what: str) -> EncryptedDocument:
    """The refusal of a document behind a password."""
    todo = "remove the password, or save it without one, and send it again"
    return EncryptedDocument(expected(what, "readable without a password", "an encrypted one", todo))


def refused(code: str, reason: str) -> RefusedDocument:
    """The error of a code, with its reason."""
    kinds = {kind.code: kind for kind in RefusedDocument.__subclasses__()}
    return kinds.get(code, RefusedDocument)(reason)
