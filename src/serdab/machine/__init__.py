"""What this machine is: processor, memory, GPUs, disks, limits, clock, ports. Looks only; advice is given elsewhere."""

from serdab.machine.clock import COMPARED_S, Clock, wall_s
from serdab.machine.disks import (
    Disk,
    DiskSpeed,
    Flushes,
    Mount,
    existing,
    mount_of,
    mounts,
)
from serdab.machine.gpus import Drivers, Gpu, GpuProcess, Link
from serdab.machine.limits import Limits
from serdab.machine.looking import Machine, look
from serdab.machine.memory import Memory, MemoryModule
from serdab.machine.ports import Listener
from serdab.machine.processor import Heat, Processor, Scaling, processor_flags
from serdab.machine.programs import Program
from serdab.machine.root import Root, whole

__all__ = [
    "COMPARED_S",
    "Clock",
    "Disk",
    "DiskSpeed",
    "Drivers",
    "Flushes",
    "Gpu",
    "GpuProcess",
    "Heat",
    "Limits",
    "Link",
    "Listener",
    "Machine",
    "Memory",
    "MemoryModule",
    "Mount",
    "Processor",
    "Program",
    "Root",
    "Scaling",
    "existing",
    "look",
    "mount_of",
    "mounts",
    "processor_flags",
    "wall_s",
    "whole",
]
