"""What `serdab worker` does: one worker, its small HTTP server and its file in `home/run`, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from serdab.app.composition import resources
from serdab.app.metrics import StepDurations, exposition, process_metrics, worker_metrics
from serdab.app.probes import serving
from serdab.app.processes import publish, withdraw
from serdab.app.readiness import Probe
from serdab.app.signals import Signals, unless_now, watching_signals
from serdab.app.workflows import all_workflows, queues_of
from serdab.core import Settings, calm_collector
from serdab.flow import Worker
from serdab.store import shared_database

log = logging.getLogger(__name__)

#: How long a worker that must stop now may take to hand its runs back, in seconds.
NOW_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """One worker process."""

    #: Its name in logs, metrics and `serdab status`.
    name: str
    #: Run suspects only, one at a time, and end when there are none.
    alone: bool = False
    #: The pid of the supervisor that started it; 0: nobody's.
    supervisor: int = 0


def worker_command(options: WorkerOptions) -> Sequence[str]:
    """The command line of a worker process of this Python."""
    words = [sys.executable, "-m", "serdab.cli", "worker", "--name", options.name]
    words += ["--alone"] if options.alone else []
    return [*words, "--supervisor", str(options.supervisor)] if options.supervisor else words


async def run_worker(settings: Settings, options: WorkerOptions) -> None:
    """Work until SIGTERM (drain) or a second one (now).

    Raises:
        BadInput: a setting cannot be used; see `all_workflows`.
        SerdabError: the database cannot be used.
    """
    registry = all_workflows(settings)
    calm_collector()
    alone = WorkerOptions(name=f"{options.name}-alone", alone=True)
    with watching_signals() as signals:
        async with shared_database(settings, options.name) as database, resources(settings, database) as given:
            worker = Worker(
                settings,
                database,
                registry,
                resources=given,
                queues=queues_of(settings),
                alone=options.alone,
                alone_command=None if options.alone else worker_command(alone),
            )
            await worker.__aenter__()
            try:
                await _serve(settings, options, worker, signals)
            finally:
                async with asyncio.timeout(NOW_S):
                    await worker.drain(0.0)


async def _serve(settings: Settings, options: WorkerOptions, worker: Worker, signals: Signals) -> None:
    durations = StepDurations()

    worker.flusher.on_steps = durations.observe

    async def metrics() -> str:
        return exposition(lambda: worker_metrics(worker, durations), process_metrics)

    readiness = Probe(worker.database, lambda: worker.worker_id)
    async with serving("127.0.0.1", 0, readiness, metrics) as url:
        publish(settings, options.name, "worker", url, options.supervisor)
        try:
            await _until_told(worker, options, signals)
            log.info("worker drains", extra={"action": "worker_drains", "runs": len(worker.runs)})
            await unless_now(asyncio.get_running_loop().create_task(worker.drain()), signals)
        finally:
            withdraw(settings, options.name)


async def _until_told(worker: Worker, options: WorkerOptions, signals: Signals) -> None:
    if not options.alone:
        await signals.drain.wait()
        return
    loop = asyncio.get_running_loop()
    ends = [loop.create_task(signals.drain.wait()), loop.create_task(worker.until_no_suspects())]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for end in ends:
        end.cancel()
