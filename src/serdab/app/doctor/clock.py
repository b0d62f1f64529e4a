"""The clock: leases count by the database's, logs and retention by the wall's."""

from __future__ import annotations

import time

from serdab.app.doctor.findings import Finding, bad, judged, well
from serdab.core import Settings
from serdab.machine import COMPARED_S, Machine

#: Begin of the year in which this was written, seconds since 1970: a clock before it has lost its battery.
WRITTEN_S = 1_767_225_600
#: How far the two clocks may go apart while they are compared, in seconds.
MOST_DRIFT_S = 0.02
#: Sources that are asked over a slow bus: each look at the clock costs a microsecond and more.
SLOW_SOURCES = ("hpet", "acpi_pm", "jiffies", "refined-jiffies")


def check_clock_runs(settings: Settings, machine: Machine) -> Finding:
    """Whether the wall's clock goes as fast as the one that only counts."""
    del settings
    clock = machine.clock
    if clock.wall_s < WRITTEN_S:
        said = time.strftime("%Y-%m-%d", time.gmtime(clock.wall_s))
        return bad("clock", f"it says {said}", "certificates and retention go wrong", "say: timedatectl set-ntp true")
    if clock.drift_s is None:
        return well("clock", "not compared")
    return judged(
        "clock",
        f"steady within {clock.drift_s * 1e3:.1f} ms of {COMPARED_S:g} s",
        is_well=clock.drift_s < MOST_DRIFT_S,
        effect="times in logs and reports jump",
        todo="somebody steps the clock; let one service alone keep it, slowly",
    )


def check_clock_set(settings: Settings, machine: Machine) -> Finding:
    """Whether somebody keeps the clock right."""
    del settings
    if machine.clock.by_systemd:
        return well("clock set", "by systemd-timesyncd")
    synchronised = machine.clock.synchronised
    found = {True: "synchronised, says the kernel", False: "not synchronised", None: "the kernel does not say"}
    effect, todo = "times in logs and reports will be wrong", "say: timedatectl set-ntp true"
    if machine.limits.container:
        todo += ", on the host of this container"
    return judged("clock set", found[synchronised], is_well=synchronised is True, effect=effect, todo=todo)


def check_clock_source(settings: Settings, machine: Machine) -> Finding:
    """Whether looking at the clock is cheap."""
    del settings
    source, others = machine.clock.source, machine.clock.sources
    if source not in SLOW_SOURCES:
        return well("clock source", source or "not told")
    better = next((each for each in others if each not in SLOW_SOURCES), "")
    return judged(
        "clock source",
        f"{source} of {', '.join(others) or 'no others'}",
        is_well=not better,
        effect="each look at the clock takes a microsecond and more; PostgreSQL looks at it all the time",
        todo=f"say: echo {better} > /sys/devices/system/clocksource/clocksource0/current_clocksource",
    )
