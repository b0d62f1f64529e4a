"""How rows go to the database: runs that move in step are parted, so that worker and database work at once."""

from __future__ import annotations

import asyncio

from serdab.core import Settings
from serdab.flow import Serdab, Worker, step, workflow
from serdab.store import Database

RUNS, LINKS = 400, 10


@step
async def link(number: int) -> int:
    return number + 1


@workflow(queue="links")
async def linked(number: int) -> int:
    for _ in range(LINKS):
        number = await link(number)
    return number


async def test_runs_that_move_in_step_go_on_in_two_halves(
    serdab: Serdab, settings: Settings, database: Database
) -> None:
    runs = await serdab.start_many(linked, range(RUNS))
    sizes: list[int] = []
    async with Worker(settings, database, [linked]) as worker:
        worker.flusher.on_steps = lambda rows: sizes.append(len(rows)) if rows else None
        assert await asyncio.gather(*(run.result(60) for run in runs)) == [n + LINKS for n in range(RUNS)]
    assert sum(sizes) == RUNS * LINKS
    assert sizes.count(RUNS) <= 1, "only the first flush after one claim may carry a row of every run"
    assert max(sizes[1:]) <= RUNS * 0.75
