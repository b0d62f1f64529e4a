"""The processor and its memory: what keeps them from what they can."""

from __future__ import annotations

from serdab.app.doctor.findings import Finding, bad, judged, warning, well
from serdab.core import Settings
from serdab.machine import Machine

#: Drivers that choose frequencies by themselves: their `powersave` is no slow one.
SELF_CHOOSING = ("intel_pstate", "amd-pstate-epp", "amd_pstate_epp")
SLOW_PREFERENCES = ("power", "balance_power")
#: Share of the time that the host may give to others.
MOST_STOLEN = 0.02
#: Degrees below the limit at which the kernel slows down.
NEAR_C = 5.0
#: Times that a core was slowed down since the start; a few happen on every laptop.
MANY_THROTTLED = 100
#: Share of the rated bandwidth below which something is wrong: a copy reaches 60 to 90 %.
LEAST_OF_RATED = 0.3


def check_governor(settings: Settings, machine: Machine) -> Finding:
    """Whether the kernel lets the cores go as fast as they can."""
    del settings
    scaling = machine.processor.scaling
    if scaling is None:
        return well("frequency", "chosen by the firmware or the host")
    found = f"{', '.join(scaling.governors)} of {scaling.driver or 'an unnamed driver'}"
    effect = "the cores stay at a low frequency; engines on the processor are slower by half and more"
    if scaling.driver in SELF_CHOOSING:
        found += f", preference {scaling.preference}" if scaling.preference else ""
        todo = "say: echo performance | tee /sys/devices/system/cpu/cpufreq/policy*/energy_performance_preference"
        return judged("frequency", found, is_well=scaling.preference not in SLOW_PREFERENCES, effect=effect, todo=todo)
    todo = "say: cpupower frequency-set -g performance"
    return judged("frequency", found, is_well="powersave" not in scaling.governors, effect=effect, todo=todo)


def check_steal(settings: Settings, machine: Machine) -> Finding:
    """Whether a host gives our time to others."""
    del settings
    processor = machine.processor
    share = max(processor.steal_share, processor.steal_share_now or 0.0)
    found = f"{processor.steal_share:.1%} of the time since the start went to others"
    if processor.steal_share_now is not None:
        found += f", {processor.steal_share_now:.1%} just now"
    if processor.hypervisor:
        found += f" (guest of {processor.hypervisor})"
    effect = "everything is slower by that, and some leases may run out"
    todo = "ask for processors of its own (dedicated, pinned), or move to a host that is less full"
    return judged("stolen time", found, is_well=share < MOST_STOLEN, effect=effect, todo=todo)


def check_heat(settings: Settings, machine: Machine) -> Finding:
    """Whether heat or a weak supply slows the cores down."""
    del settings
    heat = machine.processor.heat
    found = (
        f"{heat.hottest_c:.0f} °C at {heat.place or 'an unnamed place'}" if heat.hottest_c is not None else "not told"
    )
    if heat.faults:
        found += f"; firmware: {', '.join(heat.faults)}"
        todo = "use a supply of the board's own maker, and a fan"
        return warning("heat", found, "the cores go at a fraction of their frequency", todo)
    if heat.throttled:
        found += f"; slowed down {heat.throttled:,} times since the start"
    is_near = heat.hottest_c is not None and heat.limit_c is not None and heat.hottest_c >= heat.limit_c - NEAR_C
    if is_near:
        found += f", limit {heat.limit_c:.0f} °C"
    effect = "speed falls under load, when it is needed"
    todo = "clean the fans, give it air, or lower the load; see: grep . /sys/class/thermal/thermal_zone*/temp"
    is_well = not is_near and heat.throttled < MANY_THROTTLED
    return judged("heat", found, is_well=is_well, effect=effect, todo=todo)


def check_memory_errors(settings: Settings, machine: Machine) -> Finding:
    """Whether the memory loses bits."""
    del settings
    memory = machine.memory
    found = f"{memory.corrected_errors:,} corrected, {memory.uncorrected_errors:,} not"
    todo = "see which module: grep . /sys/devices/system/edac/mc/mc*/dimm*/dimm_*e_count; replace it"
    if memory.uncorrected_errors:
        return bad("memory errors", found, "what is kept may be wrong", todo)
    is_well = not memory.corrected_errors
    return judged("memory errors", found, is_well=is_well, effect="a module begins to fail", todo=todo)


def check_bandwidth(settings: Settings, machine: Machine) -> Finding:
    """Whether memory is as fast as its modules promise: engines on the processor live by it."""
    del settings
    copied, rated = machine.memory.copied_bytes_s, machine.memory.rated_bytes_s
    if copied is None:
        return well("bandwidth", "not measured")
    found = f"{copied / 1e9:,.1f} GB/s measured by a copy of {machine.processor.usable} threads"
    if rated is None:
        return well("bandwidth", found)
    found += f", of {rated / 1e9:,.0f} GB/s rated ({machine.memory.channels} channels)"
    effect = "a model on the processor speaks slower in proportion"
    todo = "put a module into every channel; set the memory's profile (XMP, EXPO) in the firmware; stop what else runs"
    return judged("bandwidth", found, is_well=copied >= rated * LEAST_OF_RATED, effect=effect, todo=todo)
