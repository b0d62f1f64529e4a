"""The disks under some folders: what they are, and how fast they write, flush and read."""

from __future__ import annotations

import fcntl
import mmap
import os
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from serdab.machine.root import Root

#: What is written once as a stream and read again, and in one piece, in bytes.
STREAM_BYTES, PIECE_BYTES = 64 << 20, 4 << 20
#: Longest that writing and reading the stream may each take, in seconds; what was moved by then counts.
MOST_STREAM_S = 3.0
#: Flushes of one page of PostgreSQL, and the longest time that they all may take, in seconds.
FLUSHES, PAGE_BYTES, MOST_FLUSHING_S = 200, 8192, 5.0
#: Free space below which nothing is written to measure, in bytes.
LEAST_FREE_BYTES = 4 * STREAM_BYTES


class Flushes(msgspec.Struct, frozen=True, kw_only=True):
    """How long a disk takes until what is written is kept."""

    count: int
    median_s: float
    p99_s: float


class DiskSpeed(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured in a folder."""

    write_bytes_s: float
    read_bytes_s: float
    #: Whether reading passed by the kernel's cache; if not, it was only asked to forget what it had.
    direct: bool
    flushes: Flushes


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """A file system under one or more folders that matter."""

    #: The folders that were asked for, and where the file system is mounted.
    folders: tuple[str, ...]
    mounted_on: str
    device: str
    file_system: str
    total_bytes: int
    free_bytes: int
    #: Whether it turns; None: its device does not say.
    rotational: bool | None = None
    model: str = ""
    #: None: not measured.
    speed: DiskSpeed | None = None


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A line of `/proc/self/mountinfo`."""

    point: str
    #: Major and minor number of its device.
    number: str
    file_system: str
    device: str


def look_at_disks(root: Root, folders: Sequence[Path], *, measured: bool) -> tuple[Disk, ...]:
    """The disks of some folders, each once.

    Args:
        root: whose mounts and devices.
        folders: those that do not exist are looked for above.
        measured: write and read a file that nobody sees in the first folder of each disk.
    """
    known = mounts(root)
    found: dict[str, tuple[Mount, list[Path]]] = {}
    for folder in folders:
        mount = mount_of(existing(folder), known)
        found.setdefault(mount.point, (mount, []))[1].append(folder)
    return tuple(_disk(root, mount, held, measured) for mount, held in found.values())


def existing(folder: Path) -> Path:
    """A folder, or the first one above it that is there."""
    return next(each for each in (folder, *folder.parents) if each.is_dir())


def mounts(root: Root) -> list[Mount]:
    """What is mounted, in the kernel's order."""
    found = []
    for line in root.lines("/proc/self/mountinfo"):
        left, separator, right = (part.split() for part in line.partition(" - "))
        if separator and len(left) >= 5 and len(right) >= 2:
            found.append(Mount(point=_unescaped(left[4]), number=left[2], file_system=right[0], device=right[1]))
    return found


def mount_of(folder: Path, known: Sequence[Mount]) -> Mount:
    """The nearest and newest mount above a folder."""
    by_point = {mount.point: mount for mount in known}
    real = folder.resolve()
    nothing = Mount(point="/", number="", file_system="unknown", device="")
    return next((by_point[str(each)] for each in (real, *real.parents) if str(each) in by_point), nothing)


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _disk(root: Root, mount: Mount, folders: Sequence[Path], measured: bool) -> Disk:
    place = existing(folders[0])
    state = os.statvfs(place)
    free_bytes = state.f_bavail * state.f_frsize
    block = _block_folder(root, mount)
    turns = root.number(f"{block}/queue/rotational") if block else None
    return Disk(
        folders=tuple(map(str, folders)),
        mounted_on=mount.point,
        device=mount.device,
        file_system=mount.file_system,
        total_bytes=state.f_blocks * state.f_frsize,
        free_bytes=free_bytes,
        rotational=None if turns is None else bool(turns),
        model=(root.text(f"{block}/device/model") or "") if block else "",
        speed=measure_disk(place)
        if measured and free_bytes >= LEAST_FREE_BYTES and os.access(place, os.W_OK)
        else None,
    )


def _block_folder(root: Root, mount: Mount) -> str:
    """The folder of the whole device under a mount: of `nvme0n1p2`, that of `nvme0n1`."""
    name = root.target(f"/sys/dev/block/{mount.number}") if mount.number else ""
    name = name or os.path.basename(mount.device)
    for whole in (name, re.sub(r"p\d+$", "", name), re.sub(r"\d+$", "", name)):
        if whole and root.has(f"/sys/block/{whole}"):
            return f"/sys/block/{whole}"
    return ""


def measure_disk(folder: Path) -> DiskSpeed:
    """Write a stream, read it again, flush pages; the file has no name and goes by itself.

    Raises:
        OSError: the folder takes no file.
    """
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        written, write_bytes_s = _write(file.fileno())
        flushes = _flush(file.fileno())
        read_bytes_s, direct = _read(file.fileno(), written)
    return DiskSpeed(write_bytes_s=write_bytes_s, read_bytes_s=read_bytes_s, direct=direct, flushes=flushes)


def _write(handle: int) -> tuple[int, float]:
    """Bytes that were written, and how many in a second."""
    piece = os.urandom(PIECE_BYTES)
    place, began = 0, time.perf_counter()
    while place < STREAM_BYTES and time.perf_counter() - began < MOST_STREAM_S:
        place += os.pwrite(handle, piece, place)
    os.fdatasync(handle)
    return place, place / (time.perf_counter() - began)


def _read(handle: int, size: int) -> tuple[float, bool]:
    """Bytes a second from the disk itself where the file system lets us, and whether it did."""
    os.fsync(handle)
    with suppress(OSError):
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    direct = _passing_by(handle)
    with mmap.mmap(-1, PIECE_BYTES) as buffer:  # O_DIRECT wants memory that begins with a page
        try:
            return _read_stream(handle, size, buffer), direct
        except OSError:  # a file system that takes the flag and refuses the reading
            fcntl.fcntl(handle, fcntl.F_SETFL, fcntl.fcntl(handle, fcntl.F_GETFL) & ~os.O_DIRECT)
            return _read_stream(handle, size, buffer), False


def _passing_by(handle: int) -> bool:
    try:
        fcntl.fcntl(handle, fcntl.F_SETFL, fcntl.fcntl(handle, fcntl.F_GETFL) | os.O_DIRECT)
    except OSError:
        return False
    return True


def _read_stream(handle: int, size: int, buffer: mmap.mmap) -> float:
    place, began = 0, time.perf_counter()
    while place < size and time.perf_counter() - began < MOST_STREAM_S:
        got = os.preadv(handle, [buffer], place)
        if not got:
            break
        place += got
    return place / (time.perf_counter() - began)


def _flush(handle: int) -> Flushes:
    """Times of flushes into a file that has its size already, as PostgreSQL's log has."""
    page = os.urandom(PAGE_BYTES)
    times_s: list[float] = []
    while len(times_s) < FLUSHES and sum(times_s) < MOST_FLUSHING_S:
        began = time.perf_counter()
        os.pwrite(handle, page, len(times_s) * PAGE_BYTES)
        os.fdatasync(handle)
        times_s.append(time.perf_counter() - began)
    times_s.sort()
    p99_s = times_s[min(int(len(times_s) * 0.99), len(times_s) - 1)]
    return Flushes(count=len(times_s), median_s=statistics.median(times_s), p99_s=p99_s)
