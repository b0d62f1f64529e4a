"""The cells of the matrix, and how one is run from the first start to the verdict."""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from chaos import broken, deploys, faults
from chaos.checking import Evidence, recovery_s, violations
from chaos.history import History
from chaos.house import REST_S, House, Plan
from chaos.workflows import chain

#: Leases of database uptime that a recovery may take.
MOST_LEASES = 2.0
#: Violations of one kind that are told.
MOST_OF_A_KIND = 5
#: Seconds that a house with a planted defect may take to come to rest; it may never.
PLANTED_REST_S = 20.0
#: Width of the steps of a timeline, seconds.
BUCKET_S = 0.5

_ORPHANS = " union all ".join(
    f"select run_id from {table} t where not exists (select from run r where r.run_id = t.run_id)"
    for table in ("ready", "lease", "parked", "suspect", "step_result", "run_outcome")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One fault under load."""

    title: str
    fault: Callable[[House], Awaitable[None]]
    #: Seconds over which the second half of the runs is started.
    spread_s: float = 15.0
    #: As `spread_s` is scaled with long faults.
    long: bool = False
    #: Its home is on a small disk of its own.
    small_disk: bool = False
    #: Letters of the states in which runs may end.
    states: str = "d"
    #: Whether worker processes of ours are started.
    workers: bool = True


CELLS: dict[str, Cell] = {
    "calm": Cell(title="no fault", fault=faults.nothing, spread_s=8),
    "short": Cell(title="kills, a zombie, a crash of PostgreSQL", fault=faults.short, spread_s=3),
    "restart-immediate": Cell(title="PostgreSQL, immediate restart × 5", fault=faults.immediate, spread_s=25),
    "restart-smart": Cell(title="PostgreSQL, smart restart", fault=faults.smart),
    "promote": Cell(title="promotion of a synchronous standby", fault=faults.promote, spread_s=25),
    "backends": Cell(title="all backends killed × 20", fault=faults.backends),
    "connections": Cell(title="connections exhausted by strangers", fault=faults.exhausted),
    "away-short": Cell(title="database away for 1 s", fault=faults.away(1)),
    "away-middle": Cell(title="database away for 20 s", fault=faults.away(20), spread_s=20),
    "away-long": Cell(title="database away for 2 minutes", fault=faults.away(120, long=True), spread_s=20),
    "disk-full": Cell(title="disk full, and freed", fault=faults.disk_full, spread_s=12, small_disk=True),
    "held": Cell(title="one transaction held for minutes", fault=faults.held, spread_s=120, long=True),
    "hints": Cell(title="no hint arrives (I9)", fault=faults.hints),
    "kill": Cell(title="worker SIGKILL every 1–3 s", fault=faults.kill, spread_s=20),
    "zombie": Cell(title="SIGSTOP past the lease, SIGCONT", fault=faults.zombie),
    "loop-blocked": Cell(title="event loop blocked by user code", fault=faults.block_loop),
    "interpreter-held": Cell(title="interpreter lock held by native code", fault=faults.hold_interpreter),
    "clock": Cell(title="clock of a worker stepped by an hour", fault=faults.clock),
    "memory": Cell(title="step out of memory, worker killed for it", fault=faults.memory),
    "poison": Cell(title="poison among innocents", fault=faults.poisoned, spread_s=10),
    "supervisor": Cell(title="supervisor killed × 3", fault=deploys.supervisor, workers=False),
    "versions": Cell(title="two versions of the code at once", fault=deploys.versions, states="df"),
}


#: Cells that force the one moment in which a planted variant shows itself; no part of the matrix, which leaves moments
#: to chance. The engine holds in them too.
FORCED: dict[str, Cell] = {
    "looked-for": Cell(
        title="dead workers looked for at once when the database is back", fault=faults.looked_for, spread_s=8
    ),
}


@dataclass(kw_only=True)
class Result:
    """What one cell showed."""

    name: str
    title: str
    seed: int
    runs: int = 0
    executions: int = 0
    seconds: float = 0.0
    recovery_s: float = 0.0
    recovery_leases: float = 0.0
    flush_ms: dict[str, float] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    violated: int = 0
    told: dict[str, Any] = field(default_factory=dict)
    skipped: str = ""
    #: (label, begin, end) in seconds from the first start.
    marks: list[tuple[str, float, float]] = field(default_factory=list)
    #: Runs that ended in each half second.
    timeline: list[int] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Every invariant held."""
        return not self.violations

    def as_json(self) -> dict[str, Any]:
        """For the results file."""
        return asdict(self)


async def run_cell(name: str, plan: Plan, variant: broken.Variant | None = None, flags: tuple[str, ...] = ()) -> Result:
    """One cell in a house of its own; with a planted variant the verdict should be bad."""
    cell = (CELLS | FORCED)[name]
    result = Result(name=name, title=cell.title, seed=plan.seed)
    if not cell.small_disk:
        await _run(House(plan, flags), cell, variant, result)
        return result
    with tempfile.TemporaryDirectory(prefix="serdab-disk-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        if why := faults.mount_small_disk(Path(folder)):
            result.skipped = why
            return result
        try:
            await _run(House(plan, flags, Path(folder)), cell, variant, result)
        finally:
            faults.unmount(Path(folder))
    return result


async def _run(house: House, cell: Cell, variant: broken.Variant | None, result: Result) -> None:
    async with house:
        if variant and variant.sql:
            async with house.admin() as admin:
                await admin.execute(variant.sql)
        if cell.workers:
            await house.workers.start(house.plan.workers)
        auditor = asyncio.ensure_future(house.audit())
        began = time.monotonic()
        spread_s = cell.spread_s * (house.plan.scale if cell.long else 1.0)
        await asyncio.gather(cell.fault(house), house.load(spread_s, chain, cell.states))
        if not await house.until_at_rest(PLANTED_REST_S if variant else REST_S):
            house.audited.add("I1 the house does not come to rest")
        result.seconds = round(time.monotonic() - began, 1)
        await asyncio.sleep(0.5)  # what a zombie would still write
        auditor.cancel()
        await asyncio.gather(auditor, return_exceptions=True)
        await house.workers.stop()
        await _judge(house, result)


async def _judge(house: House, result: Result) -> None:
    pool = house.serdab.database.pool
    evidence = Evidence(
        history=History.read(house.histories),
        accepted=house.accepted,
        outcomes=await pool.fetch(
            "select run_id, status::text, worker, extract(epoch from ended_at)::float8 as ended_at, output from run_outcome"
        ),
        steps=await pool.fetch(
            "select run_id, step_key, worker, extract(epoch from ended_at)::float8 as ended_at, output from step_result"
        ),
        workers=await pool.fetch(
            "select worker_id, pid, extract(epoch from gone_at)::float8 as gone_at, rescued from worker"
        ),
        attempts=await pool.fetch("select run_id, step_key, worker from step_attempt"),
        parents=dict(await pool.fetch("select run_id, parent from run where parent is not null")),
        seen=house.seen,
        now=await house.digests(),
        audited=sorted(house.audited),
        leases=await pool.fetchval("select count(*) from lease"),
        orphans=await pool.fetchval(f"select count(*) from ({_ORPHANS}) o"),
        lives=house.workers.lives(),
        may_be_taken=house.may_be_taken,
    )
    ends = sorted(row["ended_at"] for row in evidence.outcomes)
    result.runs = len(evidence.outcomes)
    result.executions = evidence.history.executions
    result.recovery_s = round(recovery_s(evidence.workers, house.workers.ended, house.ups, ends), 2)
    result.recovery_leases = round(result.recovery_s / house.plan.lease_s, 2)
    found = violations(evidence)
    if result.recovery_leases >= MOST_LEASES:
        found.append(f"recovery took {result.recovery_leases} leases, less than {MOST_LEASES} are allowed")
    result.violated = len(found)
    result.violations = _some_of_each_kind(found)
    result.flush_ms = _flush_ms(evidence.history)
    result.told = house.told | _told(evidence)
    result.marks = [(m.label, round(m.began - house.began, 2), round(m.ended - house.began, 2)) for m in house.marks]
    result.timeline = _timeline(ends, house.began)


def _some_of_each_kind(found: list[str]) -> list[str]:
    """A few of each kind: many of one must not hide the others."""
    kinds: dict[str, list[str]] = {}
    for each in found:
        kinds.setdefault(re.sub(r"[0-9a-f-]*\d[0-9a-f-]*", "", each)[:60], []).append(each)
    return [each for some in kinds.values() for each in some[:MOST_OF_A_KIND]]


def _told(evidence: Evidence) -> dict[str, Any]:
    rescued = [row["rescued"] for row in evidence.workers if row["rescued"] is not None]
    endings = {row["status"] for row in evidence.outcomes} - {"d"}
    counts = {f"ended as {each}": sum(row["status"] == each for row in evidence.outcomes) for each in sorted(endings)}
    return {"registrations": len(evidence.workers), "rescues": len(rescued), "runs rescued": sum(rescued), **counts}


def _flush_ms(history: History) -> dict[str, float]:
    took = sorted(seconds * 1e3 for _, seconds in history.flushes)
    if not took:
        return {}
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {name: round(took[min(int(len(took) * share), len(took) - 1)], 1) for name, share in shares.items()}


def _timeline(ends: list[float], began: float) -> list[int]:
    if not ends:
        return []
    counts = [0] * (int((ends[-1] - began) / BUCKET_S) + 1)
    for end in ends:
        counts[max(int((end - began) / BUCKET_S), 0)] += 1
    return counts
