"""Everything at once: one value that says what a machine is, now."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from serdab.machine.cards import look_at_gpus
from serdab.machine.clock import Clock, look_at_clock
from serdab.machine.copying import measure_copying
from serdab.machine.disks import Disk, look_at_disks
from serdab.machine.gpus import Drivers, Gpu
from serdab.machine.limits import Limits, look_at_limits
from serdab.machine.memory import Memory, look_at_memory
from serdab.machine.ports import Listener, look_at_ports
from serdab.machine.processor import STOLEN, Processor, look_at_processor, processor_ticks
from serdab.machine.programs import Program, look_at_programs
from serdab.machine.root import Root

#: Variables that tell libraries which GPUs and how many threads to use, by how they begin.
VARIABLES = (
    "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "HSA_", "GPU_DEVICE_ORDINAL", "ZE_AFFINITY_MASK", "ONEAPI_DEVICE_SELECTOR",
    "OMP_", "MKL_", "OPENBLAS_", "GOMP_", "KMP_", "GGML_", "PYTORCH_",
)  # fmt: skip


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A machine as it was found; what is None or empty was not told."""

    #: The kernel's name and version.
    kernel: str
    #: The distribution, `Ubuntu 24.04.2 LTS`.
    system: str
    processor: Processor
    memory: Memory
    gpus: tuple[Gpu, ...]
    drivers: Drivers
    programs: tuple[Program, ...]
    disks: tuple[Disk, ...]
    limits: Limits
    clock: Clock
    listeners: tuple[Listener, ...]
    #: Variables of the environment that steer computing.
    variables: dict[str, str]


def look(
    root: Root | None = None,
    *,
    environment: Mapping[str, str],
    folders: Sequence[Path] = (),
    packages: Sequence[Path] | None = None,
    measured: bool = False,
) -> Machine:
    """Look at a machine; changes nothing, and raises nothing for what it may not see.

    Args:
        root: where its files are; None: this machine.
        environment: the variables of the process that will compute.
        folders: whose disks matter.
        packages: where packages of Python are; None: where this Python looks.
        measured: measure disks, memory and the clock too, which takes a few seconds.

    Raises:
        OSError: a disk could not be measured.
    """
    root = root or Root()
    before = processor_ticks(root)
    drivers, gpus = look_at_gpus(root)
    processor, memory, limits = look_at_processor(root), look_at_memory(root), look_at_limits(root)
    if measured:
        memory = msgspec.structs.replace(memory, copied_bytes_s=_copied_bytes_s(processor, memory, limits))
    disks, clock = look_at_disks(root, folders, measured=measured), look_at_clock(root, measured=measured)
    if measured:
        spent = [after - earlier for earlier, after in zip(before, processor_ticks(root), strict=True)]
        share = max(spent[STOLEN], 0) / sum(spent) if sum(spent) > 0 else None
        processor = msgspec.structs.replace(processor, steal_share_now=share)
    return Machine(
        kernel=" ".join(filter(None, (root.text(f"/proc/sys/kernel/{name}") for name in ("ostype", "osrelease")))),
        system=_system(root),
        processor=processor,
        memory=memory,
        gpus=gpus,
        drivers=drivers,
        programs=look_at_programs(root, [Path(each) for each in sys.path if each] if packages is None else packages),
        disks=disks,
        limits=limits,
        clock=clock,
        listeners=look_at_ports(root),
        variables={name: value for name, value in sorted(environment.items()) if name.startswith(VARIABLES)},
    )


def _copied_bytes_s(processor: Processor, memory: Memory, limits: Limits) -> float | None:
    """Measured with what our control group lets us have: more would end this process."""
    threads = processor.usable if limits.cpus is None else min(processor.usable, max(round(limits.cpus), 1))
    available_bytes = min(memory.available_bytes, limits.memory_bytes or memory.available_bytes)
    return measure_copying(threads, available_bytes, processor.cache_bytes)


def _system(root: Root) -> str:
    for line in root.lines("/etc/os-release"):
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            return value.strip("\"'")
    return ""
