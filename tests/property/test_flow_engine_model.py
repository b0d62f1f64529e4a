"""Claim, flush, rescue and cancel on the real database against a model of a dozen lines."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as bounds
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from serdab.core import Settings
from serdab.flow.batch import Batch
from serdab.flow.flusher import PLANNER
from serdab.store import load_statements, sqlstate

SQL = load_statements("serdab.flow")
LEASE_S = 600.0


class Engine(RuleBasedStateMachine):
    """The model: who holds which run, what is recorded, what has ended, which registrations are dead."""

    dsn = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.connection: Any = self.loop.run_until_complete(asyncpg.connect(self.dsn, server_settings=PLANNER))
        self.execute(
            "truncate run, ready, lease, suspect, parked, worker, step_result, run_outcome, cancel_request "
            "restart identity"
        )
        #: Ids are counted, not drawn: hypothesis must see the same order when it runs an example again.
        self.started = 1
        self.ready: set[UUID] = set()
        self.held: dict[UUID, int] = {}
        self.cancel_asked: set[UUID] = set()
        self.recorded: dict[tuple[UUID, str], bytes] = {}
        self.ended: dict[UUID, str] = {}
        self.live: set[int] = set()
        self.dead: set[int] = set()

    def execute(self, sql: str, *arguments: Any) -> list[Any]:
        return self.loop.run_until_complete(self.connection.fetch(sql, *arguments))

    def flush(self, worker: int, batch: Batch, want: int = 0, again: bool = False) -> list[Any]:
        return self.execute(SQL["flush"], worker, again, *batch.plain_columns(), want, ["q"] * 3, [0, 1, 2], [0, 0, 0])

    @initialize()
    def one_worker(self) -> None:
        self.register()

    @precondition(lambda self: len(self.live) < 3)
    @rule()
    def register(self) -> None:
        self.live.add(self.execute(SQL["register_worker"], LEASE_S, 1, False, "host", ["q"])[0][0])

    @rule(count=st.integers(1, 4))
    def start(self, count: int) -> None:
        ids = [UUID(int=self.started + n) for n in range(count)]
        self.started += count
        self.execute(
            SQL["start_runs"], False, ids, [None] * count, [1] * count, [None] * count, [1] * count, ["q"] * count,
            ["w"] * count, [b"[]"] * count, [None] * count, [0] * count, [None] * count,
        )  # fmt: skip
        self.ready |= set(ids)

    @precondition(lambda self: self.live)
    @rule(data=st.data(), want=st.integers(1, 3))
    def claim(self, data: st.DataObject, want: int) -> None:
        worker = data.draw(st.sampled_from(sorted(self.live)))
        rows = self.flush(worker, Batch(), want)
        assert len(rows) == min(want, len(self.ready))
        for row in rows:
            run = UUID(int=row["run_id"].int)
            assert run in self.ready
            assert row["cancelled"] == (run in self.cancel_asked)
            self.ready.discard(run)
            self.held[run] = worker

    @precondition(lambda self: self.held)
    @rule(data=st.data(), key=st.sampled_from(["a#1", "b#1"]), output=st.binary(min_size=1, max_size=3))
    def record(self, data: st.DataObject, key: str, output: bytes) -> None:
        run = data.draw(st.sampled_from(sorted(self.held)))
        if (run, key) in self.recorded:
            return
        self.flush(self.held[run], Batch(steps=[(run, key, 1, 1, 1, False, output)]))
        self.recorded[run, key] = output

    @precondition(lambda self: self.recorded and self.live)
    @rule(data=st.data())
    def send_again_after_a_lost_answer(self, data: st.DataObject) -> None:
        run, key = data.draw(st.sampled_from(sorted(self.recorded)))
        self.flush(min(self.live), Batch(steps=[(run, key, 1, 1, 1, False, b"other")]), again=True)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), status=st.sampled_from(["d", "f"]))
    def end(self, data: st.DataObject, status: str) -> None:
        run = data.draw(st.sampled_from(sorted(self.held)))
        self.flush(self.held.pop(run), Batch(outcomes=[(run, status, b"{}")]))
        self.ended[run] = status

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def die_and_be_rescued(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.live)))
        self.execute("update worker set lease_until = now() - interval '1s' where worker_id = $1", worker)
        self.execute(SQL["rescue"], 0.0, 1000, 1000, b"{}")
        self.live.discard(worker)
        self.dead.add(worker)
        for run in [run for run, holder in self.held.items() if holder == worker]:
            del self.held[run]
            self.ready.add(run)

    @precondition(lambda self: self.dead)
    @rule(data=st.data())
    def a_zombie_is_refused(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.dead)))
        with pytest.raises(asyncpg.PostgresError) as refused:
            self.flush(worker, Batch(steps=[(UUID(int=0), "a#1", 1, 1, 1, False, b"zombie")]), want=5)
        assert sqlstate(refused.value) == "SD001"

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.live)))
        self.execute(SQL["release_worker"], worker)
        self.live.discard(worker)
        self.dead.add(worker)
        for run in [run for run, holder in self.held.items() if holder == worker]:
            del self.held[run]
            self.ready.add(run)

    @precondition(lambda self: self.ready or self.held)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(sorted(self.ready | set(self.held))))
        answer = self.execute(SQL["cancel_run"], run, "why", b"{}")[0][0]
        if run in self.held:
            assert answer == "asked"
            self.cancel_asked.add(run)
        else:
            assert answer == "cancelled"
            self.ready.discard(run)
            self.cancel_asked.discard(run)
            self.ended[run] = "c"

    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        def rows(sql: str) -> list[Any]:
            return [tuple(UUID(int=v.int) if hasattr(v, "int") else v for v in row) for row in self.execute(sql)]

        assert sorted(row[0] for row in rows("select run_id from ready")) == sorted(self.ready)
        assert dict(rows("select run_id, worker from lease")) == self.held
        assert dict(rows("select run_id, status::text from run_outcome")) == self.ended
        stored = {(r, k): o for r, k, o in rows("select run_id, step_key, output from step_result")}
        assert stored == self.recorded

    def teardown(self) -> None:
        self.loop.run_until_complete(self.connection.close())
        self.loop.close()


async def test_the_engine_behaves_like_its_model(settings_of_machine: Settings) -> None:
    Engine.dsn = settings_of_machine.database.url
    await asyncio.to_thread(
        run_state_machine_as_test,
        Engine,
        settings=bounds(max_examples=40, stateful_step_count=30, suppress_health_check=list(HealthCheck)),
    )


@pytest.fixture
def settings_of_machine(settings: Settings) -> Settings:
    """The settings of a fresh database, under a name that does not hide hypothesis's."""
    return settings
