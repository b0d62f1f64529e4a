"""A machine in a few lines, for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from serdab.cli.printing import counted

if TYPE_CHECKING:
    from serdab.machine import Disk, Gpu, Machine

_GIB = 1 << 30


def machine_rows(machine: Machine) -> list[tuple[str, str]]:
    """What it is, by its parts."""
    rows = [
        ("system", ", ".join(filter(None, (machine.system, machine.kernel, *_inside(machine))))),
        ("processor", ", ".join(_processor(machine))),
        ("memory", ", ".join(_memory(machine))),
    ]
    rows += [(f"gpu {gpu.index}", ", ".join(_gpu(gpu))) for gpu in machine.gpus]
    if machine.drivers.nvidia:
        cuda = f", serves CUDA up to {machine.drivers.cuda}" if machine.drivers.cuda else ""
        rows.append(("driver", f"NVIDIA {machine.drivers.nvidia}{cuda}"))
    rows += [("disk", ", ".join(_disk(disk))) for disk in machine.disks]
    return rows


def _inside(machine: Machine) -> Iterator[str]:
    if machine.processor.hypervisor:
        yield f"guest of {machine.processor.hypervisor}"
    if machine.limits.container:
        yield f"in a container of {machine.limits.container}"


def _processor(machine: Machine) -> Iterator[str]:
    processor, limits = machine.processor, machine.limits
    yield processor.model
    yield f"{counted(processor.cores, 'core')}, {counted(processor.logical, 'thread')}"
    if processor.usable < processor.logical:
        yield f"{processor.usable} usable"
    if limits.cpus is not None:
        yield f"limited to {limits.cpus:g}"
    if processor.numa_nodes > 1:
        yield f"{processor.numa_nodes} NUMA nodes"
    if processor.flags:
        yield " ".join(processor.flags)


def _memory(machine: Machine) -> Iterator[str]:
    memory, limit = machine.memory, machine.limits.memory_bytes
    yield f"{memory.total_bytes / _GIB:,.1f} GiB, {memory.available_bytes / _GIB:,.1f} free"
    if limit is not None:
        yield f"limited to {limit / _GIB:,.1f} GiB"
    kinds = {f"{each.kind} {each.speed_mt_s or ''}".strip() for each in memory.modules} - {""}
    if memory.modules:
        yield f"{counted(len(memory.modules), 'module')} {' and '.join(sorted(kinds))}".rstrip()
    if memory.channels:
        yield counted(memory.channels, "channel")
    if memory.rated_bytes_s:
        yield f"{memory.rated_bytes_s / 1e9:,.0f} GB/s rated"
    if memory.copied_bytes_s:
        yield f"{memory.copied_bytes_s / 1e9:,.1f} GB/s measured by a copy"


def _gpu(gpu: Gpu) -> Iterator[str]:
    yield gpu.name
    if gpu.memory_bytes is not None:
        yield f"{gpu.memory_bytes / _GIB:,.1f} GiB" + (f", {(gpu.used_bytes or 0) / _GIB:,.1f} used")
    if gpu.temperature_c is not None:
        yield f"{gpu.temperature_c:.0f} °C"
    if gpu.power_w is not None:
        yield f"{gpu.power_w:.0f} W" + (f" of {gpu.power_limit_w:.0f}" if gpu.power_limit_w else "")
    if gpu.why_not:
        yield gpu.why_not


def _disk(disk: Disk) -> Iterator[str]:
    yield " ".join(filter(None, (disk.model, disk.device, disk.file_system, f"on {disk.mounted_on}")))
    yield f"{disk.free_bytes / 1e9:,.0f} of {disk.total_bytes / 1e9:,.0f} GB free"
    if disk.speed:
        how = "" if disk.speed.direct else " (perhaps from the cache)"
        yield f"writes {disk.speed.write_bytes_s / 1e6:,.0f} MB/s, reads {disk.speed.read_bytes_s / 1e6:,.0f} MB/s{how}"
