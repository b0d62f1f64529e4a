"""What systemd hears: ready, stopping, and a beat while the event loop turns."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from serdab.app.service_manager import ServiceManager


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    """The other end of the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(str(tmp_path / "notify"))
        link.settimeout(10)
        yield link


def test_it_hears_each_state_on_a_line(ear: socket.socket) -> None:
    ServiceManager({"NOTIFY_SOCKET": ear.getsockname()}).tell("READY=1", "STATUS=serving")
    assert ear.recv(4096) == b"READY=1\nSTATUS=serving"


def test_a_name_in_the_list_of_the_kernel_is_found() -> None:
    name = f"serdab-of-a-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(f"\0{name}")
        link.settimeout(10)
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).tell("READY=1")
        assert link.recv(4096) == b"READY=1"


async def test_it_hears_a_beat_more_than_once_in_its_period_and_none_afterwards(ear: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": ear.getsockname(), "WATCHDOG_USEC": "100000"})
    assert manager.watchdog_s == 0.1
    async with manager.hearing():
        for _ in range(3):
            assert await asyncio.to_thread(ear.recv, 4096) == b"WATCHDOG=1"
    manager.tell("STOPPING=1")
    assert b"STOPPING=1" in iter(lambda: ear.recv(4096), b"")
    ear.setblocking(False)
    with pytest.raises(BlockingIOError):
        ear.recv(4096)


def test_a_watchdog_for_another_process_is_none_of_ours() -> None:
    assert ServiceManager({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}).watchdog_s is None
    assert ServiceManager({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())}).watchdog_s == 1.0
    assert ServiceManager({"WATCHDOG_USEC": "0"}).watchdog_s is None


async def test_without_one_nothing_happens_and_a_deaf_one_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with ServiceManager({}).hearing():
            ServiceManager({}).tell("READY=1")
        assert not caplog.records
        ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "absent")}).tell("READY=1")
    assert [vars(record)["action"] for record in caplog.records] == ["manager_deaf"]
