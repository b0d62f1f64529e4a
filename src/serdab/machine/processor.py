"""The processor: what it is, what it can, and what keeps it from doing so."""

from __future__ import annotations

import re

import msgspec

from serdab.machine.root import Root, members, pairs, whole

#: Instructions that decide how fast numbers are worked on.
FLAGS = (
    "sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16",
    "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16", "amx_fp16",
    "asimd", "asimddp", "asimdhp", "i8mm", "bf16", "sve", "sve2", "sme", "rvv",
)  # fmt: skip
#: Place of what a host gave to others, among the times of `/proc/stat`.
STOLEN = 7
#: Names of Arm's own cores, by the number that the kernel tells.
ARM_CORES = {
    0xD03: "Cortex-A53", 0xD04: "Cortex-A35", 0xD05: "Cortex-A55", 0xD07: "Cortex-A57", 0xD08: "Cortex-A72",
    0xD09: "Cortex-A73", 0xD0A: "Cortex-A75", 0xD0B: "Cortex-A76", 0xD0C: "Neoverse-N1", 0xD40: "Neoverse-V1",
    0xD41: "Cortex-A78", 0xD42: "Cortex-A78AE", 0xD44: "Cortex-X1", 0xD49: "Neoverse-N2", 0xD4F: "Neoverse-V2",
}  # fmt: skip
CPUS = "/sys/devices/system/cpu"
#: Bits of what the firmware of a Raspberry Pi says: now, and once since it was started.
PI_FAULTS = {
    0: "under-voltage now", 1: "frequency capped now", 2: "throttled now", 3: "soft temperature limit now",
    16: "under-voltage since the start", 17: "frequency capped since the start", 18: "throttled since the start",
    19: "soft temperature limit since the start",
}  # fmt: skip


class Scaling(msgspec.Struct, frozen=True, kw_only=True):
    """How the kernel chooses the frequency of the cores."""

    #: `intel_pstate`, `amd-pstate-epp`, `acpi-cpufreq`, `cppc_cpufreq`.
    driver: str
    #: `powersave`, `performance`, `schedutil` …; each that some core has.
    governors: tuple[str, ...]
    #: What drivers that choose by themselves are told: `performance` to `power`; empty when they are told nothing.
    preference: str = ""
    most_mhz: float | None = None


class Heat(msgspec.Struct, frozen=True, kw_only=True):
    """The hottest place of the processor's board, and what heat has done."""

    hottest_c: float | None
    place: str
    #: Where the kernel begins to slow down, in °C; None: it does not say.
    limit_c: float | None
    #: Times that a core was slowed down since the machine was started.
    throttled: int
    #: What the firmware of a board says of power and heat.
    faults: tuple[str, ...] = ()


class Processor(msgspec.Struct, frozen=True, kw_only=True):
    """The processors of a machine."""

    model: str
    #: Logical ones that are there, and those that this process may use.
    logical: int
    usable: int
    #: Cores, two logical ones of a core counted once.
    cores: int
    sockets: int
    numa_nodes: int
    flags: tuple[str, ...]
    #: Of the last caches, all together; 0: not told.
    cache_bytes: int
    #: What runs this machine as a guest; empty on bare metal, as far as it tells.
    hypervisor: str
    #: Share of the time since the start that the host gave to others.
    steal_share: float
    #: The same while this machine was measured; None: not measured.
    steal_share_now: float | None = None
    scaling: Scaling | None
    heat: Heat


def look_at_processor(root: Root) -> Processor:
    """What the kernel tells of the processors."""
    blocks = _blocks(root)
    each = _processors(blocks)
    online = members(root.text(f"{CPUS}/online") or "")
    logical = len(online) or len(each) or 1
    allowed = members(pairs(root.lines("/proc/self/status")).get("Cpus_allowed_list", ""))
    cores, sockets = _topology(root, each, logical)
    nodes = [name for name in root.names("/sys/devices/system/node") if re.fullmatch(r"node\d+", name)]
    return Processor(
        model=_model(root, blocks),
        logical=logical,
        usable=len(set(allowed) & set(online)) or min(len(allowed) or logical, logical),
        cores=cores,
        sockets=sockets,
        numa_nodes=max(len(nodes), 1),
        flags=_flags(each),
        cache_bytes=_cache_bytes(root),
        hypervisor=_hypervisor(root, each),
        steal_share=_steal_share(root),
        scaling=_scaling(root),
        heat=_heat(root),
    )


def processor_flags(root: Root) -> tuple[str, ...]:
    """Those of `FLAGS` that the kernel tells of; in a guest, those that the guest may use."""
    return _flags(_processors(_blocks(root)))


def _blocks(root: Root) -> list[dict[str, str]]:
    return [pairs(block.splitlines()) for block in (root.text("/proc/cpuinfo") or "").split("\n\n")]


def _processors(blocks: list[dict[str, str]]) -> list[dict[str, str]]:
    return [block for block in blocks if "processor" in block]


def _model(root: Root, blocks: list[dict[str, str]]) -> str:
    known: dict[str, str] = {}
    for block in blocks:
        known.update(block)
    part = known.get("CPU part", "")
    core = ARM_CORES.get(int(part, 16), part) if re.fullmatch(r"0x[0-9a-fA-F]{1,8}", part) else ""
    board = known.get("Model") or root.text("/proc/device-tree/model") or ""
    names = (known.get("model name"), board and core and f"{core} ({board})", core, board, known.get("cpu"))
    return next((name for name in names if name), "unknown")


def _topology(root: Root, each: list[dict[str, str]], logical: int) -> tuple[int, int]:
    """Cores and sockets."""
    found = {
        (
            root.text(f"{CPUS}/{name}/topology/physical_package_id") or "",
            root.text(f"{CPUS}/{name}/topology/core_id") or "",
        )
        for name in root.names(CPUS)
        if re.fullmatch(r"cpu\d+", name) and root.has(f"{CPUS}/{name}/topology/core_id")
    } or {(block["physical id"], block["core id"]) for block in each if "core id" in block and "physical id" in block}
    return (len(found), len({socket for socket, _ in found})) if found else (logical, 1)


def _flags(each: list[dict[str, str]]) -> tuple[str, ...]:
    known = " ".join(each[0].get(name, "") for name in ("flags", "Features")) if each else ""
    return tuple(flag for flag in FLAGS if flag in known.split())


def _cache_bytes(root: Root) -> int:
    """The caches of the highest level, each counted once however many cores share it."""
    found: dict[tuple[int, str], int] = {}
    for folder in root.matching(f"{CPUS}/cpu[0-9]*/cache/index[0-9]*"):
        level, size = root.number(f"{folder}/level"), re.fullmatch(r"(\d{1,9})K", root.text(f"{folder}/size") or "")
        if level is not None and size:
            found[level, root.text(f"{folder}/shared_cpu_list") or folder] = int(size[1]) << 10
    last = max((level for level, _ in found), default=0)
    return sum(size for (level, _), size in found.items() if level == last)


def _hypervisor(root: Root, each: list[dict[str, str]]) -> str:
    if "microsoft" in (root.text("/proc/sys/kernel/osrelease") or "").lower():
        return "WSL"
    named = root.text("/sys/hypervisor/type")
    if named:
        return named
    if not each or "hypervisor" not in each[0].get("flags", "").split():
        return ""
    product = [root.text(f"/sys/class/dmi/id/{name}") or "" for name in ("sys_vendor", "product_name")]
    return " ".join(filter(None, product)) or "a host that gives no name"


def _steal_share(root: Root) -> float:
    ticks = processor_ticks(root)
    return ticks[STOLEN] / sum(ticks) if sum(ticks) else 0.0


def processor_ticks(root: Root) -> list[int]:
    """For what the processors spent their time since the start; the place `STOLEN` is what others got.

    Times of guests are not in it: they are in the others already.
    """
    times = next((line.split()[1:9] for line in root.lines("/proc/stat") if line.startswith("cpu ")), [])
    ticks = [number for each in times if (number := whole(each)) is not None and number >= 0]
    return ticks if len(ticks) == STOLEN + 1 else [0] * (STOLEN + 1)


def _scaling(root: Root) -> Scaling | None:
    folders = list(root.matching(f"{CPUS}/cpufreq/policy*"))
    governors = {root.text(f"{folder}/scaling_governor") or "" for folder in folders} - {""}
    if not governors:
        return None
    most_khz = root.number(f"{folders[0]}/cpuinfo_max_freq")
    return Scaling(
        driver=root.text(f"{folders[0]}/scaling_driver") or "",
        governors=tuple(sorted(governors)),
        preference=root.text(f"{folders[0]}/energy_performance_preference") or "",
        most_mhz=most_khz / 1000 if most_khz else None,
    )


def _heat(root: Root) -> Heat:
    counts = [root.number(name) or 0 for name in root.matching(f"{CPUS}/cpu*/thermal_throttle/core_throttle_count")]
    counts += [root.number(name) or 0 for name in root.matching(f"{CPUS}/cpu*/thermal_throttle/package_throttle_count")]
    zones = [
        (degrees / 1000, zone)
        for zone in root.matching("/sys/class/thermal/thermal_zone*")
        if (degrees := root.number(f"{zone}/temp")) is not None and 0 < degrees < 200_000
    ]
    hottest_c, zone = max(zones, default=(None, ""))
    bits = root.number("/sys/devices/platform/soc/soc:firmware/get_throttled", 16) or 0
    return Heat(
        hottest_c=hottest_c,
        place=(root.text(f"{zone}/type") or "") if zone else "",
        limit_c=_limit_c(root, zone) if zone else None,
        throttled=max(counts, default=0),
        faults=tuple(fault for bit, fault in PI_FAULTS.items() if bits >> bit & 1),
    )


def _limit_c(root: Root, zone: str) -> float | None:
    kinds = ("passive", "hot", "critical")
    points = [
        (root.number(name.removesuffix("type") + "temp") or 0)
        for name in root.matching(f"{zone}/trip_point_*_type")
        if root.text(name) in kinds
    ]
    real = [point for point in points if 0 < point < 200_000]
    return min(real) / 1000 if real else None
