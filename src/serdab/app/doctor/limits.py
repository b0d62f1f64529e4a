"""What the kernel lets a home have: files, processes, memory."""

from __future__ import annotations

import resource
from pathlib import Path

import psutil

from serdab.app.doctor.findings import Finding, bad, judged, warning, well
from serdab.app.tree import worker_count
from serdab.app.workflows import has_documents
from serdab.core import Settings
from serdab.store import planned_memory_mb

#: Least soft limits with which nothing is ever short.
LEAST_FILES, LEAST_PROCESSES = 4096, 1024
#: Memory that each process takes when it works, beside the database's own, in MB.
WORKER_MB, ENGINE_MB, CONNECTIONS_MB = 200, 600, 300
#: Part of the swap in use beyond which the machine is too small.
MOST_SWAPPED = 0.5
CGROUPS, HUGE_PAGES = Path("/sys/fs/cgroup"), Path("/sys/kernel/mm/transparent_hugepage/enabled")
OVERCOMMIT = Path("/proc/sys/vm/overcommit_memory")
_MB = 1 << 20


def check_file_limit(settings: Settings) -> Finding:
    """Open files of one process."""
    del settings
    return _limit("open files", resource.RLIMIT_NOFILE, LEAST_FILES, "ulimit -n", "LimitNOFILE")


def check_process_limit(settings: Settings) -> Finding:
    """Processes of one account."""
    del settings
    return _limit("processes", resource.RLIMIT_NPROC, LEAST_PROCESSES, "ulimit -u", "LimitNPROC")


def _limit(name: str, number: int, least: int, shell: str, unit: str) -> Finding:
    soft, _ = resource.getrlimit(number)
    if soft == resource.RLIM_INFINITY:
        return well(name, "no limit")
    todo = f"say: {shell} {least * 4}; under systemd: {unit}={least * 4}"
    return judged(name, f"at most {soft:,}", is_well=soft >= least, todo=todo)


def check_memory(settings: Settings) -> Finding:
    """Whether what is configured fits into what there is."""
    have_mb = psutil.virtual_memory().total // _MB
    limit_mb = cgroup_limit_mb(CGROUPS, Path("/proc/self/cgroup").read_text())
    need_mb = needed_mb(settings)
    found = f"{need_mb:,} MB planned of {have_mb:,} MB" + (f", limited to {limit_mb:,} MB" if limit_mb else "")
    todo = "lower workers.processes or database.memory_mb, or give it more"
    most_mb = min(have_mb, limit_mb or have_mb)
    return bad("memory", found, todo) if need_mb > most_mb else well("memory", found)


def needed_mb(settings: Settings) -> int:
    """Memory of a tree at work, by a rule of thumb."""
    database_mb = 0 if settings.database.url else planned_memory_mb(settings.database.memory_mb) + CONNECTIONS_MB
    return database_mb + worker_count(settings) * WORKER_MB + (ENGINE_MB if has_documents() else 0)


def cgroup_limit_mb(root: Path, membership: str) -> int | None:
    """The least memory limit of our control group and those above it; None: there is none.

    Args:
        root: where control groups are mounted.
        membership: the text of `/proc/self/cgroup`.
    """
    limits = []
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        base = root / "memory" if controllers else root
        name = "memory.limit_in_bytes" if controllers else "memory.max"
        group = base / path.lstrip("/")
        limits += [_number(each / name) for each in (group, *group.parents) if each.is_relative_to(base)]
    # The old kind says "none" by a number beyond any memory.
    real = [limit for limit in limits if limit is not None and limit < 1 << 60]
    return min(real) // _MB if real else None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # "max" is no number
        return None


def check_swap(settings: Settings) -> Finding:
    """Whether the machine has begun to live on its disk."""
    del settings
    swap = psutil.swap_memory()
    if not swap.total:
        return well("swap", "none; when memory runs out, a process ends at once and is started again")
    used = swap.used / swap.total
    found = f"{used:.0%} of {swap.total // _MB:,} MB used"
    return judged("swap", found, is_well=used < MOST_SWAPPED, todo="memory is short: see what takes it, or add some")


def check_overcommit(settings: Settings) -> Finding:
    """How the kernel promises memory."""
    del settings
    mode = OVERCOMMIT.read_text().strip()
    kinds = {"0": "as it sees fit", "1": "always", "2": "never more than there is"}
    found = f"promised {kinds.get(mode, mode)} (vm.overcommit_memory={mode})"
    todo = "a process, PostgreSQL too, may be killed without warning; say: sysctl vm.overcommit_memory=0"
    return judged("overcommit", found, is_well=mode != "1", todo=todo)


def check_huge_pages(settings: Settings) -> Finding:
    """Whether memory is given out in large pieces that nobody asked for."""
    del settings
    if not HUGE_PAGES.exists():
        return well("huge pages", "this kernel has no transparent ones")
    mode = HUGE_PAGES.read_text().partition("[")[2].partition("]")[0]
    if mode == "always":
        todo = f"commits may stall while memory is put together; say: echo madvise > {HUGE_PAGES}"
        return warning("huge pages", "transparent: always", todo)
    return well("huge pages", f"transparent: {mode}")
