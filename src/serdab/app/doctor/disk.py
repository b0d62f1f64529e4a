"""The disk under a home: room, speed, and how long it takes to keep a promise."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from serdab.app.doctor.findings import Finding, bad, judged, warning
from serdab.core import Settings
from serdab.store import Room

#: What is written once as a stream, and in one piece, in bytes.
STREAM_BYTES, PIECE_BYTES = 64 << 20, 1 << 20
LEAST_MB_S = 50.0
#: Flushes of one page of PostgreSQL, and the longest time that they all may take, in seconds.
FLUSHES, PAGE_BYTES, MOST_FLUSHING_S = 200, 8192, 5.0
#: Each group commit waits for one flush: beyond this a home is slow, in seconds.
SLOW_MEDIAN_S, SLOW_P99_S = 0.010, 0.100
#: No disk is as fast as that, in seconds: what answers so has written nothing yet.
TOO_FAST_S = 10e-6
_MB = 1 << 20
T = TypeVar("T")


def existing(folder: Path) -> Path:
    """A folder, or the first one above it that is there."""
    return next(each for each in (folder, *folder.parents) if each.is_dir())


def check_room(settings: Settings) -> Finding:
    """Free space on every disk of the home."""
    room = Room.of(settings)
    missing = room.missing()
    free = dict.fromkeys(room.free().values())
    found = ", ".join(f"{each / (1 << 30):,.1f} GB free" for each in free)
    if missing:
        what, _, todo = missing.partition("; ")
        return bad("room", what, todo)
    return judged("room", found, is_well=True, todo="")


def check_writing(settings: Settings) -> Finding:
    """How fast a stream is written."""
    folder = existing(settings.folder)
    if min(Room.of(settings).free().values()) < 4 * STREAM_BYTES:
        return warning("writing", "not measured: the disk is full", "make room")
    speed = STREAM_BYTES / _MB / _on_disk(folder, _stream)
    todo = f"steps with large results will wait; use a disk that writes {LEAST_MB_S:g} MB/s"
    return judged("writing", f"{speed:,.0f} MB/s in {folder}", is_well=speed >= LEAST_MB_S, todo=todo)


def check_flush(settings: Settings) -> Finding:
    """How long the disk takes until what is committed is kept."""
    times_s = _on_disk(existing(settings.folder), _flushes)
    median_s = statistics.median(times_s)
    p99_s = times_s[min(int(len(times_s) * 0.99), len(times_s) - 1)]
    found = f"median {median_s * 1e3:.2f} ms, p99 {p99_s * 1e3:.2f} ms of {len(times_s)} flushes of 8 kB"
    if median_s < TOO_FAST_S:
        return warning("flush", found, "it answers before it has written; a loss of power may lose what was committed")
    slow = median_s > SLOW_MEDIAN_S or p99_s > SLOW_P99_S
    return judged("flush", found, is_well=not slow, todo="every commit waits for that; put the home on an SSD")


def _on_disk(folder: Path, measure: Callable[[int], T]) -> T:
    """Measure with a file that nobody sees and that goes by itself."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        return measure(file.fileno())


def _stream(handle: int) -> float:
    piece = os.urandom(PIECE_BYTES)
    began = time.perf_counter()
    for place in range(0, STREAM_BYTES, PIECE_BYTES):
        os.pwrite(handle, piece, place)
    os.fdatasync(handle)
    return time.perf_counter() - began


def _flushes(handle: int) -> list[float]:
    """Sorted times of flushes into a file that has its size already, as PostgreSQL's log has."""
    page = os.urandom(PAGE_BYTES)
    os.pwrite(handle, bytes(FLUSHES * PAGE_BYTES), 0)
    os.fsync(handle)
    times_s = []
    for number in range(FLUSHES):
        began = time.perf_counter()
        os.pwrite(handle, page, number * PAGE_BYTES)
        os.fdatasync(handle)
        times_s.append(time.perf_counter() - began)
        if sum(times_s) > MOST_FLUSHING_S:
            break
    return sorted(times_s)
