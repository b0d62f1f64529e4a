"""DBOS: its durable workflow of four durable steps, enqueued by a client, shared by two executors."""

from __future__ import annotations

import os
import threading
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig
from driving import STEPS, document, main, up, when_told_to_end

QUEUE = "bench"
#: Tuned on two cores: more of either is slower.
RUNNING = {"async": 100, "threads": 32}
POOL = {"async": 20, "threads": 16}
POLL_S = 0.05


@DBOS.step()
async def first(number: int) -> dict[str, Any]:
    return document(number + 1)


@DBOS.step()
async def second(number: int) -> dict[str, Any]:
    return document(number + 1)


@DBOS.step()
async def third(number: int) -> dict[str, Any]:
    return document(number + 1)


@DBOS.step()
async def fourth(number: int) -> dict[str, Any]:
    return document(number + 1)


@DBOS.workflow(name="async")
async def four_steps(given: dict[str, Any]) -> dict[str, Any]:
    number = given["n"]
    for each in (first, second, third, fourth):
        number = (await each(number))["n"]
    return document(number)


@DBOS.step()
def first_in_thread(number: int) -> dict[str, Any]:
    return document(number + 1)


@DBOS.step()
def second_in_thread(number: int) -> dict[str, Any]:
    return document(number + 1)


@DBOS.step()
def third_in_thread(number: int) -> dict[str, Any]:
    return document(number + 1)


@DBOS.step()
def fourth_in_thread(number: int) -> dict[str, Any]:
    return document(number + 1)


@DBOS.workflow(name="threads")
def four_steps_in_thread(given: dict[str, Any]) -> dict[str, Any]:
    number = given["n"]
    for each in (first_in_thread, second_in_thread, third_in_thread, fourth_in_thread):
        number = each(number)["n"]
    return document(number)


class Dbos:
    def __init__(self, variant: str, url: str) -> None:
        self._variant = variant
        self._url = url

    def _launch(self) -> None:
        config: DBOSConfig = {
            "name": "bench",
            "system_database_url": self._url,
            "sys_db_pool_size": POOL[self._variant],
            "max_executor_threads": POOL[self._variant],
            "executor_id": f"executor-{os.getpid()}",
            "application_version": "1",
            "log_level": "ERROR",
        }
        DBOS(config=config)
        DBOS.launch()

    def prepare(self) -> None:
        self._launch()
        DBOS.destroy()
        self.connect()
        self._client.register_queue(QUEUE, worker_concurrency=RUNNING[self._variant], polling_interval_sec=POLL_S)

    def work(self) -> None:
        end = threading.Event()
        when_told_to_end(end.set)
        self._launch()
        up()
        end.wait()
        DBOS.destroy(workflow_completion_timeout_sec=5)

    def connect(self) -> None:
        self._client = DBOSClient(system_database_url=self._url, application_name="bench")
        self._engine = sa.create_engine(self._url.replace("postgresql://", "postgresql+psycopg://"))

    def start(self, numbers: range) -> None:
        # One transaction for many starts is the fastest way that it documents.
        with self._engine.begin() as connection:
            for number in numbers:
                self._client.enqueue_in_transaction(
                    connection,
                    {"queue_name": QUEUE, "workflow_name": self._variant, "app_version": "1"},
                    document(number),
                )

    def ended(self) -> int:
        with self._engine.begin() as connection:
            found = connection.execute(
                sa.text("select count(*) from dbos.workflow_status where status not in ('ENQUEUED', 'PENDING')")
            )
            return int(found.scalar_one())

    def right(self, runs: int) -> int:
        with self._engine.begin() as connection:
            four = sa.text(
                "select workflow_uuid from dbos.operation_outputs where output is not null and error is null "
                "group by workflow_uuid having count(*) = 4"
            )
            recorded = {row[0] for row in connection.execute(four)}
        ended = self._client.list_workflows(status="SUCCESS", load_input=True, load_output=True)
        return sum(
            each.workflow_id in recorded
            and each.input is not None
            and each.output == document(each.input["args"][0]["n"] + len(STEPS))
            for each in ended
        )


if __name__ == "__main__":
    main(Dbos)
