"""What a list of runs says beyond their states: what each is about, and which were or could be tried again."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from serdab.core import BadInput, expected
from serdab.flow import State
from serdab.store import Database, load_statements

_SQL = load_statements("serdab.app")
#: Inputs that are read at once: one has at most `flow.inline_bytes`.
_PART = 200
_WITHOUT_RESULT = (State.FAILED, State.CANCELLED, State.DEAD)


class _Given(msgspec.Struct):
    source: str = ""


async def subjects_of(database: Database, runs: Sequence[UUID]) -> dict[UUID, str]:
    """The document that each of some runs was given; a run that was given something else is left out."""
    found = {}
    for start in range(0, len(runs), _PART):
        for row in await database.pool.fetch(_SQL["inputs_of_runs"], runs[start : start + _PART]):
            if subject := subject_of(bytes(row["input"])):
                found[UUID(int=row["run_id"].int)] = subject
    return found


def subject_of(given: bytes) -> str:
    """The source of the first argument; empty when it has none, or was so large that it is kept in a file."""
    try:
        arguments = msgspec.json.decode(given, type=list[_Given])
    except msgspec.DecodeError:
        return ""
    return arguments[0].source if arguments else ""


async def runs_to_redrive(database: Database, state: str, *, queue: str | None = None, limit: int = 100) -> list[UUID]:
    """The runs that ended last without a result and were not tried again yet, the newest first.

    Raises:
        BadInput: no run ends in that state without a result.
    """
    if state not in _WITHOUT_RESULT:
        raise BadInput(expected("the state of runs to redrive", f"one of {', '.join(_WITHOUT_RESULT)}", state))
    rows = await database.pool.fetch(_SQL["runs_to_redrive"], state, queue, limit)
    return [UUID(int=row["run_id"].int) for row in rows]


async def redriven_among(database: Database, runs: Sequence[UUID]) -> set[UUID]:
    """Those of some runs that were tried again before."""
    rows = await database.pool.fetch(_SQL["redriven_runs"], runs)
    return {UUID(int=row["old_run"].int) for row in rows}
