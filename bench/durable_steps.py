"""How many durable runs a minute: four steps each, 100 bytes of JSON in and out, default durability, all features on.

From the first start call to the last outcome, starts included; the median of three, two million runs each. Then,
shorter: peers in the same run on the same PostgreSQL settings, other numbers of workers, and a disk that takes 2 ms
more for each sync.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import psutil

from harness import conditions, fresh_settings, fsync_us, publish, run, worker_processes
from peers.running import PEERS, measure_peers, slow_down
from serdab.flow import Serdab
from serdab.store import Connection
from workflows import TEXT, four_steps

#: Runs that wait in the ready table while the bench goes on: enough that no worker starves.
BACKLOG = 20_000
CHUNK = 5_000
STEPS = 4
#: Runs and seconds that one measurement has at least, and how long the shorter ones beside it take.
LEAST, SHORT_S = (2_000_000, 60.0), 20.0


class Ours(NamedTuple):
    """What one fresh home showed."""

    results: list[dict[str, float]]
    limits: dict[int, float]
    rss_mb: float
    fsync_us: float


async def counters(connection: Connection) -> dict[str, float]:
    row = await connection.fetchrow(
        "select wal_bytes::float8 as wal_bytes, (select sum(xact_commit) from pg_stat_database)::float8 as commits, "
        "(select num_timed + num_requested from pg_stat_checkpointer)::float8 as checkpoints from pg_stat_wal"
    )
    return dict(row)


async def one_measurement(serdab: Serdab, seconds: float, runs: int = 0) -> dict[str, float]:
    """At least so long and at least so many runs, from the first start call to the last outcome."""
    pool = serdab.database.pool
    async with pool.acquire() as watching:
        await asyncio.sleep(1.5)
        before = await counters(watching)
        began = time.perf_counter()
        started = 0
        while started < runs or time.perf_counter() - began < seconds:
            waiting = await watching.fetchval("select count(*) from ready")
            if waiting < BACKLOG:
                inputs = ({"n": number, "text": TEXT} for number in range(started, started + CHUNK))
                await serdab.start_many(four_steps, inputs)
                started += CHUNK
                if started == CHUNK * 4:
                    await watching.execute("checkpoint")  # one inside, whatever the server's own rhythm
            else:
                await asyncio.sleep(0.02)
        while await watching.fetchval("select exists (select from ready) or exists (select from lease)"):
            await asyncio.sleep(0.02)
        took = time.perf_counter() - began
        await asyncio.sleep(1.5)  # statistics of the server's backends arrive late
        after = await counters(watching)
        ended = await watching.fetchval("select count(*) from run_outcome where status = 'd'")
    steps = started * STEPS
    return {
        "runs": started,
        "outcomes_in_all": ended,
        "seconds": took,
        "runs_per_minute": started / took * 60,
        "wal_bytes_per_step": (after["wal_bytes"] - before["wal_bytes"]) / steps,
        "commits_per_step": (after["commits"] - before["commits"]) / steps,
        "checkpoints": after["checkpoints"] - before["checkpoints"],
    }


async def raw_inserts(connection: Connection, batch: int, seconds: float = 6.0) -> float:
    """The rows of one run, a run row, four step rows and an outcome, inserted in batches: runs a minute."""
    await connection.execute("create table raw_run (like run including all)")
    await connection.execute("create table raw_step (like step_result including all)")
    await connection.execute("create table raw_outcome (like run_outcome including all)")
    payload = f'{{"n":1,"text":"{TEXT}"}}'.encode()
    began = time.perf_counter()
    done = 0
    while time.perf_counter() - began < seconds:
        ids = sorted(uuid4() for _ in range(batch))
        async with connection.transaction():
            await connection.execute(
                "insert into raw_run (run_id, priority, queue, workflow, input) select r, 1, 'bench', 'four_steps', $2 "
                "from unnest($1::uuid[]) r", ids, payload,
            )  # fmt: skip
            await connection.execute(
                "insert into raw_step (run_id, step_key, digest, worker, duration_us, attempt, failed, output) "
                "select r, k, 1, 1, 1, 1, false, $3 from unnest($1::uuid[]) r, unnest($2::text[]) k",
                ids, ["first#1", "second#1", "third#1", "fourth#1"], payload,
            )  # fmt: skip
            await connection.execute(
                "insert into raw_outcome (run_id, worker, status, output) "
                "select r, 1, 'd', $2 from unnest($1::uuid[]) r",
                ids, payload,
            )  # fmt: skip
        done += batch
    took = time.perf_counter() - began
    await connection.execute("drop table raw_run, raw_step, raw_outcome")
    return done / took * 60


async def ours(
    arguments: argparse.Namespace, workers: int, seconds: float, repeat: int = 1, runs: int = 0, slow: bool = False
) -> Ours:
    """Serdab on a fresh home."""
    found: list[dict[str, float]] = []
    async with fresh_settings("database.pool=6") as settings:
        fsync = fsync_us(settings.folder)
        async with Serdab.connect(settings) as serdab:
            if slow:
                await slow_down(serdab.database.dsn)
            with worker_processes(settings, workers, f"flow.in_flight={arguments.in_flight}") as processes:
                found += [await one_measurement(serdab, seconds, runs) for _ in range(repeat)]
                rss_mb = max(psutil.Process(each.pid).memory_info().rss for each in processes) / 2**20
            limits = {}
            if repeat > 1:
                async with serdab.database.pool.acquire() as connection:
                    limits = {size: await raw_inserts(connection, size) for size in (1_000, 10_000)}
    return Ours(found, limits, rss_mb, fsync)


async def main(arguments: argparse.Namespace) -> None:
    runs, seconds = (arguments.runs or 0, arguments.seconds or 0.0) if arguments.runs or arguments.seconds else LEAST
    measured = await ours(arguments, arguments.workers, seconds, arguments.repeat, runs)
    results, limits = measured.results, measured.limits
    median = statistics.median(each["runs_per_minute"] for each in results)
    short_s = min(seconds or SHORT_S, SHORT_S)
    more: dict[str, Any] = {}
    if not arguments.no_peers:
        names = arguments.peers.split(";") if arguments.peers else list(PEERS)
        more["peers"] = await measure_peers(names, short_s)
        for workers in (1, 4):
            found = await ours(arguments, workers, short_s)
            more.setdefault("by_workers", {})[workers] = round(found.results[0]["runs_per_minute"])
        slow = await ours(arguments, arguments.workers, short_s, slow=True)
        more["with_2_ms_for_each_sync"] = {
            "Serdab": round(slow.results[0]["runs_per_minute"]),
            **{name: found.get("runs_per_minute") for name, found in (
                await measure_peers([name for name in names if name.startswith("DBOS")], short_s, slow=True)
            ).items()},
        }  # fmt: skip
    result: dict[str, Any] = {
        "runs_per_minute": round(median),
        "measurements": results,
        "raw_inserts_runs_per_minute": {str(size): round(rate) for size, rate in limits.items()},
        "worker_rss_mb": round(measured.rss_mb, 1),
        **more,
        "conditions": conditions(
            workers=arguments.workers, in_flight=arguments.in_flight, fsync_us=round(measured.fsync_us),
            durability="fsync on, synchronous_commit on, full_page_writes on",
        ),
    }  # fmt: skip
    publish(
        "durable_steps",
        result,
        [
            ("runs a minute (median)", f"{median:,.0f}"),
            ("all measurements", ", ".join(f"{each['runs_per_minute']:,.0f}" for each in results)),
            ("seconds, checkpoints", ", ".join(f"{e['seconds']:.0f} s, {e['checkpoints']:.0f}" for e in results)),
            ("recorded steps a second", f"{median * STEPS / 60:,.0f}"),
            ("WAL bytes a step", f"{results[-1]['wal_bytes_per_step']:.0f}"),
            ("commits a step", f"{results[-1]['commits_per_step']:.4f}"),
            *((f"raw inserts, batches of {size:,}", f"{rate:,.0f} runs a minute") for size, rate in limits.items()),
            ("largest worker", f"{measured.rss_mb:.0f} MB"),
            ("fsync of 8 kB, median", f"{measured.fsync_us:.0f} µs"),
            *peer_rows(median, more),
        ],
        arguments.json,
    )


def peer_rows(median: float, more: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What stands beside our figure."""
    for workers, rate in more.get("by_workers", {}).items():
        yield f"with {workers} worker{'s' if workers > 1 else ''}", f"{rate:,} runs a minute"
    for name, found in more.get("peers", {}).items():
        if "skipped" in found:
            yield name, f"no figure: {found['skipped']}"
        else:
            rate = found["runs_per_minute"]
            yield f"{name} ({found['promise']})", f"{rate:,.0f}, 1/{median / rate:,.0f} of ours"
    for name, rate in more.get("with_2_ms_for_each_sync", {}).items():
        yield f"{name}, 2 ms more for each sync", f"{rate:,.0f} runs a minute" if rate else "no figure"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, help=f"least runs of each measurement; with neither, {LEAST[0]:,}")
    parser.add_argument("--seconds", type=float, help=f"least seconds of each; with neither, {LEAST[1]:.0f}")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--in-flight", type=int, default=2000)
    parser.add_argument("--no-peers", action="store_true", help="measure Serdab alone, with these workers only")
    parser.add_argument("--peers", help=f"with semicolons between; all: {'; '.join(PEERS)}")
    parser.add_argument("--json", action="store_true")
    run(main(parser.parse_args()))
