"""What the kernel lets a process have: the limits of its control groups, its container and itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from serdab.machine.root import Root, pairs, whole

T = TypeVar("T", int, float)
GROUPS = "/sys/fs/cgroup"
#: The first kind of control groups says "no limit" by a number beyond any memory.
NO_LIMIT = 1 << 60
#: Names of soft limits in `/proc/self/limits`.
FILES, PROCESSES, LOCKED = "Max open files", "Max processes", "Max locked memory"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits; None always means that there is none."""

    #: `docker`, `podman`, `kubernetes`, `lxc`, `nspawn`; empty: none that tells.
    container: str
    #: 1 or 2; None: no control groups.
    cgroup_version: int | None
    #: Least of our control group and those above it.
    memory_bytes: int | None
    #: Processors, in fractions, that it may use at a time.
    cpus: float | None
    #: Share of the periods in which it had to wait for that limit.
    cpu_throttled_share: float
    tasks: int | None
    #: Times that a process was killed because the group was out of memory.
    killed_for_memory: int
    #: Soft limits of this process.
    open_files: int | None
    processes: int | None
    locked_bytes: int | None


def look_at_limits(root: Root) -> Limits:
    """The limits that hold for this process."""
    groups = _groups(root)
    own = _own_limits(root)
    return Limits(
        container=_container(root),
        cgroup_version=(2 if "" in groups and len(groups) == 1 else 1) if groups else None,
        memory_bytes=_least(root, groups, _memory_bytes),
        cpus=_least(root, groups, _cpus),
        cpu_throttled_share=_throttled_share(root, groups),
        tasks=_least(root, groups, _tasks),
        killed_for_memory=_killed(root, groups),
        open_files=own.get(FILES),
        processes=own.get(PROCESSES),
        locked_bytes=own.get(LOCKED),
    )


def _own_limits(root: Root) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for line in root.lines("/proc/self/limits"):
        if parts := re.match(r"(Max [a-z ]{1,40}?) {2,}(\d+|unlimited)\b", line):
            found[parts[1]] = whole(parts[2])
    return found


def _container(root: Root) -> str:
    environment = (root.text("/proc/1/environ") or "").split("\0")
    named = next((each.partition("=")[2] for each in environment if each.startswith("container=")), "")
    membership = root.text("/proc/self/cgroup") or ""
    mounted = root.text("/proc/self/mountinfo") or ""
    signs = (
        ("kubernetes", root.has("/var/run/secrets/kubernetes.io") or root.has("/run/secrets/kubernetes.io")),
        ("kubernetes", "kubepods" in membership),
        ("podman", root.has("/run/.containerenv")),
        ("docker", root.has("/.dockerenv") or "/docker/" in membership or "/docker/containers/" in mounted),
        (named.removeprefix("systemd-"), bool(named)),
        ("lxc", "/lxc/" in membership or "/lxc.payload" in membership),
    )
    return next((name for name, is_it in signs if is_it), "")


def _groups(root: Root) -> dict[str, list[str]]:
    """By controller, the folders of our group and of those above it; those of version 2 have the controller ``""``."""
    found: dict[str, list[str]] = {}
    for line in root.lines("/proc/self/cgroup"):
        parts = line.split(":", 2)
        if len(parts) != 3 or parts[1].startswith("name="):
            continue
        _, controllers, path = parts
        for controller in controllers.split(","):
            # Both kinds at once: version 2 has a folder of its own beside those of version 1.
            bases = (
                (f"{GROUPS}/{controllers}", f"{GROUPS}/{controller}") if controller else (f"{GROUPS}/unified", GROUPS)
            )
            base = next((each for each in bases if root.has(each)), None)
            if base:
                names = path.strip("/").split("/") if path.strip("/") else []
                above = ["/".join((base, *names[:count])) for count in range(len(names), -1, -1)]
                found[controller] = [folder for folder in above if ".." not in folder]
    return found


def _least(
    root: Root, groups: dict[str, list[str]], limits: Callable[[Root, dict[str, list[str]]], Iterator[T | None]]
) -> T | None:
    return min((limit for limit in limits(root, groups) if limit is not None), default=None)


def _memory_bytes(root: Root, groups: dict[str, list[str]]) -> Iterator[int | None]:
    for folder in groups.get("", ()):
        yield root.number(f"{folder}/memory.max")
        yield root.number(f"{folder}/memory.high")
    for folder in groups.get("memory", ()):
        limit = root.number(f"{folder}/memory.limit_in_bytes")
        yield limit if limit is not None and limit < NO_LIMIT else None


def _cpus(root: Root, groups: dict[str, list[str]]) -> Iterator[float | None]:
    for folder in groups.get("", ()):
        told = (root.text(f"{folder}/cpu.max") or "").partition(" ")
        quota_us, period_us = whole(told[0]), whole(told[2])
        yield quota_us / period_us if quota_us and period_us and quota_us > 0 else None
    for folder in groups.get("cpu", ()):
        quota_us, period_us = root.number(f"{folder}/cpu.cfs_quota_us"), root.number(f"{folder}/cpu.cfs_period_us")
        yield quota_us / period_us if quota_us and period_us and quota_us > 0 else None


def _tasks(root: Root, groups: dict[str, list[str]]) -> Iterator[int | None]:
    for folder in (*groups.get("", ()), *groups.get("pids", ())):
        yield root.number(f"{folder}/pids.max")


def _throttled_share(root: Root, groups: dict[str, list[str]]) -> float:
    shares = [0.0]
    for folder in (*groups.get("", ()), *groups.get("cpu", ())):
        counts = pairs(root.lines(f"{folder}/cpu.stat"), " ")
        periods, throttled = whole(counts.get("nr_periods", "")), whole(counts.get("nr_throttled", ""))
        if periods and throttled:
            shares.append(throttled / periods)
    return max(shares)


def _killed(root: Root, groups: dict[str, list[str]]) -> int:
    own = [f"{folder}/memory.events" for folder in groups.get("", ())[:1]]
    own += [f"{folder}/memory.oom_control" for folder in groups.get("memory", ())[:1]]
    return max((whole(pairs(root.lines(name), " ").get("oom_kill", "")) or 0 for name in own), default=0)
