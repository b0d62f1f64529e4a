"""Workflows for the tests of the engine; `CALLS` remembers what was really executed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import pydantic

from serdab.flow import (
    Backoff,
    NonRetryable,
    Retry,
    StepFailed,
    Workflow,
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


@step
async def linger(seconds: float) -> None:
    await asyncio.sleep(seconds)


@workflow()
async def lingering(seconds: float) -> None:
    await linger(seconds)


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


ALL: list[Workflow[..., Any]] = [
    triage, retrying, giving_up, timing_out, run_timing_out, small_things, doubling, parent_of, forgetting, failing,
    parent_of_failing, sleeping, waiting_parent, mapping, using_resource, large, bad_result, branches, stray, who_am_i,
    lingering,
]  # fmt: skip
