"""What a GPU is and does: one value for all makers, whoever told of it."""

from __future__ import annotations

import msgspec


class GpuProcess(msgspec.Struct, frozen=True, kw_only=True):
    """A process that has memory of a GPU, or its attention."""

    pid: int
    #: Empty: it runs outside this container, or was gone already.
    program: str = ""
    #: None: the driver does not say.
    used_bytes: int | None = None


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """How a card is plugged in: its lanes, and the generation of PCI Express; 0: not told."""

    width: int = 0
    most_width: int = 0
    generation: int = 0
    most_generation: int = 0


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """One GPU or accelerator."""

    #: As its maker's tools count; PCI's order where there are none.
    index: int
    #: `nvidia`, `amd`, `intel`, `habana`.
    vendor: str
    name: str
    #: `0000:01:00.0`; empty: it is no PCI device.
    bus: str
    #: Identity that stays, `GPU-6f3a…`; empty: not told.
    uuid: str = ""
    #: Driver of the kernel that holds it: `nvidia`, `amdgpu`, `i915`, `xe`, `nouveau`, `vfio-pci`; empty: none does.
    kernel_driver: str = ""
    #: Whether programs can compute on it, as far as its driver's own library or device files tell.
    usable: bool = False
    #: Why not, in the words of who said so.
    why_not: str = ""
    #: Whether it lives in the memory of the machine.
    shares_memory: bool = False
    memory_bytes: int | None = None
    used_bytes: int | None = None
    busy_share: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    #: Why its clocks are lower than they could be now: `heat`, `power limit`, `power brake`, `hardware`.
    slowed_by: tuple[str, ...] = ()
    #: Errors of its memory that could not be corrected, since the driver was loaded; None: not counted.
    uncorrected_errors: int | None = None
    #: Whether it is cut into parts (MIG).
    is_parted: bool = False
    #: `default`, `exclusive`, `prohibited`; empty: not told.
    compute_mode: str = ""
    #: AMD's name of its kind of instructions: `gfx1100`.
    instructions: str = ""
    link: Link = Link()
    processes: tuple[GpuProcess, ...] = ()


class Drivers(msgspec.Struct, frozen=True, kw_only=True):
    """Drivers of GPUs; empty: not there."""

    #: Version of NVIDIA's driver, of the kernel's part and of the library's, which must be the same.
    nvidia: str = ""
    nvidia_library: str = ""
    #: Newest CUDA that this driver serves, `12.4`.
    cuda: str = ""
    #: Error of NVIDIA's library when it could not be opened.
    nvml_error: str = ""
    amdgpu: str = ""
