"""What other machines are, read from files in the formats of their kernels and firmware."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import other_machines as machines
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serdab.machine import Disk, Machine, Root, look, mount_of, mounts
from serdab.machine.clock import measure_drift
from serdab.machine.copying import MEASURED_S, measure_copying
from serdab.machine.disks import FLUSHES, measure_disk
from serdab.machine.limits import look_at_limits
from serdab.machine.memory import channel_of, look_at_memory
from serdab.machine.ports import address_of
from serdab.machine.root import members

GIB = 1 << 30


def machine_of(maker: Callable[[Path], Path], folder: Path, **environment: str) -> Machine:
    return look(Root(maker(folder)), environment=environment, packages=[])


def test_a_server_with_two_sockets_is_what_its_files_say(tmp_path: Path) -> None:
    found = machine_of(machines.nvidia_box, tmp_path)
    processor = found.processor
    assert (processor.model, processor.logical, processor.usable) == ("Intel(R) Xeon(R) Gold 6430", 8, 6)
    assert (processor.cores, processor.sockets, processor.numa_nodes) == (4, 2, 2)
    assert processor.flags == (
        "sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "amx_tile", "amx_int8", "amx_bf16",
    )  # fmt: skip
    assert processor.steal_share == pytest.approx(0.05)
    assert processor.hypervisor == ""
    assert processor.cache_bytes == 2 * 61440 << 10, "one for each socket"
    assert processor.scaling is not None
    assert (processor.scaling.governors, processor.scaling.most_mhz) == (("powersave",), 3400.0)
    heat = processor.heat
    assert (heat.hottest_c, heat.place, heat.limit_c, heat.throttled) == (97.0, "x86_pkg_temp", 99.0, 12)
    assert (found.system, found.kernel) == ("Ubuntu 24.04.2 LTS", "Linux 6.8.0-45-generic")


def test_memory_watched_for_errors_tells_its_channels(tmp_path: Path) -> None:
    memory = machine_of(machines.nvidia_box, tmp_path).memory
    assert (memory.total_bytes, memory.available_bytes) == (65706272 << 10, 60211111 << 10)
    assert (memory.swap_bytes, memory.swap_used_bytes) == (8388604 << 10, (8388604 - 4194302) << 10)
    assert (memory.swaps, memory.swappiness, memory.overcommit) == (("/dev/nvme0n1p3",), 60, 1)
    assert (len(memory.modules), memory.channels, memory.modules[0].kind) == (8, 8, "DDR5")
    assert (memory.corrected_errors, memory.uncorrected_errors) == (3, 1)
    assert memory.rated_bytes_s is None, "the kernel does not tell their speed"


def test_the_firmware_tells_modules_and_speed(tmp_path: Path) -> None:
    memory = machine_of(machines.amd_box, tmp_path).memory
    assert [(each.size_bytes // GIB, each.kind, each.speed_mt_s) for each in memory.modules] == [
        (32, "DDR5", 5600), (16, "DDR5", 5200),
    ]  # fmt: skip
    assert memory.channels == 2
    assert memory.rated_bytes_s == pytest.approx(2 * 5200e6 * 8)


@given(st.binary(max_size=200))
def test_a_broken_table_of_the_firmware_harms_nobody(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    whole = machines.smbios([(65536, 0x1A, 3200, "DIMM_A1", "")])
    folder = tmp_path_factory.mktemp("firmware")
    for table in (whole[:40] + noise + whole[40:], noise):
        machines.make(folder, {"/sys/firmware/dmi/tables/DMI": table})
        assert look_at_memory(Root(folder)).total_bytes == 0


@pytest.mark.parametrize(
    ("device", "bank", "channel"),
    [
        ("DIMM 0", "P0 CHANNEL A", "P0A"), ("ChannelB-DIMM0", "BANK 2", "B"), ("DIMM_A1", "", "A"),
        ("P1-DIMMD1", "", "P1D"),
        ("CPU1_DIMM_C2", "", "CPU1C"), ("P0_Node0_Channel3_Dimm0", "", "P03"), ("Onboard", "", ""),
    ],
)  # fmt: skip
def test_places_tell_their_channel(device: str, bank: str, channel: str) -> None:
    assert channel_of(device, bank) == channel


def test_cards_of_nvidia_are_seen_without_any_library(tmp_path: Path) -> None:
    found = machine_of(machines.nvidia_box, tmp_path)
    first, second = found.gpus
    assert (first.index, first.name, first.bus) == (0, "NVIDIA GeForce RTX 4090", "0000:17:00.0")
    assert (first.kernel_driver, first.usable) == ("nvidia", False)
    assert "libnvidia-ml.so.1" in first.why_not
    assert (first.link.width, first.link.most_width, first.link.most_generation) == (8, 16, 4)
    assert (second.index, second.kernel_driver, second.why_not) == (1, "vfio-pci", "vfio-pci holds it, for a guest")
    assert found.drivers.nvidia == "535.183.01"
    [cuda] = found.programs
    assert (cuda.name, cuda.version, cuda.folder) == ("CUDA", "12.8.1", "/usr/local/cuda-12.8"), (
        "its link is no second one"
    )


def test_cards_of_amd_tell_memory_power_and_who_uses_them(tmp_path: Path) -> None:
    found = machine_of(machines.amd_box, tmp_path)
    own, card, lost = found.gpus
    assert (card.name, card.usable, card.instructions) == ("Radeon RX 7900 XTX", True, "gfx1100")
    assert (card.memory_bytes, card.used_bytes, card.busy_share) == (24 * GIB, 9 * GIB, 0.37)
    assert (card.temperature_c, card.power_w, card.power_limit_w, card.uncorrected_errors) == (61.0, 214.0, 339.0, 2)
    assert [(each.pid, each.program, each.used_bytes) for each in card.processes] == [(4242, "llama-server", 8 * GIB)]
    assert (own.shares_memory, card.shares_memory) == (True, False)
    assert (lost.usable, lost.why_not) == (False, "no driver of the kernel holds it")
    assert found.drivers.amdgpu == "6.8.5"
    assert [(each.name, each.version) for each in found.programs] == [("ROCm", "6.3.1")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use everything")
def test_a_card_that_this_account_may_not_use_says_so(tmp_path: Path) -> None:
    (machines.amd_box(tmp_path) / "dev" / "kfd").chmod(0)
    found = look(Root(tmp_path), environment={}, packages=[]).gpus
    assert [gpu.why_not for gpu in found if gpu.kernel_driver] == ["this account may not use /dev/kfd"] * 2


def test_cards_of_intel_compute_through_their_render_files(tmp_path: Path) -> None:
    found = machine_of(machines.intel_box, tmp_path)
    own, arc = found.gpus
    assert (own.shares_memory, own.kernel_driver) == (True, "i915")
    assert (arc.name, arc.usable, arc.link.most_generation) == ("Intel e20b", True, 4)
    (tmp_path / "dev/dri/renderD128").unlink()
    assert [gpu.usable for gpu in look(Root(tmp_path), environment={}, packages=[]).gpus] == [False, False]


def test_a_container_has_the_limits_of_its_group(tmp_path: Path) -> None:
    found = machine_of(machines.container, tmp_path)
    limits = found.limits
    assert (limits.container, limits.cgroup_version) == ("docker", 2)
    assert (limits.cpus, limits.memory_bytes, limits.tasks) == (2.5, 2 * GIB, 256)
    assert (limits.cpu_throttled_share, limits.killed_for_memory) == (0.4, 2)
    assert found.gpus[0].why_not == "/dev/nvidiactl is not here"


def test_the_least_limit_of_all_groups_counts_in_both_kinds(tmp_path: Path) -> None:
    groups = "/sys/fs/cgroup"
    second = machines.make(
        tmp_path / "second",
        {
            "/proc/self/cgroup": "0::/a/b\n",
            f"{groups}/a/b/memory.max": "max\n",
            f"{groups}/a/memory.max": "536870912\n",
        },
    )
    assert look_at_limits(Root(second)).memory_bytes == 512 << 20
    first = machines.make(
        tmp_path / "first",
        {
            "/proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/x\n3:pids:/\n2:name=systemd:/\n0::/\n",
            f"{groups}/memory/memory.limit_in_bytes": "9223372036854771712\n",
            f"{groups}/cpu,cpuacct/x/cpu.cfs_quota_us": "-1\n", f"{groups}/cpu,cpuacct/cpu.cfs_quota_us": "150000\n",
            f"{groups}/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n",
            f"{groups}/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            f"{groups}/pids/pids.max": "max\n",
        },
    )  # fmt: skip
    limits = look_at_limits(Root(first))
    assert (limits.cgroup_version, limits.memory_bytes, limits.cpus, limits.tasks) == (1, None, 1.5, None)
    machines.make(first, {f"{groups}/memory/x/memory.limit_in_bytes": f"{64 << 20}\n"})
    assert look_at_limits(Root(first)).memory_bytes == 64 << 20


def test_limits_of_the_process_are_read(tmp_path: Path) -> None:
    limits = machine_of(machines.nvidia_box, tmp_path).limits
    assert (limits.open_files, limits.processes, limits.locked_bytes) == (1024, None, 8 << 20)
    assert (limits.container, limits.memory_bytes, limits.cpus) == ("", None, None)


def test_windows_is_known_by_its_kernel(tmp_path: Path) -> None:
    found = machine_of(machines.wsl, tmp_path)
    assert found.processor.hypervisor == "WSL"
    [gpu] = found.gpus
    assert (gpu.name, gpu.kernel_driver, gpu.usable) == ("GPU of Windows", "dxgkrnl", False)


def test_a_guest_whose_host_gives_no_name_says_so(tmp_path: Path) -> None:
    guest = machines.make(tmp_path, {"/proc/cpuinfo": machines.cpuinfo(2, "avx2 hypervisor", sockets=1)})
    assert machine_of(lambda _: guest, tmp_path).processor.hypervisor == "a host that gives no name"


def test_boards_with_arm_cores_have_names(tmp_path: Path) -> None:
    pi = machine_of(machines.raspberry_pi, tmp_path / "pi")
    assert pi.processor.model == "Cortex-A76 (Raspberry Pi 5 Model B Rev 1.0)"
    assert (pi.processor.logical, pi.processor.cores, pi.processor.flags) == (4, 4, ("asimd", "asimddp"))
    assert pi.processor.heat.faults == (
        "under-voltage now", "throttled now", "under-voltage since the start", "throttled since the start",
    )  # fmt: skip
    assert pi.gpus == ()
    orin = machine_of(machines.jetson, tmp_path / "orin")
    assert orin.processor.model == "Cortex-A78AE (NVIDIA Jetson AGX Orin Developer Kit)"
    [gpu] = orin.gpus
    assert (gpu.usable, gpu.shares_memory, gpu.memory_bytes) == (True, True, None)


def test_an_empty_folder_is_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    found = machine_of(lambda folder: folder, tmp_path)
    assert (found.processor.model, found.processor.logical, found.memory.total_bytes) == ("unknown", 1, 0)
    assert (found.gpus, found.listeners, found.limits.cgroup_version) == ((), (), None)


def test_only_variables_that_steer_computing_are_kept(tmp_path: Path) -> None:
    found = machine_of(machines.wsl, tmp_path, OMP_NUM_THREADS="4", PGPASSWORD="x", CUDA_VISIBLE_DEVICES="0")
    assert found.variables == {"CUDA_VISIBLE_DEVICES": "0", "OMP_NUM_THREADS": "4"}


def test_libraries_tell_for_what_they_were_built_without_being_imported(tmp_path: Path) -> None:
    def package(name: str, version: str) -> dict[str, str]:
        return {f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"}

    folder = machines.make(
        tmp_path / "packages",
        {
            **package("torch", "2.8.0"), **package("onnxruntime-gpu", "1.22.0"), **package("llama_cpp_python", "0.3.9"),
            **package("numpy", "2.0.0"),
            "torch/__init__.py": "raise RuntimeError('imported')\n",
            "torch/version.py": "debug = False\ncuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n",
            "onnxruntime/capi/build_and_package_info.py": "package_name = 'onnxruntime-gpu'\ncuda_version = '12.4'\n",
            "llama_cpp/lib/libggml-cpu.so": "",
        },
    )  # fmt: skip
    found = look(Root(tmp_path), environment={}, packages=[folder]).programs
    assert sorted((each.name, each.version, each.built_for, each.runtime) for each in found) == [
        ("llama-cpp-python", "0.3.9", "cpu", ""), ("onnxruntime-gpu", "1.22.0", "cuda", "12.4"),
        ("torch", "2.8.0", "cuda", "12.8"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/serdab", "ext4"), ("/srv", "overlay"), ("/srv/a share/serdab", "nfs4"), ("/srvx", "ext4"),
        ("/mnt/x", "tmpfs"),
    ],
)  # fmt: skip
def test_the_file_system_is_that_of_the_nearest_and_newest_mount(tmp_path: Path, folder: str, kind: str) -> None:
    root = Root(machines.nvidia_box(tmp_path))
    assert mount_of(Path(folder), mounts(root)).file_system == kind


def test_a_partition_is_on_its_whole_device(tmp_path: Path) -> None:
    root = Root(machines.nvidia_box(tmp_path))
    [disk] = look(root, environment={}, packages=[], folders=[Path("/"), Path("/var/lib/nothing")]).disks
    assert isinstance(disk, Disk)
    assert (disk.device, disk.rotational, disk.model) == ("/dev/nvme0n1p2", False, "Samsung SSD 990 PRO 2TB")
    assert disk.folders == ("/", "/var/lib/nothing")


def test_measuring_leaves_nothing_behind_and_is_bounded(tmp_path: Path) -> None:
    speed = measure_disk(tmp_path)
    assert speed.flushes.count == FLUSHES
    assert 0 < speed.flushes.median_s <= speed.flushes.p99_s
    assert min(speed.read_bytes_s, speed.write_bytes_s) > 0
    assert list(tmp_path.iterdir()) == []
    copied = measure_copying(2, 1 << 30)
    assert copied is not None
    assert copied * MEASURED_S > 2 * (8 << 20), "each thread has copied at least one piece"
    assert measure_copying(2, 1 << 20) is None, "too little memory to say anything"
    assert measure_drift() >= 0


def test_a_listener_of_this_machine_is_found_with_its_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        [found] = [each for each in look(environment={}, packages=[]).listeners if each.port == port]
    assert (found.address, found.pid) == ("127.0.0.1", os.getpid())
    assert found.program


def test_addresses_are_words_of_this_machine() -> None:
    assert address_of("0100007F:2081") == ("127.0.0.1", 8321)
    assert address_of("00000000000000000000000001000000:1538") == ("::1", 5432)
    assert address_of("7F:1") is None


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_broken_file_keeps_the_rest_from_being_told(tmp_path: Path, data: st.DataObject) -> None:
    maker = data.draw(st.sampled_from([machines.nvidia_box, machines.amd_box, machines.container]))
    with tempfile.TemporaryDirectory(dir=tmp_path) as name:
        folder = maker(Path(name))
        files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        for path in data.draw(st.lists(st.sampled_from(files), min_size=1, max_size=8, unique=True)):
            noise = st.one_of(
                st.binary(max_size=60),
                st.integers(-(10**30), 10**30).map(lambda number: str(number).encode()),
                st.sampled_from([b"9" * 5000, "²".encode(), b"-1\n", b"0\n", b"nan\n", path.read_bytes() * 2]),
            )
            path.write_bytes(data.draw(noise))
        found = look(Root(folder), environment={}, packages=[])
        assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(found)), Machine) == found


@given(st.text(alphabet="0123456789-,", max_size=30))
def test_lists_of_processors_never_take_all_memory(text: str) -> None:
    assert len(members(text)) <= 65_536


def test_lists_of_processors() -> None:
    assert members("0-3,8,10-11\n") == [0, 1, 2, 3, 8, 10, 11]
    assert members("") == members("none") == []
