"""Which addresses are outside of the house."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

#: Parts of the unicast space that lead inside, or nowhere, and that `ipaddress` of some Python takes for public ones.
_SPECIAL = tuple(
    map(
        ip_network,
        (
            "192.0.0.0/24",  # protocols, and the metadata service of a cloud
            "192.88.99.0/24",  # relays of 6to4
            "2001::/23",  # protocols, with Teredo, which carries an IPv4 address
            "2002::/16",  # 6to4, which carries one too
            "3fff::/20",  # documentation
        ),
    )
)
#: All of IPv6 that is given to the public internet; every other form that carries an IPv4 address lies beside it.
_PUBLIC_6 = IPv6Network("2000::/3")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, if it is one; brackets are taken off."""
    try:
        return ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def is_disguised(host: str) -> bool:
    """Whether a host that is no address in plain form would still be taken for one: `2130706433`, `0x7f.1`, `127.1`.

    By the rule of browsers, a host whose last label is a number is an address or nothing. The HTTP client connects to
    such a host without asking our resolver, and the system reads it in its own way.
    """
    return read_address(host) is None and _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]) is not None


def is_outside(address: IPv4Address | IPv6Address) -> bool:
    """True for a unicast address of the public internet, told in its plain form.

    Loopback, private, link-local (the metadata services of clouds), shared, reserved and multicast addresses are not,
    nor is any IPv6 form that carries an IPv4 address (mapped, NAT64, 6to4, Teredo), whichever that is.
    """
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    if isinstance(address, IPv6Address) and (address.scope_id is not None or address not in _PUBLIC_6):
        return False
    return not any(address in network for network in _SPECIAL if network.version == address.version)
