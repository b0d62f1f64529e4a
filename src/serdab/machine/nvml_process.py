"""NVIDIA's library asked by a process of its own: a broken driver may never answer, or end who asks it."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import msgspec

from serdab.machine.gpus import Drivers, Gpu
from serdab.machine.nvml import look_by_nvml, open_library
from serdab.machine.root import Root

#: How long it may take: without the persistence daemon, a driver starts each of eight cards in 1 to 3 s.
PATIENCE_S = 40.0
#: How long a killed process may take to end; one that waits in the kernel does not end at all, and is left there.
ENDING_S = 1.0


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the library told."""

    drivers: Drivers
    gpus: tuple[Gpu, ...]


def ask_nvml(root: Root, patience_s: float = PATIENCE_S) -> Told:
    """What NVIDIA's library tells of the driver and each GPU; that it does not answer is told as its error.

    Args:
        root: of the machine.
        patience_s: how long to wait for it, s.
    """
    if open_library(root) is None:
        return Told(drivers=Drivers(), gpus=())
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-P", "-m", "serdab.machine.nvml_process", str(root.folder)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        answer, _ = child.communicate(timeout=patience_s)
    except subprocess.TimeoutExpired:
        child.kill()
        with suppress(subprocess.TimeoutExpired):
            child.communicate(timeout=ENDING_S)
        return _silent(f"NVIDIA's library does not answer within {patience_s:g} s")
    if child.returncode != 0:
        how = f"signal {-child.returncode}" if child.returncode < 0 else f"code {child.returncode}"
        return _silent(f"NVIDIA's library ends the process that asks it ({how})")
    try:
        return msgspec.json.decode(answer, type=Told)
    except msgspec.MsgspecError:  # a library that prints
        return _silent("NVIDIA's library writes into the answer")


def _silent(error: str) -> Told:
    return Told(drivers=Drivers(nvml_error=error), gpus=())


def answer() -> None:
    """Write what the library tells to stdout; called in the process that may hang."""
    drivers, gpus = look_by_nvml(Root(sys.argv[1]))
    sys.stdout.buffer.write(msgspec.json.encode(Told(drivers=drivers, gpus=gpus)))


if __name__ == "__main__":
    answer()
