"""What systemd hears from the process that it started: ready, stopping, and that its event loop still turns."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

log = logging.getLogger(__name__)

#: Words for each period of the watchdog: one may be late.
BEATS = 2


class ServiceManager:
    """The service manager that started this process; one that is not there hears nothing."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Find out whether there is one.

        Args:
            variables: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, as far as they are set.
        """
        place = variables.get("NOTIFY_SOCKET", "")
        #: A name that begins with @ is not in the file system but in the kernel's own list.
        self._place = "\0" + place[1:] if place.startswith("@") else place
        period = variables.get("WATCHDOG_USEC", "")
        mine = variables.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        #: Silence after which it kills us, in seconds; None: it does not.
        self.watchdog_s = int(period) / 1e6 if mine and period.isdecimal() and int(period) > 0 else None

    def tell(self, *states: str) -> None:
        """Say such things as `READY=1`; what it cannot hear now is lost, and logged."""
        if not self._place:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
                link.setblocking(False)
                link.sendto("\n".join(states).encode(), self._place)
        except OSError as error:
            log.warning("the service manager does not hear: %s", error, extra={"action": "manager_deaf"})

    @asynccontextmanager
    async def hearing(self) -> AsyncIterator[None]:
        """While the block runs, tell as often as asked for that the event loop turns."""
        beats = asyncio.get_running_loop().create_task(self._beat()) if self._place and self.watchdog_s else None
        try:
            yield
        finally:
            if beats is not None:
                beats.cancel()
                await asyncio.gather(beats, return_exceptions=True)

    async def _beat(self) -> None:
        assert self.watchdog_s is not None  # noqa: S101 - asked before
        while True:
            self.tell("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_s / BEATS)
