"""One run in memory: what is recorded of it, what it waits for, and how it leaves memory when it only waits."""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

from serdab.flow.errors import NotInRun, OutsideBranch, StepInStep

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")


class Parked(BaseException):
    """Ends a coroutine that only waits; it runs again when what it waits for has come. `finally` blocks run."""


class Recorded(NamedTuple):
    """A step that has its result."""

    digest: int
    failed: bool
    output: bytes


class Tried(NamedTuple):
    """A step that failed before and is not over."""

    #: Attempts so far.
    attempts: int
    #: When the next one is due, in seconds of the database's clock since 1970.
    retry_at: float


class Group(NamedTuple):
    """Children whose ids follow each other."""

    first: UUID
    last: UUID
    size: int


class Claimed(NamedTuple):
    """A run as a claim hands it out; the order is that of the type `claimed_v1` in the database."""

    run_id: UUID
    parent: UUID | None
    seq: int
    code: int | None
    timeout_s: float | None
    priority: int
    crashes: int
    again: bool
    cancelled: bool
    queue: str
    workflow: str
    input: bytes


@dataclass(slots=True, eq=False)
class Wait:
    """One branch that waits for something that is not in this process."""

    future: asyncio.Future[None]
    why: str
    wake_at: float | None = None
    groups: tuple[Group, ...] = ()


class Host(Protocol):
    """What a run asks of the worker that holds it."""

    park_after_s: float
    loop: asyncio.AbstractEventLoop

    def may_step(self) -> bool: ...
    async def lease_restored(self) -> None: ...
    def database_now(self) -> float: ...
    def record(self, row: tuple[Any, ...]) -> asyncio.Future[None]: ...
    def record_attempt(self, row: tuple[Any, ...]) -> asyncio.Future[None]: ...
    def record_children(self, step: tuple[Any, ...], rows: list[tuple[Any, ...]]) -> asyncio.Future[None]: ...
    def tell(self, run_id: UUID, fraction: float, message: str) -> None: ...
    def park(self, run: Run) -> None: ...
    def watch(self, wait: Wait) -> None: ...
    def resource(self, kind: type[R]) -> R: ...
    async def pack(self, data: bytes) -> bytes: ...
    async def unpack(self, data: bytes) -> bytes: ...
    async def outcomes(self, group: Group) -> list[tuple[UUID, str, bytes]]: ...
    async def in_thread(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any: ...
    async def in_process(self, place: str, data: bytes, timeout_s: float | None, memory_bytes: int | None) -> bytes: ...
    def block(self) -> UUID: ...
    def inline(self, data: bytes) -> bool: ...


class Run:
    """The state of one run while its function is executing."""

    __slots__ = (
        "claimed",
        "deadline",
        "host",
        "leaves",
        "parking",
        "patient_until",
        "recorded",
        "run_id",
        "task",
        "told_at",
        "tried",
        "waits",
        "word",
    )

    def __init__(
        self, claimed: Claimed, host: Host, recorded: dict[str, Recorded] | None, tried: dict[str, Tried] | None
    ) -> None:
        self.claimed = claimed
        self.run_id = claimed.run_id
        self.host = host
        #: What the code has not come to yet; whatever is left at the end, the code does not reach.
        self.recorded = recorded
        self.tried = tried
        self.leaves = 1
        self.waits: set[Wait] = set()
        #: Nothing may be recorded any more: it is on its way out of memory, or its worker lost it.
        self.parking = False
        self.patient_until: float | None = None
        #: When progress was told last. What is only replayed was told before.
        self.told_at = time.monotonic() if recorded else 0.0
        #: The last word of progress, while it is not on its way.
        self.word: tuple[float, str] | None = None
        self.deadline: float | None = None
        self.task: asyncio.Task[None] | None = None

    async def wait(self, wait: Wait) -> None:
        """Wait in memory for a while, then outside of it: then this raises `Parked`."""
        if self.parking:
            raise Parked
        self.waits.add(wait)
        self.consider_parking()
        try:
            await wait.future
        finally:
            self.waits.discard(wait)
        if self.parking:
            # It came while the run was on its way out of memory: what wakes parked runs will see it too.
            raise Parked

    def consider_parking(self) -> None:
        """Park when every branch waits and none is due soon; called whenever a branch begins to wait."""
        if self.parking or len(self.waits) < self.leaves:
            return
        patience = self.host.park_after_s
        soonest = self.soonest()
        if soonest is not None and soonest - self.host.database_now() < patience:
            return
        if any(wait.groups for wait in self.waits):
            now = time.monotonic()
            if self.patient_until is None:
                self.patient_until = now + patience
            if now < self.patient_until:
                self.host.loop.call_later(self.patient_until - now + 0.001, self.consider_parking)
                return
        self.parking = True
        self.host.park(self)

    def soonest(self) -> float | None:
        """When the first of its timers is due, by the database's clock; None: only children can wake it."""
        due = [wait.wake_at for wait in self.waits if wait.wake_at is not None]
        if self.deadline is not None:
            due.append(self.deadline)
        return min(due, default=None)

    def leave(self) -> None:
        """It is parked for sure: end every branch."""
        for wait in list(self.waits):
            if not wait.future.done():
                wait.future.set_exception(Parked())

    def stay(self) -> None:
        """A branch got what it waited for: patience begins anew."""
        self.patient_until = None

    def tell(self) -> None:
        """Let the last word of progress go with the next flush."""
        if self.word is not None:
            self.told_at = time.monotonic()
            self.host.tell(self.run_id, *self.word)
            self.word = None

    def forget(self, path: str) -> None:
        """Steps below a path need not be reached: an error beside them cut their branches short."""
        if self.recorded:
            self.recorded = {key: step for key, step in self.recorded.items() if not key.startswith(path)}

    def failed_by_itself(self, error: BaseException) -> bool:
        """Whether code of this run ended so by itself: not cancelled by others, nor on its way out of memory."""
        if isinstance(error, asyncio.CancelledError):
            task = asyncio.current_task(self.host.loop)
            return not self.parking and task is not None and not task.cancelling()
        return not isinstance(error, Parked | GeneratorExit)


class Branch:
    """A line of steps, one after the other, with its own numbers; `gather` and `map_steps` open further ones."""

    __slots__ = ("counts", "path", "run", "step_key", "task")

    def __init__(self, run: Run, path: str = "") -> None:
        self.run = run
        self.path = path
        self.counts: dict[str, int] = {}
        self.step_key: str | None = None
        self.task: asyncio.Task[Any] | None = None

    def next_key(self, name: str) -> str:
        """`path/name#n`: the n-th use of a name in this branch.

        Raises:
            StepInStep: the branch is inside a step; after that is recorded, nobody would come here again.
        """
        if self.step_key is not None:
            raise StepInStep(
                f"expected {name} to be called by a workflow, got a call inside step {self.step_key}; call it from the "
                f"workflow, or call {name}.function(…) if it need not be recorded"
            )
        number = self.counts.get(name, 0) + 1
        self.counts[name] = number
        return f"{self.path}{name}#{number}"


current_branch: ContextVar[Branch | None] = ContextVar("serdab_branch", default=None)


def branch_of(what: str) -> Branch:
    """The branch of the running task.

    Raises:
        NotInRun: there is no run around this code.
        OutsideBranch: the task was started by something else than `gather` or `map_steps`.
    """
    branch = current_branch.get()
    if branch is None:
        raise NotInRun(f"expected {what} to be called inside a workflow; in a test call {what}.function(…)")
    # With its loop given, CPython 3.11 does not ask the kernel for the process id.
    if branch.task is not asyncio.current_task(branch.run.host.loop):
        raise OutsideBranch(f"expected {what} to be awaited in its run's own task; use serdab.flow.gather or map_steps")
    return branch
