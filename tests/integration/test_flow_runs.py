"""Runs through a real worker on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from flows import (
    ALL,
    CALLS,
    Document,
    Ledger,
    bad_result,
    branches,
    classify,
    doubling,
    forgetting,
    giving_up,
    large,
    mapping,
    parent_of,
    parent_of_failing,
    retrying,
    run_timing_out,
    sleeping,
    small_things,
    stray,
    timing_out,
    triage,
    using_resource,
    waiting_parent,
    who_am_i,
)

from serdab.core import Settings
from serdab.flow import (
    NotInRun,
    OutsideBranch,
    RunCancelled,
    RunFailed,
    Serdab,
    UnknownRun,
    Worker,
    now,
    workflow,
)
from serdab.flow.heartbeat import Beat
from serdab.store import Database


@pytest.fixture(autouse=True)
def no_calls() -> None:
    CALLS.clear()


@pytest.fixture
async def worker(settings: Settings, database: Database) -> Any:
    async with Worker(settings, database, ALL, resources=[Ledger()]) as running:
        yield running


@pytest.mark.usefixtures("worker")
async def test_a_run_passes_dataclasses_structs_and_models_between_its_steps(serdab: Serdab) -> None:
    run = await serdab.start(triage, Document(title="inv-1", pages=3))
    assert await run.result(60) == {"label": "invoice", "pages": 3, "amount": "12.50"}
    detail = await run.detail()
    assert [each.key for each in detail.steps if each.key != "total#1"] == ["classify#1", "count#1"] or len(
        detail.steps
    ) == 3
    assert detail.info.state == "done"


@pytest.mark.usefixtures("worker")
async def test_a_failed_step_is_tried_again_with_the_same_idempotency_key(serdab: Serdab) -> None:
    run = await serdab.start(retrying, "a", 3)
    assert await run.result(60) == 3
    keys = {call.split()[2] for call in CALLS if call.startswith("flaky a")}
    assert len(keys) == 1
    detail = await run.detail()
    assert [(each.attempt, each.failure.kind) for each in detail.attempts] == [
        (1, "ConnectionError"), (2, "ConnectionError"),
    ]  # fmt: skip
    assert "flows.py" in detail.attempts[0].failure.traceback


@pytest.mark.usefixtures("worker")
async def test_a_run_whose_step_fails_for_good_is_a_dead_letter_and_can_be_redriven(serdab: Serdab) -> None:
    run = await serdab.start(retrying, "b", 4)
    with pytest.raises(RunFailed, match="ConnectionError: try 3"):
        await run.result(60)
    assert [info.id for info in await serdab.runs(state="failed")] == [run.id]
    again = await serdab.redrive(run.id)
    assert await again.result(60) == 4
    assert (await run.detail()).redriven_as == again.id
    assert (await serdab.redrive(run.id)).id == again.id


@pytest.mark.usefixtures("worker")
async def test_a_non_retryable_error_ends_the_step_at_once(serdab: Serdab) -> None:
    run = await serdab.start(giving_up, "c")
    assert "no such customer" in await run.result(60)
    assert CALLS.count("hopeless c") == 1


@pytest.mark.usefixtures("worker")
async def test_steps_and_runs_have_timeouts(serdab: Serdab) -> None:
    late_step, late_run = await serdab.start(timing_out), await serdab.start(run_timing_out)
    with pytest.raises(RunFailed, match="StepTimedOut"):
        await late_step.result(60)
    with pytest.raises(RunFailed, match=r"RunTimedOut.*within 0.3 s"):
        await late_run.result(60)


@pytest.mark.usefixtures("worker")
async def test_time_random_and_ids_are_the_same_after_a_replay(serdab: Serdab) -> None:
    run = await serdab.start(small_things)
    result = await run.result(60)
    steps = {each.key: each.output for each in (await run.detail()).steps}
    assert CALLS.count("small") == 1, "it slept outside of memory, so only the second pass came to the end"
    assert steps["now#1"] == result["now"]
    assert steps["random#1"] == result["random"]
    assert steps["uuid#1"] == result["uuid"]


@pytest.mark.usefixtures("worker")
async def test_a_parent_waits_for_many_children_outside_of_memory_and_wakes_once(serdab: Serdab) -> None:
    run = await serdab.start(parent_of, 12_000)
    assert await run.result(300) == 12_000 * 11_999
    assert CALLS.count("parent replayed") <= 3


@pytest.mark.usefixtures("worker")
async def test_a_child_can_be_forgotten_and_still_ends(serdab: Serdab) -> None:
    child = await (await serdab.start(forgetting)).result(60)
    assert await serdab.handle(child, doubling).result(60) == 42


@pytest.mark.usefixtures("worker")
async def test_a_failed_child_fails_its_parent_and_both_can_be_redriven(serdab: Serdab) -> None:
    run = await serdab.start(parent_of_failing)
    with pytest.raises(RunFailed, match="bad child"):
        await run.result(60)
    again = await serdab.redrive(run.id)
    with pytest.raises(RunFailed, match="bad child"):
        await again.result(60)
    assert again.id != run.id


async def test_a_parked_run_and_its_children_can_be_cancelled(
    serdab: Serdab, worker: Worker, eventually: Callable[..., Any]
) -> None:
    run = await serdab.start(waiting_parent)

    async def parked() -> bool:
        return [count for _, state, count in await serdab.inspection.counts() if state == "parked"] == [2]

    await eventually(parked)
    await eventually(lambda: not worker.runs)  # the commit is seen before the worker hears of it
    assert await run.cancel("enough") == "cancelled"
    with pytest.raises(RunCancelled, match="enough"):
        await run.result(60)
    assert {info.state for info in await serdab.runs()} == {"cancelled"}


@pytest.mark.usefixtures("worker")
async def test_a_running_run_is_cancelled_cooperatively(
    serdab: Serdab, eventually: Callable[..., Any], worker: Worker
) -> None:
    worker._host.park_after_s = 3600.0  # keeps it in memory
    run = await serdab.start(sleeping, 3000.0)
    await eventually(lambda: run.id in {UUID(int=each.int) for each in worker.runs})
    assert await run.cancel() == "asked"
    with pytest.raises(RunCancelled):
        await run.result(60)
    assert CALLS == ["left"]


class Prompt(Worker):
    """Hears at each claim, before any of its runs has begun, that they are to be cancelled."""

    def claimed(self, rows: Sequence[Any]) -> None:
        super().claimed(rows)
        self._on_beat(Beat(alive=True, offset_s=0.0, cancelled=tuple(self.runs)))


async def test_a_cancel_that_comes_with_the_claim_ends_the_run(
    serdab: Serdab, settings: Settings, database: Database
) -> None:
    run = await serdab.start(sleeping, 3000.0)
    async with Prompt(settings, database, ALL):
        with pytest.raises(RunCancelled):
            await run.result(30)


async def test_a_waiting_run_is_cancelled_without_a_worker(serdab: Serdab) -> None:
    run = await serdab.start(who_am_i)
    assert "no worker serves queue default" in (await run.detail()).why_waiting
    assert await run.cancel() == "cancelled"
    assert await run.cancel() == "ended"


@pytest.mark.usefixtures("worker")
async def test_map_steps_keeps_the_order_and_branches_keep_their_numbers(serdab: Serdab) -> None:
    mapped, branched = await serdab.start(mapping, 20), await serdab.start(branches)
    assert await mapped.result(60) == list(range(20))
    assert await branched.result(60) == [3, 3, 3]
    keys = sorted(each.key for each in (await branched.detail()).steps)
    assert keys == [f"gather#1.{n}/count#{m}" for n in range(3) for m in (1, 2)]


@pytest.mark.usefixtures("worker")
async def test_a_step_in_a_task_of_its_own_is_an_error_that_says_what_to_do(serdab: Serdab) -> None:
    run = await serdab.start(stray)
    with pytest.raises(RunFailed, match=r"OutsideBranch.*use serdab\.flow\.gather"):
        await run.result(60)


async def test_a_run_that_nobody_started_is_not_waited_for(serdab: Serdab) -> None:
    nobodys = UUID(int=7)
    with pytest.raises(UnknownRun, match=str(nobodys)):
        await serdab.handle(nobodys).result(60)


@workflow
async def bare(number: int) -> int:
    return number + 1


async def test_a_workflow_needs_no_parentheses(settings: Settings, database: Database, serdab: Serdab) -> None:
    async with Worker(settings, database, [bare]):
        assert await (await serdab.start(bare, 1)).result(60) == 2


async def test_a_step_outside_of_a_run_says_how_to_call_it() -> None:
    with pytest.raises(NotInRun, match=r"classify\.function"):
        await classify(Document(title="x", pages=1))
    with pytest.raises(NotInRun):
        await now()
    assert OutsideBranch.code == "outside_branch"


async def test_resources_come_from_the_worker_and_progress_is_kept(serdab: Serdab, worker: Worker) -> None:
    run = await serdab.start(using_resource, "سطر")
    assert await run.result(60) == "سطر"
    assert worker._host.resource(Ledger).rows == ["سطر"]
    info = (await run.detail()).info
    assert (info.progress, info.message) == (0.5, "نصف الطريق")


@pytest.mark.usefixtures("worker")
async def test_a_result_of_five_megabytes_with_nul_goes_through_a_file(serdab: Serdab) -> None:
    run = await serdab.start(large, 1_700_000)
    assert await run.result(60) == 5_100_000
    assert "bytes in a file" in (await run.detail()).steps[0].output


@pytest.mark.usefixtures("worker")
async def test_a_result_that_cannot_be_encoded_is_a_clear_error(serdab: Serdab) -> None:
    with pytest.raises(RunFailed, match="expected the result of step unencodable"):
        await (await serdab.start(bad_result)).result(60)
