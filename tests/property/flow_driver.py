"""The engine's statements for a state machine: one connection on a loop of its own, and all that the database says."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg

from serdab.flow.batch import Batch
from serdab.flow.flusher import PLANNER
from serdab.store import load_statements, sqlstate

SQL = load_statements("serdab.flow")
QUEUE = "q"
TABLES = (
    "run", "ready", "lease", "suspect", "parked", "worker", "step_result", "step_attempt", "run_outcome",
    "cancel_request", "run_key", "redrive", "progress",
)  # fmt: skip
FUTURE, PAST = "2100-01-01Z", "2000-01-01Z"

_PLACES = """
select 'ready' as place, run_id, crashes::int as number, '' as text, ''::bytea as data from ready
union all select 'held', run_id, worker, crashes::text, '' from lease
union all select 'parked', run_id, cardinality(firsts), case when wake_at is null then 'none'
    when wake_at > clock_timestamp() then 'future' else 'due' end, '' from parked
union all select 'suspect', run_id, crashes, '', '' from suspect
union all select 'ended', run_id, 0, status::text, '' from run_outcome
union all select 'asked', run_id, 0, '', '' from cancel_request
union all select 'step', run_id, 0, step_key, output from step_result
union all select 'attempt', run_id, attempt, step_key, '' from step_attempt
union all select 'key', run_id, 0, key, '' from run_key
"""


class Driver:
    """Calls what the engine calls."""

    def __init__(self, dsn: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.connection: Any = self.loop.run_until_complete(
            asyncpg.connect(dsn, server_settings={**PLANNER, "synchronous_commit": "off"})
        )
        for table in TABLES:
            self.sql(f"delete from {table}")
        self.sql("select setval(pg_get_serial_sequence('worker', 'worker_id'), 1, false)")

    def close(self) -> None:
        self.loop.run_until_complete(self.connection.close())
        self.loop.close()

    def sql(self, sql: str, *arguments: Any) -> list[Any]:
        rows: list[Any] = self.loop.run_until_complete(self.connection.fetch(sql, *arguments))
        return rows

    def call(self, statement: str, *arguments: Any) -> list[Any]:
        return self.sql(SQL[statement], *arguments)

    def flush(self, worker: int, batch: Batch, want: int = 0, *, again: bool = False) -> list[Any]:
        plain = [worker, again, *batch.plain_columns(), want, [QUEUE] * 3, [0, 1, 2], [0, 0, 0]]
        if batch.is_plain:
            return self.call("flush", *plain)
        return self.call("flush_more", *plain, *batch.more_columns())

    def refusal(self, worker: int, batch: Batch, want: int = 0) -> str | None:
        """The state by which the database refuses a flush; None: it took it."""
        try:
            self.flush(worker, batch, want)
        except asyncpg.PostgresError as error:
            return sqlstate(error)
        return None

    def start(
        self, runs: list[UUID], priority: int, *, key: str | None = None, digest: int = 0, later: bool = False
    ) -> list[Any]:
        n = len(runs)
        at = self.sql("select $1::text::timestamptz", FUTURE)[0][0] if later else None
        return self.call(
            "start_runs", False, runs, [None] * n, [1] * n, [None] * n, [priority] * n, [QUEUE] * n, ["w"] * n,
            [b"[]"] * n, [key] * n, [digest] * n, [at] * n,
        )  # fmt: skip

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows that say something of a run, by what they say."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        for place, run, *rest in self.sql(_PLACES):
            found.setdefault(place, []).append((plain(run), *rest))
        return found


def plain(run: Any) -> UUID:
    """An id as the model has it: asyncpg's own class compares, but prints differently."""
    return UUID(int=run.int)
