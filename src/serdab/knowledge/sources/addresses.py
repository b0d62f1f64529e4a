"""What can be watched, as people write it: a folder, or `imaps://user@host/INBOX?after=move:Done`."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import msgspec

from serdab.core import expected
from serdab.knowledge.reading import path_to_text
from serdab.knowledge.sources.errors import BadSource

#: Ports of IMAP inside TLS, and without it.
_PORTS = {"imaps": 993, "imap": 143}
#: Hosts to which a password may go in the clear.
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


class FolderSource(msgspec.Struct, frozen=True, kw_only=True):
    """A folder with all that is below it."""

    path: Path

    @property
    def name(self) -> str:
        """By which it is known: its path, a URI where that is no UTF-8."""
        return path_to_text(self.path)


class MailboxSource(msgspec.Struct, frozen=True, kw_only=True):
    """A folder of a mailbox."""

    user: str
    host: str
    port: int
    folder: str
    tls: bool = True
    #: The flag that a mail gets when all went well; empty: none.
    flag: str = ""
    #: The folder that it is moved to then; empty: it stays.
    move_to: str = ""

    @property
    def name(self) -> str:
        """By which it is known: its address, without a password."""
        scheme = "imaps" if self.tls else "imap"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{quote(self.user, safe='@+')}@{host}:{self.port}/{quote(self.folder)}"


WatchedSource: TypeAlias = FolderSource | MailboxSource


def read_sources(text: str) -> list[WatchedSource]:
    """The sources of the setting `documents.watch`, separated by commas.

    Raises:
        BadSource: one is neither a folder nor a mailbox.
    """
    return [read_source(part.strip()) for part in text.split(",") if part.strip()]


def read_source(text: str) -> WatchedSource:
    """A source as people write it.

    Raises:
        BadSource: it is neither a folder nor a mailbox.
    """
    if "://" not in text:
        if not text or "\0" in text:
            raise BadSource(expected("the source", "a folder or imaps://user@host/FOLDER", text))
        return FolderSource(path=Path(text).expanduser().absolute())
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise BadSource(expected("the address of the mailbox", "imaps://user@host/FOLDER", str(error))) from error
    if parts.password is not None:
        todo = "set SERDAB_DOCUMENTS_MAIL_PASSWORD, or be asked for it"
        raise BadSource(f"expected the address of the mailbox to hold no password, got one; {todo}")
    if parts.scheme not in _PORTS or not parts.hostname or not parts.username:
        raise BadSource(expected("the source", "a folder or imaps://user@host/FOLDER", text.partition("?")[0]))
    if parts.scheme == "imap" and parts.hostname not in _HERE:
        raise BadSource(expected("the mailbox", "reached by imaps, for a password goes there", parts.scheme))
    flag, move_to = _after(parts.query)
    return MailboxSource(
        user=unquote(parts.username),
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        folder=unquote(parts.path.strip("/")) or "INBOX",
        tls=parts.scheme == "imaps",
        flag=flag,
        move_to=move_to,
    )


def _after(query: str) -> tuple[str, str]:
    """The flag and the folder of `after=…`."""
    flag = move_to = ""
    for name, value in parse_qsl(query, keep_blank_values=True):
        action, _, folder = value.partition(":")
        if name == "after" and action in ("seen", "flagged") and not folder:
            flag = f"\\{action.title()}"
        elif name == "after" and action == "move" and folder:
            move_to = folder
        else:
            todo = "say after=seen, after=flagged or after=move:FOLDER"
            raise BadSource(expected("what follows ? in the address", "after=…", f"{name}={value}", todo))
    return flag, move_to
