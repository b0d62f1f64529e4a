"""NVIDIA's library through its C interface: a library that was compiled with the layouts of `nvml.h`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import other_machines as machines
import pytest

from serdab.machine import Machine, Root, look
from serdab.machine.gpus import Drivers, GpuProcess
from serdab.machine.nvml_process import Told, ask_nvml

COMPILER = shutil.which("cc")
SOURCE = Path(__file__).with_name("nvml_of_a_test.c")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no compiler of C here")


def root_with(folder: Path, *options: str) -> Root:
    """The server with two cards, and a library that tells of the second one."""
    machines.nvidia_box(folder)
    library = folder / "usr" / "lib64" / "libnvidia-ml.so.1"
    library.parent.mkdir(parents=True)
    subprocess.run([str(COMPILER), "-shared", "-fPIC", *options, str(SOURCE), "-o", str(library)], check=True)
    machines.make(folder, {"/proc/4242/comm": "python3\n"})
    return Root(folder)


def machine_with(folder: Path, *options: str) -> Machine:
    return look(root_with(folder, *options), environment={}, packages=[])


def test_the_library_tells_everything_of_a_card(tmp_path: Path) -> None:
    found = machine_with(tmp_path)
    assert (found.drivers.nvidia, found.drivers.nvidia_library, found.drivers.cuda) == (
        "535.183.01",
        "550.90.07",
        "12.4",
    )
    gpu, rest = found.gpus
    assert (gpu.index, gpu.name, gpu.uuid, gpu.bus) == (0, "NVIDIA H200", "GPU-6f3a11", "0000:65:00.0")
    assert (gpu.usable, gpu.memory_bytes, gpu.used_bytes) == (True, 150754820096, 42949672960)
    assert (gpu.busy_share, gpu.temperature_c, gpu.power_w, gpu.power_limit_w) == (0.93, 88, 412.345, 700.0)
    assert (gpu.slowed_by, gpu.uncorrected_errors) == (("power limit", "heat"), 5_000_000_000)
    assert (gpu.is_parted, gpu.compute_mode, gpu.link.width) == (True, "exclusive", 16)
    assert gpu.link.generation == 0, "a function that an older driver does not have"
    assert gpu.processes == (
        GpuProcess(pid=4242, program="python3", used_bytes=40802189312),
        GpuProcess(pid=4243),
    )
    assert (rest.index, rest.bus, rest.usable) == (1, "0000:17:00.0", False), "on the bus, and not in the library"


def test_a_library_of_another_version_than_the_driver_says_so(tmp_path: Path) -> None:
    found = machine_with(tmp_path, "-DINIT_CODE=18")
    assert found.drivers.nvml_error == "the driver of the kernel and its library have different versions"
    assert found.gpus[0].why_not == found.drivers.nvml_error


def test_a_driver_that_never_answers_is_given_up(tmp_path: Path) -> None:
    told = ask_nvml(root_with(tmp_path, "-DINIT_FIRST=for (;;) pause()"), patience_s=1.0)
    assert told == Told(drivers=Drivers(nvml_error="NVIDIA's library does not answer within 1 s"), gpus=())


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ("raise(SIGSEGV)", "NVIDIA's library ends the process that asks it (signal 11)"),
        ("_exit(3)", "NVIDIA's library ends the process that asks it (code 3)"),
        ("if (write(1, card_text, 1) < 0) return 999", "NVIDIA's library writes into the answer"),
    ],
)
def test_what_a_broken_library_does_is_told_of_its_cards(tmp_path: Path, first: str, why: str) -> None:
    found = machine_with(tmp_path, f"-DINIT_FIRST={first}")
    assert (found.drivers.nvml_error, found.gpus[0].why_not) == (why, why)


def test_a_file_that_is_no_library_is_passed_over(tmp_path: Path) -> None:
    machines.make(machines.nvidia_box(tmp_path), {"/usr/lib64/libnvidia-ml.so.1": "no library"})
    assert [gpu.usable for gpu in look(Root(tmp_path), environment={}, packages=[]).gpus] == [False, False]
