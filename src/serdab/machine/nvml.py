"""NVIDIA's management library, asked by its C interface: a driver brings it, no package is needed.

Names, numbers and layouts are those of `nvml.h`. A function that an older driver does not have is not an error.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from ctypes import byref, c_char, c_uint, c_ulonglong, c_void_p

from serdab.machine.gpus import Drivers, Gpu, GpuProcess, Link
from serdab.machine.root import Root

#: Where drivers put it; the plain name is found by the loader.
PLACES = (
    "/usr/lib/wsl/lib/libnvidia-ml.so.1", "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1",
    "/usr/lib/aarch64-linux-gnu/libnvidia-ml.so.1", "/usr/lib64/libnvidia-ml.so.1", "/usr/lib/libnvidia-ml.so.1",
)  # fmt: skip
PLAIN_NAME = "libnvidia-ml.so.1"
SUCCESS, INSUFFICIENT_SIZE = 0, 7
ERRORS = {
    3: "not supported", 4: "no permission", 9: "the driver is not loaded", 12: "a library is missing",
    15: "the GPU has fallen off the bus", 16: "the GPU needs a reset",
    18: "the driver of the kernel and its library have different versions", 999: "unknown error",
}  # fmt: skip
NOT_AVAILABLE = 2**64 - 1
REASONS = {0x04: "power limit", 0x08: "hardware", 0x20: "heat", 0x40: "heat", 0x80: "power brake"}
COMPUTE_MODES = {0: "default", 1: "exclusive", 2: "prohibited", 3: "exclusive"}
TEMPERATURE_OF_GPU, UNCORRECTED, SINCE_LOADED = 0, 1, 0
TEXT_BYTES = 96
MOST_PROCESSES = 4096


class _Memory(ctypes.Structure):
    _fields_ = [("total", c_ulonglong), ("free", c_ulonglong), ("used", c_ulonglong)]


class _Utilization(ctypes.Structure):
    _fields_ = [("gpu", c_uint), ("memory", c_uint)]


class _Pci(ctypes.Structure):
    _fields_ = [
        ("bus_id_legacy", c_char * 16), ("domain", c_uint), ("bus", c_uint), ("device", c_uint),
        ("device_id", c_uint), ("subsystem_id", c_uint), ("bus_id", c_char * 32),
    ]  # fmt: skip


class _Process(ctypes.Structure):
    _fields_ = [
        ("pid", c_uint), ("used", c_ulonglong), ("gpu_instance", c_uint), ("compute_instance", c_uint),
    ]  # fmt: skip


class Library:
    """An open library; a context manager."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library

    def call(self, name: str, *arguments: object) -> int | None:
        """The code that a function answers; None when this driver does not have it."""
        try:
            function = getattr(self._library, name)
        except AttributeError:
            return None
        return int(function(*arguments))

    def number(self, name: str, *arguments: object, kind: type[c_uint] | type[c_ulonglong] = c_uint) -> int | None:
        """What a function writes into its last argument."""
        answer = kind()
        return int(answer.value) if self.call(name, *arguments, byref(answer)) == SUCCESS else None

    def words(self, name: str, *arguments: object) -> str:
        """What a function writes into a buffer of characters."""
        answer = ctypes.create_string_buffer(TEXT_BYTES)
        if self.call(name, *arguments, answer, c_uint(TEXT_BYTES)) != SUCCESS:
            return ""
        return answer.value.decode("utf-8", "replace")


def open_library(root: Root) -> Library | None:
    """The library of a machine; None when it has none."""
    places = [str(root.path(place)) for place in PLACES if root.has(place)]
    for place in [PLAIN_NAME, *places] if root.is_this_machine else places:
        try:
            return Library(ctypes.CDLL(place))
        except OSError:
            continue
    return None


def look_by_nvml(root: Root) -> tuple[Drivers, tuple[Gpu, ...]]:
    """What NVIDIA's library tells of the driver and each GPU; it is left as it was found."""
    library = open_library(root)
    if library is None:
        return Drivers(), ()
    code = library.call("nvmlInit_v2")
    if code != SUCCESS:
        return Drivers(nvml_error=ERRORS.get(code or 0, f"error {code}")), ()
    try:
        cuda = library.number("nvmlSystemGetCudaDriverVersion_v2") or 0
        drivers = Drivers(
            nvidia_library=library.words("nvmlSystemGetDriverVersion"),
            cuda=f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else "",
        )
        count = library.number("nvmlDeviceGetCount_v2") or 0
        return drivers, tuple(_gpu(root, library, index) for index in range(count))
    finally:
        library.call("nvmlShutdown")


def _gpu(root: Root, library: Library, index: int) -> Gpu:
    handle = c_void_p()
    code = library.call("nvmlDeviceGetHandleByIndex_v2", c_uint(index), byref(handle))
    if code != SUCCESS:
        why = ERRORS.get(code or 0, f"error {code}")
        return Gpu(index=index, vendor="nvidia", name="NVIDIA GPU", bus="", kernel_driver="nvidia", why_not=why)
    memory, busy = _Memory(), _Utilization()
    has_memory = library.call("nvmlDeviceGetMemoryInfo", handle, byref(memory)) == SUCCESS
    has_busy = library.call("nvmlDeviceGetUtilizationRates", handle, byref(busy)) == SUCCESS
    name = library.words("nvmlDeviceGetName", handle)
    return Gpu(
        index=index,
        vendor="nvidia",
        name=name or "NVIDIA GPU",
        bus=_bus(library, handle),
        uuid=library.words("nvmlDeviceGetUUID", handle),
        kernel_driver="nvidia",
        usable=True,
        # Grace-Blackwell desktops and Jetsons have no memory of their own to tell of.
        shares_memory=not has_memory,
        memory_bytes=int(memory.total) if has_memory else None,
        used_bytes=int(memory.used) if has_memory else None,
        busy_share=busy.gpu / 100 if has_busy else None,
        temperature_c=library.number("nvmlDeviceGetTemperature", handle, c_uint(TEMPERATURE_OF_GPU)),
        power_w=_watts(library.number("nvmlDeviceGetPowerUsage", handle)),
        power_limit_w=_watts(library.number("nvmlDeviceGetEnforcedPowerLimit", handle)),
        slowed_by=_slowed_by(library, handle),
        uncorrected_errors=library.number(
            "nvmlDeviceGetTotalEccErrors", handle, c_uint(UNCORRECTED), c_uint(SINCE_LOADED), kind=c_ulonglong
        ),
        is_parted=_is_parted(library, handle),
        compute_mode=COMPUTE_MODES.get(_or_minus_one(library.number("nvmlDeviceGetComputeMode", handle)), ""),
        link=_link(library, handle),
        processes=tuple(_processes(root, library, handle)),
    )


def _or_minus_one(number: int | None) -> int:
    return -1 if number is None else number


def _watts(milliwatts: int | None) -> float | None:
    return None if milliwatts is None else milliwatts / 1000


def _bus(library: Library, handle: c_void_p) -> str:
    """As sysfs writes it: four digits of a domain, small letters."""
    pci = _Pci()
    if library.call("nvmlDeviceGetPciInfo_v3", handle, byref(pci)) != SUCCESS:
        return ""
    return f"{pci.domain:04x}:{pci.bus:02x}:{pci.device:02x}.0"


def _slowed_by(library: Library, handle: c_void_p) -> tuple[str, ...]:
    names = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
    told = (library.number(name, handle, kind=c_ulonglong) for name in names)
    bits = next((bits for bits in told if bits is not None), 0)
    return tuple(dict.fromkeys(reason for bit, reason in REASONS.items() if bits & bit))


def _is_parted(library: Library, handle: c_void_p) -> bool:
    now, later = c_uint(), c_uint()
    return library.call("nvmlDeviceGetMigMode", handle, byref(now), byref(later)) == SUCCESS and now.value == 1


def _link(library: Library, handle: c_void_p) -> Link:
    def told(name: str) -> int:
        return library.number(name, handle) or 0

    return Link(
        width=told("nvmlDeviceGetCurrPcieLinkWidth"),
        most_width=told("nvmlDeviceGetMaxPcieLinkWidth"),
        generation=told("nvmlDeviceGetCurrPcieLinkGeneration"),
        most_generation=told("nvmlDeviceGetMaxPcieLinkGeneration"),
    )


def _processes(root: Root, library: Library, handle: c_void_p) -> Iterator[GpuProcess]:
    seen: set[int] = set()
    for kind in ("Compute", "Graphics"):
        name = f"nvmlDeviceGet{kind}RunningProcesses_v3"
        count = c_uint(0)
        if library.call(name, handle, byref(count), None) != INSUFFICIENT_SIZE:
            continue
        # Room for those that begin between the two calls.
        held = (_Process * min(count.value * 2 + 5, MOST_PROCESSES))()
        count = c_uint(len(held))
        if library.call(name, handle, byref(count), held) != SUCCESS:
            continue
        for each in held[: count.value]:
            if each.pid not in seen:
                seen.add(each.pid)
                used = None if each.used == NOT_AVAILABLE else int(each.used)
                yield GpuProcess(pid=each.pid, program=root.text(f"/proc/{each.pid}/comm") or "", used_bytes=used)
