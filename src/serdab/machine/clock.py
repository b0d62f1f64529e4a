"""The clock: what it counts by, whether it goes evenly, and whether somebody keeps it right."""

from __future__ import annotations

import ctypes
import struct
import time

import msgspec

from serdab.machine.root import Root

#: How long the two clocks are compared, in seconds.
COMPARED_S = 0.2
#: What systemd-timesyncd leaves when it has set the clock.
SET_BY_SYSTEMD = "/run/systemd/timesync/synchronized"
#: In the answer of adjtimex: nobody keeps the clock right. The place of that word in `struct timex` of 64 bits.
UNSYNCHRONISED, STATUS_AT, TIMEX_BYTES = 0x40, 40, 512
SOURCES = "/sys/devices/system/clocksource/clocksource0"


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """The clock of the wall and what is under it."""

    #: Seconds since 1970, when it was looked at.
    wall_s: float
    #: `tsc`, `kvm-clock`, `hpet`, `acpi_pm`, `arch_sys_counter`; empty: not told.
    source: str
    sources: tuple[str, ...]
    #: How far it went from the steady one in `COMPARED_S`; None: not measured.
    drift_s: float | None
    #: Whether somebody keeps it right; None: nobody can tell.
    synchronised: bool | None
    by_systemd: bool


def look_at_clock(root: Root, *, measured: bool) -> Clock:
    """What the kernel tells of its clock; measured, it takes `COMPARED_S`."""
    by_systemd = root.has(SET_BY_SYSTEMD)
    return Clock(
        wall_s=wall_s(),
        source=root.text(f"{SOURCES}/current_clocksource") or "",
        sources=tuple((root.text(f"{SOURCES}/available_clocksource") or "").split()),
        drift_s=measure_drift() if measured else None,
        synchronised=True if by_systemd else kernel_says_synchronised() if root.is_this_machine else None,
        by_systemd=by_systemd,
    )


def measure_drift() -> float:
    """How far the wall's clock goes from the one that only counts, in seconds, in `COMPARED_S`."""
    began_s, steady_s = wall_s(), time.monotonic()
    time.sleep(COMPARED_S)
    return abs((wall_s() - began_s) - (time.monotonic() - steady_s))


def kernel_says_synchronised() -> bool | None:
    """What adjtimex answers; None when it cannot be asked."""
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except AttributeError:
        return None
    answer = ctypes.create_string_buffer(TIMEX_BYTES)
    if struct.calcsize("P") != 8 or adjtimex(answer) < 0:
        return None
    (status,) = struct.unpack_from("i", answer, STATUS_AT)
    return not status & UNSYNCHRONISED


def wall_s() -> float:
    """Our clock, seconds since 1970."""
    return time.clock_gettime(time.CLOCK_REALTIME)
