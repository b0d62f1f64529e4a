"""Half an hour at half of what it can, with one snapshot held open for a third of it: does anything grow?

The capacity is measured first, in 20 s. Then runs are started at half of it, in an open loop, by the engine's own
client; every 5 s it is written down how many ended, how long they waited for their first step, and what all of it
takes. In the middle third a transaction with one snapshot is held open, as a report or a dump does it. The bars are in
`soak_verdicts.py`; the exit code is 1 when one is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shutil
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from harness import RESULTS, conditions, fresh_settings, fsync_us, publish, run, worker_processes
from latency import TICK_S, clock, live_a_while
from serdab.core import Settings
from serdab.flow import Serdab
from serdab.store import Connection
from soak_page import page
from soak_verdicts import Sample, Verdict, verdicts
from workflows import four_steps_after

LOAD = 0.5
CAPACITY_S = 20.0
#: Of these seconds the first are not counted.
CAPACITY_WARM_S = 5.0
#: Runs on their way while the capacity is measured, in calls of so many.
MOST_OUTSTANDING, CHUNK = 4000, 100
WINDOW_S = 5.0
#: When nothing has been started for so long, processes are quiet, seconds.
QUIET_S = 3.0
#: What a run leaves on the disk, bytes, with its indexes: a fourth more than measured.
BYTES_PER_RUN = 2500
#: Share of the free disk that a soak may fill.
MOST_OF_DISK = 0.8

_LOOK = """
select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as wal_bytes, clock_timestamp() as now,
       (select count(*) from pg_stat_activity where datname = current_database()) as connections,
       (select sum(pg_total_relation_size(inhrelid))::float8 from pg_inherits
         where inhparent in ('ready'::regclass, 'lease'::regclass)) as ring_bytes,
       (select json_object_agg(relname, n_dead_tup) from pg_stat_user_tables where n_dead_tup > 0)::text as dead
"""
_LATENCY = """
select percentile_cont(array[0.5, 0.99]) within group (order by convert_from(output, 'UTF8')::float8 * 1000)
  from run_outcome where run_id >= uuid_at($1) and run_id < uuid_at($2)
"""


class Bench:
    """The client, its workers, and a connection that watches."""

    def __init__(self, serdab: Serdab, workers: Sequence[psutil.Popen], watching: Connection) -> None:
        self.serdab = serdab
        self.workers = workers
        self.watching = watching
        self.pending: set[asyncio.Task[Any]] = set()
        self.started = 0

    async def tell(self) -> list[dict[str, int]]:
        """What each worker counted."""
        loop = asyncio.get_running_loop()
        told = []
        for worker in self.workers:
            worker.stdin.write("\n")
            worker.stdin.flush()
            told.append(json.loads(await loop.run_in_executor(None, worker.stdout.readline)))
        return told

    async def ended(self) -> int:
        return sum(each["ended"] for each in await self.tell())

    async def look(self, began: float) -> Sample:
        """Everything that may grow, now."""
        row = await self.watching.fetchrow(_LOOK)
        told = await self.tell()
        dead = json.loads(row["dead"] or "{}")
        processes = {f"worker {n + 1}": _weigh(each, told[n]["tasks"]) for n, each in enumerate(self.workers)}
        processes["client"] = _weigh(psutil.Process(), len(asyncio.all_tasks()) - len(self.pending))
        return {
            "at_s": round(clock() - began, 2),
            "now": row["now"],
            "ended": sum(each["ended"] for each in told),
            "wal_bytes": row["wal_bytes"],
            "dead": dead,
            "dead_ring": {name: n for name, n in dead.items() if name.startswith(("ready_", "lease_"))},
            "ring_bytes": row["ring_bytes"],
            "connections": row["connections"],
            "processes": processes,
        }

    def start(self, count: int) -> None:
        """Start runs, and do not wait for it."""
        task = asyncio.ensure_future(self.serdab.start_many(four_steps_after, [clock()] * count))
        self.pending.add(task)
        task.add_done_callback(self.pending.discard)
        self.started += count

    async def quiet(self) -> Sample:
        """Wait for the end of all runs, and look."""
        await asyncio.gather(*self.pending)
        while await self.watching.fetchval("select exists (select from ready) or exists (select from lease)"):
            await asyncio.sleep(0.1)
        await asyncio.sleep(QUIET_S)
        return await self.look(clock())

    async def capacity(self, seconds: float) -> float:
        """Runs a second, with always enough of them on their way."""
        began = clock()
        counted_from: tuple[float, int] | None = None
        before = await self.ended()
        while True:
            ended, now = await self.ended() - before, clock()
            if counted_from is None and now - began > CAPACITY_WARM_S:
                counted_from = (now, ended)
            if counted_from is not None and now - began > seconds:
                return (ended - counted_from[1]) / (now - counted_from[0])
            while self.started - ended < MOST_OUTSTANDING:
                self.start(CHUNK)
            await asyncio.sleep(0.02)

    async def load(self, per_second: float, seconds: float) -> None:
        """Start runs at their due moments, whether or not earlier ones have begun."""
        began, due = clock(), 0
        while (elapsed := clock() - began) < seconds:
            more = int(elapsed * per_second) - due
            if more > 0:
                self.start(more)
                due += more
            await asyncio.sleep(TICK_S)


def _weigh(process: psutil.Process, tasks: int) -> dict[str, float]:
    return {
        "rss_mb": round(process.memory_info().rss / 1e6, 1),
        "files": process.num_fds(),
        "threads": process.num_threads(),
        "tasks": tasks,
    }


class Windows:
    """One sample a window; its latencies are asked for when all runs have ended."""

    def __init__(self, bench: Bench, first: Sample) -> None:
        self._bench = bench
        self._last = first
        self.samples: list[Sample] = []

    async def close(self, began: float, *, held: bool) -> None:
        """Write down the window that is over."""
        sample, last = await self._bench.look(began), self._last
        span = (sample["now"] - last["now"]).total_seconds()
        ended = sample["ended"] - last["ended"]
        wal = sample["wal_bytes"] - last["wal_bytes"]
        sample |= {
            "held": held,
            "ended_per_s": ended / span,
            "wal_bytes_per_s": wal / span,
            "wal_bytes_per_run": wal / max(ended, 1),
            "from": last["now"],
        }
        self._last = sample
        self.samples.append(sample)


async def time_waits(bench: Bench, samples: Sequence[Sample]) -> None:
    """Add to each window how long its runs waited; asked earlier, the slowest would be missing."""
    for sample in samples:
        found = await bench.watching.fetchval(_LATENCY, sample["from"], sample["now"])
        sample["p50_ms"], sample["p99_ms"] = found or (0.0, 0.0)


@contextlib.asynccontextmanager
async def held_snapshot(serdab: Serdab) -> AsyncIterator[None]:
    """One transaction with its snapshot, as of a report that takes its time."""
    connection = await serdab.database.connect("soak report", idle_in_transaction_session_timeout="0")
    try:
        async with connection.transaction(isolation="repeatable_read"):
            await connection.fetchval("select count(*) from (select from run limit 1000) few")
            yield
    finally:
        await connection.close()


async def soak(bench: Bench, rate: float, seconds: float) -> list[Sample]:
    """The load with its windows; the snapshot is held in the middle third."""
    began = clock()
    windows = Windows(bench, await bench.look(began))
    load = asyncio.ensure_future(bench.load(rate, seconds))
    async with contextlib.AsyncExitStack() as snapshot:
        is_held = False
        while clock() - began < seconds - WINDOW_S / 2:
            if not is_held and seconds / 3 <= clock() - began < seconds * 2 / 3:
                await snapshot.enter_async_context(held_snapshot(bench.serdab))
                is_held = True
            if is_held and clock() - began >= seconds * 2 / 3:
                await snapshot.aclose()
                is_held = False
            await asyncio.sleep(max(began + (len(windows.samples) + 1) * WINDOW_S - clock(), 0))
            await windows.close(began, held=is_held)
            _show(windows.samples[-1])
    await load
    return windows.samples


def _show(sample: Sample) -> None:
    ring = sum(sample["dead_ring"].values())
    print(
        f"{sample['at_s']:7.0f} s  {sample['ended_per_s']:8,.0f} runs/s  {ring:9,} dead in the ring"
        f"  {sample['ring_bytes'] / 1e6:7.1f} MB{'  snapshot held' if sample['held'] else ''}",
        flush=True,
    )


def check_room(settings: Settings, rate: float, seconds: float) -> None:
    """Refuse a soak that would fill the disk."""
    free, needed = shutil.disk_usage(settings.home).free, rate * seconds * BYTES_PER_RUN / MOST_OF_DISK
    if needed > free:
        raise SystemExit(
            f"expected {settings.home} to have {needed / 1e9:.0f} GB free, got {free / 1e9:.0f} GB; give it fewer "
            "--minutes, or set TMPDIR to a larger disk"
        )


async def open_whole_pool(serdab: Serdab) -> None:
    """A pool that grows to its bound later is no leak: let it be there at the first look."""
    pool = serdab.database.pool
    async with contextlib.AsyncExitStack() as opened:
        for _ in range(pool.get_max_size()):
            await opened.enter_async_context(pool.acquire())


async def main(arguments: argparse.Namespace) -> list[Verdict]:
    seconds = arguments.minutes * 60
    async with fresh_settings("database.pool=6") as settings, Serdab.connect(settings) as serdab:
        watching = await serdab.database.connect("soak watch")
        sync_us = fsync_us(Path(settings.home))
        with worker_processes(settings, arguments.workers) as workers:
            bench = Bench(serdab, workers, watching)
            await live_a_while(serdab)
            capacity = await bench.capacity(CAPACITY_S)
            rate = capacity * LOAD
            check_room(settings, rate, seconds)
            await open_whole_pool(serdab)
            before = await bench.quiet()
            samples = await soak(bench, rate, seconds)
            after = await bench.quiet()
            await time_waits(bench, samples)
        await watching.close()
    found = verdicts(samples, (before, after), rate)
    facts = conditions(
        minutes=arguments.minutes, workers=arguments.workers, fsync=f"{sync_us:.0f} µs",
        capacity=f"{capacity:,.0f} runs/s, four steps each", load=f"{rate:,.0f} runs/s",
    )  # fmt: skip
    report(samples, found, facts, arguments.json)
    return found


def report(samples: Sequence[Sample], found: Sequence[Verdict], facts: dict[str, Any], as_json: bool) -> None:
    """The results file, the page, and the table."""
    for sample in samples:
        del sample["now"], sample["from"]
    result = {
        "holds": all(verdict.holds for verdict in found),
        "verdicts": [verdict._asdict() for verdict in found],
        "p99_ms": round(statistics.median(sample["p99_ms"] for sample in samples), 2),
        "samples": samples,
        "conditions": facts,
    }
    rows = [(f"{'✓' if each.holds else '✗'} {each.what}", f"{each.measured}   {each.bar}") for each in found]
    publish("soak", result, rows, as_json)
    (RESULTS / "soak.html").write_text(page(samples, found, facts))
    if not as_json:
        Console().print(f"  page: {RESULTS.name}/soak.html", style="dim")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    missed: list[Verdict] = []

    async def measure() -> None:
        missed.extend(verdict for verdict in await main(parser.parse_args()) if not verdict.holds)

    began_at = time.monotonic()
    run(measure())
    print(f"{time.monotonic() - began_at:,.0f} s")
    sys.exit(1 if missed else 0)
