"""What one flush carries: rows of steps, outcomes and the rarer things, each with the future that waits for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import msgspec

#: A step row: run, key, digest, duration_us, attempt, failed, output.
StepRow = tuple[Any, ...]
#: An outcome row: run, status letter, output.
OutcomeRow = tuple[Any, ...]

#: What the hot statement takes an attempt, a failure and a status for that are not sent.
FIRST, WENT_WELL, DONE = 1, False, "d"
_WIDTHS = {"steps": 7, "outcomes": 3, "attempts": 6, "children": 8}


@dataclass(slots=True)
class Batch:
    """Rows in the order in which they came; every list of rows has its futures beside it."""

    steps: list[StepRow] = field(default_factory=list)
    step_futures: list[asyncio.Future[None]] = field(default_factory=list)
    outcomes: list[OutcomeRow] = field(default_factory=list)
    outcome_futures: list[asyncio.Future[None]] = field(default_factory=list)
    attempts: list[tuple[Any, ...]] = field(default_factory=list)
    attempt_futures: list[asyncio.Future[None]] = field(default_factory=list)
    #: The last progress of each run: run → (fraction, message).
    progress: dict[Any, tuple[float, str]] = field(default_factory=dict)
    parks: list[dict[str, Any]] = field(default_factory=list)
    park_futures: list[asyncio.Future[None]] = field(default_factory=list)
    #: Children; each group is a step row of its parent with the rows of the children.
    children: list[tuple[Any, ...]] = field(default_factory=list)
    hand_backs: list[Any] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(
            self.steps or self.outcomes or self.attempts or self.progress or self.parks or self.children
            or self.hand_backs or self.outcome_futures
        )  # fmt: skip

    @property
    def is_plain(self) -> bool:
        """Only steps and outcomes: the hot statement is enough."""
        return not (self.attempts or self.progress or self.parks or self.children or self.hand_backs)

    def futures(self) -> list[asyncio.Future[None]]:
        """Everybody who waits for this batch."""
        return [*self.step_futures, *self.outcome_futures, *self.attempt_futures, *self.park_futures]

    def leaving(self) -> set[Any]:
        """Runs that this batch takes from the worker."""
        return {*(row[0] for row in self.outcomes), *(park["run"] for park in self.parks), *self.hand_backs}

    def rows(self) -> int:
        """How many rows it carries."""
        return len(self.steps) + len(self.outcomes) + len(self.attempts) + len(self.parks) + len(self.children)

    def plain_columns(self) -> list[Any]:
        """The arguments of the hot statement; a column that only says what is usual is left empty."""
        run, key, digest, took, attempt, failed, output = _columns(self.steps, "steps")
        ended, status, result = _columns(self.outcomes, "outcomes")
        return [
            run, key, digest, took, _unusual(attempt, FIRST), _unusual(failed, WENT_WELL), output,
            ended, _unusual(status, DONE), result,
        ]  # fmt: skip

    def more_columns(self) -> list[Any]:
        """The further arguments of the full statement."""
        told = list(self.progress.items())
        return [
            *_columns(self.attempts, "attempts"),
            [run for run, _ in told],
            [fraction for _, (fraction, _) in told],
            [message for _, (_, message) in told],
            msgspec.json.encode(self.parks).decode(),
            self.hand_backs,
            *_columns(self.children, "children"),
        ]

    def halves(self) -> tuple[Batch, Batch] | None:
        """Two batches in place of this one, to find a row that the database refuses; None when it is one row.

        Children stay with all else that came in their batch, because their step row must be committed with them.
        """
        if self.children or self.rows() <= 1:
            return None
        first, second = Batch(), Batch()
        for name, futures in (
            ("steps", "step_futures"), ("outcomes", "outcome_futures"), ("attempts", "attempt_futures"),
            ("parks", "park_futures"),
        ):  # fmt: skip
            rows, waiting = getattr(self, name), getattr(self, futures)
            middle = (len(rows) + (len(first.futures()) <= len(second.futures()))) // 2
            setattr(first, name, rows[:middle])
            setattr(second, name, rows[middle:])
            setattr(first, futures, waiting[:middle])
            setattr(second, futures, waiting[middle:])
        second.progress = self.progress
        second.hand_backs = self.hand_backs
        return first, second


def _unusual(column: tuple[Any, ...], usual: Any) -> tuple[Any, ...]:
    return () if column.count(usual) == len(column) else column


def _columns(rows: list[tuple[Any, ...]], kind: str) -> list[Any]:
    if not rows:
        return [()] * _WIDTHS[kind]
    return list(zip(*rows, strict=True))
