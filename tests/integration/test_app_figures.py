"""What probes and scrapes are told: readiness is a commit and a living worker; every metric of the list is served."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serdab.app.children import Child
from serdab.app.errors import PortTaken
from serdab.app.figures import Figures
from serdab.app.metrics import METRICS, StepDurations, exposition, worker_metrics
from serdab.app.probes import serving
from serdab.app.readiness import Readiness, readiness_of
from serdab.app.tree import Tree
from serdab.core import Settings
from serdab.flow import Serdab, Worker, step, workflow
from serdab.store import Database

Eventually = Callable[..., Awaitable[Any]]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stands still for seconds is no database that does not answer."""
    monkeypatch.setattr("serdab.app.readiness.PROBE_TIMEOUT_S", 60.0)


@step
async def note(text: str) -> str:
    return text


@workflow(queue="figures")
async def noted(text: str) -> str:
    return await note(text)


@pytest.fixture
async def tree(settings: Settings) -> AsyncIterator[Tree]:
    """A tree that is up and has no worker process."""
    tree = Tree(settings)
    tree.workers.clear()
    async with tree:
        yield tree


def names(text: str) -> set[str]:
    return {family.name for family in text_string_to_metric_families(text)}


async def test_a_home_is_ready_while_a_worker_holds_a_lease(settings: Settings, database: Database) -> None:
    assert await readiness_of(database) == Readiness(ready=False, workers=0, missing="no worker holds a lease")
    async with Worker(settings, database, [noted]):
        assert await readiness_of(database) == Readiness(ready=True, workers=1)
    assert (await readiness_of(database)).ready is False


async def test_a_database_that_is_away_is_not_ready_and_says_so() -> None:
    away = Database("postgresql://nobody@127.0.0.1:9/nothing")
    await away.open()
    found = await readiness_of(away)
    assert not found.ready
    assert found.missing.startswith("the database does not commit")
    await away.close()


async def test_every_metric_of_the_list_is_served_and_none_besides(
    settings: Settings, database: Database, serdab: Serdab, tree: Tree
) -> None:
    durations = StepDurations()
    async with Worker(settings, database, [noted]) as worker:
        worker.flusher.on_steps = durations.observe
        assert await (await serdab.start(noted, "x")).result() == "x"
        mine = exposition(lambda: worker_metrics(worker, durations))
    await serdab.start(noted, "waits")
    whole = await Figures(settings, tree).metrics()
    served = {name for name in names(mine) | names(whole) if name.startswith("serdab_")}
    assert served == {name.removesuffix("_total") for name in METRICS}
    assert 'serdab_runs{queue="figures",state="ready"} 1.0' in whole
    assert 'serdab_step_seconds_count{step="note"} 1.0' in mine
    assert 'process_resident_memory_bytes{worker="up"}' in whole


async def test_whatever_of_the_tree_keeps_dying_is_counted(settings: Settings, eventually: Eventually) -> None:
    tree = Tree(settings)
    output = Path(settings.home) / "logs" / "dying.out"
    tree.workers[:] = [Child("worker-1", ["false"], {}, output)]
    tree.watchers[:] = [Child("watch", ["false"], {}, output)]
    async with tree:
        await eventually(lambda: all(child.restarts for child in (*tree.workers, *tree.watchers)))
        whole = await Figures(settings, tree).metrics()
    counts = dict(re.findall(r'serdab_restarts_total\{process="([^"]+)"\} ([0-9.]+)', whole))
    assert {name for name, count in counts.items() if float(count) >= 1} == {"worker-1", "watch"}


async def test_probes_answer_over_http_and_a_taken_port_is_named() -> None:
    ready = Readiness(ready=True, workers=1)

    async def readiness() -> Readiness:
        return ready

    async def metrics() -> str:
        return "# nothing\n"

    async with serving("127.0.0.1", 0, readiness, metrics) as url, aiohttp.ClientSession() as session:
        for path, status in (("/livez", 200), ("/readyz", 200), ("/metrics", 200), ("/", 404)):
            async with session.get(url + path) as answer:
                assert answer.status == status
        ready = Readiness(ready=False, workers=0, missing="something")
        async with session.get(f"{url}/readyz") as answer:
            assert answer.status == 503
            assert (await answer.json())["missing"] == "something"
        with pytest.raises(PortTaken, match="choose another"):
            async with serving("127.0.0.1", int(url.rpartition(":")[2]), readiness, metrics):
                pass
