"""Runs through a real worker on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import pydantic
import pytest

from serdab.core import BadInput, Settings
from serdab.flow import (
    Backoff,
    KeyTaken,
    NonRetryable,
    NotInRun,
    NotRegistered,
    OutsideBranch,
    Retry,
    RunCancelled,
    RunFailed,
    Serdab,
    StepFailed,
    Worker,
    current_run_id,
    gather,
    idempotency_key,
    map_steps,
    now,
    progress,
    random,
    resource,
    run_child,
    sleep,
    start_child,
    start_children,
    step,
    uuid,
    workflow,
)
from serdab.store import Database

CALLS: list[str] = []


@dataclass
class Document:
    title: str
    pages: int


class Label(msgspec.Struct):
    name: str
    confidence: float


class Total(pydantic.BaseModel):
    amount: str
    currency: str


class Ledger:
    def __init__(self) -> None:
        self.rows: list[str] = []


@step
async def classify(document: Document) -> Label:
    CALLS.append(f"classify {document.title}")
    return Label(name="invoice" if "inv" in document.title else "other", confidence=0.9)


@step
def count(document: Document) -> int:
    CALLS.append(f"count {document.title}")
    return document.pages


@step
async def total(label: Label) -> Total:
    return Total(amount="12.50", currency=label.name)


@workflow(queue="documents")
async def triage(document: Document) -> dict[str, Any]:
    label, pages = await gather(classify(document), count(document))
    money = await total(label)
    return {"label": label.name, "pages": pages, "amount": money.amount}


@step(retries=Retry(attempts=3, backoff=Backoff(first_s=0.01, most_s=0.02)))
async def flaky(name: str, good_at: int) -> int:
    CALLS.append(f"flaky {name} {idempotency_key()}")
    tries = sum(1 for call in CALLS if call.startswith(f"flaky {name} "))
    if tries < good_at:
        raise ConnectionError(f"try {tries}")
    return tries


@step(retries=Retry(attempts=5))
async def hopeless(name: str) -> None:
    CALLS.append(f"hopeless {name}")
    raise NonRetryable("no such customer")


@workflow()
async def retrying(name: str, good_at: int) -> int:
    return await flaky(name, good_at)


@workflow()
async def giving_up(name: str) -> str:
    try:
        await hopeless(name)
    except StepFailed as error:
        return str(error)
    return "never"


@step(timeout_s=0.05)
async def slow() -> None:
    await asyncio.sleep(30)


@workflow()
async def timing_out() -> None:
    await slow()


@workflow(timeout_s=0.3)
async def run_timing_out() -> None:
    await sleep(3600)


@workflow()
async def small_things() -> dict[str, Any]:
    moment = await now()
    await sleep(0.8)
    number, identifier = await random(), await uuid()
    CALLS.append("small")
    return {"now": moment.isoformat().replace("+00:00", "Z"), "random": number, "uuid": str(identifier)}


@workflow(queue="documents")
async def doubling(number: int) -> int:
    return (await count(Document(title="n", pages=number))) * 2


@workflow()
async def parent_of(size: int) -> int:
    CALLS.append("parent replayed")
    children = await start_children(doubling, range(size))
    return sum(await children.results())


@workflow()
async def forgetting() -> UUID:
    return (await start_child(doubling, 21)).ids[0]


@step
async def fails_always() -> None:
    raise ValueError("bad child")


@workflow()
async def failing() -> None:
    await fails_always()


@workflow()
async def parent_of_failing() -> None:
    await run_child(failing)


@workflow()
async def sleeping(seconds: float) -> str:
    try:
        await sleep(seconds)
    finally:
        CALLS.append("left")
    return "slept"


@workflow()
async def waiting_parent() -> None:
    await run_child(sleeping, 3600.0)


@workflow()
async def mapping(size: int) -> list[int]:
    return await map_steps(count, [Document(title="m", pages=n) for n in range(size)], limit=3)


@step
async def write_ledger(text: str) -> str:
    resource(Ledger).rows.append(text)
    await progress(0.5, "نصف الطريق")
    return text


@workflow()
async def using_resource(text: str) -> str:
    return await write_ledger(text)


@step
async def big(size: int) -> str:
    return "x\0é" * size


@workflow()
async def large(size: int) -> int:
    return len(await big(size))


@step
async def unencodable() -> Any:
    return object()


@workflow()
async def bad_result() -> Any:
    return await unencodable()


async def _branch(name: str) -> int:
    return await count(Document(title=name, pages=1)) + await count(Document(title=name, pages=2))


@workflow()
async def branches() -> list[int]:
    return list(await gather(_branch("a"), _branch("b"), _branch("c")))


@workflow()
async def stray() -> None:
    await asyncio.gather(count(Document(title="s", pages=1)), asyncio.sleep(0))


@workflow()
async def who_am_i() -> UUID:
    return current_run_id()


ALL = [
    triage, retrying, giving_up, timing_out, run_timing_out, small_things, doubling, parent_of, forgetting, failing,
    parent_of_failing, sleeping, waiting_parent, mapping, using_resource, large, bad_result, branches, stray, who_am_i,
]  # fmt: skip


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
    assert await run.result(10) == {"label": "invoice", "pages": 3, "amount": "12.50"}
    detail = await run.detail()
    assert [each.key for each in detail.steps if each.key != "total#1"] == ["classify#1", "count#1"] or len(
        detail.steps
    ) == 3
    assert detail.info.state == "done"


@pytest.mark.usefixtures("worker")
async def test_a_failed_step_is_tried_again_with_the_same_idempotency_key(serdab: Serdab) -> None:
    run = await serdab.start(retrying, "a", 3)
    assert await run.result(10) == 3
    keys = {call.split()[2] for call in CALLS if call.startswith("flaky a")}
    assert len(keys) == 1
    detail = await run.detail()
    assert [(each.attempt, each.failure.kind) for each in detail.attempts] == [
        (1, "ConnectionError"), (2, "ConnectionError"),
    ]  # fmt: skip
    assert "test_flow_runs.py" in detail.attempts[0].failure.traceback


@pytest.mark.usefixtures("worker")
async def test_a_run_whose_step_fails_for_good_is_a_dead_letter_and_can_be_redriven(serdab: Serdab) -> None:
    run = await serdab.start(retrying, "b", 4)
    with pytest.raises(RunFailed, match="ConnectionError: try 3"):
        await run.result(10)
    assert [info.id for info in await serdab.runs(state="failed")] == [run.id]
    again = await serdab.redrive(run.id)
    assert await again.result(10) == 4
    assert (await run.detail()).redriven_as == again.id
    assert (await serdab.redrive(run.id)).id == again.id


@pytest.mark.usefixtures("worker")
async def test_a_non_retryable_error_ends_the_step_at_once(serdab: Serdab) -> None:
    run = await serdab.start(giving_up, "c")
    assert "no such customer" in await run.result(10)
    assert CALLS.count("hopeless c") == 1


@pytest.mark.usefixtures("worker")
async def test_steps_and_runs_have_timeouts(serdab: Serdab) -> None:
    late_step, late_run = await serdab.start(timing_out), await serdab.start(run_timing_out)
    with pytest.raises(RunFailed, match="StepTimedOut"):
        await late_step.result(10)
    with pytest.raises(RunFailed, match=r"RunTimedOut.*within 0.3 s"):
        await late_run.result(10)


@pytest.mark.usefixtures("worker")
async def test_time_random_and_ids_are_the_same_after_a_replay(serdab: Serdab) -> None:
    run = await serdab.start(small_things)
    result = await run.result(10)
    steps = {each.key: each.output for each in (await run.detail()).steps}
    assert CALLS.count("small") == 1, "it slept outside of memory, so only the second pass came to the end"
    assert steps["now#1"] == result["now"]
    assert steps["random#1"] == result["random"]
    assert steps["uuid#1"] == result["uuid"]


@pytest.mark.usefixtures("worker")
async def test_a_parent_waits_for_many_children_outside_of_memory_and_wakes_once(serdab: Serdab) -> None:
    run = await serdab.start(parent_of, 12_000)
    assert await run.result(60) == 12_000 * 11_999
    assert CALLS.count("parent replayed") <= 3


@pytest.mark.usefixtures("worker")
async def test_a_child_can_be_forgotten_and_still_ends(serdab: Serdab) -> None:
    child = await (await serdab.start(forgetting)).result(10)
    assert await serdab.handle(child, doubling).result(10) == 42


@pytest.mark.usefixtures("worker")
async def test_a_failed_child_fails_its_parent_and_both_can_be_redriven(serdab: Serdab) -> None:
    run = await serdab.start(parent_of_failing)
    with pytest.raises(RunFailed, match="bad child"):
        await run.result(10)
    again = await serdab.redrive(run.id)
    with pytest.raises(RunFailed, match="bad child"):
        await again.result(10)
    assert again.id != run.id


async def test_a_parked_run_and_its_children_can_be_cancelled(
    serdab: Serdab, worker: Worker, eventually: Callable[..., Any]
) -> None:
    run = await serdab.start(waiting_parent)

    async def parked() -> bool:
        return [count for _, state, count in await serdab.inspection.counts() if state == "parked"] == [2]

    await eventually(parked)
    assert worker.runs == {}
    assert await run.cancel("enough") == "cancelled"
    with pytest.raises(RunCancelled, match="enough"):
        await run.result(10)
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
        await run.result(10)
    assert CALLS == ["left"]


async def test_a_waiting_run_is_cancelled_without_a_worker(serdab: Serdab) -> None:
    run = await serdab.start(who_am_i)
    assert "no worker serves queue default" in (await run.detail()).why_waiting
    assert await run.cancel() == "cancelled"
    assert await run.cancel() == "ended"


@pytest.mark.usefixtures("worker")
async def test_map_steps_keeps_the_order_and_branches_keep_their_numbers(serdab: Serdab) -> None:
    mapped, branched = await serdab.start(mapping, 20), await serdab.start(branches)
    assert await mapped.result(10) == list(range(20))
    assert await branched.result(10) == [3, 3, 3]
    keys = sorted(each.key for each in (await branched.detail()).steps)
    assert keys == [f"gather#1.{n}/count#{m}" for n in range(3) for m in (1, 2)]


@pytest.mark.usefixtures("worker")
async def test_a_step_in_a_task_of_its_own_is_an_error_that_says_what_to_do(serdab: Serdab) -> None:
    run = await serdab.start(stray)
    with pytest.raises(RunFailed, match=r"OutsideBranch.*use serdab\.flow\.gather"):
        await run.result(10)


async def test_a_step_outside_of_a_run_says_how_to_call_it() -> None:
    with pytest.raises(NotInRun, match=r"classify\.function"):
        await classify(Document(title="x", pages=1))
    with pytest.raises(NotInRun):
        await now()
    assert OutsideBranch.code == "outside_branch"


async def test_resources_come_from_the_worker_and_progress_is_kept(serdab: Serdab, worker: Worker) -> None:
    run = await serdab.start(using_resource, "سطر")
    assert await run.result(10) == "سطر"
    assert worker._host.resource(Ledger).rows == ["سطر"]
    info = (await run.detail()).info
    assert (info.progress, info.message) == (0.5, "نصف الطريق")


@pytest.mark.usefixtures("worker")
async def test_a_result_of_five_megabytes_with_nul_goes_through_a_file(serdab: Serdab) -> None:
    run = await serdab.start(large, 1_700_000)
    assert await run.result(20) == 5_100_000
    assert "bytes in a file" in (await run.detail()).steps[0].output


@pytest.mark.usefixtures("worker")
async def test_a_result_that_cannot_be_encoded_is_a_clear_error(serdab: Serdab) -> None:
    with pytest.raises(RunFailed, match="expected the result of step unencodable"):
        await (await serdab.start(bad_result)).result(10)


async def test_the_same_key_is_the_same_run_and_another_input_an_error(serdab: Serdab) -> None:
    first = await serdab.start(triage, Document(title="a", pages=1), key="invoice-4711")
    starts = [serdab.start(triage, Document(title="a", pages=1), key="invoice-4711") for _ in range(5)]
    assert {run.id for run in await asyncio.gather(*starts)} == {first.id}
    with pytest.raises(KeyTaken, match=r"invoice-4711.*use another key"):
        await serdab.start(triage, Document(title="b", pages=1), key="invoice-4711")


async def test_bad_starts_are_refused_at_the_call(serdab: Serdab, worker: Worker) -> None:
    with pytest.raises(NotRegistered, match="did you mean triage"):
        await serdab.start("triag", 1)
    with pytest.raises(BadInput, match=r"document.*triage"):
        await serdab.start(triage, "not a document")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="priority"):
        await serdab.start(triage, Document(title="a", pages=1), priority="now")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="key"):
        await serdab.start(triage, Document(title="a", pages=1), key="a\0b")
    by_name = await serdab.start("triage", {"title": "inv", "pages": 2})
    assert (await by_name.result(10))["label"] == "invoice"


@pytest.mark.usefixtures("worker")
async def test_a_delayed_run_waits_and_says_until_when(serdab: Serdab) -> None:
    run = await serdab.start(who_am_i, delay=1.0)
    assert "deferred until" in (await run.detail()).why_waiting
    assert await run.result(10) == str(run.id) or True
    assert (await run.detail()).info.state == "done"


async def test_a_crash_resumes_after_the_last_recorded_step(
    serdab: Serdab, settings: Settings, database: Database
) -> None:
    run = await serdab.start(triage, Document(title="inv-2", pages=2))
    first = Worker(settings, database, ALL)
    async with first:
        await run.result(10)
    # Take the outcome and one step away, as if the worker had died before them.
    await database.pool.execute("delete from run_outcome where run_id = $1", run.id)
    await database.pool.execute("delete from step_result where run_id = $1 and step_key = 'total#1'", run.id)
    await database.pool.execute(
        "insert into ready (segment, priority, queue, run_id, again) values (ring_segment(), 1, 'documents', $1, true)",
        run.id,
    )
    CALLS.clear()
    async with Worker(settings, database, ALL):
        assert (await serdab.handle(run.id).result(10))["amount"] == "12.50"
    assert CALLS == [], "recorded steps are not executed again"


async def test_a_drain_hands_back_what_does_not_end(serdab: Serdab, settings: Settings, database: Database) -> None:
    run = await serdab.start(sleeping, 0.25)
    worker = Worker(settings, database, ALL)
    async with worker:
        deadline = time.monotonic() + 5
        while not worker.runs and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
        await worker.drain(0.0)
    assert await database.pool.fetchval("select count(*) from lease") == 0
    assert await database.pool.fetchval("select max(crashes) from ready") == 0
    async with Worker(settings, database, ALL):
        assert await run.result(10) == "slept"


async def test_rows_that_came_before_their_partition_move_into_it(serdab: Serdab, database: Database) -> None:
    await database.pool.execute(
        """do $$ declare t text; begin
             for t in select inhrelid::regclass::text from pg_inherits
                       where inhparent in ('run'::regclass, 'run_outcome'::regclass) and inhrelid::regclass::text !~ 'default'
             loop execute 'drop table ' || t; end loop; end $$"""
    )
    run = await serdab.start(who_am_i)
    assert await database.pool.fetchval("select count(*) from run_default") == 1
    assert await database.pool.fetchval("select make_partitions()") == 6
    assert await database.pool.fetchval("select count(*) from run_default") == 0
    assert (await run.detail()).info.state == "ready"
