"""A watched mailbox: each mail is taken once, whatever happens to the connection, the server or this process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from serdab.core import expected
from serdab.knowledge.reading import Refusal
from serdab.knowledge.sources.addresses import MailboxSource
from serdab.knowledge.sources.imap import ImapFolder
from serdab.knowledge.sources.taking import Intake


class MailboxWatch:
    """Looks at one folder of a mailbox over one connection, which is opened again when it was lost."""

    def __init__(self, intake: Intake, source: MailboxSource, password: str, most_bytes: int) -> None:
        """Nothing is connected yet.

        Args:
            intake: takes what is found.
            source: the mailbox.
            password: its password.
            most_bytes: larger mails are not taken.
        """
        self._intake = intake
        self._source = source
        self._most_bytes = most_bytes
        self._folder = ImapFolder(source, password)
        self._seen: dict[str, tuple[int, int]] = {}
        #: Places of mails whose content was under way when they were fetched: the digest of each.
        self._twins: dict[str, bytes] = {}

    async def open(self) -> None:
        """Learn what was seen before."""
        self._seen = await self._intake.open()

    async def look(self) -> int:
        """One round: take what is new.

        Returns:
            How many mails wait until another with the same content is done.

        Raises:
            MailboxAway: the server is not there now.
            MailboxRefused: it does not let us in.
        """
        validity, uids = await asyncio.to_thread(self._folder.uids)
        places = {f"{validity}:{uid}": uid for uid in uids}
        new = [(place, uid) for place, uid in places.items() if place not in self._seen]
        sizes = await asyncio.to_thread(self._folder.sizes, [uid for _, uid in new]) if new else {}
        self._twins = {place: self._twins[place] for place, _ in new if place in self._twins}
        waiting = 0
        for place, uid in new:
            waiting += not await self._take(place, uid, sizes.get(uid, 0))
        gone = [place for place in self._seen if place not in places]
        if gone:
            await self._intake.forget(gone)
            for place in gone:
                del self._seen[place]
        return waiting

    async def settle(self) -> int:
        """Flag or move the mails of which all went well; how many are still under way."""
        ended, under_way = await self._intake.ended()
        if ended:
            await self._finish([document.place for document in ended if document.well])
            await self._intake.settle(ended)
        return under_way

    async def wait(self, seconds: float) -> None:
        """Wait for news, or for so long; of a server that tells none, just so long."""
        if await asyncio.to_thread(self._folder.can_wait):
            await asyncio.to_thread(self._folder.wait, seconds)
        else:
            await asyncio.sleep(seconds)

    def close(self) -> None:
        """Close the connection; whoever waits on it is woken."""
        self._folder.close()

    async def _take(self, place: str, uid: str, size: int) -> bool:
        """Take a mail; False: it is to be looked at again."""
        # As RFC 5092 says: without its UIDVALIDITY another mail of the same number would pass for a newer version.
        validity = place.split(":")[0]
        source = f"{self._source.name};UIDVALIDITY={validity}/;UID={uid}"
        if size > self._most_bytes:
            todo = "raise documents.most_bytes"
            reason = expected("the mail", f"at most {self._most_bytes:,} bytes", f"{size:,}", todo)
            await self._intake.refuse(place, size, 0, Refusal(name=source, code="document_too_large", reason=reason))
        elif await self._is_under_way(self._twins.get(place)):
            return False
        else:
            data = await asyncio.to_thread(self._folder.fetch, uid)
            if data is None:  # It went meanwhile.
                return True
            copied = await asyncio.to_thread(self._intake.write, iter((data,)))
            state = await self._intake.state_of(copied.digest)
            if state is not None and not state.settled:
                await asyncio.to_thread(copied.path.unlink)
                self._twins[place] = copied.digest
                return False
            if state is not None and state.well:  # Came again, or under a new number.
                await self._finish([place])
            await self._intake.take(copied, place, 0, f"{uid}.eml", source)
        self._seen[place] = (size, 0)
        return True

    async def _is_under_way(self, digest: bytes | None) -> bool:
        state = None if digest is None else await self._intake.state_of(digest)
        return state is not None and not state.settled

    async def _finish(self, places: Sequence[str]) -> None:
        if not (self._source.flag or self._source.move_to):
            return
        validity = await asyncio.to_thread(self._folder.validity)
        pairs = (place.split(":") for place in places)
        uids = [uid for known, uid in pairs if known == str(validity)]
        if uids:
            await asyncio.to_thread(self._folder.finish, uids)
