"""The states of a run and the ways between them: the table that code, docs and the command line share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a run is."""

    READY = "ready"
    RUNNING = "running"
    PARKED = "parked"
    SUSPECT = "suspect"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DEAD = "dead"


#: How the outcome table spells the four states that end a run.
OUTCOME_LETTERS = {State.DONE: "d", State.FAILED: "f", State.CANCELLED: "c", State.DEAD: "x"}
#: And back.
OUTCOME_STATES = {letter: state for state, letter in OUTCOME_LETTERS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One way from a state to the next."""

    before: State
    after: State
    #: What makes it happen.
    cause: str


TRANSITIONS = (
    Transition(before=State.READY, after=State.RUNNING, cause="a worker claims it"),
    Transition(before=State.READY, after=State.CANCELLED, cause="cancel"),
    Transition(before=State.RUNNING, after=State.DONE, cause="its function returned"),
    Transition(before=State.RUNNING, after=State.FAILED, cause="its function raised"),
    Transition(before=State.RUNNING, after=State.CANCELLED, cause="cancel"),
    Transition(before=State.RUNNING, after=State.PARKED, cause="all its branches wait"),
    Transition(before=State.RUNNING, after=State.READY, cause="its worker drained, or died"),
    Transition(before=State.RUNNING, after=State.SUSPECT, cause="its workers died repeatedly without progress"),
    Transition(before=State.PARKED, after=State.READY, cause="what it waited for came"),
    Transition(before=State.PARKED, after=State.CANCELLED, cause="cancel"),
    Transition(before=State.SUSPECT, after=State.RUNNING, cause="a worker claims it, to run it alone"),
    Transition(before=State.SUSPECT, after=State.CANCELLED, cause="cancel"),
    Transition(before=State.RUNNING, after=State.DEAD, cause="it killed its worker when it ran alone"),
)


def mermaid() -> str:
    """The chart of the documentation."""
    lines = ["stateDiagram-v2", "    [*] --> ready: start"]
    lines += [f"    {t.before} --> {t.after}: {t.cause}" for t in TRANSITIONS]
    lines += [f"    {state} --> [*]" for state in OUTCOME_LETTERS]
    return "\n".join(lines)
