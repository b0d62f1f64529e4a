"""All checks in their order; each looks at one thing and answers with one finding."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import psutil

from serdab.app.doctor.clock import check_clock_runs, check_clock_set
from serdab.app.doctor.database import examine_database
from serdab.app.doctor.disk import check_flush, check_room, check_writing
from serdab.app.doctor.findings import Finding, warning
from serdab.app.doctor.folder import check_file_system, check_owner, check_privacy
from serdab.app.doctor.limits import (
    check_file_limit,
    check_huge_pages,
    check_memory,
    check_overcommit,
    check_process_limit,
    check_swap,
)
from serdab.app.doctor.software import check_model, check_port, check_postgresql, check_python
from serdab.core import Settings

CHECKS: Sequence[Callable[[Settings], Finding]] = (
    check_room,
    check_writing,
    check_flush,
    check_file_system,
    check_owner,
    check_privacy,
    check_clock_runs,
    check_clock_set,
    check_file_limit,
    check_process_limit,
    check_memory,
    check_swap,
    check_overcommit,
    check_huge_pages,
    check_python,
    check_postgresql,
    check_model,
    check_port,
)


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything; starts nothing, and leaves nothing behind."""
    found = [await asyncio.to_thread(_look, check, settings) for check in CHECKS]
    return [*found, *await examine_database(settings)]


def _look(check: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return check(settings)
    except (OSError, psutil.Error) as error:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        return warning(name, f"could not look: {error}", "call this as the owner of the home")
