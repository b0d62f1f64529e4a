"""Procrastinate: a job per step; each defers the next with its result, and the last writes the outcome.

The next job, or the outcome, is committed before the job that made it is marked as done: a crash between the two makes
that step run again and the rest of the chain double.
"""

from __future__ import annotations

import json
from typing import Any

import procrastinate
import psycopg
import uvloop
from driving import STEPS, TEXT, document, main, terminate_self, up, when_told_to_end

#: Tuned on two cores.
RUNNING = 20
POOL = 20


class Procrastinate:
    def __init__(self, variant: str, url: str) -> None:
        self._url = url
        # A loop of jobs asks for the next job when one ends, so polling and notifications do not limit it.
        self._connector = procrastinate.PsycopgConnector(conninfo=url, min_size=POOL, max_size=POOL)
        self._app = procrastinate.App(connector=self._connector)
        for place in range(len(STEPS)):
            self._step(place)

    def _step(self, place: int) -> None:
        @self._app.task(name=STEPS[place], queue="bench")
        async def step(run: int, number: int, text: str) -> None:
            result = document(number + 1)
            if place + 1 < len(STEPS):
                following = self._app.configure_task(STEPS[place + 1], queue="bench")
                await following.defer_async(run=run, number=result["n"], text=result["text"])
            else:
                async with self._connector.pool.connection() as connection:
                    await connection.execute(
                        "insert into bench_outcome (run, output) values (%s, %s)", (run, json.dumps(result))
                    )

    def prepare(self) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute("create table bench_outcome (run bigint primary key, output jsonb not null)")
        with procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=self._url)).open() as app:
            app.schema_manager.apply_schema()

    def work(self) -> None:
        async def work() -> None:
            async with self._app.open_async():
                when_told_to_end(terminate_self)
                up()
                await self._app.run_worker_async(
                    queues=["bench"], concurrency=RUNNING, fetch_job_polling_interval=0.1, shutdown_graceful_timeout=5
                )

        uvloop.run(work())

    def connect(self) -> None:
        self._connection = psycopg.connect(self._url, autocommit=True)
        self._client = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=self._url))
        self._client.open()

    def start(self, numbers: range) -> None:
        deferrer = self._client.configure_task(STEPS[0], queue="bench")
        deferrer.batch_defer(*({"run": number, "number": number, "text": TEXT} for number in numbers))

    def ended(self) -> int:
        return int(self._connection.execute("select count(*) from bench_outcome").fetchone()[0])

    def right(self, runs: int) -> int:
        outcomes: dict[int, Any] = dict(self._connection.execute("select run, output from bench_outcome").fetchall())
        self._client.close()
        return sum(outcomes.get(run) == document(run + len(STEPS)) for run in range(runs))


if __name__ == "__main__":
    main(Procrastinate)
