"""What can go wrong with runs and steps.

SerdabError
├── BadInput
│   ├── NotRegistered       no worker has ever known a workflow of this name
│   ├── DuplicateName       two functions want one name
│   ├── BadDefinition       a step or workflow is declared in a way that cannot work
│   ├── KeyTaken            the idempotency key belongs to a run with another input
│   └── UnknownRun          there is no such run
├── Unavailable
│   └── CannotCommit        work cannot be taken now: the database takes no writes, or the worker is fenced
├── NotInRun                a durable function was called outside of a run
├── OutsideBranch           a step was started in a task that the engine does not know
├── StepInStep              a step was called inside another one
├── StepFailed              a step failed for good
│   └── StepTimedOut        … because its time was over
├── StepChanged             a recorded step is called with another input than recorded
├── CodeChanged             the code no longer reaches a step that is recorded
├── RunTimedOut             the time of the whole run was over
└── RunFailed               asked for its result, a run had none
    ├── RunCancelled
    └── RunDead             it killed its worker again and again
"""

from __future__ import annotations

import traceback
from typing import Any

import msgspec

from serdab.core import BadInput, SerdabError, Unavailable, without_passwords


class NotRegistered(BadInput):
    """No worker knows a workflow of this name."""

    code = "not_registered"


class DuplicateName(BadInput):
    """Two functions want one name."""

    code = "duplicate_name"


class BadDefinition(BadInput):
    """A step or a workflow is declared in a way that cannot work."""

    code = "bad_definition"


class KeyTaken(BadInput):
    """The idempotency key belongs to a run with another input."""

    code = "key_taken"


class UnknownRun(BadInput):
    """There is no run with this id."""

    code = "unknown_run"


class CannotCommit(Unavailable):
    """Work cannot be taken now: the database is away or takes no writes, or the worker was taken for dead."""

    code = "cannot_commit"


class NotInRun(SerdabError):
    """A durable function was called outside of a run."""

    code = "not_in_run"


class OutsideBranch(SerdabError):
    """A step was started in a task of its own; use gather or map_steps, which keep the numbers of steps stable."""

    code = "outside_branch"


class StepInStep(SerdabError):
    """A step, or something else that is recorded, was called inside a step; only workflows may call them."""

    code = "step_in_step"
    retryable = False


class StepFailed(SerdabError):
    """A step failed for good; `facts` has its kind, message and traceback."""

    code = "step_failed"


class StepTimedOut(StepFailed):
    """A step took longer than its timeout allows."""

    code = "step_timed_out"


class StepChanged(SerdabError):
    """A recorded step is called with another input than the recorded one: the code or its data changed."""

    code = "step_changed"
    retryable = False


class CodeChanged(SerdabError):
    """The code no longer reaches a step that is recorded for this run."""

    code = "code_changed"
    retryable = False


class RunTimedOut(SerdabError):
    """The run took longer than its timeout allows."""

    code = "run_timed_out"


class RunFailed(SerdabError):
    """The run has no result: it failed; `facts` has the kind, message and traceback of what ended it."""

    code = "run_failed"


class RunCancelled(RunFailed):
    """The run has no result: it was cancelled."""

    code = "run_cancelled"


class RunDead(RunFailed):
    """The run has no result: it killed its worker again and again, even when it ran alone."""

    code = "run_dead"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An error as it is recorded."""

    kind: str
    message: str
    traceback: str = ""

    def encode(self) -> bytes:
        """As JSON, safe for any text."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> Failure:
        """Back from `encode`."""
        return msgspec.json.decode(data, type=cls)

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """What a reader needs of an exception: its class, its words and the user's own lines of the traceback.

        Errors of libraries quote URLs with all that is in them, and a failure is shown in lists, logs and reports.
        """
        ours = isinstance(error, SerdabError)
        if ours and isinstance(known := getattr(error, "failure", None), Failure):
            return known
        kind = (ours and getattr(error, "kind", None)) or type(error).__name__
        text = (ours and getattr(error, "traceback", None)) or "".join(_own_lines(error))
        return cls(kind=clean(str(kind)), message=clean(_words(error))[:4000], traceback=clean(str(text))[-16_000:])


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as second:  # noqa: BLE001 - the text of a user's exception may fail in any way; said instead
        return f"<the text of this {type(error).__name__} fails: {type(second).__name__}>"


def _own_lines(error: BaseException) -> list[str]:
    summary = traceback.TracebackException.from_exception(error, compact=True)
    frames = [frame for frame in summary.stack if "/serdab/flow/" not in frame.filename]
    summary.stack = traceback.StackSummary.from_list(frames)
    return list(summary.format())


def clean(text: str) -> str:
    """A text as JSON and PostgreSQL can hold it, without lone surrogates and NUL, and as it may be shown."""
    return without_passwords(text).encode("utf-8", "replace").decode("utf-8").replace("\0", "�")


def failed_step(key: str, failure: Failure, cause: BaseException | None = None) -> StepFailed:
    """The error that a step raises, the same at its first execution and at every replay."""
    kind = StepTimedOut if failure.kind == StepTimedOut.__name__ else StepFailed
    facts: dict[str, Any] = {"step": key, "kind": failure.kind, "message": failure.message}
    error = kind(f"step {key} failed: {failure.kind}: {failure.message}", **facts)
    error.failure = failure  # type: ignore[attr-defined]
    error.__cause__ = cause
    return error
