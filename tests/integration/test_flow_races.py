"""Races, each stopped at its exact point: a session waits inside a statement while others go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from flow_actors import Actor, Stage, child_row, park_row, step_row

from serdab.core import Settings
from serdab.flow.batch import Batch
from serdab.store import sqlstate


@pytest.fixture
async def stage(settings: Settings, eventually: Callable[..., Any]) -> AsyncIterator[Stage]:
    async with Stage(settings.database.url, eventually) as opened:
        yield opened


@pytest.fixture
async def me(stage: Stage) -> Actor:
    return await stage.actor()


async def claimed(me: Actor) -> tuple[int, UUID]:
    """A worker that holds a run."""
    worker = await me.register()
    (run,) = await me.start()
    assert await me.claim(worker) == [run]
    return worker, run


def parking(worker: int, row: dict[str, Any]) -> Callable[[Actor], Any]:
    return lambda actor: actor.flush(worker, Batch(parks=[row]))


async def test_two_claims_at_once_never_get_the_same_run(stage: Stage, me: Actor) -> None:
    one, other = await me.register(), await me.register()
    runs = await me.start(4)
    async with stage.paused("before delete on ready", lambda actor: actor.claim(one, 2)) as first:
        rest = await me.claim(other, 4)
    assert first.result()[0] == runs[0]
    assert len(rest) >= 2
    assert sorted(first.result() + rest) == sorted(runs)
    assert [await me.places(run) for run in runs] == [["lease"]] * 4


async def test_a_cancel_that_meets_a_claim_half_way_asks_the_worker(stage: Stage, me: Actor) -> None:
    worker = await me.register()
    (run,) = await me.start()
    async with stage.paused("before delete on ready", lambda actor: actor.claim(worker)) as claim:
        cancel = await stage.waiting(lambda actor: actor.cancel(run))
    assert (claim.result(), await cancel) == ([run], "asked")
    assert await me.places(run) == ["lease"]
    assert (await me.call("heartbeat", worker, 60.0))[0]["cancelled"] == [run]


async def test_a_rescue_leaves_a_worker_alone_that_is_past_its_fence(stage: Stage, me: Actor) -> None:
    worker, run = await claimed(me)
    flush = stage.paused(
        "before insert on step_result", lambda actor: actor.flush(worker, Batch(steps=[step_row(run)]))
    )
    async with flush as flushing:
        await me.lapse(worker)
        assert await me.rescue() == []
    assert flushing.exception() is None
    assert [row["again"] for row in await me.rescue()] == [1]
    assert await me.value("select crashes from ready where run_id = $1", run) == 1
    assert await me.value("select count(*) from step_result where run_id = $1", run) == 1


async def test_a_flush_that_waits_for_a_rescue_writes_nothing(stage: Stage, me: Actor) -> None:
    worker, run = await claimed(me)
    await me.lapse(worker)
    late = Batch(steps=[step_row(run)], outcomes=[(run, "d", b"{}")])
    async with stage.paused("before delete on lease", lambda actor: actor.rescue()):
        flushing = await stage.waiting(lambda actor: actor.flush(worker, late, 5))
    with pytest.raises(asyncpg.PostgresError) as refused:
        await flushing
    assert sqlstate(refused.value) == "SD001"
    assert await me.places(run) == ["ready"]
    assert await me.value("select count(*) from step_result") == 0


async def test_a_heartbeat_that_waits_for_a_rescue_learns_that_its_worker_is_gone(stage: Stage, me: Actor) -> None:
    worker, _ = await claimed(me)
    await me.lapse(worker)
    async with stage.paused("before delete on lease", lambda actor: actor.rescue()):
        beat = await stage.waiting(lambda actor: actor.call("heartbeat", worker, 60.0))
    assert [row["alive"] for row in await beat] == [False]


async def test_a_suspect_claimed_by_a_worker_that_just_lapsed_is_not_lost(stage: Stage, me: Actor) -> None:
    alone = await me.register(alone=True)
    (run,) = await me.start()
    await me.connection.execute("with r as (delete from ready) insert into suspect values ($1, now(), 1, 2, 'q')", run)
    claim = stage.paused("before insert on lease", lambda actor: actor.call("claim_alone", alone, ["q"]))
    async with claim as claiming:
        await me.lapse(alone)
        assert await me.rescue() == [], "it waits for nobody, and takes nothing from who is past the fence"
    assert len(claiming.result()) == 1
    assert [row["suspects"] for row in await me.rescue()] == [1]
    with pytest.raises(asyncpg.PostgresError) as refused:
        await me.call("claim_alone", alone, ["q"])
    assert sqlstate(refused.value) == "SD001"
    assert await me.places(run) == ["suspect"]


async def test_a_cancel_that_meets_a_park_half_way_ends_the_run(stage: Stage, me: Actor) -> None:
    worker, run = await claimed(me)
    async with stage.paused("before insert on parked", parking(worker, park_row(run, wake_at="2100-01-01Z"))):
        cancel = await stage.waiting(lambda actor: actor.cancel(run))
    assert await cancel == "cancelled"
    assert await me.places(run) == ["ended"]


async def test_a_park_that_meets_a_cancel_half_way_does_not_sleep_on(stage: Stage, me: Actor) -> None:
    worker, run = await claimed(me)
    canceller = await stage.actor()
    async with canceller.connection.transaction():
        assert await canceller.cancel(run) == "asked"
        parked = await stage.waiting(parking(worker, park_row(run, wake_at="2100-01-01Z")))
    await parked
    assert await me.places(run) == ["ready"]
    assert await me.value("select reason from cancel_request where run_id = $1", run) == "why"


async def test_a_cancel_that_meets_the_last_flush_comes_too_late(stage: Stage, me: Actor) -> None:
    worker, run = await claimed(me)
    end = Batch(outcomes=[(run, "d", b"{}")])
    async with stage.paused("before delete on lease", lambda actor: actor.flush(worker, end)):
        cancel = await stage.waiting(lambda actor: actor.cancel(run))
    assert await cancel == "ended"
    assert await me.places(run) == ["ended"]
    assert await me.value("select status::text from run_outcome") == "d"
    assert await me.value("select count(*) from cancel_request") == 0


async def family(me: Actor) -> tuple[int, UUID, UUID]:
    """A worker that holds a parent and its one child."""
    worker, parent = await claimed(me)
    child = uuid4()
    await me.flush(worker, Batch(steps=[step_row(parent, "start:w#1")], children=[child_row(child, parent)]))
    assert await me.claim(worker) == [child]
    return worker, parent, child


async def test_a_child_that_ends_while_its_parent_is_just_parking_wakes_it(stage: Stage, me: Actor) -> None:
    worker, parent, child = await family(me)
    async with stage.paused("before insert on parked", parking(worker, park_row(parent, (child, child, 1)))):
        await me.flush(worker, Batch(outcomes=[(child, "d", b"{}")]))
        assert await me.call("wake_parents", [parent]) == [], "nobody is parked yet: this wake-up is lost"
    assert await me.places(parent) == ["parked"]
    assert len(await me.call("wake_parents", [parent])) == 1, "who parked looks again after its commit"
    assert await me.call("wake_parents", [parent]) == []
    assert await me.places(parent) == ["ready"]


async def test_a_parent_that_looks_before_its_last_child_is_committed_wakes_after_it(stage: Stage, me: Actor) -> None:
    worker, parent, child = await family(me)
    end = Batch(outcomes=[(child, "d", b"{}")])
    async with stage.paused("before delete on lease", lambda actor: actor.flush(worker, end)):
        await me.flush(worker, Batch(parks=[park_row(parent, (child, child, 1))]))
        assert await me.call("wake_parents", [parent]) == []
        assert await me.places(parent) == ["parked"]
    assert len(await me.call("wake_parents", [parent])) == 1
    assert await me.places(parent) == ["ready"]


async def test_two_keepers_that_wake_the_same_parent_wake_it_once(stage: Stage, me: Actor) -> None:
    worker, parent, child = await family(me)
    await me.flush(
        worker, Batch(outcomes=[(child, "d", b"{}")], parks=[park_row(parent, (child, child, 1), "2000-01-01Z")])
    )
    async with stage.paused("before delete on parked", lambda actor: actor.call("wake_parents", [parent])) as first:
        second = await stage.waiting(lambda actor: actor.call("wake_parents", [parent]))
        assert await me.call("wake_due", 10) == [], "the timer of the same run leaves it to who has it"
    assert (len(first.result()), await second) == (1, [])
    assert await me.value("select count(*) from ready where run_id = $1", parent) == 1


async def test_a_flush_sent_again_while_the_first_is_on_its_way_changes_nothing(stage: Stage, me: Actor) -> None:
    worker, parent = await claimed(me)
    (other,) = await me.start()
    assert await me.claim(worker) == [other]
    child = uuid4()

    def batch(output: bytes) -> Batch:
        return Batch(
            steps=[step_row(parent, "start:w#1", output)], outcomes=[(other, "d", output)],
            parks=[park_row(parent, (child, child, 1))], children=[child_row(child, parent)],
        )  # fmt: skip

    async with stage.paused("before insert on parked", lambda actor: actor.flush(worker, batch(b"1"))):
        again = await stage.waiting(lambda actor: actor.flush(worker, batch(b"2"), again=True))
    await asyncio.wait([again])
    refused = again.exception()
    assert refused is not None
    assert sqlstate(refused) == "23505", "the child is there already, and the flusher sends it once more"
    await me.flush(worker, batch(b"2"), again=True)
    assert [await me.places(run) for run in (parent, other, child)] == [["parked"], ["ended"], ["ready"]]
    assert await me.value("select output from step_result") == b"1"
    assert await me.value("select output from run_outcome") == b"1"


async def test_a_flush_sent_again_takes_no_run_from_who_holds_it_by_now(stage: Stage, me: Actor) -> None:
    worker, run = await claimed(me)
    (other,) = await me.start()
    assert await me.claim(worker) == [other]
    batch = Batch(parks=[park_row(run, wake_at="2000-01-01Z")], hand_backs=[other])
    await me.flush(worker, batch)
    await me.call("wake_due", 10)
    heir = await me.register()
    assert sorted(await me.claim(heir, 2)) == sorted([run, other])
    again = stage.paused(
        "before insert on step_attempt", lambda actor: actor.flush(worker, late(batch, run), again=True)
    )
    async with again as sending:
        await me.flush(heir, Batch(steps=[step_row(run)]))
    assert sending.exception() is None
    holders = await me.connection.fetch("select run_id, worker from lease")
    assert {UUID(int=row["run_id"].int): row["worker"] for row in holders} == {run: heir, other: heir}


def late(batch: Batch, run: UUID) -> Batch:
    """The same with a failed attempt, at which it can be stopped."""
    batch.attempts.append((run, "b#1", 1, 1, 1.0, b"{}"))
    return batch


async def test_a_worker_that_leaves_waits_for_its_own_claim_and_hands_it_back(stage: Stage, me: Actor) -> None:
    worker = await me.register()
    (run,) = await me.start()
    async with stage.paused("before insert on lease", lambda actor: actor.claim(worker)):
        release = await stage.waiting(lambda actor: actor.call("release_worker", worker))
    assert [row[0] for row in await release] == [1]
    assert await me.places(run) == ["ready"]
    assert await me.value("select crashes from ready") == 0


async def test_two_starts_with_one_key_at_once_are_one_run(stage: Stage, me: Actor) -> None:
    async with stage.paused("before insert on ready", lambda actor: actor.start(1, ["k"])) as first:
        second = await stage.waiting(lambda actor: actor.start(1, ["k"]))
    (mine,), (its,) = first.result(), await second
    assert await me.value("select run_id from run_key") == mine
    assert (await me.places(mine), await me.places(its)) == (["ready"], [])


async def test_two_redrives_at_once_are_one_new_run(stage: Stage, me: Actor) -> None:
    worker, old = await claimed(me)
    await me.flush(worker, Batch(outcomes=[(old, "f", b"{}")]))
    mine, its = uuid4(), uuid4()
    async with stage.paused("before insert on ready", lambda actor: actor.call("redrive_run", old, mine, [])) as first:
        second = await stage.waiting(lambda actor: actor.call("redrive_run", old, its, []))
    assert first.result()[0][0] == (await second)[0][0] == mine
    assert (await me.places(mine), await me.places(its)) == (["ready"], [])


async def test_a_segment_is_not_emptied_under_a_claim(stage: Stage, me: Actor) -> None:
    worker = await me.register()
    (run,) = await me.start()
    old = await me.value("select (ring_segment() + 2) % 4")  # a minute later it is not written either
    await me.connection.execute("update ready set segment = $1", old)
    async with stage.paused("before insert on lease", lambda actor: actor.claim(worker)) as claim:
        assert await me.call("turn_ring") == [(0,)]
    assert claim.result() == [run]
    assert await me.call("turn_ring") == [(1,)]
    assert await me.places(run) == ["lease"]
