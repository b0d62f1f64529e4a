"""The ports on which somebody listens, and who it is where we may know."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from collections.abc import Iterator

import msgspec

from serdab.machine.root import Root, whole

#: State of a socket that listens, in `/proc/net/tcp`.
LISTENS = "0A"


class Listener(msgspec.Struct, frozen=True, kw_only=True):
    """A socket that waits for others."""

    address: str
    port: int
    #: None: a process of another account.
    pid: int | None = None
    program: str = ""


def look_at_ports(root: Root) -> tuple[Listener, ...]:
    """All listeners of TCP, by port."""
    found: list[tuple[str, Listener]] = []
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in root.lines(name)[1:]:
            words = line.split()
            place = address_of(words[1]) if len(words) > 9 and words[3] == LISTENS else None
            if place:
                found.append((words[9], Listener(address=place[0], port=place[1])))
    owners = _owners(root, {number for number, _ in found})
    owned = (_owned(root, listener, owners.get(number)) for number, listener in found)
    return tuple(sorted(owned, key=lambda each: (each.port, each.address)))


def _owned(root: Root, listener: Listener, pid: int | None) -> Listener:
    program = (root.text(f"/proc/{pid}/comm") or "") if pid else ""
    return msgspec.structs.replace(listener, pid=pid, program=program)


def address_of(text: str) -> tuple[str, int] | None:
    """`0100007F:2081` → `127.0.0.1`, 8321: words of four bytes in the order of this machine."""
    if not re.fullmatch(r"(?:[0-9A-F]{8}|[0-9A-F]{32}):[0-9A-F]{4}", text):
        return None
    number, _, port = text.partition(":")
    words = [bytes.fromhex(number[at : at + 8]) for at in range(0, len(number), 8)]
    packed = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    return str(ipaddress.ip_address(packed)), int(port, 16)


def _owners(root: Root, wanted: set[str]) -> dict[str, int]:
    """By the number of a socket, who has it open; of processes that we may not look into, none."""
    found: dict[str, int] = {}
    for name in root.names("/proc"):
        pid = whole(name)
        if len(found) == len(wanted):
            break
        if pid is not None:
            found |= dict.fromkeys(wanted.intersection(_sockets(root, name)), pid)
    return found


def _sockets(root: Root, pid: str) -> Iterator[str]:
    for handle in root.names(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(root.path(f"/proc/{pid}/fd/{handle}"))
        except OSError:  # closed meanwhile, or not ours to know
            continue
        if target.startswith("socket:["):
            yield target[len("socket:[") : -1]
