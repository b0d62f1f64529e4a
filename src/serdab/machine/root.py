"""Where the files of a machine are: `/`, or a folder that holds those of another machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

#: Most bytes that are read of one file (/proc/cpuinfo of 512 cores is 1 MB), and at a time.
MOST_BYTES, PIECE_BYTES = 8 << 20, 64 << 10
#: Beyond the 64 bits of a kernel's counters, and beyond the processors of any machine.
MOST_NUMBER, MOST_MEMBERS = 1 << 64, 65_536


class Root:
    """Reads small files below a folder; what is missing or may not be read is None, never an error."""

    def __init__(self, folder: Path | str = "/") -> None:
        """Look below a folder; `/` is this machine."""
        self.folder = Path(folder)

    @property
    def is_this_machine(self) -> bool:
        """Whether the kernel that answers is the one that the files tell of."""
        return self.folder == Path("/")

    def path(self, name: str) -> Path:
        """The place of a file that is called `/name` on that machine."""
        return self.folder / name.lstrip("/")

    def data(self, name: str) -> bytes | None:
        """The bytes of a file, bounded."""
        data = bytearray()
        try:
            with self.path(name).open("rb", buffering=0) as file:
                # In small pieces: files below /proc/sys refuse a reader who asks for megabytes.
                while len(data) < MOST_BYTES and (piece := file.read(PIECE_BYTES)):
                    data += piece
        except OSError:
            return None
        return bytes(data)

    def text(self, name: str) -> str | None:
        """The text of a file without white space and zero bytes at its ends."""
        data = self.data(name)
        return None if data is None else data.decode("utf-8", "replace").strip("\0 \t\r\n")

    def lines(self, name: str) -> list[str]:
        """The lines of a file; none when it is not there."""
        return (self.text(name) or "").splitlines()

    def number(self, name: str, base: int = 10) -> int | None:
        """The whole number that stands in a file; base 0 takes `0x…` too."""
        return whole(self.text(name) or "", base)

    def names(self, name: str) -> list[str]:
        """What is in a folder, sorted; nothing when it is not there."""
        try:
            return sorted(os.listdir(self.path(name)))
        except OSError:
            return []

    def has(self, name: str) -> bool:
        """Whether there is such a file or folder."""
        return os.path.lexists(self.path(name))

    def may_use(self, name: str) -> bool:
        """Whether this process may read and write a file."""
        return os.access(self.path(name), os.R_OK | os.W_OK)

    def target(self, name: str) -> str:
        """The last part of where a link leads; empty when it is none."""
        try:
            return os.path.basename(os.readlink(self.path(name)))
        except OSError:
            return ""

    def matching(self, pattern: str) -> Iterator[str]:
        """Names of files, from `/`, that fit a pattern with `*`, sorted."""
        try:
            found = sorted(self.folder.glob(pattern.lstrip("/")))
        except OSError:
            return
        for path in found:
            yield "/" + path.relative_to(self.folder).as_posix()


def whole(text: str, base: int = 10) -> int | None:
    """The whole number that a text is; None for any other text, and for numbers that no kernel counts to."""
    try:
        number = int(text, base)
    except ValueError:
        return None
    return number if abs(number) < MOST_NUMBER else None


def pairs(lines: list[str], separator: str = ":") -> dict[str, str]:
    """`name: value` of each line; the last one of a name counts."""
    split = (line.partition(separator) for line in lines)
    return {name.strip(): value.strip() for name, found, value in split if found}


def members(text: str) -> list[int]:
    """The numbers of a list such as `0-3,8,10-11`; what is no such list has none."""
    found: list[int] = []
    for part in text.split(","):
        start, dash, end = part.strip().partition("-")
        first, last = whole(start), whole(end if dash else start)
        if first is not None and last is not None:
            # A broken file must not take all memory.
            found += range(first, min(last, first + MOST_MEMBERS - len(found) - 1) + 1)
    return found
