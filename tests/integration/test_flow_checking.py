"""`serdab db check`: a sound database passes while it works; each planted breach is found, and named by its run."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from flows import ALL, mapping

from serdab.core import Ids, Settings
from serdab.flow import Serdab, Worker, check_invariants
from serdab.store import Database

RUN = Ids().new()
_RUN = f"insert into run (run_id, priority, queue, workflow, input) values ('{RUN}', 1, 'q', 'w', '[]');"
_WORKER = (
    "insert into worker (worker_id, lease_until, gone_at, pid, alone, host, queues) overriding system value"
    " values (7, now(), now() - interval '1 hour', 1, false, 'h', '{}');"
)
_PARKED = (
    "insert into parked (run_id, wake_at, priority, crashes, queue, why, firsts, lasts, sizes)"
    f" values ('{RUN}', now() - interval '1 day', 1, 0, 'q', 'sleeps', '{{}}', '{{}}', '{{}}');"
)
_READY = f"insert into ready (run_id, segment, priority, queue) values ('{RUN}', ring_segment(), 1, 'q');"
_OUTCOME = f"insert into run_outcome (run_id, worker, status, output) values ('{RUN}', 7, 'd', '1');"

BREACHES = {
    "two_places": _RUN + _PARKED.replace("- interval", "+ interval") + _READY,
    "lost": _RUN,
    "without_run": _READY,
    "held_by_the_dead": _RUN
    + _WORKER
    + f"insert into lease (run_id, claimed_at, worker, segment, priority, crashes, queue) "
    f"values ('{RUN}', now(), 7, ring_segment(), 1, 0, 'q');",
    "written_by_the_dead": _RUN + _WORKER + _OUTCOME,
    "overslept": _RUN + _PARKED + _WORKER.replace("(7, now(), now() - interval '1 hour'", "(7, 'infinity', null"),
    "child_without_parent": (_RUN + _OUTCOME)
    .replace("(run_id, priority", "(parent, run_id, priority")
    .replace(f"values ('{RUN}', 1, 'q', 'w'", f"values ('{UUID(int=RUN.int + 1)}', '{RUN}', 1, 'q', 'w'"),
    "key_without_run": f"insert into run_key values ('q', 'k', '{RUN}', 1);",
    "before_their_partition": (_RUN + _OUTCOME).replace(str(RUN)[:8], "00010000"),
    "next_week": "do $$ begin execute 'drop table run_outcome' || "
    "to_char((now() + interval '7 days') at time zone 'UTC', '_IYYY\"w\"IW'); end $$;",
}


async def violations(database: Database) -> dict[str, list[UUID]]:
    return {each.name: each.examples for each in await check_invariants(database) if each.violations}


async def test_a_database_at_work_holds_what_was_promised(
    serdab: Serdab, settings: Settings, database: Database
) -> None:
    async with Worker(settings, database, ALL):
        runs = await serdab.start_many(mapping, [20] * 100)
        waiting = asyncio.gather(*(run.result(60) for run in runs))
        looks = 0
        while not waiting.done() or not looks:
            assert await violations(database) == {}
            looks += 1
        assert len(await waiting) == 100
    assert await violations(database) == {}
    assert all(each.meaning for each in await check_invariants(database))


@pytest.mark.parametrize("name", BREACHES)
async def test_each_breach_is_found(name: str, database: Database) -> None:
    await database.pool.execute(BREACHES[name])
    found = await violations(database)
    assert list(found) == [name], found
    if name != "next_week":
        assert RUN in found[name] or name == "before_their_partition"
