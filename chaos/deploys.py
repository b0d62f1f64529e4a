"""Faults of a whole tree: its supervisor dies, or another version of the code comes while runs are in flight."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from chaos.history import FOLDER_VARIABLE
from chaos.house import House
from chaos.processes import ROOT
from serdab.core import child_environment, load_settings


async def _up(house: House) -> asyncio.subprocess.Process:
    settings = load_settings(
        [f"home={house.folder}", "database.memory_mb=128", "workers.modules=chaos.workflows", "workers.processes=2",
         "http.port=0", "flow.drain_s=2", *house.options],
        environ={},
    )  # fmt: skip
    environment = child_environment(settings) | {FOLDER_VARIABLE: str(house.histories)}
    with open(house.own / "workers.log", "ab") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "serdab.cli", "up", cwd=ROOT, env=environment, stdout=output, stderr=output
        )


async def supervisor(house: House) -> None:
    """`serdab up` is killed; its workers go on; the next `serdab up` drains them and starts its own; so three times."""
    tree = await _up(house)
    try:
        for _ in range(3):
            await house.until_workers(1)
            await asyncio.sleep(house.chance.uniform(1, 2))
            with house.mark("supervisor killed"):
                os.kill(tree.pid, signal.SIGKILL)
                await tree.wait()
                await asyncio.sleep(0.5)
                tree = await _up(house)
        if not await house.until_at_rest():
            house.audited.add("I1 the house does not come to rest")
    finally:
        os.kill(tree.pid, signal.SIGTERM)
        await asyncio.wait_for(tree.wait(), 60)


async def versions(house: House) -> None:
    """A newer worker comes, migrates under the feet of older ones, and they are replaced one by one."""
    await asyncio.sleep(1)
    older = list(house.workers.options)
    house.workers.options = ["--newer", *older]
    with house.mark("two versions at once"):
        house.workers.signal(0, signal.SIGKILL)  # its place is taken by the newer code, which migrates at boot
        await _until_migrated(house)
        await asyncio.sleep(3)
        for place in range(1, house.plan.workers):
            house.workers.signal(place, signal.SIGTERM)
            await asyncio.sleep(1.5)
    with house.mark("old code starts late"):
        late = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "chaos.worker", *older, cwd=ROOT, env=house.workers.environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await late.communicate()
    house.told["old code that starts after the migration"] = (
        "refused: DatabaseTooNew" if b"DatabaseTooNew" in said else f"exit status {late.returncode}"
    )
    if b"DatabaseTooNew" not in said:
        house.audited.add("I4 old code started on a schema that it does not know")


async def _until_migrated(house: House) -> None:
    async with house.admin() as admin:
        while not await admin.fetchval("select to_regclass('later') is not null"):
            await asyncio.sleep(0.05)
