"""What the doctor says of other machines: each wrong thing once, with evidence, effect and fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import other_machines as machines
import pytest
from examined_machines import GIB, about, card, changed, examined, program, radeon, speed, wrong
from hypothesis import given, settings
from hypothesis import strategies as st

from serdab.app.doctor import Verdict
from serdab.app.doctor.variables import check_variables
from serdab.core import Settings
from serdab.machine import (
    Clock,
    Disk,
    DiskSpeed,
    Drivers,
    Gpu,
    GpuProcess,
    Link,
    Machine,
    MemoryModule,
    Root,
    Scaling,
    look,
)

ODD_VALUES = ["0,1", "1,0", "²", "-1", "9" * 5000]
STEERING = (
    "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "CUDA_DEVICE_ORDER",
    "HSA_OVERRIDE_GFX_VERSION", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "CUDA_LAUNCH_BLOCKING",
)  # fmt: skip


@pytest.fixture
def good(tmp_path: Path) -> Machine:
    """A machine without fault: a desktop with a card of NVIDIA that is free."""
    found = look(Root(machines.wsl(tmp_path / "machine")), environment={}, packages=[])
    return changed(
        found,
        memory=changed(
            found.memory, total_bytes=64 * GIB, available_bytes=60 * GIB, overcommit=0, huge_pages="madvise"
        ),
        processor=changed(found.processor, hypervisor="", logical=16, usable=16),
        gpus=(card(0),),
        drivers=Drivers(nvidia="550.90.07", nvidia_library="550.90.07", cuda="12.4"),
        clock=Clock(
            wall_s=1_800_000_000, source="tsc", sources=("tsc",), drift_s=0.0, synchronised=True, by_systemd=True
        ),
    )


def test_a_good_machine_has_nothing_wrong(tmp_path: Path, good: Machine) -> None:
    assert wrong(examined(tmp_path, good)) == {}


def test_a_server_is_told_all_that_is_wrong_with_it(tmp_path: Path) -> None:
    machine = look(Root(machines.nvidia_box(tmp_path / "machine")), environment={}, packages=[])
    found = wrong(examined(tmp_path, machine))
    assert {name: each.verdict.value for name, each in found.items()} == {
        "clock set": "warning", "clock source": "warning", "frequency": "warning", "stolen time": "warning",
        "heat": "warning", "memory errors": "bad", "swap": "warning", "overcommit": "warning",
        "huge pages": "warning", "locked memory": "warning", "open files": "warning", "gpu 0 (nvidia)": "warning",
    }  # fmt: skip
    assert found["clock source"].todo.startswith("say: echo tsc > /sys/devices/system/clocksource")
    assert found["frequency"].todo == "say: cpupower frequency-set -g performance"
    assert "slowed down 12 times" in found["heat"].found
    assert found["swap"].found == "50% of 8,191 MB used, vm.swappiness=60"
    assert found["memory errors"].found == "3 corrected, 1 not"
    assert "libnvidia-ml.so.1 is not here" in found["gpu 0 (nvidia)"].found


def test_a_container_is_told_of_its_limits(tmp_path: Path) -> None:
    machine = look(Root(machines.container(tmp_path / "machine")), environment={}, packages=[])
    found = examined(tmp_path, machine, "database.memory_mb=4000")
    wrongs = wrong(found)
    assert wrongs["memory"].verdict is Verdict.BAD
    assert "limited to 2,048 MB" in wrongs["memory"].found
    assert "workers.processes=2" in wrongs["processors"].todo
    assert wrongs["processes"].found == "at most 256"
    assert "--gpus all" in about(found, "/dev/nvidiactl is not here").todo
    assert about(found, "OMP_NUM_THREADS is not set").todo == "say: export OMP_NUM_THREADS=2"
    small = examined(tmp_path, machine, "database.memory_mb=128", "workers.processes=1")
    assert next(each.found for each in small if each.check == "processors").startswith("workers: 1, on ")
    assert "2 processes killed" in about(small, "MB planned").found
    assert "waited in 40% of all periods" in about(small, "limited to 2.5").found


def test_a_board_on_a_weak_supply_is_told(tmp_path: Path) -> None:
    machine = look(Root(machines.raspberry_pi(tmp_path / "machine")), environment={}, packages=[])
    found = wrong(examined(tmp_path, machine))
    assert "under-voltage now" in found["heat"].found
    assert "supply" in found["heat"].todo
    assert (
        "wsl --update"
        in wrong(examined(tmp_path, look(Root(machines.wsl(tmp_path / "wsl")), environment={}, packages=[])))[
            "gpu 0 (nvidia)"
        ].todo
    )


def test_cards_of_amd_that_are_lost_used_or_break(tmp_path: Path) -> None:
    machine = look(Root(machines.amd_box(tmp_path / "machine")), environment={}, packages=[])
    found = examined(tmp_path, machine)
    used = about(found, "llama-server (pid 4242, 8.0 GiB)")
    assert used.effect == "15.0 GiB are left"
    assert "modprobe amdgpu" in about(found, "no driver of the kernel holds it").todo
    assert about(found, "2 errors of its memory").verdict is Verdict.BAD


@pytest.mark.parametrize(
    ("variables", "evidence", "fix"),
    [
        (
            {"CUDA_VISIBLE_DEVICES": ""},
            "hides all 2 GPUs",
            "unset CUDA_VISIBLE_DEVICES, or export CUDA_VISIBLE_DEVICES=0,1",
        ),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, "hides all 2 GPUs", "unset"),
        ({"CUDA_VISIBLE_DEVICES": "0,2,1"}, "names '2', and there are 2", "unset"),
        ({"CUDA_VISIBLE_DEVICES": "GPU-9"}, "names 'GPU-9'", "unset"),
        ({"CUDA_VISIBLE_DEVICES": "1,1"}, "names a GPU twice", "unset"),
        ({"OMP_NUM_THREADS": "64"}, "OMP_NUM_THREADS=64 on 16", "export OMP_NUM_THREADS=16"),
        ({"OMP_NUM_THREADS": "all"}, "is no number of threads", "export OMP_NUM_THREADS=16"),
        ({"OMP_NUM_THREADS": "8", "MKL_NUM_THREADS": "2"}, "MKL_NUM_THREADS=2", "unset MKL_NUM_THREADS"),
        ({"CUDA_LAUNCH_BLOCKING": "1"}, "CUDA_LAUNCH_BLOCKING=1", "unset CUDA_LAUNCH_BLOCKING"),
    ],
)
def test_variables_that_are_wrong(
    tmp_path: Path, good: Machine, variables: dict[str, str], evidence: str, fix: str
) -> None:
    machine = changed(good, gpus=(card(0), card(1)), variables=variables)
    finding = about(examined(tmp_path, machine), evidence)
    assert (finding.check, finding.verdict) == ("variables", Verdict.WARNING)
    assert fix in finding.todo


@pytest.mark.parametrize(
    "variables",
    [
        {"CUDA_VISIBLE_DEVICES": "1,0"}, {"CUDA_VISIBLE_DEVICES": "GPU-1"}, {"CUDA_VISIBLE_DEVICES": "MIG-77"},
        {"OMP_NUM_THREADS": "8,2", "MKL_NUM_THREADS": "8,2"}, {"HIP_VISIBLE_DEVICES": "7"},
    ],
)  # fmt: skip
def test_variables_that_are_right(tmp_path: Path, good: Machine, variables: dict[str, str]) -> None:
    machine = changed(good, gpus=(card(0), card(1)), variables=variables)
    assert wrong(examined(tmp_path, machine)) == {}


@given(
    values=st.dictionaries(
        st.sampled_from(STEERING), st.text(max_size=12) | st.sampled_from(["0,1", "²", "-1", "9" * 5000])
    )
)
@settings(max_examples=150)
def test_no_value_of_a_variable_keeps_the_rest_from_being_told(values: dict[str, str]) -> None:
    here = look(Root("/nonexistent"), environment=values, packages=[])
    for gpus in ((card(0), card(1, "NVIDIA RTX A4000")), (radeon(0),)):
        found = list(check_variables(Settings(), changed(here, gpus=gpus)))
        assert found
        assert all((each.verdict is Verdict.OK) == (each.todo == "") for each in found)


def test_numbers_mean_another_card_when_they_differ(tmp_path: Path, good: Machine) -> None:
    variables = {"CUDA_VISIBLE_DEVICES": "0"}
    machine = changed(good, gpus=(card(0), card(1, "NVIDIA RTX A4000")), variables=variables)
    assert "CUDA_DEVICE_ORDER=PCI_BUS_ID" in about(examined(tmp_path, machine), "RTX A4000").todo
    ordered = changed(machine, variables=variables | {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"})
    assert wrong(examined(tmp_path, ordered)) == {}


def test_variables_of_amd_are_applied_one_after_the_other(tmp_path: Path, good: Machine) -> None:
    two = changed(good, gpus=(radeon(0), radeon(1)), drivers=Drivers())
    variables = {"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "1", "CUDA_VISIBLE_DEVICES": "0"}
    found = examined(tmp_path, changed(two, variables=variables))
    assert "HIP_VISIBLE_DEVICES" in about(found, "leaves 1").todo
    assert "CUDA_VISIBLE_DEVICES" in about(found, "HIP reads both").todo
    other = changed(two, variables={"HSA_OVERRIDE_GFX_VERSION": "10.3.0"})
    assert "gfx1100" in about(examined(tmp_path, other), "HSA_OVERRIDE_GFX_VERSION=10.3.0").found
    same = changed(two, variables={"HSA_OVERRIDE_GFX_VERSION": "11.0.1", "ROCR_VISIBLE_DEVICES": "1,0"})
    assert wrong(examined(tmp_path, same)) == {}


@pytest.mark.parametrize(
    ("drivers", "runtime", "verdict"),
    [
        (Drivers(nvidia="535.183.01", nvidia_library="535.183.01", cuda="12.2"), "13.0", Verdict.BAD),
        (Drivers(nvidia="535.183.01", nvidia_library="535.183.01", cuda="12.2"), "12.8", Verdict.WARNING),
        (Drivers(nvidia="535.183.01", nvidia_library="535.183.01", cuda="12.2"), "11.8", None),
        (Drivers(nvidia="535.183.01", nvidia_library="535.183.01", cuda="12.2"), "12.2.1", None),
        (Drivers(nvidia="470.57.02"), "12.1", Verdict.BAD),
        (Drivers(nvidia="550.90.07"), "12.8", None),
        (Drivers(nvidia="550.90.07", nvidia_library="560.35.03", cuda="12.6"), "12.6", Verdict.BAD),
    ],
)
def test_a_driver_older_than_the_runtime(
    tmp_path: Path, good: Machine, drivers: Drivers, runtime: str, verdict: Verdict | None
) -> None:
    machine = changed(good, drivers=drivers, programs=(program("torch", "cuda", runtime),))
    found = wrong(examined(tmp_path, machine))
    assert (found["driver"].verdict if found else None) == verdict


@pytest.mark.parametrize(
    ("gpu", "name", "built_for", "fix"),
    [
        (card(0), "torch", "cpu", "pip install --force-reinstall torch"),
        (card(0), "onnxruntime", "cpu", "pip install onnxruntime-gpu"),
        (card(0), "llama-cpp-python", "cpu", "GGML_CUDA=on"),
        (radeon(0), "torch", "cuda", "ROCm"),
        (card(0), "torch", "cuda", ""),
        (radeon(0, shares_memory=True), "torch", "cpu", ""),
        (card(0, usable=False, kernel_driver="vfio-pci", why_not="for a guest"), "torch", "cpu", ""),
    ],
)
def test_libraries_that_know_no_gpu(
    tmp_path: Path, good: Machine, gpu: Gpu, name: str, built_for: str, fix: str
) -> None:
    machine = changed(good, gpus=(gpu,), programs=(program(name, built_for),))
    found = wrong(examined(tmp_path, machine))
    assert set(found) == ({"libraries"} if fix else set())
    assert not fix or fix in found["libraries"].todo


def test_two_libraries_with_the_same_files(tmp_path: Path, good: Machine) -> None:
    machine = changed(good, programs=(program("onnxruntime", "cpu"), program("onnxruntime-gpu", "cuda", "12.4")))
    finding = about(examined(tmp_path, machine), "are both installed")
    assert finding.todo == "say: pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu"


@pytest.mark.parametrize(
    ("fields", "evidence", "verdict"),
    [
        ({"slowed_by": ("heat",), "temperature_c": 91.0}, "slowed down by heat at 91 °C", Verdict.WARNING),
        ({"uncorrected_errors": 3}, "3 errors", Verdict.BAD),
        ({"compute_mode": "prohibited"}, "prohibited", Verdict.BAD),
        ({"link": Link(width=4, most_width=16)}, "4 of 16 lanes", Verdict.WARNING),
        ({"used_bytes": 20 * GIB}, "processes that we cannot see", Verdict.WARNING),
        (
            {"used_bytes": 20 * GIB, "processes": (GpuProcess(pid=2**22 + 1, program="blender"),)},
            "blender (pid 4194305)",
            Verdict.WARNING,
        ),
        ({"usable": False, "kernel_driver": "nouveau", "why_not": "nouveau holds it"}, "nouveau", Verdict.WARNING),
        ({"usable": False, "why_not": "the GPU has fallen off the bus"}, "fallen off", Verdict.BAD),
        ({"slowed_by": ("power limit",), "link": Link(width=16, most_width=16)}, "", None),
    ],
)
def test_a_card_that_is_not_as_it_should_be(
    tmp_path: Path, good: Machine, fields: dict[str, Any], evidence: str, verdict: Verdict | None
) -> None:
    found = examined(tmp_path, changed(good, gpus=(card(0, **fields),)))
    if verdict is None:
        assert wrong(found) == {}
    else:
        assert about(found, evidence).verdict is verdict


@pytest.mark.parametrize(
    ("measured", "name", "words"),
    [
        (speed(40e6), "loading models", "125 s"),
        (speed(500e6, flush_s=0.02), "flush", "20.00 ms"),
        (speed(500e6, flush_s=1e-6), "flush", "0.00 ms"),
        (speed(500e6, write=20e6), "writing", "20 MB/s"),
    ],
)
def test_a_slow_disk_is_told_with_what_it_costs(
    tmp_path: Path, good: Machine, measured: DiskSpeed, name: str, words: str
) -> None:
    disk = Disk(
        folders=(str(tmp_path),),
        mounted_on="/",
        device="/dev/sda1",
        file_system="ext4",
        total_bytes=GIB,
        free_bytes=GIB,
        speed=measured,
    )
    found = wrong(examined(tmp_path, changed(good, disks=(disk,))))
    assert set(found) == {name}
    assert words in found[name].found
    quick = changed(disk, speed=speed(2e9))
    assert wrong(examined(tmp_path, changed(good, disks=(quick,)))) == {}


@pytest.mark.parametrize(
    ("scaling", "is_slow"),
    [
        (Scaling(driver="intel_pstate", governors=("powersave",), preference="balance_performance"), False),
        (Scaling(driver="intel_pstate", governors=("powersave",), preference="power"), True),
        (Scaling(driver="acpi-cpufreq", governors=("powersave",)), True),
        (Scaling(driver="acpi-cpufreq", governors=("schedutil",)), False),
    ],
)
def test_powersave_is_slow_only_where_the_driver_obeys_it(
    tmp_path: Path, good: Machine, scaling: Scaling, is_slow: bool
) -> None:
    machine = changed(good, processor=changed(good.processor, scaling=scaling))
    assert ("frequency" in wrong(examined(tmp_path, machine))) == is_slow


def test_swap_in_memory_or_for_another_database_is_left_alone(tmp_path: Path, good: Machine) -> None:
    some = {"swap_bytes": 8 * GIB, "swap_used_bytes": GIB, "swappiness": 60}
    limits = changed(good.limits, locked_bytes=None)
    disk = changed(good, limits=limits, memory=changed(good.memory, swaps=("/swapfile",), **some))
    assert wrong(examined(tmp_path, disk))["swap"].todo == "say: sysctl -w vm.swappiness=10"
    assert wrong(examined(tmp_path, disk, "database.url=postgresql://a/b")) == {}
    zram = changed(good, limits=limits, memory=changed(good.memory, swaps=("/dev/zram0",), **some))
    assert wrong(examined(tmp_path, zram)) == {}


def test_memory_far_below_its_label_is_told(tmp_path: Path, good: Machine) -> None:
    module = MemoryModule(place="DIMM A", size_bytes=32 * GIB, kind="DDR5", speed_mt_s=5600, channel="A")
    for copied, is_slow in ((20e9, True), (60e9, False)):
        memory = changed(good.memory, modules=(module,) * 2, channels=2, copied_bytes_s=copied)
        found = wrong(examined(tmp_path, changed(good, memory=memory)))
        assert set(found) == ({"bandwidth"} if is_slow else set())
        assert not is_slow or "of 90 GB/s rated (2 channels)" in found["bandwidth"].found


@pytest.mark.parametrize(("degrees", "throttled", "is_hot"), [(60.0, 3, False), (60.0, 5000, True), (96.0, 0, True)])
def test_heat_is_told_when_it_is_near_or_comes_often(
    tmp_path: Path, good: Machine, degrees: float, throttled: int, is_hot: bool
) -> None:
    heat = changed(good.processor.heat, hottest_c=degrees, place="x86_pkg_temp", limit_c=100.0, throttled=throttled)
    machine = changed(good, processor=changed(good.processor, heat=heat))
    assert ("heat" in wrong(examined(tmp_path, machine))) == is_hot


def test_time_that_a_host_takes_is_told(tmp_path: Path, good: Machine) -> None:
    busy = changed(good.processor, hypervisor="KVM", steal_share=0.004, steal_share_now=0.11)
    finding = wrong(examined(tmp_path, changed(good, processor=busy)))["stolen time"]
    assert finding.found == "0.4% of the time since the start went to others, 11.0% just now (guest of KVM)"


MAKERS: list[Callable[[Path], Path]] = [
    machines.nvidia_box, machines.amd_box, machines.intel_box, machines.container,
    machines.wsl, machines.raspberry_pi, machines.jetson,
]  # fmt: skip


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: str(maker.__name__))
def test_every_machine_is_told_everything_as_json(tmp_path: Path, maker: Callable[[Path], Path]) -> None:
    machine = look(Root(maker(tmp_path / "machine")), environment={"OMP_NUM_THREADS": "x"}, packages=[])
    found = examined(tmp_path, machine)
    told = msgspec.json.decode(msgspec.json.encode({"machine": machine, "findings": found}))
    assert msgspec.convert(told["machine"], Machine) == machine
    assert len(told["findings"]) == len(found) >= 20
