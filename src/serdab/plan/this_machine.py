"""The machine that was looked at, as a device of the kind that the catalogue has."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from serdab.plan.devices import Device, DeviceClass
from serdab.plan.naming import device_named

if TYPE_CHECKING:
    from serdab.machine import Gpu, Machine

#: How a GPU that the catalogue does not know counts, by its maker.
CLASSES: dict[str, DeviceClass] = {
    "nvidia": "nvidia_gddr", "amd": "amd_rdna", "intel": "intel_arc", "habana": "gaudi",
}  # fmt: skip
#: What the system leaves of a machine's memory, as for the processors of the catalogue.
USABLE_SHARE = 0.9
#: What a driver and a desktop keep of a GPU at most; more is somebody's work, bytes.
SOME_BYTES = 1 << 30
#: Bandwidth that is taken for a processor which tells none, bytes a second: one like a laptop's of two channels.
USUAL_BANDWIDTH = 5e10


def as_device(machine: Machine, devices: Sequence[Device]) -> tuple[Device, int]:
    """The GPUs of a machine that programs can use, or its processor where there is none, and how many there are.

    Of different GPUs those that have most memory together. What the catalogue knows of them by their names is taken
    from there, their memory as they tell it themselves.

    Args:
        machine: as it was found.
        devices: the catalogue's.
    """
    usable = [gpu for gpu in machine.gpus if gpu.usable and (gpu.memory_bytes or gpu.shares_memory)]
    if not usable:
        return _processor(machine, devices), 1
    counts = Counter(gpu.name for gpu in usable)
    first = max(usable, key=lambda gpu: (counts[gpu.name] * (gpu.memory_bytes or 0), gpu.name))
    found = _gpu(machine, first, devices)
    used = sum(gpu.used_bytes or 0 for gpu in usable if gpu.name == first.name)
    busy = (f"{used / 2**30:,.1f} GiB are in use now, and are counted as free",) if used > SOME_BYTES else ()
    return msgspec.structs.replace(
        found,
        host_bandwidth=machine.memory.copied_bytes_s or machine.memory.rated_bytes_s or 0.0,
        note="; ".join(filter(None, (*busy, found.note))),
    ), counts[first.name]


def _gpu(machine: Machine, gpu: Gpu, devices: Sequence[Device]) -> Device:
    known = device_named(devices, gpu.name)
    own = gpu.memory_bytes
    if known is not None:
        told = machine.memory.total_bytes if own is None else own
        return msgspec.structs.replace(known, memory_bytes=told, name=f"{known.name}, here")
    shared = own is None or gpu.shares_memory
    return Device(
        id="here",
        name=f"{gpu.name}, here",
        vendor=gpu.vendor,
        kind=CLASSES[gpu.vendor],
        memory_bytes=machine.memory.total_bytes if own is None else own,
        usable_share=USABLE_SHARE if shared else 1.0,
        bandwidth=0.0,
        rates={},
        power_w=gpu.power_limit_w or 0.0,
        idle_w=0.0,
        year=0,
        note="not in the catalogue: its bandwidth is not known, so no speed can be told",
    )


def _processor(machine: Machine, devices: Sequence[Device]) -> Device:
    """The processor: rates and power of the catalogue's whose bandwidth is nearest."""
    memory = machine.memory
    bandwidth = memory.copied_bytes_s or memory.rated_bytes_s or USUAL_BANDWIDTH
    maker = next((each for each in ("AMD", "Intel") if each.casefold() in machine.processor.model.casefold()), "any")
    like = min(
        (device for device in devices if device.kind == "cpu" and device.vendor in ("any", maker)),
        key=lambda device: abs(math.log(device.bandwidth / bandwidth)),
    )
    source = "measured" if memory.copied_bytes_s else "by its label" if memory.rated_bytes_s else "a guess"
    return msgspec.structs.replace(
        like,
        id="here",
        name=f"{machine.processor.model or 'processor'}, here",
        memory_bytes=min(memory.total_bytes, machine.limits.memory_bytes or memory.total_bytes),
        usable_share=USABLE_SHARE,
        bandwidth=bandwidth,
        price=None,
        note=f"bandwidth {source}; rates and power as of {like.name}",
    )
