"""awa: a job per step; each inserts the next with its result, and the last writes the outcome.

As with other queues of jobs, the next job is committed before the one that made it is marked as done.
"""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass
from typing import Any

import asyncpg
import psycopg
import uvloop
from awa import AsyncClient, Client
from driving import STEPS, TEXT, document, main, up, when_told_to_end

QUEUE = "bench"
#: Tuned on two cores.
RUNNING = 64
POOL = 20


@dataclass
class First:
    run: int
    n: int
    text: str


@dataclass
class Second(First):
    pass


@dataclass
class Third(First):
    pass


@dataclass
class Fourth(First):
    pass


KINDS = (First, Second, Third, Fourth)


class Awa:
    def __init__(self, variant: str, url: str) -> None:
        self._url = url

    def prepare(self) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute("create table bench_outcome (run bigint primary key, output jsonb not null)")
        asyncio.run(self._migrate())

    async def _migrate(self) -> None:
        await AsyncClient(self._url).migrate()

    def work(self) -> None:
        async def work() -> None:
            client = AsyncClient(self._url, max_connections=POOL)
            async with asyncpg.create_pool(self._url, min_size=4, max_size=4) as pool:
                for place in range(len(STEPS)):
                    self._step(client, pool, place)
                await client.start([(QUEUE, RUNNING)], poll_interval_ms=20)
                end = threading.Event()
                when_told_to_end(end.set)
                up()
                await asyncio.to_thread(end.wait)
                await client.shutdown(timeout_ms=5000)

        uvloop.run(work())

    def _step(self, client: AsyncClient, pool: asyncpg.Pool, place: int) -> None:
        @client.task(KINDS[place], queue=QUEUE)
        async def step(job: Any) -> None:
            given = job.args
            result = document(given.n + 1)
            if place + 1 < len(STEPS):
                await client.insert(KINDS[place + 1](given.run, result["n"], result["text"]), queue=QUEUE)
            else:
                await pool.execute(
                    "insert into bench_outcome (run, output) values ($1, $2)", given.run, json.dumps(result)
                )

    def connect(self) -> None:
        self._connection = psycopg.connect(self._url, autocommit=True)
        self._client = Client(self._url)

    def start(self, numbers: range) -> None:
        self._client.enqueue_many_copy([First(number, number, TEXT) for number in numbers], queue=QUEUE)

    def ended(self) -> int:
        return int(self._connection.execute("select count(*) from bench_outcome").fetchone()[0])

    def right(self, runs: int) -> int:
        outcomes = dict(self._connection.execute("select run, output from bench_outcome").fetchall())
        return sum(outcomes.get(run) == document(run + len(STEPS)) for run in range(runs))


if __name__ == "__main__":
    main(Awa)
