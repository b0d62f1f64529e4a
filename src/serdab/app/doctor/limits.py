"""What the kernel lets a home have: files, processes, processors, memory."""

from __future__ import annotations

from serdab.app.doctor.findings import Finding, bad, judged, warning, well
from serdab.app.tree import worker_count
from serdab.app.workflows import has_documents
from serdab.core import Settings
from serdab.machine import Machine
from serdab.store import planned_memory_mb

#: Least soft limits with which nothing is ever short.
LEAST_FILES, LEAST_PROCESSES = 4096, 1024
#: Memory that each process takes when it works, beside the database's own, in MB.
WORKER_MB, ENGINE_MB, CONNECTIONS_MB = 200, 600, 300
#: Part of the swap in use beyond which the machine is too small, and beyond which it matters at all.
MOST_SWAPPED, SOME_SWAPPED = 0.5, 0.02
#: vm.swappiness that fits a database.
CALM_SWAPPINESS = 10
#: Memory that a program may keep from being swapped out, below which an engine cannot hold a model, in bytes.
LEAST_LOCKED_BYTES = 64 << 20
#: Share of its periods in which a control group waits for its processors, beyond which it is slow.
MOST_THROTTLED = 0.05
HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"
_MB = 1 << 20


def check_file_limit(settings: Settings, machine: Machine) -> Finding:
    """Open files of one process."""
    del settings
    effect = "connections and files are refused under load"
    return _limit(
        "open files",
        machine.limits.open_files,
        LEAST_FILES,
        effect,
        "say: ulimit -n {0}; under systemd: LimitNOFILE={0}",
    )


def check_process_limit(settings: Settings, machine: Machine) -> Finding:
    """Processes of one account, and of our control group."""
    del settings
    group = machine.limits.tasks
    if group is not None and group < LEAST_PROCESSES and group <= (machine.limits.processes or group):
        todo = "say: docker run --pids-limit {0}; under systemd: TasksMax={0}"
        return _limit("processes", group, LEAST_PROCESSES, "workers and threads cannot be started", todo)
    todo = "say: ulimit -u {0}; under systemd: LimitNPROC={0}"
    return _limit("processes", machine.limits.processes, LEAST_PROCESSES, "workers cannot be started", todo)


def _limit(name: str, soft: int | None, least: int, effect: str, todo: str) -> Finding:
    if soft is None:
        return well(name, "no limit")
    return judged(name, f"at most {soft:,}", is_well=soft >= least, effect=effect, todo=todo.format(least * 4))


def check_locked_memory(settings: Settings, machine: Machine) -> Finding:
    """Whether an engine may keep a model in memory whatever happens."""
    del settings
    locked, memory = machine.limits.locked_bytes, machine.memory
    if locked is None:
        return well("locked memory", "no limit")
    found = f"at most {locked / _MB:,.1f} MB, with {memory.swap_bytes // _MB:,} MB of swap"
    return judged(
        "locked memory",
        found,
        is_well=locked >= LEAST_LOCKED_BYTES or not memory.swap_bytes,
        effect="an engine cannot hold its model (llama.cpp's --mlock fails); parts that were swapped out stall answers",
        todo="say: ulimit -l unlimited; under systemd: LimitMEMLOCK=infinity; docker run --ulimit memlock=-1",
    )


def check_memory(settings: Settings, machine: Machine) -> Finding:
    """Whether what is configured fits into what there is."""
    have_mb = machine.memory.total_bytes // _MB
    limit = machine.limits.memory_bytes
    limit_mb = None if limit is None else limit // _MB
    need_mb = needed_mb(settings)
    found = f"{need_mb:,} MB planned of {have_mb:,} MB" + (
        f", limited to {limit_mb:,} MB" if limit_mb is not None else ""
    )
    most_mb = have_mb if limit_mb is None else min(have_mb, limit_mb)
    if need_mb > most_mb:
        todo = "lower workers.processes or database.memory_mb, or give it more"
        return bad("memory", found, "processes will be killed under load", todo)
    if machine.limits.killed_for_memory:
        found += f", {machine.limits.killed_for_memory:,} processes killed"
        return warning(
            "memory",
            found,
            "its control group was out of memory",
            "raise its limit: docker run --memory …, MemoryMax=…",
        )
    return well("memory", found)


def needed_mb(settings: Settings) -> int:
    """Memory of a tree at work, by a rule of thumb."""
    database_mb = 0 if settings.database.url else planned_memory_mb(settings.database.memory_mb) + CONNECTIONS_MB
    return database_mb + worker_count(settings) * WORKER_MB + (ENGINE_MB if has_documents() else 0)


def check_processors(settings: Settings, machine: Machine) -> Finding:
    """Whether what is configured fits into the processors that we may use."""
    cpus, usable = machine.limits.cpus, machine.processor.usable
    workers = worker_count(settings)
    found = f"workers: {workers}, on {usable} of {machine.processor.logical}"
    if cpus is not None and cpus < usable:
        found += f", limited to {cpus:g}"
        if workers > max(cpus, 1):
            raised = f"docker run --cpus {usable}, CPUQuota={usable * 100}%"
            todo = f"--set workers.processes={max(int(cpus), 1)}, or raise the limit: {raised}"
            return warning("processors", found, "all stand still together when the limit is reached", todo)
    throttled = machine.limits.cpu_throttled_share
    if throttled > MOST_THROTTLED:
        found += f"; waited in {throttled:.0%} of all periods"
        return warning(
            "processors",
            found,
            "answers come late by up to 0.1 s each time",
            "raise the limit: docker run --cpus …, CPUQuota=…",
        )
    return well("processors", found)


def check_swap(settings: Settings, machine: Machine) -> Finding:
    """Whether the machine has begun to live on its disk."""
    memory = machine.memory
    if not memory.swap_bytes:
        return well("swap", "none; when memory runs out, a process ends at once and is started again")
    used = memory.swap_used_bytes / memory.swap_bytes
    found = f"{used:.0%} of {memory.swap_bytes // _MB:,} MB used, vm.swappiness={memory.swappiness}"
    if used >= MOST_SWAPPED:
        todo = "see what takes memory (ps aux --sort=-rss), lower database.memory_mb or workers.processes, or add some"
        return warning("swap", found, "memory is short; everything waits for the disk", todo)
    on_disk = not memory.swaps or any("/zram" not in each for each in memory.swaps)
    eager = (memory.swappiness or 0) > CALM_SWAPPINESS and on_disk and not settings.database.url
    return judged(
        "swap",
        found,
        is_well=used < SOME_SWAPPED or not eager,
        effect="the kernel swaps out the database's memory to cache files; the next question waits for the disk",
        todo=f"say: sysctl -w vm.swappiness={CALM_SWAPPINESS}",
    )


def check_overcommit(settings: Settings, machine: Machine) -> Finding:
    """How the kernel promises memory."""
    del settings
    mode = machine.memory.overcommit
    if mode is None:
        return well("overcommit", "not told")
    kinds = {0: "as it sees fit", 1: "always", 2: "never more than there is"}
    found = f"promised {kinds.get(mode, mode)} (vm.overcommit_memory={mode})"
    effect = "a process, PostgreSQL too, may be killed without warning"
    return judged("overcommit", found, is_well=mode != 1, effect=effect, todo="say: sysctl -w vm.overcommit_memory=0")


def check_huge_pages(settings: Settings, machine: Machine) -> Finding:
    """Whether memory is given out in large pieces that nobody asked for."""
    del settings
    mode = machine.memory.huge_pages
    if not mode:
        return well("huge pages", "this kernel has no transparent ones")
    return judged(
        "huge pages",
        f"transparent: {mode}",
        is_well=mode != "always",
        effect="commits may stall while memory is put together",
        todo=f"say: echo madvise > {HUGE_PAGES}",
    )
