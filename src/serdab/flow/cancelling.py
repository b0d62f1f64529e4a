"""Cancelling runs with all that they have started."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from serdab.flow.errors import Failure, clean
from serdab.store import Database, Statements


async def cancel_runs(
    database: Database, statements: Statements, run_ids: Sequence[UUID], reason: str
) -> dict[UUID, str]:
    """Cancel runs and everything below them: what nobody holds ends now, the others are asked to.

    Looks below them until nothing is new: a run may start another one until it ends.

    Returns:
        For each run: "cancelled", "asked", "ended" (before) or "unknown".
    """
    reason = clean(reason)
    output = Failure(kind="Cancelled", message=reason).encode()
    answers: dict[UUID, str] = {}
    while True:
        rows = await database.pool.fetch(statements["with_descendants"], run_ids)
        found = [run_id for (run_id,) in rows if run_id not in answers]
        if not found:
            break
        for run_id in found:
            answers[run_id] = await database.pool.fetchval(statements["cancel_run"], run_id, reason, output)
    if "asked" in answers.values():
        await database.pool.execute(statements["hint_cancel"])
    return answers
