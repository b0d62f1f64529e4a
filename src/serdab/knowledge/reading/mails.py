"""Electronic mail."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

from serdab.core import expected
from serdab.knowledge.reading.plain import read_html
from serdab.knowledge.reading.refusals import MalformedDocument

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
MOST_PARTS = 1000


def read_eml(data: bytes) -> tuple[str, str]:
    """Headers that matter, the text, and the names of what is attached.

    Raises:
        MalformedDocument: it has no header at all.
    """
    mail = message_from_bytes(data, policy=policy.default)
    if not isinstance(mail, EmailMessage) or not any(mail.get(name) for name in _HEADERS):
        raise MalformedDocument(expected("the mail", "headers like From and Subject before its text", bytes(data[:40])))
    lines = [f"{name}: {value}" for name in _HEADERS if (value := _header(mail, name))]
    lines += ["", _body(mail)]
    for part in mail.iter_attachments():
        size = len(part.get_payload(decode=True) or b"")
        lines.append(f"Attachment: {part.get_filename() or 'without a name'} ({size:,} bytes)")
    return "\n".join(lines), _header(mail, "Subject")[:120]


def _header(mail: EmailMessage, name: str) -> str:
    try:
        return str(mail.get(name) or "").replace("\n", " ")
    except (ValueError, IndexError, AttributeError):  # headers that the parser of the library trips over
        return ""


def _body(mail: EmailMessage) -> str:
    part = mail.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    payload = part.get_payload(decode=True) or b""
    if not isinstance(payload, bytes):
        return ""
    if part.get_content_type() == "text/html":
        return read_html(payload)[0]
    try:
        return payload.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        return payload.decode("utf-8", "replace")
