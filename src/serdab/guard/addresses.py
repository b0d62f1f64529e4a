"""Which addresses are outside of the house."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

#: IPv6 forms that carry an IPv4 address, and with it a way around a check of the IPv6 one.
_CARRIERS = tuple(
    map(
        IPv6Network,
        (
            "::/96",  # IPv4-compatible, with the unspecified and the loopback address
            "::ffff:0:0/96",  # IPv4-mapped
            "::ffff:0:0:0/96",  # IPv4-translated
            "64:ff9b::/96",  # NAT64
            "64:ff9b:1::/48",  # NAT64, local
            "2001::/32",  # Teredo
            "2002::/16",  # 6to4
        ),
    )
)


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, if it is one; brackets are taken off."""
    try:
        return ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def is_outside(address: IPv4Address | IPv6Address) -> bool:
    """True for a unicast address of the public internet, told in its plain form.

    Loopback, private, link-local (the metadata services of clouds), shared, reserved and multicast addresses are not,
    nor is any IPv6 form that carries an IPv4 address, whichever that is.
    """
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    if isinstance(address, IPv4Address):
        return True
    if address.is_site_local or address.scope_id is not None:
        return False
    return not any(address in network for network in _CARRIERS)
