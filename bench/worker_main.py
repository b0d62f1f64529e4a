"""One worker process for the benchmarks: `worker_main.py name=value…`; ends when its standard input closes.

Each line on its standard input is answered with one on its standard output: what it counted, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop

import workflows
from serdab.core import calm_collector, load_settings
from serdab.flow import Worker
from serdab.store import open_database


async def main() -> None:
    calm_collector()
    settings = load_settings(sys.argv[1:], environ={})
    database = await open_database(settings)
    async with Worker(settings, database, workflows.ALL) as worker:
        print("up", flush=True)
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, sys.stdin.readline):
            tasks = len(asyncio.all_tasks()) - len(worker.runs)
            print(json.dumps({"ended": worker.counts["d"], "runs": len(worker.runs), "tasks": tasks}), flush=True)
        await worker.drain(5.0)
    await database.close()


if __name__ == "__main__":
    uvloop.run(main())
