"""What is known of runs: lists, one run's whole story, and why it waits."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from serdab.core import BadInput, expected
from serdab.flow.errors import Failure, UnknownRun
from serdab.flow.payloads import Payloads
from serdab.flow.states import OUTCOME_STATES, State
from serdab.store import Database, load_statements


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a list of runs."""

    id: UUID
    workflow: str
    queue: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    parent: UUID | None
    #: 0 to 1 and a few words, as last told by the run.
    progress: float | None
    message: str
    #: What ended it, for runs without a result.
    error: str


class StepInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded step."""

    key: str
    ended_at: datetime
    duration_us: int
    attempts: int
    failed: bool
    worker: int
    output: Any
    failure: Failure | None


class AttemptInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One failed attempt of a step."""

    key: str
    attempt: int
    failed_at: datetime
    retry_at: datetime | None
    duration_us: int
    failure: Failure


class RunDetail(msgspec.Struct, frozen=True, kw_only=True):
    """The whole story of a run."""

    info: RunInfo
    input: Any
    result: Any
    failure: Failure | None
    key: str | None
    steps: list[StepInfo]
    attempts: list[AttemptInfo]
    children: int
    redriven_as: UUID | None
    #: One sentence, for a run that has not ended.
    why_waiting: str


#: Larger outputs are shown by their size only.
MOST_SHOWN_BYTES = 4096


class Inspection:
    """Reads; changes nothing."""

    def __init__(self, database: Database, payloads: Payloads) -> None:
        self._database = database
        self._payloads = payloads
        self._statements = load_statements("serdab.flow", "inspection.sql")

    async def runs(
        self, *, state: str | None = None, queue: str | None = None, workflow: str | None = None, limit: int = 50
    ) -> list[RunInfo]:
        """The newest runs, filtered.

        Raises:
            BadInput: there is no such state.
        """
        if state is not None and state not in list(State):
            raise BadInput(expected("state", f"one of {', '.join(State)}", state))
        rows = await self._database.pool.fetch(self._statements["list_runs"], state, queue, workflow, limit)
        return [await self._info(row) for row in rows]

    async def unfinished(self, workflow: str) -> list[tuple[UUID, bytes]]:
        """The runs of a workflow that have not ended, the newest first, with the arguments that they were given."""
        rows = await self._database.pool.fetch(self._statements["unfinished_runs"], workflow)
        return [(UUID(int=row["run_id"].int), await self._payloads.unpack(row["input"])) for row in rows]

    async def counts(self) -> list[tuple[str, str, int]]:
        """Runs that have not ended, by queue and state."""
        return [tuple(row) for row in await self._database.pool.fetch(self._statements["live_counts"])]

    async def oldest(self) -> list[tuple[str, str, float]]:
        """Age in seconds of the oldest ready run and of the oldest running one, by queue."""
        rows = await self._database.pool.fetch(self._statements["oldest"])
        return [(queue, state, float(age_s)) for queue, state, age_s in rows]

    async def check(self, run_id: UUID) -> None:
        """See that there is such a run.

        Raises:
            UnknownRun: there is none with this id.
        """
        if not await self._database.pool.fetchval(self._statements["is_a_run"], run_id):
            raise _unknown(run_id)

    async def detail(self, run_id: UUID) -> RunDetail:
        """Everything that is known of a run.

        Raises:
            UnknownRun: there is none with this id.
        """
        pool = self._database.pool
        row = await pool.fetchrow(self._statements["one_run"], run_id)
        if row is None:
            raise _unknown(run_id)
        info = await self._info(row)
        ended = info.state in OUTCOME_STATES.values()
        steps = await pool.fetch(self._statements["steps"], run_id)
        attempts = await pool.fetch(self._statements["attempts"], run_id)
        return RunDetail(
            info=info,
            input=await self._shown(row["input"]),
            result=await self._shown(row["output"]) if info.state == State.DONE else None,
            failure=await self._failure(row["output"]) if ended and info.state != State.DONE else None,
            key=row["key"],
            steps=[await self._step(step) for step in steps],
            attempts=[await self._attempt(attempt) for attempt in attempts],
            children=row["children"],
            redriven_as=row["redriven_as"],
            why_waiting="" if ended else await self._why(run_id),
        )

    async def _why(self, run_id: UUID) -> str:
        return await self._database.pool.fetchval(self._statements["why"], run_id) or "it is about to go on"

    async def _info(self, row: Any) -> RunInfo:
        failure = await self._failure(row["output"]) if row["state"] in ("failed", "cancelled", "dead") else None
        return RunInfo(
            id=UUID(int=row["run_id"].int),
            workflow=row["workflow"],
            queue=row["queue"],
            state=row["state"],
            started_at=row["started_at"],
            ended_at=row["ended_at"],
            parent=row["parent"] and UUID(int=row["parent"].int),
            progress=row["fraction"],
            message=row["message"] or "",
            error=f"{failure.kind}: {failure.message}" if failure else "",
        )

    async def _step(self, row: Any) -> StepInfo:
        return StepInfo(
            key=row["step_key"],
            ended_at=row["ended_at"],
            duration_us=row["duration_us"],
            attempts=row["attempt"],
            failed=row["failed"],
            worker=row["worker"],
            output=None if row["failed"] else await self._shown(row["output"]),
            failure=await self._failure(row["output"]) if row["failed"] else None,
        )

    async def _attempt(self, row: Any) -> AttemptInfo:
        return AttemptInfo(
            key=row["step_key"],
            attempt=row["attempt"],
            failed_at=row["failed_at"],
            retry_at=row["retry_at"],
            duration_us=row["duration_us"],
            failure=Failure.decode(row["error"]),
        )

    async def _failure(self, output: bytes | None) -> Failure | None:
        return None if output is None else Failure.decode(await self._payloads.unpack(output))

    async def _shown(self, data: bytes | None) -> Any:
        if data is None:
            return None
        if data[:1] == b"\x01":
            return f"({int.from_bytes(data[-8:], 'big'):,} bytes in a file)"
        if len(data) > MOST_SHOWN_BYTES:
            return f"({len(data):,} bytes)"
        return msgspec.json.decode(data)


def _unknown(run_id: UUID) -> UnknownRun:
    return UnknownRun(expected("run id", "the id of a run", str(run_id), "see `serdab runs list`"))
