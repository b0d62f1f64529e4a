"""Electronic mail: headers that matter, the text, then each attachment as a page of its own.

An attachment is part of its mail and not a source: the mail is delivered, labelled and found as one thing, its identity
is its own bytes, and whoever looks for what stood in the attachment wants the mail that brought it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message

from serdab.core import expected
from serdab.knowledge.reading.charsets import decode
from serdab.knowledge.reading.kinds import MEDIA_TYPES
from serdab.knowledge.reading.refusals import MalformedDocument, RefusedDocument
from serdab.knowledge.reading.web import read_html

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
#: Most parts that are looked at, attachments that are read, and characters of a header.
MOST_PARTS = 1000
MOST_ATTACHMENTS = 50
MOST_HEADER = 10_000
#: The parser compares each line with every open boundary: more kinds of boundaries than that are an attack.
MOST_BOUNDARIES = 100
_BOUNDARY = re.compile(rb"boundary\s{0,5}=", re.IGNORECASE)
#: A text, plain before web page, and what tells a reader nothing.
_TEXTS = ("text/plain", "text/html")
_SIGNATURES = ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
#: A name for what has none, by its type.
_ENDINGS = {media_type: f"attachment{ending}" for ending, media_type in MEDIA_TYPES.items()}
_IDS = re.compile(r"<[!-;=?-~]{3,250}>")

#: Reads an attachment: its bytes and its name to its text.
ReadInner = Callable[[bytes, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMail:
    """What a mail says."""

    text: str
    title: str
    #: Id of the mail that began the conversation, or of this one; empty when it has none.
    thread: str


def read_eml(data: bytes, read_inner: ReadInner) -> ReadMail:
    """Headers, the text, and the attachments' texts, each after a form feed under its name.

    Raises:
        MalformedDocument: it has no header at all, or is made to keep a parser busy.
    """
    if len(_BOUNDARY.findall(data)) > MOST_BOUNDARIES:
        raise MalformedDocument(expected("the mail", f"at most {MOST_BOUNDARIES} boundaries", "more"))
    mail = message_from_bytes(data, policy=policy.compat32)
    if not any(mail.get(name) for name in _HEADERS):
        raise MalformedDocument(expected("the mail", "headers like From and Subject before its text", bytes(data[:40])))
    lines = [f"{name}: {value}" for name in _HEADERS if (value := _header(mail, name))]
    texts, attached = _parts_of(mail)
    pages = ["\n".join([*lines, "", *map(_body, texts)])]
    pages += [_attachment(part, read_inner) for part in attached[:MOST_ATTACHMENTS]]
    if len(attached) > MOST_ATTACHMENTS:
        pages.append(f"{len(attached) - MOST_ATTACHMENTS:,} more attachments were not read.")
    return ReadMail(text="\f".join(pages), title=_header(mail, "Subject")[:120], thread=_thread_of(mail))


def _header(mail: Message, name: str) -> str:
    """A header's text; what cannot be decoded stays as it was written."""
    return _decoded(_raw(mail, name))


def _raw(mail: Message, name: str) -> str:
    """A header as it came, with bytes beyond ASCII as halves of pairs."""
    found = (value for key, value in mail.raw_items() if key.lower() == name.lower())
    return str(next(found, ""))[:MOST_HEADER]


def _decoded(raw: str) -> str:
    try:
        pieces = decode_header(raw) if "=?" in raw else [(raw, None)]
    except (HeaderParseError, ValueError, IndexError):
        pieces = [(raw, None)]
    text = "".join(
        piece if isinstance(piece, str) else decode(piece, None if charset == "unknown-8bit" else charset)
        for piece, charset in pieces
    )
    if any("\udc80" <= char <= "\udcff" for char in text):  # bytes beyond ASCII that nobody declared
        text = decode(text.encode("utf-8", "surrogateescape"))
    return " ".join(text.split())


def _parts_of(mail: Message) -> tuple[list[list[Message]], list[Message]]:
    """The texts of a mail in order, each as its forms: plain, web page; and what came with them."""
    texts: dict[int, list[Message]] = {}
    attached = []
    for part, holder in _leaves(mail):
        kind = part.get_content_type()
        is_named = part is not mail and bool(_name_of(part))
        if kind in _TEXTS and not is_named and not _is_attached(part):
            texts.setdefault(id(holder or part), []).append(part)
        elif kind in _SIGNATURES:
            continue
        elif is_named or _is_attached(part) or kind == "message/rfc822" or (not holder and _may_be_text(part)):
            attached.append(part)
    return list(texts.values()), attached


def _leaves(mail: Message) -> Iterator[tuple[Message, Message | None]]:
    """All parts in order without what holds others, each with the choice of forms that it is in; a mail is one part."""
    waiting: list[tuple[Message, Message | None]] = [(mail, None)]
    for _ in range(MOST_PARTS):
        if not waiting:
            return
        part, holder = waiting.pop()
        payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            if holder is None and part.get_content_type() == "multipart/alternative":
                holder = part
            waiting.extend((each, holder) for each in reversed(payload) if isinstance(each, Message))
        else:
            yield part, holder


def _may_be_text(part: Message) -> bool:
    return part.get_content_maintype() in ("application", "text")


def _is_attached(part: Message) -> bool:
    return str(part.get("Content-Disposition") or "")[:20].strip().lower().startswith("attachment")


def _name_of(part: Message) -> str:
    try:
        return _decoded(str(part.get_filename() or "")[:500])[:200]
    except (ValueError, LookupError, TypeError, AttributeError):  # a header that the parser of the library trips over
        return ""


def _body(forms: Sequence[Message]) -> str:
    """One text: its plain form, or the web page where that says nothing."""
    plain, pages = ([part for part in forms if part.get_content_type() == kind] for kind in _TEXTS)
    text = "\n".join(map(_plain, plain))
    return (
        text if text.strip() else "\n".join(read_html(_bytes_of(each), each.get_content_charset())[0] for each in pages)
    )


def _plain(part: Message) -> str:
    # A form feed would look like the end of a page.
    return decode(_bytes_of(part), part.get_content_charset()).replace("\f", "\n")


def _bytes_of(part: Message) -> bytes:
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, TypeError, AssertionError):
        return b""
    return payload if isinstance(payload, bytes) else b""


def _attachment(part: Message, read_inner: ReadInner) -> str:
    name = _name_of(part)
    inner = part.get_payload()
    if part.get_content_type() == "message/rfc822" and isinstance(inner, list) and isinstance(inner[0], Message):
        data, name = _mail_of(inner[0], part), name or "message.eml"
    else:
        data = _bytes_of(part)
    heading = f"Attachment: {name or 'without a name'} ({len(data):,} bytes)"
    try:
        return f"{heading}\n{read_inner(data, name or _ENDINGS.get(part.get_content_type(), ''))}"
    except RefusedDocument as refused:
        return f"{heading}: not read, {refused}"


def _mail_of(inner: Message, part: Message) -> bytes:
    """The bytes of a mail that came with another; some programs encode it, though none may (RFC 2046, 5.2.1)."""
    data = inner.as_bytes()
    if inner.keys() or str(part.get("Content-Transfer-Encoding") or "").strip().lower() != "base64":
        return data
    try:
        return base64.b64decode(data)
    except ValueError:
        return data


def _thread_of(mail: Message) -> str:
    """The first mail of the conversation: the head of References, else what this answers, else its own id."""
    for name in ("References", "In-Reply-To", "Message-ID"):
        found = _IDS.search(_raw(mail, name))
        if found:
            return found[0]
    return ""
