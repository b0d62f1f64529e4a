"""The offline checker: what the histories and the database say together, held to the invariants I1 to I12.

I1 every accepted run ends · I2 one recorded result per step, never changed · I3 an outcome never changes · I4 nothing
is written under an old registration · I5 no worker holds more than it may · I6 what executed again was counted · I7 no
step begins before its input is committed · I8 what was answered is committed · I10 after a drain no lease is held ·
I12 nothing that lives has lost its run. I9 (hints) is a cell of its own; I11 (schedules) waits for schedules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from chaos.history import History

#: Clocks of one machine, read in two processes: seconds that an order may seem to be off.
SLACK_S = 0.005

Facts = Sequence[Mapping[str, Any]]


@dataclass(kw_only=True)
class Evidence:
    """Everything that the checker looks at."""

    history: History
    #: Runs whose start call returned → the letters of the states in which each may end; `f` for changed code only.
    accepted: Mapping[UUID, str]
    #: Rows run_id, status, worker, ended_at, output.
    outcomes: Facts
    #: Rows run_id, step_key, worker, ended_at, output.
    steps: Facts
    #: Rows worker_id, pid, gone_at (or None), rescued (or None).
    workers: Facts
    #: Rows run_id, step_key, worker: failed attempts that were recorded.
    attempts: Facts = ()
    #: Child → its parent.
    parents: Mapping[UUID, UUID] = field(default_factory=dict)
    #: Values seen while the faults went on: ("step", run, key) or ("outcome", run) → a digest.
    seen: Mapping[tuple[Any, ...], str] = field(default_factory=dict)
    #: The same at the end.
    now: Mapping[tuple[Any, ...], str] = field(default_factory=dict)
    #: What the auditor found while the faults went on.
    audited: Sequence[str] = ()
    #: Leases after the drain.
    leases: int = 0
    #: Rows of any table without their run.
    orphans: int = 0
    #: When each process of ours ended, seconds since 1970; None: it lived to the end. Those that were frozen or held
    #: are not among them.
    lives: Mapping[int, float | None] = field(default_factory=dict)
    #: Whether the fault excuses that a living worker was taken for dead.
    may_be_taken: bool = False


def violations(evidence: Evidence) -> list[str]:
    """Every invariant that does not hold."""
    recorded = {(row["run_id"], row["step_key"]): row for row in evidence.steps}
    ended = {row["run_id"]: row for row in evidence.outcomes}
    found = [
        *_ends(evidence, ended),
        *_unchanged(evidence, recorded),
        *_fenced(evidence),
        *_links(evidence, recorded),
        *_counted(evidence),
        *_answers(evidence, ended, recorded),
        *evidence.audited,
    ]
    if evidence.leases:
        found.append(f"I10 {evidence.leases} leases are held after the drain")
    if evidence.orphans:
        found.append(f"I12 {evidence.orphans} rows have lost their run")
    return found


def _ends(evidence: Evidence, ended: Mapping[UUID, Any]) -> Iterator[str]:
    for run, states in evidence.accepted.items():
        row = ended.get(run)
        if row is None:
            yield f"I1 {run}: accepted, but it has not ended"
        elif row["status"] not in states or (row["status"] == "f" and b"CodeChanged" not in row["output"]):
            yield f"I1 {run}: an innocent run ended as {row['status']}: {row['output'][:300]!r}"
    for child in evidence.parents:
        if child not in ended:
            yield f"I1 {child}: a child that has not ended"


def _unchanged(evidence: Evidence, recorded: Mapping[tuple[UUID, str], Any]) -> Iterator[str]:
    if len(recorded) < len(evidence.steps):
        twice = Counter((row["run_id"], row["step_key"]) for row in evidence.steps)
        yield from (f"I2 {key}: recorded twice" for key, count in twice.items() if count > 1)
    for what, digest in evidence.seen.items():
        if evidence.now.get(what) != digest:
            yield f"{'I2' if what[0] == 'step' else 'I3'} {what}: was seen, and changed or went away"


def _fenced(evidence: Evidence) -> Iterator[str]:
    gone = {row["worker_id"]: row["gone_at"] for row in evidence.workers}
    for row in (*evidence.steps, *evidence.outcomes):
        gone_at = gone.get(row["worker"])
        # An outcome with `x` is written by the rescue itself, in the name of the worker that it takes.
        if gone_at is not None and row["ended_at"] > gone_at and row.get("status") != "x":
            yield f"I4 {row['run_id']}: written under the old registration {row['worker']}"
    if evidence.may_be_taken:
        return
    for row in evidence.workers:
        if row["rescued"] is not None and row["pid"] in evidence.lives:
            died = evidence.lives[row["pid"]]
            if died is None or died > row["gone_at"]:
                yield f"I4 worker {row['worker_id']} (pid {row['pid']}) was taken for dead while it lived"


def _links(evidence: Evidence, recorded: Mapping[tuple[UUID, str], Any]) -> Iterator[str]:
    gone = {row["worker_id"]: row["gone_at"] for row in evidence.workers}
    for key, row in recorded.items():
        if not key[1].startswith("link#"):
            continue
        nonce = msgspec.json.decode(row["output"])
        begins = evidence.history.begins.get(key, [])
        if nonce not in {each.nonce for each in begins}:
            yield f"I2 {key}: its recorded result was never made"
        for each in begins:
            gone_at = gone.get(each.worker)
            under_live_lease = gone_at is None or gone_at > each.at
            if each.at > row["ended_at"] + SLACK_S and under_live_lease:
                yield f"I2 {key}: began at {each.at} by worker {each.worker}, after its record at {row['ended_at']}"
    for (run, name), begins in evidence.history.begins.items():
        place = int(name.rpartition("#")[2])
        if place == 1:
            continue
        before = recorded.get((run, f"link#{place - 1}"))
        given = None if before is None else msgspec.json.decode(before["output"])
        if any(each.before != given for each in begins):
            yield f"I7 {run} {name}: began with an input that was never recorded"


def _counted(evidence: Evidence) -> Iterator[str]:
    counted = Counter((row["run_id"], row["step_key"], row["worker"]) for row in evidence.attempts)
    for (run, key), begins in evidence.history.begins.items():
        for worker, times in Counter(each.worker for each in begins).items():
            if times > counted[run, key, worker] + 1:
                yield f"I6 {run} {key}: executed {times} times under the one registration {worker}"


def _answers(evidence: Evidence, ended: Mapping[UUID, Any], recorded: Mapping[tuple[UUID, str], Any]) -> Iterable[str]:
    children = {parent: child for child, parent in evidence.parents.items()}
    for run in evidence.accepted:
        row = ended.get(run)
        if row is None or row["status"] != "d":
            continue
        first, *links = msgspec.json.decode(row["output"])
        del first
        for place, link in enumerate(links, 1):
            child = children.get(run) if place > 4 else None
            step = recorded.get((run, f"link#{place}") if child is None else (child, "link#1"))
            if step is None:
                yield f"I8 {run}: ended without step {place}"
            elif msgspec.json.decode(step["output"]) != link:
                yield f"I8 {run}: its outcome has another result of step {place} than the recorded one"


def recovery_s(workers: Facts, lives: Mapping[int, float | None], ups: Sequence[float], ends: Sequence[float]) -> float:
    """The longest recovery, in seconds of database uptime.

    Of a dead worker: from its death, or from the moment after it when the database last came up, until its runs were
    taken. Of a database: from its coming up until the next outcome.

    Args:
        workers: rows pid, gone_at, rescued.
        lives: when each process ended.
        ups: when the database came up.
        ends: when runs ended, sorted.
    """
    times = [0.0]
    for row in workers:
        died = lives.get(row["pid"])
        if row["rescued"] and died is not None and row["gone_at"] > died:
            begins = [died, *(up for up in ups if died < up < row["gone_at"])]
            times.append(row["gone_at"] - max(begins))
    for up, later in zip(ups, [*ups[1:], float("inf")], strict=False):
        nexts = [end for end in ends if up < end < later]
        if nexts:
            times.append(nexts[0] - up)
    return max(times)
