"""The GPUs: those that nobody can use, that others use, that are slowed down."""

from __future__ import annotations

from collections.abc import Iterator

import psutil

from serdab.app.doctor.findings import Finding, bad, warning, well
from serdab.app.processes import living
from serdab.core import Settings
from serdab.machine import Gpu, Machine

#: Part of a GPU's memory that others may have: a desktop takes some.
MOST_OTHERS = 0.10
#: What NVIDIA's library says of a card that is broken, not only out of reach.
FAULTS = ("reset", "fallen off", "does not answer", "ends the process")
_GB = 1 << 30


def check_gpus(settings: Settings, machine: Machine) -> Iterator[Finding]:
    """One finding for each thing that is wrong, or one that all is well."""
    if not machine.gpus:
        yield well("gpu", "none; models run on the processor")
    ours = our_processes(settings) if any(gpu.processes for gpu in machine.gpus) else frozenset()
    for gpu in machine.gpus:
        name = f"gpu {gpu.index} ({gpu.vendor})"
        found = list(_wrong(name, gpu, machine, ours))
        yield from found or [well(name, _shown(gpu))]


def our_processes(settings: Settings) -> frozenset[int]:
    """The processes of our own trees."""
    found: set[int] = set()
    for each in living(settings, "up").values():
        try:
            found |= {each.pid, *(child.pid for child in psutil.Process(each.pid).children(recursive=True))}
        except psutil.Error:  # it has just ended
            continue
    return frozenset(found)


def _shown(gpu: Gpu) -> str:
    size = f", {gpu.memory_bytes / _GB:,.1f} GiB" if gpu.memory_bytes is not None else ""
    shares = ", in the machine's memory" if gpu.shares_memory else ""
    return f"{gpu.name}{size}{shares}"


def _wrong(name: str, gpu: Gpu, machine: Machine, ours: frozenset[int]) -> Iterator[Finding]:
    if not gpu.usable:
        yield _invisible(name, gpu, machine)
        return
    yield from _others(name, gpu, ours)
    shown = _shown(gpu)
    heat = [reason for reason in gpu.slowed_by if reason != "power limit"]
    if heat:
        degrees = f" at {gpu.temperature_c:.0f} °C" if gpu.temperature_c is not None else ""
        todo = "clean its fans, give it air, check its supply; see: nvidia-smi -q -d PERFORMANCE,TEMPERATURE"
        yield warning(name, f"{shown}: slowed down by {', '.join(heat)}{degrees}", "answers come slower", todo)
    if gpu.uncorrected_errors:
        found = f"{shown}: {gpu.uncorrected_errors:,} errors of its memory that were not corrected"
        todo = "restart the machine, which retires the rows; replace the card when they come back"
        yield bad(name, found, "answers may be wrong, processes end", todo)
    if gpu.compute_mode == "prohibited":
        todo = f"say: nvidia-smi -i {gpu.index} -c DEFAULT"
        yield bad(name, f"{shown}: compute mode prohibited", "no program may compute on it", todo)
    if 0 < gpu.link.width < gpu.link.most_width and not gpu.shares_memory:
        found = f"{shown}: {gpu.link.width} of {gpu.link.most_width} lanes"
        todo = "seat the card again, in the slot next to the processor; check riser cables and the firmware's settings"
        yield warning(name, found, "models load slower, layers split over cards wait for each other", todo)


def _others(name: str, gpu: Gpu, ours: frozenset[int]) -> Iterator[Finding]:
    total = gpu.memory_bytes
    if not total or gpu.used_bytes is None:
        return
    mine = sum(each.used_bytes or 0 for each in gpu.processes if each.pid in ours)
    others = max(gpu.used_bytes - mine, 0)
    if others <= total * MOST_OTHERS:
        return
    strangers = [each for each in gpu.processes if each.pid not in ours]
    names = [
        f"{each.program or 'a process of another container'} (pid {each.pid}"
        + (f", {each.used_bytes / _GB:,.1f} GiB)" if each.used_bytes is not None else ")")
        for each in strangers
    ]
    found = f"{_shown(gpu)}: {others / _GB:,.1f} GiB used by {', '.join(names) or 'processes that we cannot see'}"
    pids = " ".join(str(each.pid) for each in strangers)
    todo = (
        f"end what is not needed (pids {pids}), or plan with what is left"
        if pids
        else "see what runs: nvidia-smi, rocm-smi"
    )
    yield warning(name, found, f"{(total - gpu.used_bytes) / _GB:,.1f} GiB are left", todo)


def _invisible(name: str, gpu: Gpu, machine: Machine) -> Finding:
    found, effect = f"{gpu.name}: {gpu.why_not}", "models run on the processor, 5 to 50 times slower"
    if gpu.kernel_driver in ("vfio-pci", "pci-stub"):
        return well(name, found)
    if gpu.shares_memory and gpu.vendor in ("intel", "amd"):  # graphics of a processor, which nobody counts on
        return well(name, found)
    is_broken = any(fault in gpu.why_not for fault in FAULTS)
    return (bad if is_broken else warning)(name, found, effect, _cure(gpu, machine))


def _cure(gpu: Gpu, machine: Machine) -> str:
    in_container = machine.limits.container in ("docker", "podman", "kubernetes")
    if gpu.kernel_driver == "nouveau":
        return "say: apt-get install nvidia-driver (Debian) or ubuntu-drivers install; restart the machine"
    if "different versions" in gpu.why_not:
        return "restart the machine, or say: rmmod nvidia_uvm nvidia_drm nvidia_modeset nvidia && modprobe nvidia"
    if "may not use" in gpu.why_not:
        return "say: usermod -aG render,video $USER, and log in again; in a container: --group-add render"
    if any(fault in gpu.why_not for fault in FAULTS):
        return "restart the machine; see why: dmesg | grep -i xid"
    if in_container and gpu.vendor == "nvidia":
        return "start the container with --gpus all (needs the NVIDIA container toolkit on the host)"
    if in_container and gpu.vendor == "amd":
        return "start the container with --device /dev/kfd --device /dev/dri --group-add render"
    if machine.processor.hypervisor == "WSL":
        return "install NVIDIA's driver on Windows, none in Linux; then say in Windows: wsl --update && wsl --shutdown"
    installs = {
        "nvidia": "say: apt-get install nvidia-driver (Debian) or ubuntu-drivers install; restart; then nvidia-smi",
        "amd": "say: modprobe amdgpu; install ROCm; usermod -aG render,video $USER",
        "intel": "say: modprobe xe || modprobe i915; install Intel's compute runtime; usermod -aG render $USER",
        "habana": "install Habana's driver and say: modprobe habanalabs",
    }
    return installs[gpu.vendor]
