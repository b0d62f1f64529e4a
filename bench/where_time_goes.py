"""Where the time of durable steps goes: a flame graph of a worker, and what the backends of PostgreSQL wait for.

Writes bench/results/worker_flame.svg (by py-spy, from the environment of the peers) and where_time_goes.json.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import subprocess
import time

import asyncpg

from harness import RESULTS, conditions, fresh_settings, publish, run, worker_processes
from peers.running import PYTHON
from serdab.flow import Serdab
from workflows import TEXT, four_steps

PY_SPY = PYTHON.with_name("py-spy")
LOOK_EVERY_S = 0.01
CHUNK = 5_000


async def load(serdab: Serdab, seconds: float) -> int:
    started = 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        if await serdab.database.pool.fetchval("select count(*) from ready") < 4 * CHUNK:
            await serdab.start_many(four_steps, ({"n": n, "text": TEXT} for n in range(started, started + CHUNK)))
            started += CHUNK
        else:
            await asyncio.sleep(0.02)
    return started


async def waits(dsn: str, seconds: float) -> dict[str, dict[str, float]]:
    """Share of looks at which backends of each kind ran, waited, or had nothing to do."""
    connection = await asyncpg.connect(dsn)
    seen: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    looks = 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        looks += 1
        for row in await connection.fetch(
            "select case when application_name = '' then backend_type else application_name end as who,"
            " case when wait_event_type = 'Client' or state like 'idle%' then 'nothing to do'"
            "      else coalesce(wait_event_type || ': ' || wait_event, 'on the processor') end as what"
            " from pg_stat_activity where pid <> pg_backend_pid()"
        ):
            seen[row["who"]][row["what"]] += 1
        await asyncio.sleep(LOOK_EVERY_S)
    await connection.close()
    return {
        who: {what: round(count / looks, 3) for what, count in counts.most_common(6)}
        for who, counts in sorted(seen.items())
        if set(counts) != {"nothing to do"}
    }


async def main(arguments: argparse.Namespace) -> None:
    flame = RESULTS / "worker_flame.svg"
    async with fresh_settings("database.pool=6") as settings, Serdab.connect(settings) as serdab:
        with worker_processes(settings, 2, "flow.in_flight=2000") as workers:
            busy = asyncio.ensure_future(load(serdab, arguments.seconds + 3))
            await asyncio.sleep(1)
            spy = None
            if PY_SPY.exists():
                spy = subprocess.Popen(
                    [PY_SPY, "record", "-p", str(workers[0].pid), "-d", str(int(arguments.seconds)), "-r", "200",
                     "-n", "-o", str(flame)],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
            found = await waits(serdab.database.dsn, arguments.seconds)
            runs = await busy
            if spy is not None:
                spy.wait(60)
                # It draws its own command line; folders of this machine are nobody's business.
                flame.write_text(flame.read_text().replace(f"{RESULTS.parent.parent}/", ""))
            while await serdab.database.pool.fetchval(
                "select exists (select from ready) or exists (select from lease)"
            ):
                await asyncio.sleep(0.05)
    rows = [(f"{who}: {what}", f"{share:.1%}") for who, shares in found.items() for what, share in shares.items()]
    result = {"runs": runs, "waits": found, "flame": flame.name if PY_SPY.exists() else None}
    publish("where_time_goes", {**result, "conditions": conditions(workers=2)}, rows, arguments.json)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--json", action="store_true")
    run(main(parser.parse_args()))
