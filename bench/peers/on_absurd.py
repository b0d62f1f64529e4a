"""Absurd: a task of four checkpointed steps, each its own call of a stored procedure and its own commit."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import absurdctl
import psycopg
import uvloop
from absurd_sdk import Absurd, AsyncAbsurd, AsyncTaskContext
from driving import STEPS, document, main, up, when_told_to_end

QUEUE = "bench"
#: Tuned on two cores: one of its workers has one connection, so a process runs several.
WORKERS = 8
RUNNING = 10


async def one_step(number: int) -> dict[str, Any]:
    return document(number + 1)


async def four_steps(given: dict[str, Any], task: AsyncTaskContext) -> dict[str, Any]:
    number = given["n"]
    for name in STEPS:
        number = (await task.step(name, partial(one_step, number)))["n"]
    return document(number)


class OnAbsurd:
    def __init__(self, variant: str, url: str) -> None:
        self._url = url

    def prepare(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(absurdctl.BUNDLED_SCHEMA_SQL)
            Absurd(connection).create_queue(QUEUE)

    def work(self) -> None:
        async def work() -> None:
            workers = [AsyncAbsurd(self._url, queue_name=QUEUE) for _ in range(WORKERS)]
            for worker in workers:
                worker.register_task("four_steps")(four_steps)
            loop = asyncio.get_running_loop()
            when_told_to_end(lambda: [loop.call_soon_threadsafe(worker.stop_worker) for worker in workers])
            up()
            working = (worker.start_worker(concurrency=RUNNING, poll_interval=0.05) for worker in workers)
            await asyncio.gather(*working)

        uvloop.run(work())

    def connect(self) -> None:
        self._connection = psycopg.connect(self._url, autocommit=True)
        self._client = Absurd(self._connection, queue_name=QUEUE)

    def start(self, numbers: range) -> None:
        # It has no call for many starts; in one transaction they share a commit.
        with self._connection.transaction(), self._connection.pipeline():
            for number in numbers:
                self._client.spawn("four_steps", document(number), queue=QUEUE)

    def ended(self) -> int:
        found = self._connection.execute(
            f"select count(*) from absurd.t_{QUEUE} where state in ('completed', 'failed', 'cancelled')"
        )
        return int(found.fetchone()[0])

    def right(self, runs: int) -> int:
        found = self._connection.execute(
            "select params, completed_payload, (select count(*) from absurd.c_bench c where c.task_id = t.task_id) "
            "from absurd.t_bench t where state = 'completed'"
        )
        return sum(
            output == document(given["n"] + len(STEPS)) and steps == len(STEPS)
            for given, output, steps in found.fetchall()
        )


if __name__ == "__main__":
    main(OnAbsurd)
