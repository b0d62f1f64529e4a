"""Plans that do not depend on statistics: after a vacuum of an idle house, work costs what its rows cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
from flow_actors import SQL, Actor, park_row

from serdab.core import Settings
from serdab.flow.batch import Batch
from serdab.flow.flusher import PLANNER

BACKLOG, CLAIM, ROUNDS = 4000, 100, 5
#: Rows that the server may read for each run that moves; a plan that reads whole tables reads thousands.
MOST_READ = 40
READ = """
select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint from pg_stat_user_tables
 where relname ~ '^(ready|lease|run|run_key|run_outcome|parked|suspect)(_|$)'
"""


@pytest.fixture
async def idle(settings: Settings) -> AsyncIterator[tuple[Actor, Actor]]:
    """A flusher's session and a client's in a house that had a little work, is empty now, and was vacuumed."""
    flusher = await asyncpg.connect(settings.database.url, server_settings=PLANNER)
    client = await asyncpg.connect(settings.database.url)
    early = Actor(client)
    worker = await early.register()
    await early.start(8, [f"early {n}" for n in range(8)])
    await _end(early, worker, await early.claim(worker, 8))
    await client.execute("vacuum analyze")
    yield Actor(flusher), early
    await flusher.close()
    await client.close()


async def _end(actor: Actor, worker: int, runs: list[UUID]) -> None:
    batch = Batch()
    batch.outcomes = [(run, "d", b"1") for run in runs]
    await actor.flush(worker, batch)


async def _read(*actors: Actor) -> int:
    for actor in actors:
        await actor.value("select pg_stat_force_next_flush()")
    return int(await actors[0].value(READ))


async def test_a_burst_into_an_idle_house_is_claimed_parked_woken_and_ended_row_by_row(
    idle: tuple[Actor, Actor],
) -> None:
    flusher, client = idle
    worker = await flusher.register()
    assert await flusher.claim(worker, CLAIM) == [], "an idle worker asks, and its plans are made of empty tables"
    await client.start(BACKLOG)
    before = await _read(flusher, client)
    for _ in range(ROUNDS):
        runs = await flusher.claim(worker, CLAIM)
        assert len(runs) == CLAIM
        park = Batch()
        park.parks = [park_row(run, wake_at="2000-01-01T00:00:00Z") for run in runs[: CLAIM // 2]]
        await flusher.flush(worker, park)
        await _end(flusher, worker, runs[CLAIM // 2 :])
        await client.connection.fetch(SQL["wake_due"], CLAIM)
    assert await _read(flusher, client) - before < MOST_READ * CLAIM * ROUNDS


async def test_starts_with_keys_look_each_key_up(idle: tuple[Actor, Actor]) -> None:
    _, client = idle
    await client.start(BACKLOG, [f"key {n}" for n in range(BACKLOG)])
    before = await _read(client)
    for place in range(ROUNDS):
        await client.start(CLAIM, [f"key {n}" for n in range(place, place + CLAIM)])
        await client.start(CLAIM, [f"late {place} {n}" for n in range(CLAIM)])
    assert await _read(client) - before < MOST_READ * CLAIM * ROUNDS
