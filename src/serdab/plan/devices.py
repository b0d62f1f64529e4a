"""What a device can do, as its maker or a measurement says."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from serdab.plan.figures import Source

#: Devices that behave alike, for calibration.
DeviceClass = Literal[
    "nvidia_gddr", "nvidia_hbm", "nvidia_unified", "jetson", "apple", "amd_rdna", "amd_cdna", "amd_unified",
    "intel_arc", "gaudi", "tpu", "npu", "cpu",
]  # fmt: skip


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What it cost at a day; prices move by half in a year."""

    low_usd: float
    high_usd: float
    on: date
    source: Source
    used: bool = False


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of card, chip or machine."""

    id: str
    name: str
    vendor: str
    kind: DeviceClass
    #: Bytes of its memory, and the share that a model may use (less than 1 where the system lives in it too).
    memory_bytes: int
    usable_share: float
    #: Bytes a second.
    bandwidth: float
    #: Dense rates, operations a second, by precision: fp32, fp16, bf16, fp8, fp4, int8, int4.
    rates: dict[str, float]
    power_w: float
    idle_w: float
    year: int
    price: Price | None = None
    #: Bytes a second and direction from one device to the next, of the fastest link that it has.
    link: float = 0.0
    #: Bytes a second of the memory of the machine that it is in, where that was looked at; 0: not known.
    host_bandwidth: float = 0.0
    #: False for what can only be rented.
    can_be_bought: bool = True
    #: How many are sold together at least, on one board or in one rack.
    sold_by: int = 1
    #: Engines that run on it.
    engines: tuple[str, ...] = ()
    #: Other names that programs and people give it.
    aliases: tuple[str, ...] = ()
    note: str = ""
    #: Where each figure comes from, by the name of the field; `*` for those not named.
    sources: dict[str, Source] = {}
