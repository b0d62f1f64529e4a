"""One folder of an IMAP server, by blocking calls for a thread; a lost connection is opened again by the next call."""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from serdab.core import expected
from serdab.engines import load_extra
from serdab.knowledge.sources.addresses import MailboxSource
from serdab.knowledge.sources.errors import MailboxAway, MailboxRefused

T = TypeVar("T")
#: How long the server may take to answer, seconds.
TIMEOUT_S = 60.0
#: Longest wait for news in one command: servers end longer ones.
MOST_IDLE_S = 600.0
_MOST_UIDS = 500
_SIZE = re.compile(rb"UID (\d{1,20})|RFC822\.SIZE (\d{1,20})")


class ImapFolder:
    """The folder that a source names."""

    def __init__(self, source: MailboxSource, password: str) -> None:
        """Nothing is connected yet."""
        self._source = source
        self._password = password
        self._box: Any = None
        self._validity = 0
        self._able: frozenset[str] = frozenset()
        self._closed = False

    def uids(self) -> tuple[int, list[str]]:
        """UIDVALIDITY, and the UIDs of all mails.

        Raises:
            MailboxAway: the server is not there now.
            MailboxRefused: it does not let us in.
        """
        validity, uids = self._do(lambda box: (self._validity, box.uids("ALL")))
        return validity, [uid for uid in uids if uid.isdecimal()]  # A UID becomes the name of a file.

    def validity(self) -> int:
        """UIDVALIDITY: under another one, UIDs mean other mails."""
        return self._do(lambda _: self._validity)

    def sizes(self, uids: Sequence[str]) -> dict[str, int]:
        """The sizes of mails in bytes by UID."""
        found: dict[str, int] = {}
        for start in range(0, len(uids), _MOST_UIDS):
            part = ",".join(uids[start : start + _MOST_UIDS])
            for line in self._command("FETCH", part, "(UID RFC822.SIZE)"):
                values = [match.groups() for match in _SIZE.finditer(line if isinstance(line, bytes) else b"")]
                uid = next((value[0] for value in values if value[0]), None)
                size = next((value[1] for value in values if value[1]), None)
                if uid and size:
                    found[uid.decode()] = int(size)
        return found

    def fetch(self, uid: str) -> bytes | None:
        """A mail as it came, unread as before; None: there is none any more."""
        for part in self._command("FETCH", uid, "(BODY.PEEK[])"):
            if isinstance(part, tuple) and len(part) > 1:
                return bytes(part[1])
        return None

    def wait(self, seconds: float) -> None:
        """Wait for news from the server, or for so long."""

        def work(box: Any) -> None:
            box.idle.wait(timeout=min(seconds, MOST_IDLE_S))

        self._do(work)

    def can_wait(self) -> bool:
        """Whether the server tells news by itself (IDLE)."""
        return self._do(lambda _: "IDLE" in self._able)

    def finish(self, uids: Sequence[str]) -> None:
        """Flag or move mails, as the source says; again is safe."""
        wanted = ",".join(uids)
        if self._source.flag:
            self._command("STORE", wanted, "+FLAGS", f"({self._source.flag})")
        if not self._source.move_to:
            return
        folder = self._source.move_to

        def make(box: Any) -> None:
            if not box.folder.exists(folder):
                box.folder.create(folder)

        self._do(make)
        name = _encoded(folder)
        if "MOVE" in self._able:
            self._command("MOVE", wanted, name)
            return
        self._command("COPY", wanted, name)
        self._command("STORE", wanted, "+FLAGS", r"(\Deleted)")
        if "UIDPLUS" in self._able:  # A plain EXPUNGE would take what others have marked.
            self._command("EXPUNGE", wanted)

    def close(self) -> None:
        """Close the connection; a call that waits on it ends."""
        self._closed = True
        self._drop()

    def _command(self, *words: Any) -> Sequence[Any]:
        def work(box: Any) -> Sequence[Any]:
            state, data = box.client.uid(*words)
            if state != "OK":
                raise MailboxAway(expected(f"the answer to {words[0]}", "OK", f"{state} {data!r}"))
            return [each for each in data if each is not None]

        return self._do(work)

    def _do(self, work: Callable[[Any], T]) -> T:
        errors = load_extra("imap_tools.errors", "mail")
        if self._closed:
            raise MailboxAway("expected the mailbox to be open, got a call after close")
        try:
            return work(self._open())
        except (OSError, imaplib.IMAP4.error, errors.ImapToolsError, EOFError) as error:
            self._drop()
            what = expected(f"the mailbox {self._source.name}", "there", f"{type(error).__name__}: {error}")
            raise MailboxAway(what) from error

    def _open(self) -> Any:
        if self._box is not None:
            return self._box
        imap_tools, errors = load_extra("imap_tools", "mail"), load_extra("imap_tools.errors", "mail")
        source = self._source
        if source.tls:
            context = ssl.create_default_context()
            box = imap_tools.MailBox(source.host, source.port, timeout=TIMEOUT_S, ssl_context=context)
        else:
            box = imap_tools.MailBoxUnencrypted(source.host, source.port, timeout=TIMEOUT_S)
        self._box = box
        if self._closed:  # While it was being made: who closed us found none.
            self._drop()
            raise MailboxAway("expected the mailbox to be open, got close while it was being opened")
        try:
            box.login(source.user, self._password, initial_folder=None)
            box.folder.set(source.folder)
        except (errors.MailboxLoginError, errors.MailboxFolderSelectError) as error:
            self._drop()
            step = "let us in" if isinstance(error, errors.MailboxLoginError) else f"have the folder {source.folder}"
            raise MailboxRefused(
                f"expected the mailbox {source.name} to {step}, got its refusal; check user, password and folder"
            ) from None
        self._validity = int((box.client.response("UIDVALIDITY")[1] or [b"0"])[-1] or 0)
        _, told = box.client.capability()
        self._able = frozenset(b" ".join(each for each in told if each).decode("ascii", "replace").upper().split())
        return box

    def _drop(self) -> None:
        box, self._box = self._box, None
        if box is not None:
            try:
                box.client.shutdown()
            except (OSError, imaplib.IMAP4.error):
                return


def _encoded(folder: str) -> bytes:
    """The name of a folder as the protocol writes it."""
    encoded: bytes = load_extra("imap_tools.utils", "mail").encode_folder(folder)
    return encoded
