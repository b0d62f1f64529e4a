"""The memory: how much, of what kind, how fast by its label, and how the kernel deals with it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from serdab.machine.root import Root, pairs, whole

_KB, _MB = 1 << 10, 1 << 20
#: SMBIOS, table 17: names of the kinds of memory that a machine of our days may have.
KINDS = {
    0x18: "DDR3", 0x1A: "DDR4", 0x1B: "LPDDR", 0x1C: "LPDDR2", 0x1D: "LPDDR3", 0x1E: "LPDDR4", 0x20: "HBM",
    0x21: "HBM2", 0x22: "DDR5", 0x23: "LPDDR5", 0x24: "HBM3",
}  # fmt: skip
DEVICE_TABLE, END_TABLE = 17, 127
#: Bytes that one channel moves at a time.
CHANNEL_BYTES = 8


class MemoryModule(msgspec.Struct, frozen=True, kw_only=True):
    """One module of memory in its place."""

    place: str
    size_bytes: int
    #: `DDR5`; empty when it is not told.
    kind: str = ""
    #: Millions of transfers a second, as it runs; None: not told.
    speed_mt_s: int | None = None
    #: The channel that it is on; empty when its place does not say.
    channel: str = ""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """The memory of a machine; the limits of a control group are in `Limits`."""

    total_bytes: int
    available_bytes: int
    swap_bytes: int
    swap_used_bytes: int
    #: Where it swaps to: `/dev/zram0`, `/swapfile`.
    swaps: tuple[str, ...]
    swappiness: int | None
    #: vm.overcommit_memory: 0 as the kernel sees fit, 1 always, 2 never more than there is.
    overcommit: int | None
    #: Transparent huge pages: `always`, `madvise`, `never`; empty: this kernel has none.
    huge_pages: str
    modules: tuple[MemoryModule, ...]
    #: Channels that carry a module; None: not told.
    channels: int | None
    #: Errors that the memory's controllers counted: corrected, and not.
    corrected_errors: int
    uncorrected_errors: int
    #: Bytes a second that were copied, read and written counted both; None: not measured.
    copied_bytes_s: float | None = None

    @property
    def rated_bytes_s(self) -> float | None:
        """Bytes a second by the label: channels times transfers a second times 8 bytes; None: not told."""
        speeds = [module.speed_mt_s for module in self.modules if module.speed_mt_s]
        return self.channels * min(speeds) * 1e6 * CHANNEL_BYTES if self.channels and speeds else None


def look_at_memory(root: Root) -> Memory:
    """What the kernel, the firmware and the controllers tell of memory."""
    known = {name: _bytes(value) for name, value in pairs(root.lines("/proc/meminfo")).items()}
    modules = tuple(_from_controllers(root)) or tuple(_from_firmware(root.data("/sys/firmware/dmi/tables/DMI") or b""))
    channels = {module.channel for module in modules}
    return Memory(
        total_bytes=known.get("MemTotal", 0),
        available_bytes=known.get("MemAvailable", known.get("MemFree", 0)),
        swap_bytes=known.get("SwapTotal", 0),
        swap_used_bytes=known.get("SwapTotal", 0) - known.get("SwapFree", 0),
        swaps=tuple(line.split()[0] for line in root.lines("/proc/swaps")[1:] if line.split()),
        swappiness=root.number("/proc/sys/vm/swappiness"),
        overcommit=root.number("/proc/sys/vm/overcommit_memory"),
        huge_pages=(root.text("/sys/kernel/mm/transparent_hugepage/enabled") or "").partition("[")[2].partition("]")[0],
        modules=modules,
        channels=len(channels) if modules and "" not in channels else None,
        corrected_errors=_counted(root, "ce_count"),
        uncorrected_errors=_counted(root, "ue_count"),
    )


def _bytes(text: str) -> int:
    number, _, unit = text.partition(" ")
    return (whole(number) or 0) * (_KB if unit == "kB" else 1)


def _counted(root: Root, name: str) -> int:
    return sum(root.number(path) or 0 for path in root.matching(f"/sys/devices/system/edac/mc/mc*/{name}"))


def _from_controllers(root: Root) -> Iterator[MemoryModule]:
    """What EDAC, the kernel's watch over memory with error correction, knows."""
    for folder in root.matching("/sys/devices/system/edac/mc/mc*/dimm*"):
        size_mb = root.number(f"{folder}/size") or 0
        place = root.text(f"{folder}/dimm_location") or ""
        channel = re.search(r"channel (\d+)", place)
        if size_mb:
            yield MemoryModule(
                place=root.text(f"{folder}/dimm_label") or place,
                size_bytes=size_mb * _MB,
                kind=(root.text(f"{folder}/dimm_mem_type") or "")
                .removeprefix("Unbuffered-")
                .removeprefix("Registered-"),
                channel=f"{folder.split('/')[-2]} {channel[0]}" if channel else "",
            )


def _from_firmware(table: bytes) -> Iterator[MemoryModule]:
    """What the firmware's table (SMBIOS 2.7 and later, only root may read it) tells of memory devices."""
    place = 0
    while place + 4 <= len(table):
        kind, length = table[place], table[place + 1]
        end = table.find(b"\0\0", place + length)
        if length < 4 or end < 0 or kind == END_TABLE:
            return
        words = [word.decode("utf-8", "replace").strip() for word in table[place + length : end].split(b"\0")]
        if kind == DEVICE_TABLE and (module := _module(table[place : place + length], words)):
            yield module
        place = end + 2


def _module(fields: bytes, words: list[str]) -> MemoryModule | None:
    def number(at: int, size: int) -> int:
        return int.from_bytes(fields[at : at + size], "little")

    def word(at: int) -> str:
        which = number(at, 1)
        return words[which - 1] if 0 < which <= len(words) else ""

    size = number(0x0C, 2)
    if size in (0, 0xFFFF):  # an empty place; a size that nobody knows
        return None
    if size == 0x7FFF:
        size_bytes = (number(0x1C, 4) & 0x7FFFFFFF) * _MB
    else:
        size_bytes = (size & 0x7FFF) * (_KB if size & 0x8000 else _MB)
    device, bank = word(0x10), word(0x11)
    speed = next((speed for speed in (number(0x20, 2), number(0x15, 2)) if 0 < speed < 0xFFFF), None)
    return MemoryModule(
        place=" ".join(filter(None, (device, bank))),
        size_bytes=size_bytes,
        kind=KINDS.get(number(0x12, 1), ""),
        speed_mt_s=speed,
        channel=channel_of(device, bank),
    )


def channel_of(device: str, bank: str) -> str:
    """The channel that the name of a place tells of; empty when it tells none.

    Boards say it as `ChannelA-DIMM0`, `P0 CHANNEL B`, `DIMM_A1`, `CPU1_DIMM_C2`, `P1-DIMMD1`.
    """
    text = re.sub(r"[ _-]{1,8}", " ", f"{bank} {device}".upper())
    socket = re.search(r"\b(?:P|CPU|SOCKET) ?\d{1,2}\b", text)
    channel = re.search(r"\bCHANNEL ?([A-Z0-9])", text) or re.search(r"\bDIMM ?([A-Z]) ?\d", text)
    return f"{socket[0].replace(' ', '') if socket else ''}{channel[1]}" if channel else ""
