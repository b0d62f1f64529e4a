"""PgQueuer: a job per step; each enqueues the next with its result, and the last writes the outcome.

As with other queues of jobs, the next job is committed before the one that made it is marked as done.
"""

from __future__ import annotations

import asyncio
import json

import asyncpg
import psycopg
import uvloop
from driving import STEPS, document, main, up, when_told_to_end
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

#: Tuned on two cores.
BATCH = 300
POOL = 10


class Pgqueuer:
    def __init__(self, variant: str, url: str) -> None:
        self._url = url

    def prepare(self) -> None:
        async def install() -> None:
            async with asyncpg.create_pool(self._url) as pool:
                await Queries(AsyncpgPoolDriver(pool)).install()
                await pool.execute("create table bench_outcome (run bigint primary key, output jsonb not null)")

        asyncio.run(install())

    def work(self) -> None:
        async def work() -> None:
            async with asyncpg.create_pool(self._url, min_size=POOL, max_size=POOL) as pool:
                queuer = PgQueuer.from_asyncpg_pool(pool)
                for place in range(len(STEPS)):
                    self._step(queuer, pool, place)
                loop = asyncio.get_running_loop()
                when_told_to_end(lambda: loop.call_soon_threadsafe(queuer.shutdown.set))
                up()
                await queuer.run(batch_size=BATCH)

        uvloop.run(work())

    def _step(self, queuer: PgQueuer, pool: asyncpg.Pool, place: int) -> None:
        queries = Queries(AsyncpgPoolDriver(pool))

        @queuer.entrypoint(STEPS[place])
        async def step(job: Job) -> None:
            given = json.loads(job.payload or b"")
            result = document(given["n"] + 1)
            if place + 1 < len(STEPS):
                await queries.enqueue(STEPS[place + 1], json.dumps({"run": given["run"], **result}).encode())
            else:
                await pool.execute(
                    "insert into bench_outcome (run, output) values ($1, $2)", given["run"], json.dumps(result)
                )

    def connect(self) -> None:
        self._connection = psycopg.connect(self._url, autocommit=True)
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._open())

    async def _open(self) -> None:
        self._queries = Queries(AsyncpgPoolDriver(await asyncpg.create_pool(self._url, min_size=1, max_size=1)))

    def start(self, numbers: range) -> None:
        given = [json.dumps({"run": number, **document(number)}).encode() for number in numbers]
        starting = self._queries.enqueue([STEPS[0]] * len(given), list(given), [0] * len(given))
        self._loop.run_until_complete(starting)

    def ended(self) -> int:
        return int(self._connection.execute("select count(*) from bench_outcome").fetchone()[0])

    def right(self, runs: int) -> int:
        outcomes = dict(self._connection.execute("select run, output from bench_outcome").fetchall())
        return sum(outcomes.get(run) == document(run + len(STEPS)) for run in range(runs))


if __name__ == "__main__":
    main(Pgqueuer)
