"""GPUs as the kernel sees them: on the bus, by sysfs, whether or not a driver or a library knows them."""

from __future__ import annotations

import re

import msgspec

from serdab.machine.gpus import Drivers, Gpu, GpuProcess, Link
from serdab.machine.nvml_process import ask_nvml
from serdab.machine.root import Root, pairs, whole

VENDORS = {0x10DE: "nvidia", 0x1002: "amd", 0x8086: "intel", 0x1DA3: "habana"}
#: Kinds of PCI devices that compute: displays, 3D controllers, other displays, accelerators.
CLASSES = (0x0300, 0x0302, 0x0380, 0x1200)
PCI = "/sys/bus/pci/devices"
NODES = "/sys/class/kfd/kfd/topology/nodes"
#: Where Intel's own graphics of a processor always are.
INTEL_OWN_BUS = "0000:00:02.0"
#: Memory below which an AMD GPU is part of a processor, in bytes: the share that its firmware set aside.
LEAST_OWN_BYTES = 2 << 30
#: Generation of PCI Express by billions of transfers a second.
GENERATIONS = {"2.5": 1, "5.0": 2, "8.0": 3, "16.0": 4, "32.0": 5, "64.0": 6}
#: Files through which programs compute, by vendor.
DEVICE_FILES = {"nvidia": "/dev/nvidiactl", "amd": "/dev/kfd", "intel": "/dev/dri", "habana": "/dev/accel"}


def look_at_gpus(root: Root) -> tuple[Drivers, tuple[Gpu, ...]]:
    """Every GPU of the machine, those that nobody can use too."""
    told = ask_nvml(root)
    drivers, by_nvml = told.drivers, told.gpus
    version = re.search(
        r"Kernel Module[^\n]{0,60}?\s(\d+\.\d+(?:\.\d+)?)", root.text("/proc/driver/nvidia/version") or ""
    )
    drivers = msgspec.structs.replace(
        drivers,
        nvidia=version[1] if version else drivers.nvidia_library,
        amdgpu=root.text("/sys/module/amdgpu/version") or "",
    )
    known = {gpu.bus for gpu in by_nvml}
    on_bus = [gpu for bus in root.names(PCI) if (gpu := _on_bus(root, bus, drivers)) is not None]
    rest = [gpu for gpu in on_bus if gpu.bus not in known]
    found = [*by_nvml, *_numbered(rest, {"nvidia": len(by_nvml)})]
    if not any(gpu.vendor == "nvidia" for gpu in found):
        found += _without_bus(root, drivers)
    return drivers, tuple(found)


def _numbered(gpus: list[Gpu], taken: dict[str, int]) -> list[Gpu]:
    """Counted by vendor, as each vendor's tools do."""
    numbered = []
    for gpu in gpus:
        index = taken.get(gpu.vendor, 0)
        taken[gpu.vendor] = index + 1
        numbered.append(msgspec.structs.replace(gpu, index=index))
    return numbered


def _on_bus(root: Root, bus: str, drivers: Drivers) -> Gpu | None:
    folder = f"{PCI}/{bus}"
    vendor = VENDORS.get(root.number(f"{folder}/vendor", 0) or 0)
    kind = (root.number(f"{folder}/class", 0) or 0) >> 8
    if vendor is None or kind not in CLASSES:
        return None
    driver = root.target(f"{folder}/driver")
    why_not = _why_not(root, vendor, driver, drivers)
    gpu = Gpu(
        index=0,
        vendor=vendor,
        name=_name(root, folder, vendor, bus),
        bus=bus,
        kernel_driver=driver,
        usable=not why_not,
        why_not=why_not,
        shares_memory=vendor == "intel" and bus == INTEL_OWN_BUS,
        temperature_c=_first(root, f"{folder}/hwmon/hwmon*/temp1_input", 1000),
        link=_link(root, folder),
    )
    return _amd(root, folder, gpu) if vendor == "amd" else gpu


def _why_not(root: Root, vendor: str, driver: str, drivers: Drivers) -> str:
    if not driver:
        return "no driver of the kernel holds it"
    if driver in ("vfio-pci", "pci-stub"):
        return f"{driver} holds it, for a guest"
    if driver == "nouveau":
        return "nouveau holds it, which does not compute"
    if vendor == "nvidia" and drivers.nvml_error:
        return drivers.nvml_error
    opened = DEVICE_FILES[vendor]
    if not root.has(opened):
        return f"{opened} is not here"
    # Of a folder, the files for computing; those for displays are not asked for.
    files = list(root.matching(f"{opened}/renderD*")) if vendor == "intel" else [opened]
    if vendor != "habana" and not any(map(root.may_use, files)):
        return f"this account may not use {' or '.join(files) or f'{opened}/renderD128'}"
    if vendor == "nvidia" and not drivers.nvidia_library:
        return "NVIDIA's library libnvidia-ml.so.1 is not here"
    return "" if vendor != "nvidia" else "NVIDIA's library does not show it"


def _name(root: Root, folder: str, vendor: str, bus: str) -> str:
    told = pairs(root.lines(f"/proc/driver/nvidia/gpus/{bus}/information")).get("Model")
    device = (root.text(f"{folder}/device") or "").removeprefix("0x")
    plain = {"nvidia": "NVIDIA", "amd": "AMD", "intel": "Intel", "habana": "Habana"}[vendor]
    return told or root.text(f"{folder}/product_name") or f"{plain} {device}".strip()


def _amd(root: Root, folder: str, gpu: Gpu) -> Gpu:
    total = root.number(f"{folder}/mem_info_vram_total")
    busy = root.number(f"{folder}/gpu_busy_percent")
    uncorrected = re.search(r"ue: (\d+)", root.text(f"{folder}/ras/umc_err_count") or "")
    node, number = _node(root, gpu.bus)
    return msgspec.structs.replace(
        gpu,
        uuid=root.text(f"{folder}/unique_id") or "",
        shares_memory=total is not None and total < LEAST_OWN_BYTES,
        memory_bytes=total,
        used_bytes=root.number(f"{folder}/mem_info_vram_used"),
        busy_share=None if busy is None else busy / 100,
        power_w=_first(root, f"{folder}/hwmon/hwmon*/power1_average", 1e6),
        power_limit_w=_first(root, f"{folder}/hwmon/hwmon*/power1_cap", 1e6),
        uncorrected_errors=whole(uncorrected[1]) if uncorrected else None,
        instructions=node,
        processes=_amd_processes(root, number),
    )


def _node(root: Root, bus: str) -> tuple[str, str]:
    """The kind of instructions and the number that AMD's driver for computing knows a card by."""
    for name in root.names(NODES):
        known = pairs(root.lines(f"{NODES}/{name}/properties"), " ")
        place, number = whole(known.get("location_id", "")), whole(known.get("gfx_target_version", ""))
        if number and place == _location(bus):
            major, minor, step = number // 10_000, number // 100 % 100, number % 100
            return f"gfx{major}{minor:x}{step:x}", root.text(f"{NODES}/{name}/gpu_id") or ""
    return "", ""


def _location(bus: str) -> int:
    """`0000:c3:00.0` as one number: the bus, five bits of the device, three of the function."""
    parts = re.fullmatch(r"[0-9a-f]{4,8}:([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", bus)
    return (int(parts[1], 16) << 8 | int(parts[2], 16) << 3 | int(parts[3])) if parts else -1


def _amd_processes(root: Root, number: str) -> tuple[GpuProcess, ...]:
    found = []
    for pid in root.names("/sys/class/kfd/kfd/proc") if number else []:
        used = root.number(f"/sys/class/kfd/kfd/proc/{pid}/vram_{number}")
        if whole(pid) is not None and used:
            program = root.text(f"/proc/{pid}/comm") or ""
            found.append(GpuProcess(pid=int(pid), program=program, used_bytes=used))
    return tuple(found)


def _link(root: Root, folder: str) -> Link:
    def generation(name: str) -> int:
        return GENERATIONS.get((root.text(f"{folder}/{name}") or "").partition(" ")[0], 0)

    return Link(
        width=root.number(f"{folder}/current_link_width") or 0,
        most_width=root.number(f"{folder}/max_link_width") or 0,
        generation=generation("current_link_speed"),
        most_generation=generation("max_link_speed"),
    )


def _first(root: Root, pattern: str, divisor: float) -> float | None:
    numbers = (root.number(name) for name in root.matching(pattern))
    return next((number / divisor for number in numbers if number is not None), None)


def _without_bus(root: Root, drivers: Drivers) -> list[Gpu]:
    """NVIDIA's GPUs that are on no bus of this machine: a Jetson's, and Windows' own under WSL."""
    if "nvidia,tegra" in (root.text("/proc/device-tree/compatible") or ""):
        name = root.text("/proc/device-tree/model") or "NVIDIA Jetson"
        here = root.has("/dev/nvhost-gpu") or root.has("/dev/nvgpu")
        why_not = "" if here else "/dev/nvhost-gpu is not here"
        return [
            Gpu(
                index=0,
                vendor="nvidia",
                name=name,
                bus="",
                kernel_driver="nvgpu",
                usable=here,
                why_not=why_not,
                shares_memory=True,
            )
        ]
    if root.has("/dev/dxg") and (root.has("/usr/lib/wsl/lib/libcuda.so.1") or drivers.nvml_error):
        why_not = drivers.nvml_error or "NVIDIA's library of WSL does not show it"
        return [Gpu(index=0, vendor="nvidia", name="GPU of Windows", bus="", kernel_driver="dxgkrnl", why_not=why_not)]
    return []
