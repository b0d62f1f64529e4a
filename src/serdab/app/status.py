"""What `serdab status` shows: the home, its processes, its queues. Looking starts nothing."""

from __future__ import annotations

import time

import msgspec

from serdab.app.processes import living
from serdab.app.readiness import Readiness, readiness_of
from serdab.core import SerdabError, Settings
from serdab.engines import EngineAddress, read_address
from serdab.flow import Serdab
from serdab.store import Room, database_status, hide_password, load_statements, shared_database


class ProcessStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One living process."""

    name: str
    role: str
    pid: int
    uptime_s: float
    url: str


class DatabaseState(msgspec.Struct, frozen=True, kw_only=True):
    """The database as far as it can be seen."""

    #: Under `home`, and ours to start and stop.
    embedded: bool
    running: bool
    #: Data folder of the embedded one, else its URL without the password.
    place: str
    pid: int | None = None
    port: int | None = None
    uptime_s: float | None = None
    #: Why it cannot be used.
    error: str = ""


class QueueCount(msgspec.Struct, frozen=True, kw_only=True):
    """Runs of a queue in one state."""

    queue: str
    state: str
    runs: int


class HomeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Everything at a glance."""

    home: str
    readiness: Readiness
    database: DatabaseState
    #: Where embeddings are made, and in which precision; None: nowhere now.
    engine: EngineAddress | None
    processes: list[ProcessStatus]
    queues: list[QueueCount]
    #: How the newest 10,000 runs that have ended did so.
    ended: dict[str, int]


async def home_status(settings: Settings) -> HomeStatus:
    """Look at a home."""
    processes = _processes(settings)
    database = _database(settings)
    readiness = Readiness(ready=False, workers=0, missing="the database is down")
    queues: list[QueueCount] = []
    ended: dict[str, int] = {}
    if database.running:
        try:
            async with shared_database(settings, "status") as opened:
                readiness = await readiness_of(opened, room=Room.of(settings))
                counts = await Serdab(settings, opened).inspection.counts()
                queues = [QueueCount(queue=queue, state=state, runs=runs) for queue, state, runs in counts]
                rows = await opened.pool.fetch(load_statements("serdab.app")["newest_outcomes"])
                ended = dict(rows)
        except SerdabError as error:
            database = msgspec.structs.replace(database, running=False, error=str(error))
            readiness = Readiness(ready=False, workers=0, missing=str(error))
    return HomeStatus(
        home=str(settings.folder),
        readiness=readiness,
        database=database,
        engine=read_address(settings, settings.models.embedder),
        processes=processes,
        queues=queues,
        ended=ended,
    )


def _processes(settings: Settings) -> list[ProcessStatus]:
    now = time.time_ns() / 1e9
    return [
        ProcessStatus(name=name, role=role, pid=each.pid, uptime_s=max(now - each.started_at, 0.0), url=each.url)
        for role in ("up", "engine", "worker", "watch")
        for name, each in living(settings, role).items()
    ]


def _database(settings: Settings) -> DatabaseState:
    if settings.database.url:
        return DatabaseState(embedded=False, running=True, place=hide_password(settings.database.url))
    found = database_status(settings)
    return DatabaseState(
        embedded=True,
        running=found.running,
        place=str(found.data),
        pid=found.pid,
        port=found.port,
        uptime_s=found.uptime_s,
    )
