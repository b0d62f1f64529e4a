"""Whether a database holds what the engine promises: each invariant is a query that must find nothing."""

from __future__ import annotations

from uuid import UUID

import msgspec

from serdab.store import Database, load_statements


class Invariant(msgspec.Struct, frozen=True, kw_only=True):
    """One promise, and what was found against it."""

    name: str
    #: What must not be.
    meaning: str
    violations: int
    #: Some of the runs concerned.
    examples: list[UUID]


async def check_invariants(database: Database) -> list[Invariant]:
    """Look at one snapshot of a database that may be at work meanwhile; nothing is changed or held up."""
    statements = load_statements("serdab.flow", "checking.sql")
    found = []
    async with (
        database.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        for name, sql in statements.items():
            row = await connection.fetchrow(sql)
            found.append(
                Invariant(
                    name=name, meaning=_meaning(sql), violations=row["number"], examples=list(row["examples"] or ())
                )
            )
    return found


def _meaning(sql: str) -> str:
    lines = (line.removeprefix("--").strip() for line in sql.splitlines() if line.startswith("--"))
    return " ".join(lines)
