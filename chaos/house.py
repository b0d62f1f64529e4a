"""One cell's house: a PostgreSQL that only this cell hurts, workers, a client that keeps starting runs, an auditor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import asyncpg

from chaos.history import FOLDER_VARIABLE
from chaos.processes import Workers
from chaos.workflows import chain
from serdab.core import load_settings
from serdab.flow import Serdab, Workflow
from serdab.store import DiskNearlyFull, EmbeddedPostgres, is_gone, open_database, sqlstate

#: Runs that the auditor looks at again and again.
AUDITED = 300
#: Pieces in which runs are started.
PIECES = 40
#: Seconds that the house may take to come to rest after the last fault.
REST_S = 240.0

_BUSY = """select exists (select from ready) or exists (select from lease) or exists (select from parked)
    or exists (select from suspect)"""
_SEEN = """select 'step' as kind, run_id, step_key, md5(output) as digest from step_result where run_id = any ($1::uuid[])
    union all select 'outcome', run_id, status::text, md5(output) from run_outcome where run_id = any ($1::uuid[])"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one cell is run."""

    runs: int = 20_000
    seed: int = 0
    workers: int = 3
    lease_s: float = 2.0
    #: Shortens faults that last for a minute or more.
    scale: float = 1.0
    in_flight: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that was done, for the timeline."""

    label: str
    began: float
    ended: float


@dataclass
class House:
    """Everything that a fault can hurt; an async context manager that leaves nothing behind."""

    plan: Plan
    flags: Sequence[str] = ()
    #: A folder to live in, when the cell made one; else a temporary one.
    folder: Path = field(default_factory=Path)
    marks: list[Mark] = field(default_factory=list)
    #: When the database came up again.
    ups: list[float] = field(default_factory=list)
    accepted: dict[UUID, str] = field(default_factory=dict)
    seen: dict[tuple[Any, ...], str] = field(default_factory=dict)
    audited: set[str] = field(default_factory=set)
    #: Figures of the cell's own, for the report.
    told: dict[str, Any] = field(default_factory=dict)
    #: Times of worker processes that others than `workers` started.
    may_be_taken: bool = False

    async def __aenter__(self) -> Self:
        self.chance = random.Random(self.plan.seed)
        self.own = Path(tempfile.mkdtemp(prefix="serdab-chaos-"))
        os.chmod(self.own, 0o711)
        if self.folder == Path():
            self.folder = self.own / "home"
            self.folder.mkdir(mode=0o711)
        self.histories = self.own / "histories"
        self.histories.mkdir()
        self.options = [
            f"flow.lease_s={self.plan.lease_s}", "flow.poll_s=0.2", "flow.park_after_s=0.3", "flow.isolated=1",
            "store.least_free_mb=1",
            f"flow.in_flight={self.plan.in_flight}",
        ]  # fmt: skip
        self.server = EmbeddedPostgres(
            load_settings([f"home={self.folder}", "database.memory_mb=128", *self.options], environ={})
        )
        self.url = await self.server.start()
        self.settings = load_settings([f"home={self.folder}", f"database.url={self.url}", *self.options], environ={})
        self.serdab = Serdab(self.settings, await open_database(self.settings))
        await self.serdab.open()
        os.environ[FOLDER_VARIABLE] = str(self.histories)
        environment = os.environ | {"SERDAB_DATABASE_URL": self.url}
        options = [*self.flags, f"home={self.folder}", *self.options]
        self.workers = Workers(options, environment, self.own / "workers.log")
        self.began = time.time()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.workers.stop()
        await self.serdab.close()
        await self.serdab.database.close()
        await self.server.stop("immediate")
        shutil.rmtree(self.own, ignore_errors=True)

    # ── What cells do ───────────────────────────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def mark(self, label: str) -> Iterator[None]:
        """Note what is being done."""
        began = time.time()
        try:
            yield
        finally:
            self.marks.append(Mark(label=label, began=began, ended=time.time()))

    @contextlib.asynccontextmanager
    async def admin(self) -> AsyncIterator[Any]:
        """A connection beside all others."""
        connection = await asyncpg.connect(self.url)
        try:
            yield connection
        finally:
            with contextlib.suppress(Exception):
                await connection.close(timeout=2)

    async def up(self) -> None:
        """Start the database again."""
        await self.server.start()
        self.ups.append(time.time())

    async def start(self, workflow: Workflow[..., Any], inputs: Sequence[Any], states: str = "d") -> list[UUID]:
        """Start runs that may end in these states."""
        while True:
            try:
                handles = await self.serdab.start_many(workflow, inputs)
                break
            except DiskNearlyFull:  # told before anything was started; as a client does, try again later
                self.told["starts refused while the disk was full"] = (
                    self.told.get("starts refused while the disk was full", 0) + 1
                )
                await asyncio.sleep(0.2)
        ids = [handle.id for handle in handles]
        self.accepted.update(dict.fromkeys(ids, states))
        return ids

    async def load(self, spread_s: float, workflow: Workflow[..., Any] = chain, states: str = "d") -> None:
        """Start the runs of the plan, half of them at once and the others spread over some seconds."""
        half = self.plan.runs // 2
        await self.start(workflow, range(half), states)
        size = max(half // PIECES, 1)
        for place in range(half, self.plan.runs, size):
            await self.start(workflow, range(place, min(place + size, self.plan.runs)), states)
            await asyncio.sleep(spread_s / PIECES * self.chance.uniform(0.5, 1.5))

    async def until_workers(self, count: int) -> None:
        """Wait until so many workers have registered that are not gone."""
        async with self.admin() as admin:
            while await admin.fetchval("select count(*) from worker where gone_at is null") < count:
                await asyncio.sleep(0.1)

    async def until_at_rest(self, seconds: float = REST_S) -> bool:
        """Wait until nothing is ready, held, parked or suspect; False: it does not come to rest."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            busy = await self._patiently(lambda: self.serdab.database.pool.fetchval(_BUSY))
            if busy is False:
                return True
            await asyncio.sleep(0.1)
        return False

    # ── The auditor ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def audit(self) -> None:
        """Look at some runs, and at who holds how much, again and again until cancelled."""
        while True:
            await asyncio.sleep(0.5)
            await self._patiently(self._look)

    async def _look(self) -> None:
        for what, digest in (await self.digests()).items():
            before = self.seen.setdefault(what, digest)
            if before != digest:
                self.audited.add(f"I2 {what}: changed from {before} to {digest}")
        most = await self.serdab.database.pool.fetchval(
            "select coalesce(max(n), 0) from (select count(*) as n from lease group by worker) l"
        )
        if most > self.plan.in_flight:
            self.audited.add(f"I5 a worker held {most} runs, at most {self.plan.in_flight} are allowed")

    async def digests(self) -> dict[tuple[Any, ...], str]:
        """What is recorded of the audited runs now."""
        some = list(self.accepted)[:AUDITED]
        rows = await self.serdab.database.pool.fetch(_SEEN, some)
        return {(row["kind"], row["run_id"], row["step_key"]): row["digest"] for row in rows}

    async def _patiently(self, look: Any) -> Any:
        """A look that waits for no database; None when it is away."""
        try:
            return await asyncio.wait_for(look(), 10)
        except Exception as error:
            if not is_gone(error) and not (sqlstate(error) or "").startswith(("53", "58", "57")):
                raise
            return None
