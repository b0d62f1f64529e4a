"""The whole life of runs on the real database against a model: flushes, timers, families, crashes, cancels, keys."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from flow_driver import FUTURE, PAST, QUEUE, Driver, plain
from flow_places import Flush, Held, Waiting
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

SUSPECT_AFTER, POISON_AFTER = 2, 2
LEASE_S = 600.0
TIMERS = {"none": None, "future": FUTURE, "due": PAST}
DEEDS = ["step", "attempt", "end", "fail", "children", "sleep", "wait", "wait or sleep", "hand back"]


class Life(RuleBasedStateMachine):
    """The model: where each run is, what is recorded, who is whose child, and how it stands with the workers."""

    dsn = ""

    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver(self.dsn)
        #: Ids are counted, not drawn: hypothesis must see the same order when it runs an example again.
        self.counted = 0
        self.ready: dict[UUID, int] = {}
        self.held: dict[UUID, Held] = {}
        self.parked: dict[UUID, Waiting] = {}
        self.suspects: dict[UUID, int] = {}
        self.ended: dict[UUID, str] = {}
        self.priority: dict[UUID, int] = {}
        self.asked: set[UUID] = set()
        self.steps: dict[tuple[UUID, str], bytes] = {}
        self.attempts: list[tuple[UUID, int, str]] = []
        self.families: dict[UUID, list[list[UUID]]] = {}
        self.keys: dict[str, tuple[UUID, int]] = {}
        self.redriven: dict[UUID, UUID] = {}
        #: Registrations: in order, silent for longer than their lease, over.
        self.live: dict[int, bool] = {}
        self.lapsed: set[int] = set()
        self.gone: set[int] = set()
        #: What each worker sent last: it may not know that it was committed.
        self.sent: dict[int, Batch] = {}

    def new(self, count: int, priority: int) -> list[UUID]:
        runs = [UUID(int=self.counted + n + 1) for n in range(count)]
        self.counted += count
        self.priority.update(dict.fromkeys(runs, priority))
        return runs

    # ── Workers ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @initialize()
    def two_workers_and_some_runs(self) -> None:
        self.register(False)
        self.register(False)
        self.start(3, 1)

    @precondition(lambda self: len(self.live) < 4)
    @rule(alone=st.booleans())
    def register(self, alone: bool) -> None:
        worker = self.driver.call("register_worker", LEASE_S, 1, alone, "host", [QUEUE])[0][0]
        assert worker not in self.live.keys() | self.gone
        self.live[worker] = alone

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def fall_silent(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.live)))
        self.driver.sql("update worker set lease_until = now() - interval '1s' where worker_id = $1", worker)
        self.lapsed.add(worker)

    @precondition(lambda self: self.live or self.gone)
    @rule(data=st.data())
    def beat(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.live.keys() | self.gone)))
        (answer,) = self.driver.call("heartbeat", worker, LEASE_S)
        assert answer["alive"] == (worker in self.live)
        mine = {run for run, held in self.held.items() if held.worker == worker}
        assert {plain(run) for run in answer["cancelled"]} == mine & self.asked
        self.lapsed.discard(worker)

    @rule()
    def rescue(self) -> None:
        rows = self.driver.call("rescue", 0.0, SUSPECT_AFTER, POISON_AFTER, b"{}")
        assert {row["dead_worker"] for row in rows} == self.lapsed
        for worker in self.lapsed:
            for run, held in self.holding(worker).items():
                del self.held[run]
                crashes = 1 if held.progressed else held.crashes + 1
                if crashes < SUSPECT_AFTER:
                    self.ready[run] = crashes
                elif crashes < SUSPECT_AFTER + POISON_AFTER:
                    self.suspects[run] = crashes
                else:
                    self.end(run, "x")
            self.leave(worker)
        self.lapsed.clear()

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.live)))
        holding = self.holding(worker)
        assert self.driver.call("release_worker", worker)[0][0] == len(holding)
        for run in holding:
            self.put_back(run)
        self.leave(worker)
        self.lapsed.discard(worker)

    def holding(self, worker: int) -> dict[UUID, Held]:
        return {run: held for run, held in self.held.items() if held.worker == worker}

    def leave(self, worker: int) -> None:
        del self.live[worker]
        self.sent.pop(worker, None)
        self.gone.add(worker)

    def put_back(self, run: UUID) -> None:
        held = self.held.pop(run)
        (self.suspects if self.live[held.worker] else self.ready)[run] = held.crashes

    def end(self, run: UUID, status: str) -> None:
        self.ended[run] = status
        self.asked.discard(run)

    # ── Starts ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(count=st.integers(1, 3), priority=st.integers(0, 2))
    def start(self, count: int, priority: int) -> None:
        runs = self.new(count, priority)
        assert self.driver.start(runs, priority) == []
        self.ready.update(dict.fromkeys(runs, 0))

    @rule()
    def start_deferred(self) -> None:
        runs = self.new(1, 1)
        self.driver.start(runs, 1, deferred=True)
        self.parked[runs[0]] = Waiting("future")

    @rule(key=st.sampled_from(["k", "l"]), digest=st.integers(1, 2))
    def start_with_a_key(self, key: str, digest: int) -> None:
        (run,) = self.new(1, 1)
        (answer,) = self.driver.start([run], 1, key=key, digest=digest)
        owner, its_digest = self.keys.setdefault(key, (run, digest))
        assert (plain(answer["run_id"]), answer["same"]) == (owner, digest == its_digest)
        if owner == run:
            self.ready[run] = 0

    # ── Flushes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: self.live.keys() - self.lapsed)
    @rule(data=st.data(), want=st.integers(0, 3))
    def flush(self, data: st.DataObject, want: int) -> None:
        worker = data.draw(st.sampled_from(sorted(self.live.keys() - self.lapsed)))
        want = 0 if self.live[worker] else want
        flush = Flush()
        for run in sorted(self.holding(worker)):
            for deed in data.draw(st.lists(st.sampled_from(DEEDS), max_size=2)):
                if run in self.held and run not in flush.parks and run not in flush.hand_backs:
                    self.do(deed, run, flush)
        rows = self.driver.flush(worker, flush.batch, want)
        self.sent[worker] = flush.batch
        self.claimed(worker, want, rows)
        for run, waiting in flush.parks.items():
            del self.held[run]
            if run in self.asked:
                self.ready[run] = 0
            else:
                self.parked[run] = waiting
        for run in flush.hand_backs:
            self.put_back(run)

    def do(self, deed: str, run: UUID, flush: Flush) -> None:
        batch, number = flush.batch, sum(1 for each, _ in self.steps if each == run) + 1
        if deed in ("step", "children"):
            key = f"{'start:w' if deed == 'children' else 'a'}#{number}"
            batch.steps.append((run, key, 1, 1, 1, False, b"%d" % number))
            self.steps[run, key] = b"%d" % number
            self.held[run].progressed = True
            if deed == "children":
                children = self.new(1 + number % 2, self.priority[run])
                batch.children += [(child, run, 1, None, self.priority[run], QUEUE, "w", b"[]") for child in children]
                self.families.setdefault(run, []).append(children)
                self.ready.update(dict.fromkeys(children, 0))
        elif deed == "attempt":
            tried = sum(1 for each, _, _ in self.attempts if each == run) + 1
            batch.attempts.append((run, "b#1", tried, 1, 1.0, b"{}"))
            self.attempts.append((run, tried, "b#1"))
            batch.progress[run] = (0.5, "half")
        elif deed in ("end", "fail"):
            batch.outcomes.append((run, deed[0].replace("e", "d"), b"{}"))
            del self.held[run]
            self.end(run, batch.outcomes[-1][1])
        elif deed == "hand back":
            batch.hand_backs.append(run)
            flush.hand_backs.append(run)
        else:
            self.park(deed, run, flush)

    def park(self, deed: str, run: UUID, flush: Flush) -> None:
        groups = [list(group) for group in self.families.get(run, [])] if "wait" in deed else []
        timer = "future" if "sleep" in deed or not groups else "none"
        flush.batch.parks.append(
            {
                "run": run, "wake_at": TIMERS[timer], "why": deed, "firsts": [group[0] for group in groups],
                "lasts": [group[-1] for group in groups], "sizes": [len(group) for group in groups],
            }
        )  # fmt: skip
        flush.parks[run] = Waiting(timer, groups)

    def claimed(self, worker: int, want: int, rows: list[Any]) -> None:
        assert len(rows) == min(want, len(self.ready))
        urgent = sorted(self.priority[run] for run in self.ready)
        assert [row["priority"] for row in rows] == urgent[: len(rows)]
        for row in rows:
            run = plain(row["run_id"])
            crashes = self.ready.pop(run)
            assert (row["crashes"], row["cancelled"]) == (crashes, run in self.asked)
            assert row["again"] or not any(each == run for each, _ in self.steps)
            self.held[run] = Held(worker, crashes)

    @precondition(lambda self: any(self.live.values()))
    @rule(data=st.data())
    def claim_a_suspect(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(worker for worker, alone in self.live.items() if alone)))
        if worker in self.lapsed:
            return
        self.sent.pop(worker, None)
        rows = self.driver.call("claim_alone", worker, [QUEUE])
        assert len(rows) == min(1, len(self.suspects))
        for row in rows:
            run = plain(row["run_id"])
            self.held[run] = Held(worker, self.suspects.pop(run))
            assert row["crashes"] == self.held[run].crashes

    @precondition(lambda self: self.sent.keys() - self.lapsed)
    @rule(data=st.data())
    def send_the_same_again(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.sent.keys() - self.lapsed)))
        self.driver.flush(worker, self.sent[worker], again=True)

    @precondition(lambda self: self.gone | self.lapsed)
    @rule(data=st.data(), want=st.integers(0, 2))
    def a_late_flush_is_refused(self, data: st.DataObject, want: int) -> None:
        worker = data.draw(st.sampled_from(sorted(self.gone | self.lapsed)))
        run = data.draw(st.sampled_from(sorted(self.priority)))
        late = Batch(steps=[(run, "late#1", 1, 1, 1, False, b"late")], outcomes=[(run, "d", b"late")], hand_backs=[run])
        assert self.driver.refusal(worker, late, want) == ("SD001" if worker in self.gone else "SD002")

    @precondition(lambda self: self.ended and self.live.keys() - self.lapsed)
    @rule(data=st.data(), again=st.booleans())
    def what_is_recorded_stays(self, data: st.DataObject, again: bool) -> None:
        worker = data.draw(st.sampled_from(sorted(self.live.keys() - self.lapsed)))
        run = data.draw(st.sampled_from(sorted(self.ended)))
        other = Batch(
            steps=[(r, key, 1, 1, 1, False, b"other") for r, key in self.steps if r == run],
            outcomes=[(run, "f", b"other")],
        )
        if again:
            self.driver.flush(worker, other, again=True)
        else:
            assert self.driver.refusal(worker, other) == "23505"

    # ── Waking, cancelling, trying again ────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: any(waiting.timer == "future" for waiting in self.parked.values()))
    @rule(data=st.data())
    def time_passes(self, data: st.DataObject) -> None:
        later = sorted(run for run, waiting in self.parked.items() if waiting.timer == "future")
        run = data.draw(st.sampled_from(later))
        self.driver.sql("update parked set wake_at = $2::text::timestamptz where run_id = $1", run, PAST)
        self.parked[run].timer = "due"

    @rule()
    def wake_timers(self) -> None:
        due = [run for run, waiting in self.parked.items() if waiting.timer == "due"]
        assert len(self.driver.call("wake_due", 100)) == bool(due)
        for run in due:
            self.wake(run)

    @rule(data=st.data())
    def wake_parents(self, data: st.DataObject) -> None:
        waiting = {plain(row[0]) for row in self.driver.call("waiting_parents", -1.0)}
        assert waiting == {run for run, each in self.parked.items() if each.groups}
        looked_at = data.draw(st.lists(st.sampled_from(sorted(waiting)), unique=True)) if waiting else []
        woken = self.driver.call("wake_parents", looked_at)
        due = []
        for run in looked_at:
            groups = self.parked[run].groups
            while groups and all(child in self.ended for child in groups[0]):
                groups.pop(0)
            if not groups:
                due.append(run)
                self.wake(run)
        assert len(woken) == len(due)

    def wake(self, run: UUID) -> None:
        del self.parked[run]
        self.ready[run] = 0

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        known = self.ready.keys() | self.held.keys() | self.parked.keys() | self.suspects.keys() | self.ended.keys()
        run = data.draw(st.sampled_from(sorted(known))) if known else UUID(int=1 << 100)
        answer = self.driver.call("cancel_run", run, "why", b"{}")[0][0]
        if run not in known:
            assert answer == "unknown"
        elif run in self.ended:
            assert answer == "ended"
        elif run in self.held:
            assert answer == "asked"
            self.asked.add(run)
        else:
            assert answer == "cancelled"
            for place in (self.ready, self.parked, self.suspects):
                place.pop(run, None)
            self.end(run, "c")

    @precondition(lambda self: any(status != "d" for status in self.ended.values()))
    @rule(data=st.data())
    def redrive(self, data: st.DataObject) -> None:
        old = data.draw(st.sampled_from(sorted(run for run, status in self.ended.items() if status != "d")))
        (new,) = self.new(1, self.priority[old])
        kept = [key for run, key in self.steps if run == old and not key.startswith("start:")]
        answer = plain(self.driver.call("redrive_run", old, new, kept)[0][0])
        assert answer == self.redriven.setdefault(old, new)
        if answer != new:
            return
        self.ready[new] = 0
        self.steps.update({(new, key): self.steps[old, key] for key in kept})
        self.keys.update({key: (new, digest) for key, (run, digest) in self.keys.items() if run == old})

    # ── What must hold after each of them ───────────────────────────────────────────────────────────────────────────

    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        found = self.driver.everything()

        def of(place: str) -> list[tuple[Any, ...]]:
            return sorted(found.get(place, []))

        assert [(run, crashes) for run, crashes, *_ in of("ready")] == sorted(self.ready.items())
        held = [(run, each.worker, str(each.crashes)) for run, each in sorted(self.held.items())]
        assert [(run, worker, crashes) for run, worker, crashes, _ in of("held")] == held
        parked = [(run, len(each.groups), each.timer) for run, each in sorted(self.parked.items())]
        assert [(run, groups, timer) for run, groups, timer, _ in of("parked")] == parked
        assert [(run, crashes) for run, crashes, *_ in of("suspect")] == sorted(self.suspects.items())
        assert [(run, status) for run, _, status, _ in of("ended")] == sorted(self.ended.items())
        assert {run for run, *_ in of("asked")} == self.asked
        assert {(run, key): output for run, _, key, output in of("step")} == self.steps
        assert [(run, tried, key) for run, tried, key, _ in of("attempt")] == sorted(self.attempts)
        assert {key: run for run, _, key, _ in of("key")} == {key: run for key, (run, _) in self.keys.items()}

    def teardown(self) -> None:
        self.driver.close()


async def test_the_life_of_runs_is_that_of_the_model(settings_of_machine: Settings) -> None:
    Life.dsn = settings_of_machine.database.url
    await asyncio.to_thread(
        run_state_machine_as_test,
        Life,
        settings=bounds(
            max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.fixture
def settings_of_machine(settings: Settings) -> Settings:
    """The settings of a fresh database, under a name that does not hide hypothesis's."""
    return settings
