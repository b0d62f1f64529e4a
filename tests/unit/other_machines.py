"""Folders of files as other machines have them, in the formats that their kernels and firmware write."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

MOUNTS = r"""
22 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw
23 22 0:21 / /proc rw shared:2 - proc proc rw
24 22 0:30 / /srv rw - overlay overlay rw,lowerdir=/a
25 24 0:31 / /srv/a\040share rw master:5 - nfs4 server:/x rw
26 22 0:32 / /mnt rw - ext4 /dev/b rw
27 26 0:33 / /mnt rw - tmpfs tmpfs rw
"""
LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units
Max open files            1024                 524288               files
Max locked memory         8388608              8388608              bytes
Max processes             unlimited            unlimited            processes
"""
MEMINFO = """\
MemTotal:       65706272 kB
MemFree:         1234567 kB
MemAvailable:   60211111 kB
SwapTotal:       8388604 kB
SwapFree:        4194302 kB
HugePages_Total:       0
"""
#: Total: 1000 ticks, 50 of them stolen.
STAT = "cpu  300 0 100 500 50 0 0 50 20 0\ncpu0 300 0 100 500 50 0 0 50 20 0\nintr 5\n"


def make(folder: Path, files: Mapping[str, str | bytes], links: Mapping[str, str] | None = None) -> Path:
    """Write the files and links of a machine below a folder."""
    for name, content in files.items():
        path = folder / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for name, target in (links or {}).items():
        path = folder / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
    return folder


def cpuinfo(count: int, flags: str, model: str = "Intel(R) Xeon(R) Gold 6430", sockets: int = 2) -> str:
    """As x86 writes it: sockets one after the other, two threads of a core far apart."""
    each = count // sockets
    blocks = [
        f"processor\t: {number}\nvendor_id\t: GenuineIntel\nmodel name\t: {model}\nphysical id\t: {number // each}\n"
        f"siblings\t: {each}\ncore id\t\t: {number % each // 2}\nflags\t\t: {flags}\npower management:\n"
        for number in range(count)
    ]
    return "\n".join(blocks)


def smbios(modules: Iterable[tuple[int, int, int, str, str]]) -> bytes:
    """A firmware's table of memory.

    Args:
        modules: size in MB (0: an empty place), kind by its number, transfers a second in millions, device, bank.
    """
    table = b"\x00\x18\x00\x00" + bytes(20) + b"Some maker\x002.1\x00\x00"
    for number, (size_mb, kind, speed, device, bank) in enumerate(modules):
        extended = size_mb >= 0x7FFF
        fields = struct.pack(
            "<BBHHHHHHBBBBBHHBBBBBIH",
            17, 0x22, 0x100 + number, 0x1000, 0xFFFE, 72, 64, 0x7FFF if extended else size_mb, 9, 0, 1, 2, kind, 0x80,
            speed + 800, 0, 0, 0, 0, 2, size_mb if extended else 0, speed,
        )  # fmt: skip
        table += fields + device.encode() + b"\x00" + bank.encode() + b"\x00\x00"
    return table + b"\x7f\x04\x00\x01\x00\x00"


def two_cards() -> dict[str, str]:
    """Two cards of NVIDIA and a board's own display, on the bus; and what the driver tells of them."""
    cards = {
        f"/sys/bus/pci/devices/{bus}/{name}": text
        for bus, device, kind, lanes in (
            ("0000:17:00.0", "0x2684", "0x030000", "8"), ("0000:65:00.0", "0x26b1", "0x030200", "16"),
        )
        for name, text in {
            "vendor": "0x10de\n", "device": f"{device}\n", "class": f"{kind}\n", "current_link_width": f"{lanes}\n",
            "max_link_width": "16\n", "current_link_speed": "2.5 GT/s PCIe\n", "max_link_speed": "16.0 GT/s PCIe\n",
        }.items()
    }  # fmt: skip
    return cards | {
        "/proc/driver/nvidia/version": (
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.183.01  Release Build\n"
            "GCC version:  gcc version 13.2.0\n"
        ),
        "/proc/driver/nvidia/gpus/0000:17:00.0/information": "Model: \t\t NVIDIA GeForce RTX 4090\nIRQ: 177\n",
        "/proc/driver/nvidia/gpus/0000:65:00.0/information": "Model: \t\t NVIDIA RTX 6000 Ada Generation\n",
        "/sys/bus/pci/devices/0000:02:00.0/vendor": "0x1a03\n",
        "/sys/bus/pci/devices/0000:02:00.0/class": "0x030000\n",
        "/usr/local/cuda-12.8/version.json": '{"cuda" : {"name" : "CUDA SDK", "version" : "12.8.1"}, "x": {}}',
        "/dev/nvidiactl": "",
    }


def watched_memory() -> dict[str, str]:
    """Eight modules that EDAC watches, four on each socket, with some errors."""
    dimms = {
        f"/sys/devices/system/edac/mc/mc{controller}/dimm{channel}/{name}": text
        for controller in range(2)
        for channel in range(4)
        for name, text in {
            "size": "32768\n", "dimm_location": f"channel {channel} slot 0 \n", "dimm_mem_type": "Registered-DDR5\n",
            "dimm_label": f"CPU_SrcID#{controller}_MC#0_Chan#{channel}_DIMM#0\n",
        }.items()
    }  # fmt: skip
    counts = {
        f"/sys/devices/system/edac/mc/mc{mc}/{name}_count": f"{count}\n"
        for mc, ce, ue in ((0, 3, 0), (1, 0, 1))
        for name, count in (("ce", ce), ("ue", ue))
    }
    return dimms | counts


def hot_and_slow() -> dict[str, str]:
    """A server that is too hot, with a slow clock and a slow governor."""
    return {
        "/proc/stat": STAT,
        "/sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "powersave\n",
        "/sys/devices/system/cpu/cpufreq/policy0/scaling_driver": "acpi-cpufreq\n",
        "/sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq": "3400000\n",
        "/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "12\n",
        "/sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n",
        "/sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc hpet acpi_pm\n",
        "/sys/class/thermal/thermal_zone0/temp": "45000\n",
        "/sys/class/thermal/thermal_zone0/type": "acpitz\n",
        "/sys/class/thermal/thermal_zone1/temp": "97000\n",
        "/sys/class/thermal/thermal_zone1/type": "x86_pkg_temp\n",
        "/sys/class/thermal/thermal_zone1/trip_point_0_type": "passive\n",
        "/sys/class/thermal/thermal_zone1/trip_point_0_temp": "99000\n",
    }


def nvidia_box(folder: Path) -> Path:
    """Two sockets, two cards of NVIDIA and a board's own display, memory watched by EDAC, no library of NVIDIA."""
    return make(
        folder,
        {
            **two_cards(), **watched_memory(), **hot_and_slow(),
            "/proc/cpuinfo": cpuinfo(8, "fpu sse4_2 avx avx2 fma avx512f avx512_vnni amx_tile amx_int8 amx_bf16"),
            "/proc/meminfo": MEMINFO,
            "/proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n/dev/nvme0n1p3 partition 8388604 4194302 -2\n",
            "/proc/self/mountinfo": MOUNTS,
            "/proc/self/limits": LIMITS,
            "/proc/self/status": "Name:\tpython\nCpus_allowed:\t3f\nCpus_allowed_list:\t0-3,6-7\n",
            "/proc/self/cgroup": "0::/system.slice/serdab.service\n",
            "/proc/sys/kernel/ostype": "Linux\n", "/proc/sys/kernel/osrelease": "6.8.0-45-generic\n",
            "/proc/sys/vm/swappiness": "60\n", "/proc/sys/vm/overcommit_memory": "1\n",
            "/sys/fs/cgroup/system.slice/serdab.service/memory.max": "max\n",
            "/sys/devices/system/cpu/online": "0-7\n",
            **{
                f"/sys/devices/system/cpu/cpu{cpu}/cache/index{index}/{name}": text
                for cpu in range(8)
                for index, level, size, shared in ((2, 2, "2048K", cpu), (3, 3, "61440K", "0-3" if cpu < 4 else "4-7"))
                for name, text in (("level", f"{level}\n"), ("size", f"{size}\n"), ("shared_cpu_list", f"{shared}\n"))
            },
            "/sys/devices/system/node/node0/cpulist": "0-3\n", "/sys/devices/system/node/node1/cpulist": "4-7\n",
            "/sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never\n",
            "/sys/block/nvme0n1/queue/rotational": "0\n",
            "/sys/block/nvme0n1/device/model": "Samsung SSD 990 PRO 2TB                 \n",
            "/etc/os-release": 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 24.04.2 LTS"\n',
        },
        {
            "/sys/bus/pci/devices/0000:17:00.0/driver": "../../../bus/pci/drivers/nvidia",
            "/sys/bus/pci/devices/0000:65:00.0/driver": "../../../bus/pci/drivers/vfio-pci",
            "/usr/local/cuda": "/usr/local/cuda-12.8",
        },
    )  # fmt: skip


def amd_box(folder: Path) -> Path:
    """A card of AMD that computes, one that has no driver, and the graphics of the processor."""
    card = "/sys/bus/pci/devices/0000:c3:00.0"
    own = "/sys/bus/pci/devices/0000:0d:00.0"
    return make(
        folder,
        {
            "/proc/cpuinfo": cpuinfo(16, "fpu avx2 avx512f", "AMD Ryzen 9 7950X 16-Core Processor", sockets=1),
            "/sys/firmware/dmi/tables/DMI": smbios(
                [
                    (32768, 0x22, 5600, "DIMM 0", "P0 CHANNEL A"), (0, 0x02, 0, "DIMM 1", "P0 CHANNEL A"),
                    (16384, 0x22, 5200, "DIMM 0", "P0 CHANNEL B"),
                ]
            ),
            f"{card}/vendor": "0x1002\n", f"{card}/device": "0x744c\n", f"{card}/class": "0x030000\n",
            f"{card}/product_name": "Radeon RX 7900 XTX\n", f"{card}/unique_id": "5f3c8a9b2d1e4f60\n",
            f"{card}/mem_info_vram_total": f"{24 << 30}\n", f"{card}/mem_info_vram_used": f"{9 << 30}\n",
            f"{card}/gpu_busy_percent": "37\n", f"{card}/hwmon/hwmon3/temp1_input": "61000\n",
            f"{card}/hwmon/hwmon3/power1_average": "214000000\n", f"{card}/hwmon/hwmon3/power1_cap": "339000000\n",
            f"{card}/ras/umc_err_count": "ue: 2\nce: 7\n",
            f"{own}/vendor": "0x1002\n", f"{own}/device": "0x164e\n", f"{own}/class": "0x030000\n",
            f"{own}/mem_info_vram_total": f"{512 << 20}\n",
            "/sys/bus/pci/devices/0000:e1:00.0/vendor": "0x1002\n",
            "/sys/bus/pci/devices/0000:e1:00.0/device": "0x74a1\n",
            "/sys/bus/pci/devices/0000:e1:00.0/class": "0x120000\n",
            "/sys/class/kfd/kfd/topology/nodes/0/properties": "cpu_cores_count 32\ngfx_target_version 0\n",
            "/sys/class/kfd/kfd/topology/nodes/1/properties": (
                f"simd_count 192\ngfx_target_version 110000\nlocation_id {0xC3 << 8}\n"
            ),
            "/sys/class/kfd/kfd/topology/nodes/1/gpu_id": "35218\n",
            "/sys/class/kfd/kfd/proc/4242/vram_35218": f"{8 << 30}\n", "/proc/4242/comm": "llama-server\n",
            "/sys/module/amdgpu/version": "6.8.5\n",
            "/opt/rocm-6.3.1/.info/version": "6.3.1-48\n",
            "/dev/kfd": "",
        },
        {f"{card}/driver": "../../drivers/amdgpu", f"{own}/driver": "../../drivers/amdgpu", "/opt/rocm": "rocm-6.3.1"},
    )  # fmt: skip


def intel_box(folder: Path) -> Path:
    """An Arc B580 beside the graphics of the processor."""
    own, arc = "/sys/bus/pci/devices/0000:00:02.0", "/sys/bus/pci/devices/0000:03:00.0"
    return make(
        folder,
        {
            "/proc/cpuinfo": cpuinfo(8, "avx2 avx_vnni", "Intel(R) Core(TM) Ultra 7 265K", sockets=1),
            f"{own}/vendor": "0x8086\n", f"{own}/device": "0x7d67\n", f"{own}/class": "0x030000\n",
            f"{arc}/vendor": "0x8086\n", f"{arc}/device": "0xe20b\n", f"{arc}/class": "0x030000\n",
            f"{arc}/max_link_speed": "16.0 GT/s PCIe\n", "/dev/dri/card0": "", "/dev/dri/renderD128": "",
        },
        {f"{own}/driver": "../../drivers/i915", f"{arc}/driver": "../../drivers/xe"},
    )  # fmt: skip


def container(folder: Path) -> Path:
    """A container of Docker with limits of the second kind on a host with 16 processors."""
    return make(
        folder,
        {
            "/.dockerenv": "",
            "/proc/cpuinfo": cpuinfo(16, "avx2"), "/sys/devices/system/cpu/online": "0-15\n",
            "/proc/self/status": "Cpus_allowed_list:\t0-15\n",
            "/proc/self/cgroup": "0::/\n", "/proc/meminfo": MEMINFO,
            "/sys/fs/cgroup/cgroup.controllers": "cpu memory pids\n",
            "/sys/fs/cgroup/cpu.max": "250000 100000\n", "/sys/fs/cgroup/memory.max": f"{2 << 30}\n",
            "/sys/fs/cgroup/pids.max": "256\n",
            "/sys/fs/cgroup/cpu.stat": "usage_usec 9\nnr_periods 1000\nnr_throttled 400\nthrottled_usec 7\n",
            "/sys/fs/cgroup/memory.events": "low 0\nhigh 0\nmax 9\noom 2\noom_kill 2\n",
            "/sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n",
            "/sys/bus/pci/devices/0000:01:00.0/device": "0x2330\n",
            "/sys/bus/pci/devices/0000:01:00.0/class": "0x030200\n",
        },
        {"/sys/bus/pci/devices/0000:01:00.0/driver": "../../drivers/nvidia"},
    )  # fmt: skip


def wsl(folder: Path) -> Path:
    """WSL 2 with a GPU of Windows whose library cannot be opened."""
    return make(
        folder,
        {
            "/proc/sys/kernel/ostype": "Linux\n",
            "/proc/sys/kernel/osrelease": "5.15.167.4-microsoft-standard-WSL2\n",
            "/proc/cpuinfo": cpuinfo(4, "avx2 hypervisor", "13th Gen Intel(R) Core(TM) i7-13700H", sockets=1),
            "/dev/dxg": "", "/usr/lib/wsl/lib/libcuda.so.1": "",
        },
    )  # fmt: skip


def raspberry_pi(folder: Path) -> Path:
    """A Raspberry Pi 5 on a weak supply, its memory swapped into itself."""
    blocks = [
        f"processor\t: {number}\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm aes crc32 asimdrdm asimddp\n"
        "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd0b\n"
        for number in range(4)
    ]
    return make(
        folder,
        {
            "/proc/cpuinfo": "\n".join(blocks) + "\nRevision\t: d04170\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n",
            "/proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
            "/proc/device-tree/compatible": "raspberrypi,5-model-b\0brcm,bcm2712\0",
            "/proc/meminfo": MEMINFO,
            "/proc/sys/vm/swappiness": "100\n",
            "/proc/swaps": "Filename Type Size Used Priority\n/dev/zram0 partition 8388604 800000 100\n",
            "/sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
            "/sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "ondemand\n",
            "/sys/devices/system/cpu/cpufreq/policy0/scaling_driver": "cpufreq-dt\n",
            "/sys/class/thermal/thermal_zone0/temp": "62300\n",
            "/sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
        },
    )  # fmt: skip


def jetson(folder: Path) -> Path:
    """A Jetson AGX Orin: a GPU that is on no bus and has no memory of its own."""
    return make(
        folder,
        {
            "/proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd asimddp\nCPU part\t: 0xd42\n",
            "/proc/device-tree/model": "NVIDIA Jetson AGX Orin Developer Kit\0",
            "/proc/device-tree/compatible": "nvidia,p3737-0000+p3701-0005\0nvidia,tegra234\0",
            "/dev/nvhost-gpu": "",
        },
    )
