"""Machines in the hands of the doctor: what a test changes on one, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from serdab.app.doctor import Finding, Verdict
from serdab.app.doctor.examining import look_at_machine
from serdab.core import Settings, load_settings
from serdab.machine import Disk, DiskSpeed, Flushes, Gpu, Machine, Program

GIB = 1 << 30
S = TypeVar("S", bound=msgspec.Struct)


def settings_of(folder: Path, *pairs: str) -> Settings:
    return load_settings([f"home={folder}", "http.port=0", "workers.processes=4", *pairs], environ={})


def examined(folder: Path, machine: Machine, *pairs: str) -> list[Finding]:
    """All findings; those that are wrong have an effect and a fix, all have evidence."""
    settings = settings_of(folder, *pairs)
    home = Disk(
        folders=(str(settings.folder),),
        mounted_on="/",
        device="/dev/sda",
        file_system="ext4",
        total_bytes=GIB,
        free_bytes=GIB,
    )
    found = look_at_machine(settings, changed(machine, disks=machine.disks or (home,)))
    for each in found:
        assert each.found
        assert (each.verdict is Verdict.OK) == (each.effect == "") == (each.todo == ""), each
    return found


def wrong(found: list[Finding]) -> dict[str, Finding]:
    return {each.check: each for each in found if each.verdict is not Verdict.OK}


def about(found: list[Finding], words: str) -> Finding:
    """The one wrong finding whose evidence has some words."""
    [each] = [each for each in found if each.verdict is not Verdict.OK and words in each.found]
    return each


def changed(value: S, **fields: Any) -> S:
    return msgspec.structs.replace(value, **fields)


def card(index: int, name: str = "NVIDIA GeForce RTX 4090", **fields: Any) -> Gpu:
    facts: dict[str, Any] = {
        "index": index, "vendor": "nvidia", "name": name, "bus": f"0000:0{index + 1}:00.0", "uuid": f"GPU-{index}abc",
        "kernel_driver": "nvidia", "usable": True, "memory_bytes": 24 * GIB, "used_bytes": GIB // 2,
    }  # fmt: skip
    return Gpu(**(facts | fields))


def radeon(index: int, **fields: Any) -> Gpu:
    kind = {"vendor": "amd", "kernel_driver": "amdgpu", "instructions": "gfx1100"}
    return card(index, "Radeon RX 7900 XTX", **(kind | fields))


def program(name: str, built_for: str, runtime: str = "") -> Program:
    return Program(name=name, version="1.0", built_for=built_for, runtime=runtime, folder="/x")


def speed(read: float, flush_s: float = 0.001, write: float = 500e6) -> DiskSpeed:
    flushes = Flushes(count=200, median_s=flush_s, p99_s=flush_s)
    return DiskSpeed(write_bytes_s=write, read_bytes_s=read, direct=True, flushes=flushes)
