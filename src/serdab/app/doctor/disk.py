"""The disk under a home: room, speed, and how long it takes to keep a promise."""

from __future__ import annotations

from serdab.app.doctor.findings import Finding, bad, judged, warning, well
from serdab.core import Settings
from serdab.machine import Disk, Machine
from serdab.store import Room

#: Slower than that, a stream is slow, bytes a second.
LEAST_WRITE_BYTES_S = 50e6
#: A model of this size, and how long it may take from the disk into memory, in seconds.
MODEL_BYTES, MOST_LOADING_S = 5e9, 30.0
#: Each group commit waits for one flush: beyond this a home is slow, in seconds.
SLOW_MEDIAN_S, SLOW_P99_S = 0.010, 0.100
#: No disk is as fast as that, in seconds: what answers so has written nothing yet.
TOO_FAST_S = 10e-6
NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs"}
#: What they lose, and when.
PASSING = {
    "tmpfs": "everything is gone when the machine restarts",
    "ramfs": "everything is gone when the machine restarts",
    "overlay": "everything is gone with its container, and a flush may not reach a disk",
}
NOT_MEASURED = "not measured"


def disk_of(settings: Settings, machine: Machine) -> Disk:
    """The disk that holds the home."""
    home = str(settings.folder)
    return next(disk for disk in machine.disks if home in disk.folders)


def check_room(settings: Settings) -> Finding:
    """Free space on every disk of the home."""
    room = Room.of(settings)
    missing = room.missing()
    free = dict.fromkeys(room.free().values())
    found = ", ".join(f"{each / (1 << 30):,.1f} GB free" for each in free)
    if missing:
        what, _, told = missing.partition("; ")
        effect, _, todo = told.partition(": ")
        return bad("room", what, effect, todo)
    return well("room", found)


def check_file_system(settings: Settings, machine: Machine) -> Finding:
    """Which file system holds the home."""
    kind = disk_of(settings, machine).file_system
    if kind in NETWORK:
        effect = "locks and flushes of a network file system are not to be relied on"
        return warning("file system", kind, effect, "put the home on a disk of this machine, with --set home=FOLDER")
    if kind in PASSING:
        return warning("file system", kind, PASSING[kind], "put the home on a disk or a volume, with --set home=FOLDER")
    return well("file system", kind)


def check_writing(settings: Settings, machine: Machine) -> Finding:
    """How fast a stream is written."""
    disk = disk_of(settings, machine)
    if disk.speed is None:
        return well("writing", NOT_MEASURED)
    return judged(
        "writing",
        f"{disk.speed.write_bytes_s / 1e6:,.0f} MB/s on {disk.device or disk.mounted_on}",
        is_well=disk.speed.write_bytes_s >= LEAST_WRITE_BYTES_S,
        effect="steps with large results will wait",
        todo=f"use a disk that writes {LEAST_WRITE_BYTES_S / 1e6:g} MB/s",
    )


def check_loading(settings: Settings, machine: Machine) -> Finding:
    """How long a model takes from each disk into memory."""
    del settings
    speeds = [(disk.speed.read_bytes_s, disk.speed.direct, disk) for disk in machine.disks if disk.speed is not None]
    if not speeds:
        return well("loading models", NOT_MEASURED)
    read_bytes_s, direct, disk = min(speeds, key=lambda each: each[0])
    took_s = MODEL_BYTES / max(read_bytes_s, 1.0)
    how = "past the cache" if direct else "perhaps from the cache"
    return judged(
        "loading models",
        f"reads {read_bytes_s / 1e6:,.0f} MB/s on {disk.device or disk.mounted_on}, {how}: 5 GB in {took_s:,.0f} s",
        is_well=took_s <= MOST_LOADING_S,
        effect=f"a model of 5 GB takes {took_s:,.0f} s until it answers, after each start",
        todo="put the models on an SSD (500 MB/s: 10 s; NVMe: 2 s)",
    )


def check_flush(settings: Settings, machine: Machine) -> Finding:
    """How long the disk takes until what is committed is kept."""
    speed = disk_of(settings, machine).speed
    if speed is None:
        return well("flush", NOT_MEASURED)
    flushes = speed.flushes
    found = (
        f"median {flushes.median_s * 1e3:.2f} ms, p99 {flushes.p99_s * 1e3:.2f} ms of {flushes.count} flushes of 8 kB"
    )
    if flushes.median_s < TOO_FAST_S:
        effect = "it answers before it has written; a loss of power may lose what was committed"
        return warning(
            "flush", found, effect, "use a disk that flushes; in a guest, set its cache to writethrough or none"
        )
    slow = flushes.median_s > SLOW_MEDIAN_S or flushes.p99_s > SLOW_P99_S
    return judged("flush", found, is_well=not slow, effect="every commit waits for that", todo="put the home on an SSD")
