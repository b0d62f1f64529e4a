"""Identifiers that sort by time: UUID version 7 (RFC 9562 §5.7), whose clock is the database's."""

from __future__ import annotations

import os
import time
from uuid import UUID

#: Low bits of an id that `Ids.block` leaves free for the position in a group.
BLOCK_BITS = 24
#: Largest group of ids that share a block.
MOST_IN_BLOCK = 1 << BLOCK_BITS

_VERSION = 7 << 76
_VARIANT = 2 << 62
_RANDOM = (0xFFF << 64) | ((1 << 62) - 1)


#: Counts on whatever happens to the wall clock, also while the machine sleeps.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_EPOCH_S = time.time_ns() / 1e9 - time.clock_gettime(_STEADY)


def steady_now() -> float:
    """Seconds since 1970 as this machine saw it when the process began, by a clock that nobody steps.

    The database's time is this plus an offset that is measured again and again; a wall clock that is set while steps
    sleep must neither wake them an hour early nor let them sleep an hour longer.
    """
    return _EPOCH_S + time.clock_gettime(_STEADY)


class Ids:
    """Makes ids; `offset_s` is database time minus the time of this machine, measured by whoever knows."""

    def __init__(self, offset_s: float = 0.0) -> None:
        self.offset_s = offset_s

    def new(self) -> UUID:
        """One id of now."""
        return UUID(int=self._prefix() | (int.from_bytes(os.urandom(10), "big") & _RANDOM))

    def block(self) -> UUID:
        """The first id of a group: its last `BLOCK_BITS` bits are zero, `at(first, n)` gives the n-th."""
        return UUID(int=self.new().int >> BLOCK_BITS << BLOCK_BITS)

    def _prefix(self) -> int:
        milliseconds = int((steady_now() + self.offset_s) * 1000)
        return (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | _VERSION | _VARIANT


def at(first: UUID, position: int) -> UUID:
    """The id at a position of the group that starts with `first`."""
    return UUID(int=first.int + position)


def time_of(identifier: UUID) -> float:
    """Seconds since 1970 that a version 7 id carries."""
    return (identifier.int >> 80) / 1000
