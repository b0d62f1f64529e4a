"""A watched folder: a file is taken when it has stopped growing, once for each content that it has."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from serdab.knowledge.reading import path_from_text, path_to_text, shown_path, too_large
from serdab.knowledge.sources.addresses import FolderSource
from serdab.knowledge.sources.taking import FULL, Intake

log = logging.getLogger(__name__)

#: Names of files that somebody is still writing.
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", ".swp")
_AT_ONCE = 16

#: Size in bytes and time of change in nanoseconds since 1970.
State = tuple[int, int]


class FolderWatch:
    """Looks at one folder, again and again."""

    def __init__(self, intake: Intake, source: FolderSource, settle_s: float, most_bytes: int) -> None:
        """Nothing is looked at yet.

        Args:
            intake: takes what is found.
            source: the folder.
            settle_s: how long a file must not have changed.
            most_bytes: larger files are not taken, lines of JSON apart.
        """
        self._intake = intake
        self._path = source.path
        self._settle_s = settle_s
        self._most_bytes = most_bytes
        self._seen: dict[str, State] = {}
        #: What is not taken yet, and since when it is as it is, by the monotonic clock.
        self._waiting: dict[str, tuple[State, float]] = {}
        self._told: dict[str, State] = {}
        #: Folders below that cannot be listed: what was seen in them is not gone.
        self._closed: set[str] = set()

    async def open(self) -> None:
        """Learn what was seen before."""
        self._seen = await self._intake.open()

    async def look(self) -> int:
        """One round: take what has settled, note what is gone.

        Returns:
            How many files still wait to settle, those that cannot be read left out.

        Raises:
            OSError: the folder cannot be listed, or our disk is full; nothing is forgotten then.
        """
        now = time.monotonic()
        closed: list[OSError] = []
        present = await asyncio.to_thread(lambda: dict(_files(self._path, closed)))
        self._tell_closed(closed)
        waiting = {}
        for place, state in present.items():
            if self._seen.get(place) != state:
                before = self._waiting.get(place)
                waiting[place] = before if before is not None and before[0] == state else (state, now)
        self._waiting = waiting
        settled = [place for place, (_, since) in waiting.items() if now - since >= self._settle_s]
        for start in range(0, len(settled), _AT_ONCE):
            part = settled[start : start + _AT_ONCE]
            results = await asyncio.gather(*map(self._take, part), return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result
        gone = [place for place in self._seen if place not in present and not self._is_closed(place)]
        if gone:
            await self._intake.forget(gone)
            for place in gone:
                del self._seen[place]
        self._told = {place: state for place, state in self._told.items() if place in self._waiting}
        return sum(self._told.get(place) != state for place, (state, _) in self._waiting.items())

    async def settle(self) -> int:
        """Finish what has ended; how many documents are still under way."""
        ended, under_way = await self._intake.ended()
        if ended:
            await self._intake.settle(ended)
        return under_way

    def _tell_closed(self, closed: list[OSError]) -> None:
        """Say once of each folder why it cannot be listed."""
        for error in closed:
            if error.filename not in self._closed:
                facts = {"action": "folder_unreachable", "place": shown_path(Path(error.filename))}
                log.warning("cannot be listed: %s", error.strerror, extra=facts)
        self._closed = {error.filename for error in closed}

    def _is_closed(self, place: str) -> bool:
        return any(path_from_text(place).is_relative_to(folder) for folder in self._closed)

    async def _take(self, place: str) -> None:
        state, _ = self._waiting[place]
        path = path_from_text(place)
        if refusal := too_large(path, state[0], self._most_bytes):
            await self._intake.refuse(place, *state, refusal)
            self._seen[place] = state
            del self._waiting[place]
            return
        try:
            copied = await asyncio.to_thread(self._intake.copy_file, path, state)
        except OSError as error:
            if error.errno in FULL:
                raise
            if self._told.get(place) != state:
                facts = {"action": "document_unreachable", "place": place}
                log.warning("cannot be read: %s", error.strerror, extra=facts)
            self._told[place] = state
            self._waiting[place] = (state, time.monotonic())
            return
        if copied is not None:  # Else it has changed since, and waits again.
            again = await self._intake.take(copied, place, state[1], path.name, shown_path(path))
            self._seen[place] = state
            del self._waiting[place]
            for other in again:
                if other in self._seen:
                    self._waiting[other] = (self._seen.pop(other), time.monotonic())


def _files(folder: Path, closed: list[OSError]) -> Iterator[tuple[str, State]]:
    """Plain files below a folder; no hidden ones, no links, none that is empty or bears the mark of being written.

    Args:
        folder: the watched one.
        closed: gets the errors of folders below it that cannot be listed.

    Raises:
        OSError: the folder itself cannot be listed.
    """
    folders = [str(folder)]
    while folders:
        place = folders.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.name.startswith((".", "~$")):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif not entry.name.lower().endswith(_UNFINISHED):
                        yield from _file(entry)
        except FileNotFoundError:
            if place == str(folder):
                raise
        except OSError as error:
            if place == str(folder):
                raise
            closed.append(error)


def _file(entry: os.DirEntry[str]) -> Iterator[tuple[str, State]]:
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    if stat.S_ISREG(found.st_mode) and found.st_size > 0:
        yield path_to_text(Path(entry.path)), (found.st_size, found.st_mtime_ns)
