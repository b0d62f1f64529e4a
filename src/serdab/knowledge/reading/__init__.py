"""From bytes to text: one module a family of formats; what cannot be read is refused with its reason."""

from serdab.knowledge.reading.archives import read_member
from serdab.knowledge.reading.charsets import decode
from serdab.knowledge.reading.documents import ReadDocument, read_document
from serdab.knowledge.reading.einvoices import LABELS as EINVOICE_LABELS
from serdab.knowledge.reading.kinds import MAIL
from serdab.knowledge.reading.paths import path_from_text, path_to_text, shown_path
from serdab.knowledge.reading.quoting import MailPart, find_mail_parts
from serdab.knowledge.reading.refusals import (
    BombDocument,
    EmptyDocument,
    EncryptedDocument,
    MalformedDocument,
    RefusedDocument,
    TextlessDocument,
    TooLargeDocument,
    UnreachableDocument,
    UnsupportedDocument,
    refused,
)
from serdab.knowledge.reading.sources import Refusal, Source, find_sources, too_large

__all__ = [
    "EINVOICE_LABELS",
    "MAIL",
    "BombDocument",
    "EmptyDocument",
    "EncryptedDocument",
    "MailPart",
    "MalformedDocument",
    "ReadDocument",
    "Refusal",
    "RefusedDocument",
    "Source",
    "TextlessDocument",
    "TooLargeDocument",
    "UnreachableDocument",
    "UnsupportedDocument",
    "decode",
    "find_mail_parts",
    "find_sources",
    "path_from_text",
    "path_to_text",
    "read_document",
    "read_member",
    "refused",
    "shown_path",
    "too_large",
]
