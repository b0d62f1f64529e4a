"""What a small team can house: slots, lanes and current of one socket in the wall, unless it has a server room.

A desktop processor has 20 to 24 lanes of PCI Express (Intel LGA1700: 16 + 4; AMD AM5: 24), so two cards at 8 lanes; a
workstation board has seven slots (Threadripper PRO 128 lanes, Xeon W 112), so four cards of double width. A circuit
carries 80 % of its rating for hours (NEC 210.20; the same is usual elsewhere): 15 A x 120 V or 16 A x 230 V. Prices of
what is around the cards are guesses of 2026.
"""

from __future__ import annotations

from math import ceil

import msgspec

from serdab.plan.devices import Device
from serdab.plan.power import is_whole_machine

#: Countries whose sockets have 100 to 127 V (IEC World Plugs), and what one circuit carries for hours, W.
LOW_VOLTAGE = frozenset(
    ("US", "CA", "MX", "JP", "TW", "CO", "VE", "EC", "CU", "DO", "GT", "HN", "NI", "PA", "CR", "SV", "HT", "JM", "BS")
)
LOW_CIRCUIT_W, CIRCUIT_W = 0.8 * 15 * 120, 0.8 * 16 * 230
#: What processor, memory, disks and fans draw beside the cards, W.
HOST_W = 250.0
#: Kinds and least memory of cards that are built for servers, with their air and current.
SERVER_KINDS, SERVER_BYTES = frozenset(("nvidia_hbm", "amd_cdna", "gaudi")), 80e9
#: Kinds of which a machine may hold several.
SEVERAL_KINDS = SERVER_KINDS | {"nvidia_gddr", "amd_rdna", "intel_arc"}


class House(msgspec.Struct, frozen=True, kw_only=True):
    """What cards stand in."""

    name: str
    most_cards: int
    #: What it costs without the cards, USD.
    host_usd: float
    #: Whether it lives from one socket in an office.
    in_office: bool = True


PC = House(name="PC", most_cards=2, host_usd=1200)
WORKSTATION = House(name="workstation", most_cards=4, host_usd=4000)
SERVER = House(name="server in a rack, three-phase current", most_cards=8, host_usd=12_000, in_office=False)


def house_of(device: Device, cards: int, country: str = "") -> House | None:
    """The least that takes so many cards; None: nothing that a small team has.

    Args:
        device: one card.
        cards: how many.
        country: two letters; decides what a socket carries.
    """
    if cards > 1 and (device.kind not in SEVERAL_KINDS or is_whole_machine(device)):
        return None
    circuit_w = LOW_CIRCUIT_W if country.upper() in LOW_VOLTAGE else CIRCUIT_W
    is_of_server = device.kind in SERVER_KINDS and device.memory_bytes >= SERVER_BYTES
    for house in (SERVER,) if is_of_server else (PC, WORKSTATION):
        if cards <= house.most_cards and (not house.in_office or cards * device.power_w + HOST_W <= circuit_w):
            return house
    return None


def host_usd_of(device: Device, cards: int, country: str = "") -> float:
    """USD of what so many cards stand in; more than one house takes stand in several servers."""
    house = house_of(device, cards, country)
    return house.host_usd if house else SERVER.host_usd * ceil(cards / SERVER.most_cards)


def counts_of(device: Device, country: str = "") -> tuple[int, ...]:
    """Numbers of equal cards that are sold and that there is a house for."""
    counts = (cards for cards in (1, 2, 4, 8) if cards >= device.sold_by)
    return tuple(cards for cards in counts if house_of(device, cards, country) is not None)
