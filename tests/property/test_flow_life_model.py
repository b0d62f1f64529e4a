"""The whole life of runs on the real database against a model: flushes, timers, families, crashes, cancels, keys."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from flow_driver import PAST, QUEUE, Driver, plain
from flow_model import Flush, Held, Model, Waiting
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

from serdab.flow.batch import Batch
from serdab.store import Database

SUSPECT_AFTER, POISON_AFTER = 2, 2
LEASE_S = 600.0
DEEDS = ["step", "family", "attempt", "end", "fail", "children", "sleep", "wait", "wait or sleep", "hand back"]


WANTS = st.lists(st.sampled_from([3, 2, 1, 0]), min_size=2, max_size=6)


class Life(Model, RuleBasedStateMachine):
    """What can happen to a model and to the database alike."""

    dsn = ""

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        Model.__init__(self, Driver(self.dsn))

    # ── Workers ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @initialize()
    def two_workers_and_some_runs(self) -> None:
        self.register(False)
        self.register(False)
        self.start(1, "many", 0)
        self.claimed(1, 2, self.driver.flush(1, Batch(), 2))

    @precondition(lambda self: len(self.live) < 3)
    @rule(alone=st.sampled_from([False, False, True]))
    def register(self, alone: bool) -> None:
        worker = self.driver.call("register_worker", LEASE_S, 1, alone, "host", [QUEUE])[0][0]
        assert worker not in self.live.keys() | self.gone
        self.live[worker] = alone

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def fall_silent(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.live)))
        self.silence(worker)

    @precondition(lambda self: self.lapsed or self.asked)
    @rule(data=st.data())
    def beat(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.live.keys() | self.gone)))
        (answer,) = self.driver.call("heartbeat", worker, LEASE_S)
        assert answer["alive"] == (worker in self.live)
        mine = {run for run, held in self.held.items() if held.worker == worker}
        assert {plain(run) for run in answer["cancelled"]} == mine & self.asked
        self.lapsed.discard(worker)

    @precondition(lambda self: self.lapsed)
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

    @precondition(lambda self: self.held)
    @rule(data=st.data(), times=st.integers(1, 4))
    def crash(self, data: st.DataObject, times: int) -> None:
        run = data.draw(st.sampled_from(sorted(self.held)))
        for _ in range(times):
            if run in self.held:
                worker = self.held[run].worker
                self.silence(worker)
                self.rescue()
                self.register(run in self.suspects)
                worker = max(self.live)
                if run in self.suspects:
                    self.claim_suspects(worker)
                else:
                    self.flush(data, worker, 3)

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        busy = {held.worker for held in self.held.values()}
        worker = data.draw(st.sampled_from(sorted(busy or self.live)))
        holding = self.holding(worker)
        assert self.driver.call("release_worker", worker)[0][0] == len(holding)
        for run in holding:
            self.put_back(run)
        self.leave(worker)
        self.lapsed.discard(worker)

    # ── Starts ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(priority=st.integers(0, 2), how=st.sampled_from(["many", "later", "k", "l"]), digest=st.integers(1, 2))
    def start(self, priority: int, how: str, digest: int) -> None:
        if how == "many":
            runs = self.new(4, priority)
            assert self.driver.start(runs, priority) == []
            self.ready.update(dict.fromkeys(runs, 0))
            return
        (run,) = self.new(1, priority)
        answer = self.driver.start(
            [run], priority, key=how if how in "kl" else None, digest=digest, later=how == "later"
        )
        if how == "later":
            self.parked[run] = Waiting("future")
            return
        owner, its_digest = self.keys.setdefault(how, (run, digest))
        assert [(plain(each["run_id"]), each["same"]) for each in answer] == [(owner, digest == its_digest)]
        if owner != run:
            return
        self.ready[run] = 0

    # ── Flushes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: self.live.keys() - self.lapsed)
    @rule(data=st.data(), wants=WANTS)
    def flushes(self, data: st.DataObject, wants: list[int]) -> None:
        for want in wants:
            worker = data.draw(st.sampled_from(sorted(self.live.keys() - self.lapsed)))
            self.flush(data, worker, 0 if self.live[worker] else want)
            self.the_database_says_what_the_model_says()

    # Hypothesis takes each rule as often as any other, or leaves it out: what matters most is there three times.

    @precondition(lambda self: self.live.keys() - self.lapsed)
    @rule(data=st.data(), wants=WANTS)
    def more_flushes(self, data: st.DataObject, wants: list[int]) -> None:
        self.flushes(data, wants)

    @precondition(lambda self: self.live.keys() - self.lapsed)
    @rule(data=st.data(), wants=WANTS)
    def yet_more_flushes(self, data: st.DataObject, wants: list[int]) -> None:
        self.flushes(data, wants)

    def flush(self, data: st.DataObject, worker: int, want: int) -> None:
        flush = Flush()
        for run in sorted(self.holding(worker)):
            for deed in data.draw(st.lists(st.sampled_from(DEEDS), min_size=1, max_size=3)):
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

    @precondition(lambda self: any(self.live.values()))
    @rule(data=st.data())
    def claim_a_suspect(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(worker for worker, alone in self.live.items() if alone)))
        if worker not in self.lapsed:
            self.claim_suspects(worker)

    def claim_suspects(self, worker: int) -> None:
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
    @rule(data=st.data(), want=st.integers(0, 2), more=st.booleans())
    def a_late_flush_is_refused(self, data: st.DataObject, want: int, more: bool) -> None:
        worker = data.draw(st.sampled_from(sorted(self.gone | self.lapsed)))
        run = data.draw(st.sampled_from(sorted(self.priority)))
        late = Batch(steps=[(run, "late#1", 1, 1, 1, False, b"late")], outcomes=[(run, "d", b"late")])
        late.hand_backs += [run] if more else []
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

    @precondition(lambda self: self.parked)
    @rule()
    def wake_timers(self) -> None:
        due = [run for run, waiting in self.parked.items() if waiting.timer == "due"]
        assert len(self.driver.call("wake_due", 100)) == bool(due)
        for run in due:
            self.wake(run)

    @precondition(lambda self: any(waiting.groups for waiting in self.parked.values()))
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

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        known = self.ready.keys() | self.held.keys() | self.parked.keys() | self.suspects.keys() | self.ended.keys()
        at_work: bool = data.draw(st.booleans())
        some = sorted(self.held if at_work and self.held else known)
        run = data.draw(st.sampled_from(some)) if some else UUID(int=1 << 100)
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


async def test_the_life_of_runs_is_that_of_the_model(database: Database) -> None:
    Life.dsn = database.dsn
    await asyncio.to_thread(
        run_state_machine_as_test,
        Life,
        settings=bounds(max_examples=60, stateful_step_count=50, suppress_health_check=list(HealthCheck)),
    )
