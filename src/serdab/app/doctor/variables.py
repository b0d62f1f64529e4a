"""Variables of the environment that hide GPUs, contradict each other, or start too many threads."""

from __future__ import annotations

import re
from collections.abc import Iterator

from serdab.app.doctor.findings import Finding, warning, well
from serdab.core import Settings
from serdab.machine import Gpu, Machine, whole

NAME = "variables"
#: Which GPUs a program sees, by maker.
VISIBLE = {
    "nvidia": ("CUDA_VISIBLE_DEVICES",),
    "amd": ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL"),
}
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def check_variables(settings: Settings, machine: Machine) -> Iterator[Finding]:
    """One finding for each variable that is wrong, or one that all is well."""
    found = [*_visible(machine), *_twice(machine), *_order(machine), *_instructions(machine), *_slow(machine)]
    found += [*_threads(machine), *_too_many(settings, machine)]
    shown = ", ".join(f"{name}={value}" for name, value in machine.variables.items())
    yield from found or [well(NAME, shown or "none that steer GPUs or threads")]


def _usable(machine: Machine, vendor: str) -> list[Gpu]:
    return [gpu for gpu in machine.gpus if gpu.usable and gpu.vendor == vendor]


def _visible(machine: Machine) -> Iterator[Finding]:
    """Lists that hide a GPU or name one that is not there."""
    for vendor, names in VISIBLE.items():
        gpus = _usable(machine, vendor)
        for name in names if gpus else ():
            value = machine.variables.get(name)
            # An AMD card beside one of NVIDIA's: the variable is for the other.
            if value is None or (name.startswith("CUDA") and vendor == "amd" and _usable(machine, "nvidia")):
                continue
            wrong, effect = _wrong_list(value, gpus)
            if wrong:
                whole = ",".join(str(gpu.index) for gpu in gpus)
                yield warning(NAME, f"{name}={value!r} {wrong}", effect, f"say: unset {name}, or export {name}={whole}")


def _wrong_list(value: str, gpus: list[Gpu]) -> tuple[str, str]:
    """What is wrong with a list of GPUs, and what comes of it; nothing is two empty texts."""
    parts = [part.strip() for part in value.split(",")]
    if value.strip() in ("", "-1", "none", "NoDevFiles", "void"):
        return f"hides all {len(gpus)} GPUs", "models run on the processor"
    if len(set(parts)) < len(parts):
        return "names a GPU twice", "no GPU is seen at all"
    for place, part in enumerate(parts):
        number = whole(part)
        is_there = any(gpu.uuid.startswith(part) for gpu in gpus) if number is None else 0 <= number < len(gpus)
        if not is_there and not part.startswith("MIG-"):
            return f"names {part!r}, and there are {len(gpus)}", f"only the {place} before it are seen"
    return "", ""


def _twice(machine: Machine) -> Iterator[Finding]:
    """Variables of AMD that are applied one after the other, and those that say different things."""
    known = machine.variables
    if not _usable(machine, "amd"):
        return
    rocr, hip, cuda = (known.get(f"{name}_VISIBLE_DEVICES") for name in ("ROCR", "HIP", "CUDA"))
    if rocr is not None and hip is not None:
        left = len(rocr.split(","))
        wrong = [part for part in hip.split(",") if (whole(part) or 0) >= left]
        if wrong:
            found = f"ROCR_VISIBLE_DEVICES={rocr} leaves {left}, HIP_VISIBLE_DEVICES={hip} counts among those"
            yield warning(NAME, found, f"HIP finds no GPU {wrong[0]}", "say: unset HIP_VISIBLE_DEVICES")
    if hip is not None and cuda is not None and hip != cuda:
        found = f"HIP_VISIBLE_DEVICES={hip}, CUDA_VISIBLE_DEVICES={cuda}, and HIP reads both"
        yield warning(NAME, found, "which GPUs are seen depends on the library", "say: unset CUDA_VISIBLE_DEVICES")


def _order(machine: Machine) -> Iterator[Finding]:
    """Whether numbers mean the same to CUDA and to nvidia-smi."""
    known = machine.variables
    names = {gpu.name for gpu in _usable(machine, "nvidia")}
    numbered = any(whole(part) is not None for part in known.get("CUDA_VISIBLE_DEVICES", "").split(","))
    if len(names) > 1 and numbered and known.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
        found = f"CUDA_VISIBLE_DEVICES={known['CUDA_VISIBLE_DEVICES']} among {' and '.join(sorted(names))}"
        effect = "CUDA counts the fastest first, nvidia-smi by the bus: another GPU is used than is meant"
        yield warning(NAME, found, effect, "say: export CUDA_DEVICE_ORDER=PCI_BUS_ID")


def _instructions(machine: Machine) -> Iterator[Finding]:
    """Whether AMD's libraries are told of another kind of GPU than there is."""
    value = machine.variables.get("HSA_OVERRIDE_GFX_VERSION", "")
    parts = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{1,2})", value)
    told = f"gfx{int(parts[1])}{int(parts[2]):x}{int(parts[3]):x}" if parts else ""
    others = [gpu for gpu in _usable(machine, "amd") if gpu.instructions and gpu.instructions[:-2] != told[:-2]]
    if value and others:
        found = f"HSA_OVERRIDE_GFX_VERSION={value}, GPU {others[0].index} is {others[0].instructions}"
        yield warning(NAME, found, "programs end with an illegal instruction", "say: unset HSA_OVERRIDE_GFX_VERSION")


def _slow(machine: Machine) -> Iterator[Finding]:
    if machine.variables.get("CUDA_LAUNCH_BLOCKING") == "1" and _usable(machine, "nvidia"):
        effect = "the processor waits for each kernel; small models are slower by half"
        yield warning(NAME, "CUDA_LAUNCH_BLOCKING=1", effect, "say: unset CUDA_LAUNCH_BLOCKING")


def _threads(machine: Machine) -> Iterator[Finding]:
    """Numbers of threads that are none, too many, or not the same."""
    cores = available(machine)
    told = {name: machine.variables[name] for name in THREADS if name in machine.variables}
    for name, value in told.items():
        parts = value.split(",")
        if not all((whole(part) or 0) > 0 for part in parts):
            todo = f"say: export {name}={cores}"
            yield warning(
                NAME, f"{name}={value!r} is no number of threads", "it is ignored, or all cores are used", todo
            )
        elif (whole(parts[0]) or 0) > cores:
            found = f"{name}={value} on {cores} processors"
            yield warning(
                NAME, found, "threads push each other aside; engines are slower", f"say: export {name}={cores}"
            )
    if len(set(told.values())) > 1:
        found = ", ".join(f"{name}={value}" for name, value in told.items())
        todo = (
            f"say: unset {' '.join(name for name in told if name != 'OMP_NUM_THREADS')}; export OMP_NUM_THREADS={cores}"
        )
        yield warning(NAME, found, "which one counts depends on the library that is loaded first", todo)
    if not told and machine.limits.cpus is not None and cores < machine.processor.usable:
        seen = f"{machine.processor.usable} processors are seen, {machine.limits.cpus:g} allowed"
        found = f"OMP_NUM_THREADS is not set, {seen}"
        effect = "libraries start a thread for each that they see; all stand still when the limit is reached"
        yield warning(NAME, found, effect, f"say: export OMP_NUM_THREADS={cores}")


def _too_many(settings: Settings, machine: Machine) -> Iterator[Finding]:
    cores = available(machine)
    if settings.models.threads > cores:
        found = f"models.threads={settings.models.threads} on {cores} processors"
        yield warning(
            NAME, found, "threads push each other aside; the engine is slower", f"--set models.threads={cores}"
        )


def available(machine: Machine) -> int:
    """Whole processors that our control group lets us use at a time."""
    cpus = machine.limits.cpus
    return machine.processor.usable if cpus is None else max(1, min(machine.processor.usable, int(cpus)))
