"""Ten thousand parked runs cost rows, not memory; a hundred thousand children cost their parent a few replays."""

from __future__ import annotations

import argparse
import asyncio
import time

from harness import conditions, fresh_settings, publish, run, worker_processes
from serdab.flow import Serdab
from workflows import parent, parked


async def main(arguments: argparse.Namespace) -> None:
    async with fresh_settings("database.pool=6") as settings, Serdab.connect(settings) as serdab:
        pool = serdab.database.pool
        with worker_processes(settings, 1) as workers:
            empty_mb = workers[0].memory_info().rss / 2**20
            began = time.perf_counter()
            await serdab.start_many(parked, [arguments.sleep_s] * arguments.parked)
            while await pool.fetchval("select count(*) from parked") < arguments.parked:
                await asyncio.sleep(0.05)
            parked_after = time.perf_counter() - began
            parked_mb = workers[0].memory_info().rss / 2**20
            while await pool.fetchval("select count(*) from run_outcome where status = 'd'") < arguments.parked:
                await asyncio.sleep(0.1)
            resumed_after = time.perf_counter() - began
            began = time.perf_counter()
            family = await serdab.start(parent, arguments.children)
            await family.result(600)
            family_s = time.perf_counter() - began
            claims = await pool.fetchval("select count(*) from step_result where run_id = $1", family.id)
            family_mb = workers[0].memory_info().rss / 2**20
    result = {
        "parked": arguments.parked,
        "all_parked_after_s": round(parked_after, 2),
        "all_ended_after_s": round(resumed_after, 2),
        "sleep_s": arguments.sleep_s,
        "worker_rss_empty_mb": round(empty_mb, 1),
        "worker_rss_parked_mb": round(parked_mb, 1),
        "children": arguments.children,
        "children_seconds": round(family_s, 2),
        "parent_step_rows": claims,
        "worker_rss_after_children_mb": round(family_mb, 1),
        "conditions": conditions(workers=1),
    }
    rows = [(name, f"{value:,}") for name, value in result.items() if name != "conditions"]
    publish("parking", result, rows, arguments.json)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parked", type=int, default=10_000)
    parser.add_argument("--sleep-s", type=float, default=15.0)
    parser.add_argument("--children", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    run(main(parser.parse_args()))
