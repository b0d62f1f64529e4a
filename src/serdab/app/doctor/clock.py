"""The clock: leases count by the database's, logs and retention by the wall's."""

from __future__ import annotations

import ctypes
import struct
import time
from pathlib import Path

from serdab.app.doctor.findings import Finding, bad, judged, well
from serdab.core import Settings

#: Begin of the year in which this was written, seconds since 1970: a clock before it has lost its battery.
WRITTEN_S = 1_767_225_600
#: How long the two clocks are compared, and how far they may go apart in that time, in seconds.
COMPARED_S, MOST_DRIFT_S = 0.2, 0.02
#: What systemd-timesyncd leaves when it has set the clock.
SET_BY_SYSTEMD = Path("/run/systemd/timesync/synchronized")
#: In the answer of adjtimex: nobody keeps the clock right. The place of that word in `struct timex` of 64 bits.
UNSYNCHRONISED, STATUS_AT, TIMEX_BYTES = 0x40, 40, 512


def check_clock_runs(settings: Settings) -> Finding:
    """Whether the wall's clock goes as fast as the one that only counts."""
    del settings
    if wall_s() < WRITTEN_S:
        return bad("clock", f"it says {time.strftime('%Y-%m-%d')}", "set the clock of this machine")
    began_s, steady_s = wall_s(), time.monotonic()
    time.sleep(COMPARED_S)
    drift_s = abs((wall_s() - began_s) - (time.monotonic() - steady_s))
    todo = "somebody steps the clock; let one service keep it, slowly"
    return judged("clock", f"steady within {drift_s * 1e3:.1f} ms", is_well=drift_s < MOST_DRIFT_S, todo=todo)


def check_clock_set(settings: Settings) -> Finding:
    """Whether somebody keeps the clock right."""
    del settings
    if SET_BY_SYSTEMD.exists():
        return well("clock set", "by systemd-timesyncd")
    synchronised = kernel_says_synchronised()
    found = {True: "synchronised, says the kernel", False: "not synchronised", None: "the kernel does not say"}
    todo = "times in logs and reports will be wrong; say: timedatectl set-ntp true"
    return judged("clock set", found[synchronised], is_well=synchronised is True, todo=todo)


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


def clock_offset(before_s: float, theirs_s: float, after_s: float) -> float:
    """How far another clock is ahead, in seconds, when it was asked between two looks at ours."""
    return theirs_s - (before_s + after_s) / 2


def wall_s() -> float:
    """Our clock, seconds since 1970."""
    return time.clock_gettime(time.CLOCK_REALTIME)
