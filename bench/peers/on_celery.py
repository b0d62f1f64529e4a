"""Celery on Redis: a chain of four tasks, results kept in Redis, acknowledged after they ran."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

import redis
from celery import Celery, chain
from celery.signals import worker_ready
from driving import STEPS, document, main, terminate_self, up, when_told_to_end

KEY = "celery-task-meta-"


class OnCelery:
    def __init__(self, variant: str, url: str) -> None:
        self._socket = url
        address = f"redis+socket://{url}"
        self._app = Celery("bench", broker=address, backend=address)
        self._app.conf.update(
            task_acks_late=True,
            task_reject_on_worker_lost=True,
            worker_prefetch_multiplier=32,  # of a pool of one; tasks are short
            task_ignore_result=False,
            worker_hijack_root_logger=False,
            worker_redirect_stdouts=False,
        )
        self._tasks = [self._step(name) for name in STEPS]

    def _step(self, name: str) -> Any:
        @self._app.task(name=name)
        def step(given: dict[str, Any]) -> dict[str, Any]:
            return document(given["n"] + 1)

        return step

    def prepare(self) -> None:
        pass

    def work(self) -> None:
        worker_ready.connect(lambda **_: up(), weak=False)
        when_told_to_end(terminate_self)
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR"]
        self._app.worker_main(["--quiet", "worker", "--pool", "solo", *quiet])

    def connect(self) -> None:
        self._redis = redis.Redis(unix_socket_path=self._socket)
        self._last: list[str] = []
        self._open: deque[str] = deque()
        self._ended = 0
        # The client asks Redis itself, in one command for many, so it needs no channel for each result.
        self._app.conf.result_backend = None

    def start(self, numbers: range) -> None:
        first, *others = self._tasks
        with self._app.producer_pool.acquire(block=True) as producer:
            for number in numbers:
                started = chain(first.s(document(number)), *(each.s() for each in others)).apply_async(
                    producer=producer
                )
                self._last.append(started.id)
                self._open.append(started.id)

    def ended(self) -> int:
        while self._open:
            asked = [self._open[place] for place in range(min(100, len(self._open)))]
            there = self._redis.mget([KEY + each for each in asked])
            self._open = deque([each for each, result in zip(asked, there, strict=True) if result is None]) + deque(
                list(self._open)[len(asked) :]
            )
            found = sum(result is not None for result in there)
            self._ended += found
            if found < len(asked):
                break
        return self._ended

    def right(self, runs: int) -> int:
        results = self._redis.mget([KEY + each for each in self._last])
        outcomes = [json.loads(each) for each in results if each is not None]
        return sum(
            each["status"] == "SUCCESS" and each["result"] == document(run + len(STEPS))
            for run, each in enumerate(outcomes)
        )


if __name__ == "__main__":
    main(OnCelery)
