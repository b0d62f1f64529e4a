"""Planted broken variants of each protection: the checker must catch every one, or it proves nothing.

They are planted from outside: a function replaced in the one database, a subclass put on the one worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from serdab.flow import Worker
from serdab.flow.batch import Batch
from serdab.flow.flusher import Flusher

#: How long the broken claim leaves a run unassigned, seconds.
UNASSIGNED_S = 0.1
#: How long the eager flusher lets others believe it before it commits, seconds: nearly always, for a kill to meet it.
UNCOMMITTED_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One protection taken away."""

    meaning: str
    #: The cell whose fault it does not survive.
    cell: str
    #: What the checker says, in part; one of these is enough.
    caught_by: tuple[str, ...]
    #: Replaced functions.
    sql: str = ""
    #: What is changed in the worker.
    plant: Callable[[Worker], None] = lambda _worker: None

    def caught(self, violations: Sequence[str]) -> list[str]:
        """Of what the checker found, that which this variant is to blame for."""
        return [each for each in violations if any(words in each for words in self.caught_by)]


class EagerFlusher(Flusher):
    """Tells everybody that their rows are committed, and then commits them."""

    async def _commit(self, batch: Batch, want: int) -> None:
        for future in batch.futures():
            if not future.done():
                future.set_result(None)
        await asyncio.sleep(UNCOMMITTED_S)
        await super()._commit(batch, want)


def resolve_early(worker: Worker) -> None:
    """The flusher answers before it commits."""
    worker.flusher.__class__ = EagerFlusher


def assign_late(worker: Worker) -> None:
    """Runs were deleted from `ready` by the claim; their leases come by a statement of their own, later."""
    claimed = worker.claimed
    tasks: set[asyncio.Task[None]] = set()

    async def assign(rows: Sequence[Any]) -> None:
        await asyncio.sleep(UNASSIGNED_S)
        await worker.database.pool.execute(
            "insert into lease (run_id, claimed_at, worker, segment, priority, crashes, queue)"
            " select r, now(), $2, ring_segment(), 1, 0, 'chaos' from unnest($1::uuid[]) r"
            " where not exists (select from run_outcome o where o.run_id = r)",
            [row["run_id"] for row in rows], worker.worker_id,
        )  # fmt: skip

    def late(rows: Sequence[Any]) -> None:
        if rows:
            task = asyncio.get_running_loop().create_task(assign(rows))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        claimed(rows)

    worker.claimed = late  # type: ignore[method-assign]


NO_FENCE = "create or replace function check_fence_v1(p_worker integer) returns void language sql as $$ select $$"
TIME_ONLY = "create or replace function up_since() returns timestamptz language sql stable as $$ select '-infinity'::timestamptz $$"
DELETE_FIRST = """
create or replace function claim_v1(
    p_worker integer, p_want integer, p_queues text[], p_priorities smallint[], p_lows bigint[]
) returns setof claimed_v1 language sql as $$
    with c as materialized (
        select * from ready where queue = any (p_queues) order by priority, seq limit p_want for update skip locked
    ), d as (
        delete from ready r using c
         where r.queue = c.queue and r.priority = c.priority and r.seq = c.seq and r.segment = c.segment returning c.*
    )
    select u.run_id, u.parent, d.seq, u.code, u.timeout_s, u.priority, d.crashes, d.again, false, u.queue, u.workflow,
           u.input
      from d join run u on u.run_id = d.run_id
$$"""

VARIANTS = {
    "no-fence": Variant(
        meaning="a flush does not look at its worker's registration",
        cell="zombie",
        # A zombie writes what is no longer its own, and claims runs that nobody takes from the dead a second time.
        caught_by=("written under the old registration", "accepted, but it has not ended"),
        sql=NO_FENCE,
    ),
    "time-only-rescue": Variant(
        meaning="a rescue counts time in which the database was away",
        cell="looked-for",
        caught_by=("taken for dead while it lived",),
        sql=TIME_ONLY,
    ),
    "resolve-before-commit": Variant(
        meaning="a step's future resolves before its row is committed",
        cell="kill",
        caught_by=("began with an input that was never recorded",),
        plant=resolve_early,
    ),
    "delete-before-assign": Variant(
        meaning="a claim deletes the ready row and assigns the run in a later transaction",
        cell="kill",
        caught_by=("it has not ended",),
        sql=DELETE_FIRST,
        plant=assign_late,
    ),
}
