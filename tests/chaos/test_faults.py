"""Workers and PostgreSQL are killed while runs go on; an independent history says whether anything was lost."""

from __future__ import annotations

from uuid import UUID

from chaos.broken import VARIANTS
from chaos.cells import Result, run_cell
from chaos.checking import Evidence, violations
from chaos.history import Begin, History
from chaos.house import Plan

RUNS = 2000
SEEDS = (1, 2, 3)
#: What a machine that stands still for longer than a lease brings about without a fault of ours.
OF_TIME = ("was taken for dead while it lived", "recovery took")


async def held(name: str, runs: int) -> Result:
    """A cell of the matrix; nothing of what it must hold was violated. If only time was, it is asked again."""
    for seed in SEEDS:
        result = await run_cell(name, Plan(runs=runs, seed=seed))
        print(f"seed {seed}: {result.violations}")
        if not result.violations or not all(any(words in each for words in OF_TIME) for each in result.violations):
            break
    assert result.violations == []
    return result


async def test_nothing_is_lost_when_workers_are_killed_and_frozen_and_postgresql_crashes() -> None:
    result = await held("short", RUNS)
    assert result.runs >= RUNS
    assert result.executions >= RUNS * 4


async def test_a_poison_run_is_found_alone_and_condemns_no_innocent_one() -> None:
    result = await held("poison", 300)
    assert result.told["ended as x"] == 3


async def test_dead_workers_are_looked_for_at_once_when_the_database_is_back_and_nobody_living_is_taken() -> None:
    await held("looked-for", 300)


async def test_a_planted_rescue_that_counts_time_without_a_database_is_caught() -> None:
    variant = VARIANTS["time-only-rescue"]
    result = await run_cell(variant.cell, Plan(runs=300, lease_s=1.0), variant, ("--broken", "time-only-rescue"))
    assert variant.caught(result.violations), result.violations


def test_the_checker_finds_what_it_is_for() -> None:
    run, lost = UUID(int=7), UUID(int=8)
    history = History()
    history.begins[run, "link#1"] = [
        Begin(at=10.0, worker=1, nonce="aa", before="0"),
        Begin(at=12.0, worker=2, nonce="bb", before="0"),
    ]
    step = {"run_id": run, "step_key": "link#1", "worker": 1, "ended_at": 11.0, "output": b'"aa"'}
    workers: list[dict[str, object]] = [
        {"worker_id": 1, "pid": 1, "gone_at": 10.5, "rescued": None},
        {"worker_id": 2, "pid": 2, "gone_at": None, "rescued": None},
    ]
    dead = {"run_id": run, "status": "x", "worker": 0, "ended_at": 13.0, "output": b"{}"}
    said = violations(
        Evidence(
            history=history, accepted={run: "d", lost: "d"}, outcomes=[dead], steps=[step, {**step, "output": b'"cc"'}],
            workers=workers, leases=2, orphans=1,
        )
    )  # fmt: skip
    for words in (
        "accepted, but it has not ended", "an innocent run ended as x", "written under the old registration 1",
        "recorded twice", "was never made", "after its record", "leases are held", "rows have lost their run",
    ):  # fmt: skip
        assert any(words in each for each in said), (words, said)
