"""Drivers against runtimes, and libraries that would compute on the processor beside a GPU."""

from __future__ import annotations

import re
from collections.abc import Iterator

from serdab.app.doctor.findings import Finding, bad, warning, well
from serdab.core import Settings
from serdab.machine import Machine, Program

#: First driver of NVIDIA that serves a generation of CUDA, as its release notes say.
LEAST_DRIVER = {10: "410.48", 11: "450.80.02", 12: "525.60.13", 13: "580.65.06"}
#: What each maker's GPUs are computed on with.
KIND_OF = {"nvidia": "cuda", "amd": "rocm"}
BUILD_LLAMA = "pip install --force-reinstall --no-cache-dir llama-cpp-python"
CURES = {
    ("torch", "cuda"): "say: pip install --force-reinstall torch, without an index of builds for the processor",
    ("torch", "rocm"): "install torch from PyTorch's own index of builds for ROCm",
    ("onnxruntime", "cuda"): "say: pip uninstall -y onnxruntime && pip install onnxruntime-gpu",
    ("onnxruntime", "rocm"): "say: pip uninstall -y onnxruntime && pip install onnxruntime-migraphx",
    ("llama-cpp-python", "cuda"): f"say: CMAKE_ARGS=-DGGML_CUDA=on {BUILD_LLAMA}",
    ("llama-cpp-python", "rocm"): f"say: CMAKE_ARGS=-DGGML_HIP=on {BUILD_LLAMA}",
}


def check_driver(settings: Settings, machine: Machine) -> Iterator[Finding]:
    """Whether the driver is new enough for each CUDA that is installed."""
    del settings
    drivers = machine.drivers
    if drivers.nvidia and drivers.nvidia_library and drivers.nvidia != drivers.nvidia_library:
        found = f"kernel {drivers.nvidia}, library {drivers.nvidia_library}"
        yield bad("driver", found, "no program can use the GPU", "restart the machine")
        return
    if not drivers.nvidia:
        return
    found = f"NVIDIA {drivers.nvidia}" + (f", up to CUDA {drivers.cuda}" if drivers.cuda else "")
    wrong = [each for program in machine.programs if (each := _too_old(program, drivers.nvidia, drivers.cuda, found))]
    yield from wrong or [well("driver", found)]


def _too_old(program: Program, driver: str, cuda: str, found: str) -> Finding | None:
    needs = numbers(program.runtime)
    if program.built_for != "cuda" or not needs:
        return None
    found = f"{found}; {program.name} {program.version} was built for CUDA {program.runtime}"
    least = LEAST_DRIVER.get(needs[0])
    served = numbers(cuda)
    if (served and served[0] < needs[0]) or (not served and least and numbers(driver) < numbers(least)):
        other = f"a build of {program.name} for CUDA {cuda}" if cuda else f"an older build of {program.name}"
        todo = f"install driver {least} or newer, or {other}" if least else f"install a newer driver, or {other}"
        return bad("driver", found, f"{program.name} does not find the GPU, or falls back to the processor", todo)
    if served and len(needs) > 1 and served[0] == needs[0] and served < needs[:2]:
        effect = "kernels that are compiled when first used fail ('PTX was compiled with an unsupported toolchain')"
        return warning("driver", found, effect, f"install a driver that serves CUDA {program.runtime}")
    return None


def numbers(version: str) -> tuple[int, ...]:
    """`12.4.1` → 12, 4, 1; what is no version has none."""
    return tuple(map(int, re.findall(r"[0-9]{1,9}", version))) if re.match(r"[0-9]", version) else ()


def check_fallback(settings: Settings, machine: Machine) -> Iterator[Finding]:
    """Libraries that know no GPU, on a machine that has one."""
    del settings
    runtimes = [each.name for each in machine.programs if each.name.startswith("onnxruntime")]
    found = [*_both(runtimes), *_on_processor(machine, len(runtimes) > 1)]
    shown = [f"{each.name} {each.version} for {each.built_for}" for each in machine.programs]
    yield from found or [well("libraries", ", ".join(shown) or "none that compute on GPUs")]


def _both(runtimes: list[str]) -> Iterator[Finding]:
    if len(runtimes) > 1:
        kept = next((name for name in runtimes if name != "onnxruntime"), runtimes[0])
        effect = "they overwrite each other's files; the GPU may be lost"
        todo = f"say: pip uninstall -y {' '.join(runtimes)} && pip install {kept}"
        yield warning("libraries", f"{' and '.join(runtimes)} are both installed", effect, todo)


def _on_processor(machine: Machine, has_two_runtimes: bool) -> Iterator[Finding]:
    gpus = [gpu for gpu in machine.gpus if gpu.usable and gpu.vendor in KIND_OF]
    # What is part of a processor of AMD is not worth the trouble; a Jetson shares its memory too, and is.
    kinds = {KIND_OF[gpu.vendor]: gpu for gpu in gpus if gpu.vendor == "nvidia" or not gpu.shares_memory}
    for program in machine.programs:
        if program.built_for in kinds or (program.name == "onnxruntime" and has_two_runtimes):
            continue
        for kind, gpu in kinds.items():
            if (program.name, kind) in CURES:
                found = f"{program.name} {program.version} was built for {program.built_for}, and there is {gpu.name}"
                effect = f"what computes with {program.name} runs on the processor"
                if program.name == "onnxruntime":
                    effect += " (the embeddings of Serdab always do)"
                yield warning("libraries", found, effect, CURES[program.name, kind])
