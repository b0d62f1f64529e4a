"""From the start call to the first step's beginning: idle, and open-loop at a share of the throughput.

The throughput is measured right before each round, on the same server with the same workers: on a shared machine a
figure of another hour says little of this minute.

Starts are made at their due moments, whether or not earlier ones have begun (open loop), by the engine's own client,
all that are due in a tick of 2 ms with one call; the step tells when it began by the same monotonic clock. Before each
round a checkpoint recycles the log files of PostgreSQL, as in a house that has been up for an hour: each file that is
made anew costs a stall of some 60 ms, and a fresh server makes one with every 16 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import Any

import msgspec

from durable_steps import one_measurement
from harness import conditions, fresh_settings, percentile, publish, run, worker_processes
from serdab.flow import Serdab
from workflows import four_steps_after, when_begun

#: Share of the measured throughput that is offered.
LOAD = 0.7
#: How long the throughput is measured, in seconds: as long as `durable_steps.py` measures it, a checkpoint inside.
THROUGHPUT_S = 60.0
#: The same where the rate is given: only to warm the server up.
WARM_UP_S = 5.0
TICK_S = 0.002


def clock() -> float:
    return time.clock_gettime(time.CLOCK_MONOTONIC)


async def idle(serdab: Serdab, count: int) -> list[float]:
    latencies = []
    for _ in range(count):
        run_ = await serdab.start(when_begun, clock())
        latencies.append(await run_.result(10))
        await asyncio.sleep(0.02)
    return latencies


async def live_a_while(serdab: Serdab) -> None:
    """Fill as much log as the server keeps, and let a checkpoint recycle its files."""
    async with serdab.database.pool.acquire() as connection:
        kept_mb = await connection.fetchval("select setting::int from pg_settings where name = 'min_wal_size'")
        for _ in range(kept_mb):
            await connection.execute("select pg_logical_emit_message(false, 'bench', repeat('x', 1 << 20))")
        await connection.execute("checkpoint")


async def open_loop(serdab: Serdab, per_second: float, seconds: float) -> tuple[list[float], float]:
    pool = serdab.database.pool
    mark = await serdab.start(when_begun, clock())
    pending: set[asyncio.Task[Any]] = set()
    began = clock()
    started = 0
    while (elapsed := clock() - began) < seconds:
        due = int(elapsed * per_second)
        if due > started:
            task = asyncio.ensure_future(serdab.start_many(four_steps_after, [clock()] * (due - started)))
            pending.add(task)
            task.add_done_callback(pending.discard)
        started = due
        await asyncio.sleep(TICK_S)
    await asyncio.gather(*pending)
    while await pool.fetchval("select exists (select from ready) or exists (select from lease)"):
        await asyncio.sleep(0.05)
    took = clock() - began
    rows = await pool.fetch(
        "select o.output from run_outcome o join run r using (run_id)"
        " where r.workflow = 'four_steps_after' and run_id > $1",
        mark.id,
    )
    return [msgspec.json.decode(row["output"]) for row in rows], started / took


async def one_round(serdab: Serdab, arguments: argparse.Namespace) -> dict[str, float]:
    seconds = WARM_UP_S if arguments.per_second else THROUGHPUT_S
    bulk = (await one_measurement(serdab, seconds))["runs_per_minute"]
    await live_a_while(serdab)
    rate = arguments.per_second or bulk / 60 * LOAD
    busy, reached = await open_loop(serdab, rate, arguments.seconds)
    return {
        "throughput_per_minute": round(bulk),
        "offered_per_second": round(rate),
        "reached_per_second": round(reached),
        "runs": len(busy),
        "p50_ms": round(percentile(busy, 0.5) * 1e3, 2),
        "p99_ms": round(percentile(busy, 0.99) * 1e3, 2),
    }


async def main(arguments: argparse.Namespace) -> None:
    async with fresh_settings("database.pool=6") as settings, Serdab.connect(settings) as serdab:
        with worker_processes(settings, arguments.workers):
            quiet = await idle(serdab, 200)
            rounds = [await one_round(serdab, arguments) for _ in range(arguments.repeat)]
    ms = {
        "idle_p50_ms": round(percentile(quiet, 0.5) * 1e3, 2),
        "idle_p99_ms": round(percentile(quiet, 0.99) * 1e3, 2),
        "loaded_p50_ms": statistics.median(each["p50_ms"] for each in rounds),
        "loaded_p99_ms": statistics.median(each["p99_ms"] for each in rounds),
    }
    load = f"{LOAD:.0%} of the throughput of each round" if arguments.per_second is None else "as given"
    result = {**ms, "rounds": rounds, "conditions": conditions(workers=arguments.workers, load=load)}
    each = [
        f"{round_['offered_per_second']:,} starts a second of {round_['throughput_per_minute'] / 60:,.0f} in bulk: "
        f"p50 {round_['p50_ms']}, p99 {round_['p99_ms']} ms"
        for round_ in rounds
    ]
    rows = [*((name, f"{value:.2f} ms") for name, value in ms.items()), *(("round", line) for line in each)]
    publish("latency", result, rows, arguments.json)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--repeat", type=int, default=3, help="the median is shown")
    parser.add_argument("--per-second", type=float, help="starts a second; by default 70 %% of the throughput")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    run(main(parser.parse_args()))
