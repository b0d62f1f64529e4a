"""The model: where each run is, what is recorded, who is whose child, and how it stands with the workers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from flow_driver import FUTURE, PAST, QUEUE, Driver, plain

from serdab.flow.batch import Batch


@dataclass
class Held:
    worker: int
    crashes: int
    #: It recorded a step since its claim: a crash now is the first in a row.
    progressed: bool = False


@dataclass
class Waiting:
    timer: str
    #: The groups of children that it still waits for, in their order.
    groups: list[list[UUID]] = field(default_factory=list)


@dataclass
class Flush:
    """A batch with what it will have done to the model once it is committed."""

    batch: Batch = field(default_factory=Batch)
    parks: dict[UUID, Waiting] = field(default_factory=dict)
    hand_backs: list[UUID] = field(default_factory=list)


TIMERS = {"none": None, "future": FUTURE, "due": PAST}


class Model:
    """A dozen plain collections, and what each deed does to them."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
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

    def do(self, deed: str, run: UUID, flush: Flush) -> None:
        batch, number = flush.batch, sum(1 for each, _ in self.steps if each == run) + 1
        if deed in ("step", "children", "family"):
            key = f"{'a' if deed == 'step' else 'start:w'}#{number}"
            batch.steps.append((run, key, 1, 1, 1, False, b"%d" % number))
            self.steps[run, key] = b"%d" % number
            self.held[run].progressed = True
            if deed != "step":
                children = self.new(1 + number % 2, self.priority[run])
                batch.children += [(child, run, 1, None, self.priority[run], QUEUE, "w", b"[]") for child in children]
                self.families.setdefault(run, []).append(children)
                self.ready.update(dict.fromkeys(children, 0))
            if deed == "family":
                self.park("wait", run, flush)
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
        elif deed != "nothing":
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

    def wake(self, run: UUID) -> None:
        del self.parked[run]
        self.ready[run] = 0

    def silence(self, worker: int) -> None:
        self.driver.sql("update worker set lease_until = now() - interval '1s' where worker_id = $1", worker)
        self.lapsed.add(worker)
