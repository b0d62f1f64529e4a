"""One worker process for the benchmarks: `worker_main.py name=value…`; ends when its standard input closes."""

from __future__ import annotations

import asyncio
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
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await worker.drain(5.0)
    await database.close()


if __name__ == "__main__":
    uvloop.run(main())
