"""All checks in their order; each looks at one thing and answers with what it found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

import psutil

from serdab.app.doctor.clock import check_clock_runs, check_clock_set, check_clock_source
from serdab.app.doctor.database import examine_database
from serdab.app.doctor.disk import check_file_system, check_flush, check_loading, check_room, check_writing
from serdab.app.doctor.drivers import check_driver, check_fallback
from serdab.app.doctor.findings import Examination, Finding, warning
from serdab.app.doctor.folder import check_owner, check_privacy
from serdab.app.doctor.gpus import check_gpus
from serdab.app.doctor.limits import (
    check_file_limit,
    check_huge_pages,
    check_locked_memory,
    check_memory,
    check_overcommit,
    check_process_limit,
    check_processors,
    check_swap,
)
from serdab.app.doctor.processor import (
    check_bandwidth,
    check_governor,
    check_heat,
    check_memory_errors,
    check_steal,
)
from serdab.app.doctor.software import check_model, check_port, check_postgresql, check_python
from serdab.app.doctor.variables import check_variables
from serdab.core import Settings, stranger_environment
from serdab.machine import Machine, look

#: Of the home alone.
HOME_CHECKS: Sequence[Callable[[Settings], Finding]] = (
    check_room,
    check_owner,
    check_privacy,
    check_python,
    check_postgresql,
    check_model,
)
#: Of the machine, against what the settings want of it.
MACHINE_CHECKS: Sequence[Callable[[Settings, Machine], Finding | Iterable[Finding]]] = (
    check_file_system,
    check_writing,
    check_flush,
    check_loading,
    check_clock_runs,
    check_clock_set,
    check_clock_source,
    check_processors,
    check_governor,
    check_steal,
    check_heat,
    check_memory,
    check_bandwidth,
    check_memory_errors,
    check_swap,
    check_overcommit,
    check_huge_pages,
    check_locked_memory,
    check_file_limit,
    check_process_limit,
    check_gpus,
    check_driver,
    check_fallback,
    check_variables,
    check_port,
)


async def examine(settings: Settings, *, quick: bool = False) -> Examination:
    """Look at everything; starts nothing, and leaves nothing behind.

    Args:
        settings: of the home.
        quick: measure nothing: no disk is written, and the answer comes at once.
    """
    machine = await asyncio.to_thread(look_for, settings, measured=not quick)
    found = await asyncio.to_thread(lambda: [*look_at_home(settings), *look_at_machine(settings, machine)])
    return Examination(machine=machine, findings=(*found, *await examine_database(settings)))


def look_for(settings: Settings, *, measured: bool) -> Machine:
    """This machine, with the disks of the home; when a disk cannot be measured, without measurements."""
    environment, folders = stranger_environment(), (settings.folder, settings.folder / "models")
    try:
        return look(environment=environment, folders=folders, measured=measured)
    except OSError:  # a home that we may not write to: another check says so
        return look(environment=environment, folders=folders)


def look_at_home(settings: Settings) -> list[Finding]:
    """All checks of the home alone."""
    return [each for check in HOME_CHECKS for each in _answers(check, settings)]


def look_at_machine(settings: Settings, machine: Machine) -> list[Finding]:
    """All checks of a machine, which may be another one than this."""
    return [each for check in MACHINE_CHECKS for each in _answers(check, settings, machine)]


def _answers(check: Callable[..., Finding | Iterable[Finding]], *of: Settings | Machine) -> list[Finding]:
    try:
        answer = check(*of)
        return [answer] if isinstance(answer, Finding) else list(answer)
    except (OSError, psutil.Error) as error:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        todo = "call this as the owner of the home"
        return [warning(name, f"could not look: {error}", "what is wrong there stays hidden", todo)]
