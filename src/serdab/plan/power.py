"""What a machine draws when it works, which is not what stands on its plate.

Measured shares of the rated power of cards under vLLM: 0.63 with 8 sequences, 0.68 with 32, 0.80 with 128, 0.87 with
256, 0.90 above (H100, ML.ENERGY; field evidence §5.10); one user reads memory and leaves most units idle.
"""

from __future__ import annotations

import math

from serdab.plan.checking import checked
from serdab.plan.devices import Device
from serdab.plan.figures import Estimate, Range, Term

#: (sequences, share of the rated power).
SHARES = ((1.0, 0.55), (8.0, 0.63), (32.0, 0.68), (128.0, 0.80), (256.0, 0.87), (1024.0, 0.90))
#: What the rest of a machine draws beside cards (80 to 250 W with a host; little where the chip is the machine).
HOST_BUSY_W, HOST_IDLE_W = 120.0, 50.0
#: Classes where device and machine are one.
WHOLE_MACHINES = frozenset({"apple", "jetson", "nvidia_unified", "amd_unified", "cpu", "npu"})


def is_whole_machine(device: Device) -> bool:
    """Whether it is a computer by itself: by its kind, or because the system lives in the same memory."""
    return device.kind in WHOLE_MACHINES or device.usable_share < 1


def share_at(sequences: float) -> float:
    """Share of the rated power with so many sequences at once."""
    asked = max(sequences, 1.0)
    before = SHARES[0]
    for place in SHARES[1:]:
        if asked <= place[0]:
            way = math.log(asked / before[0]) / math.log(place[0] / before[0])
            return before[1] + way * (place[1] - before[1])
        before = place
    return SHARES[-1][1]


def estimate_power(device: Device, cards: int, sequences: float) -> Estimate:
    """Watts of the whole machine at work.

    Raises:
        BadPlan: a number makes no sense.
    """
    checked("cards", cards)
    checked("users", sequences)
    share = share_at(sequences)
    drawn = cards * (device.idle_w + max(device.power_w - device.idle_w, 0.0) * share)
    terms = [
        Term(
            name="cards",
            value=drawn,
            unit="W",
            why=f"{cards} x ({device.idle_w:.0f} + {share:.0%} of {max(device.power_w - device.idle_w, 0):.0f}) W",
        )
    ]
    if not is_whole_machine(device):
        terms.append(Term(name="host", value=HOST_BUSY_W, unit="W", why="processor, memory, fans, power supply"))
    watts = sum(term.value for term in terms)
    return Estimate(
        name="power at work",
        unit="W",
        range=Range(low=watts * 0.8, likely=watts, high=watts * 1.2),
        terms=tuple(terms),
        bound_by=f"{share:.0%} of the rated power with {sequences:,.0f} at once",
    )


def idle_watts(device: Device, cards: int) -> float:
    """Watts when nobody asks."""
    return cards * device.idle_w + (0.0 if is_whole_machine(device) else HOST_IDLE_W)
