"""How fast memory is: measured by a copy, bounded in memory and time."""

from __future__ import annotations

import ctypes
import mmap
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

#: Most bytes that both buffers of all threads take together, and most of the part that is free.
MOST_BYTES, MOST_SHARE = 256 << 20, 0.125
#: Copied in one piece, in bytes: beyond any cache when all threads do it.
LEAST_PIECE_BYTES = 8 << 20
#: For how long each thread copies, in seconds, once its buffers are there.
MEASURED_S = 0.25
MOST_THREADS = 64


def measure_copying(threads: int, available_bytes: int) -> float | None:
    """Bytes a second of a copy by some threads at once, what is read and what is written counted both.

    As STREAM's copy does; what a cache reads before it writes is not counted. None when too little memory is free.
    """
    room = min(MOST_BYTES, int(available_bytes * MOST_SHARE))
    threads = max(1, min(threads, MOST_THREADS, room // (2 * LEAST_PIECE_BYTES)))
    piece = room // (2 * threads) // mmap.PAGESIZE * mmap.PAGESIZE
    if piece < LEAST_PIECE_BYTES:
        return None
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(_copying, [piece] * threads))


def _copying(piece: int) -> float:
    """Bytes a second of one thread; the copy itself runs without Python's lock."""
    with mmap.mmap(-1, piece) as source, mmap.mmap(-1, piece) as target:
        for each in (source, target):
            with suppress(OSError):  # a kernel without them
                each.madvise(mmap.MADV_HUGEPAGE)
        here, there = (ctypes.c_char.from_buffer(each) for each in (source, target))
        try:
            source_at, target_at = ctypes.addressof(here), ctypes.addressof(there)
            ctypes.memset(source_at, 1, piece)  # pages that were never written are all the same one
            ctypes.memset(target_at, 2, piece)
            copied, began = 0, time.perf_counter()
            while time.perf_counter() - began < MEASURED_S:
                ctypes.memmove(target_at, source_at, piece)
                copied += 2 * piece
            return copied / (time.perf_counter() - began)
        finally:
            del here, there  # else the maps cannot be given back
