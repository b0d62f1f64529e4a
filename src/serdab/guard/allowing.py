"""The list of hosts that may be called: `host`, `host:port`, `*.domain`, separated by commas."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Self

from serdab.core import expected
from serdab.guard.addresses import is_disguised, read_address
from serdab.guard.errors import BadAllowList

#: An entry without a port allows these, the ports of http and https.
USUAL_PORTS = frozenset({80, 443})
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_PORT = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One host, or everything below one domain."""

    #: Lower-case name without a last dot, or the shortest form of an address.
    host: str
    #: The host's own subdomains are meant, not the host.
    below: bool = False
    #: The one port that may be called; None: `USUAL_PORTS`.
    port: int | None = None

    def allows(self, host: str, port: int) -> bool:
        """Whether a host in the form of `plain_host` and a port may be called."""
        if port not in USUAL_PORTS if self.port is None else port != self.port:
            return False
        return host.endswith(f".{self.host}") if self.below else host == self.host


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowList:
    """All entries of `guard.allow`."""

    entries: tuple[Entry, ...] = ()

    @classmethod
    def read(cls, text: str) -> Self:
        """Read the setting.

        Raises:
            BadAllowList: an entry is none of `host`, `host:port`, `*.domain`, `*.domain:port`.
        """
        return cls(entries=tuple(_read_entry(part.strip()) for part in text.split(",") if part.strip()))

    def allows(self, host: str, port: int) -> bool:
        """Whether the host and port may be called, wherever that leads."""
        return any(entry.allows(host, port) for entry in self.entries)

    def allows_inside(self, host: str, port: int) -> bool:
        """Whether the host and port may be called although it is inside the house.

        Only an address in its plain form or `localhost`, listed with this very port, says so: a name can be pointed
        anywhere later.
        """
        address = read_address(host)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            return False
        if host != "localhost" if address is None else address.is_multicast or address.is_unspecified:
            return False
        return any(entry.host == host and entry.port == port and not entry.below for entry in self.entries)


def plain_host(host: str) -> str:
    """The form in which hosts are compared: lower case, no last dot, an address in its shortest form."""
    address = read_address(host)
    return host.lower().removesuffix(".") if address is None else str(address)


def _read_entry(text: str) -> Entry:
    todo = "use host, host:port, *.domain or *.domain:port"
    host, port = _split_port(text.lower())
    below = host.startswith("*.")
    plain = plain_host(host.removeprefix("*."))
    address = read_address(plain)
    labels = plain.split(".")
    if port is not None and not 1 <= port <= 65_535:
        raise BadAllowList(expected("the port in guard.allow", "between 1 and 65535", text))
    if (below and (address is not None or len(labels) < 2)) or (
        address is None and (is_disguised(plain) or not all(map(_LABEL.fullmatch, labels)))
    ):
        raise BadAllowList(expected("an entry of guard.allow", "a host", text, todo))
    return Entry(host=plain, below=below, port=port)


def _split_port(text: str) -> tuple[str, int | None]:
    if read_address(text) is not None:  # An address of version 6 has colons of its own.
        return text, None
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, None
    if not _PORT.fullmatch(port):
        raise BadAllowList(expected("the port in guard.allow", "a number", text))
    return host, int(port)
