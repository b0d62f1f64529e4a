"""How fast memory is: measured by a copy, bounded in memory and time."""

from __future__ import annotations

import ctypes
import mmap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

#: Most bytes that all buffers take together, and the part of what is free.
MOST_BYTES, MOST_SHARE = 4 << 30, 0.125
#: Copied in one piece by a thread, in bytes at least; all buffers are so many times as large as the caches.
LEAST_PIECE_BYTES, TIMES_CACHE = 8 << 20, 4
LEAST_BYTES = 256 << 20
#: For how long each thread copies, in seconds, once all have their buffers, and for how long they wait for that.
MEASURED_S, MOST_WAITED_S = 0.25, 10.0
MOST_THREADS = 64


def measure_copying(threads: int, available_bytes: int, cache_bytes: int = 0) -> float | None:
    """Bytes a second of a copy by some threads at once, what is read and what is written counted both.

    As STREAM's copy does; what a cache reads before it writes is not counted. None when too little memory is free.

    Args:
        threads: how many copy at once, 64 at most.
        available_bytes: an eighth of it is taken at most.
        cache_bytes: of the last caches together, which the buffers must not fit into.
    """
    threads = max(1, min(threads, MOST_THREADS))
    wanted = max(LEAST_BYTES, TIMES_CACHE * cache_bytes, threads * 2 * LEAST_PIECE_BYTES)
    room = min(wanted, MOST_BYTES, int(available_bytes * MOST_SHARE))
    threads = max(1, min(threads, room // (2 * LEAST_PIECE_BYTES)))
    piece = room // (2 * threads) // mmap.PAGESIZE * mmap.PAGESIZE
    if piece < LEAST_PIECE_BYTES:
        return None
    together = threading.Barrier(threads)
    try:
        with ThreadPoolExecutor(threads) as pool:
            return sum(pool.map(lambda _: _copying(piece, together), range(threads)))
    except (threading.BrokenBarrierError, OSError):  # a machine that gives no memory, or no time, to some of them
        return None


def _copying(piece: int, together: threading.Barrier) -> float:
    """Bytes a second of one thread; the copy itself runs without Python's lock."""
    with ExitStack() as kept, ExitStack() as failing:
        failing.callback(together.abort)  # the others must not wait for one that has failed
        source, target = (kept.enter_context(mmap.mmap(-1, piece)) for _ in range(2))
        for each in (source, target):
            with suppress(OSError):  # a kernel without them
                each.madvise(mmap.MADV_HUGEPAGE)
        here, there = (ctypes.c_char.from_buffer(each) for each in (source, target))
        try:
            source_at, target_at = ctypes.addressof(here), ctypes.addressof(there)
            ctypes.memset(source_at, 1, piece)  # pages that were never written are all the same one
            ctypes.memset(target_at, 2, piece)
            together.wait(MOST_WAITED_S)
            failing.pop_all()
            copied, began = 0, time.perf_counter()
            while time.perf_counter() - began < MEASURED_S:
                ctypes.memmove(target_at, source_at, piece)
                copied += 2 * piece
            return copied / (time.perf_counter() - began)
        finally:
            del here, there  # else the maps cannot be given back
