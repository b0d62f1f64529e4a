"""Small durable things: the time, a random number, an id, a sleep, progress, and what a step may ask for."""

from __future__ import annotations

import hashlib
import random as stdlib_random
import time
import uuid as stdlib_uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from serdab.core import expected
from serdab.flow.branches import replayed, sleep_until
from serdab.flow.errors import BadDefinition, NotInRun, clean
from serdab.flow.payloads import Codec, codec_of
from serdab.flow.retries import MOST_S
from serdab.flow.running import Parked, branch_of, current_branch

T = TypeVar("T")

#: Least seconds between two recorded progress notes of one run; the last one always counts.
PROGRESS_EVERY_S = 1.0

_TIME = codec_of(datetime, "the result of now")
_NUMBER = codec_of(float, "the result of random")
_ID = codec_of(stdlib_uuid.UUID, "the result of uuid")
_DUE = codec_of(float, "the end of sleep")


async def _once(name: str, codec: Codec, make: Callable[[], T], digest: int = 0) -> T:
    """Make a value once; every replay gives the same one."""
    branch = branch_of(name)
    run = branch.run
    key = branch.next_key(name)
    if run.recorded is not None and key in run.recorded:
        value: T = await replayed(run, key, digest, codec)
        return value
    if run.parking:
        raise Parked
    if not run.host.may_step():
        await run.host.lease_restored()
    made = make()
    await run.host.record((run.run_id, key, digest, 0, 1, False, codec.encode(made)))
    return made


async def now() -> datetime:
    """The database's time, UTC, the same at every replay."""
    host = branch_of("now").run.host
    return await _once("now", _TIME, lambda: datetime.fromtimestamp(host.database_now(), UTC))


async def random() -> float:
    """A random number, 0 ≤ x < 1, the same at every replay."""
    return await _once("random", _NUMBER, stdlib_random.random)


async def uuid() -> stdlib_uuid.UUID:
    """A new id (version 4), the same at every replay."""
    return await _once("uuid", _ID, stdlib_uuid.uuid4)


async def sleep(duration: float | timedelta) -> None:
    """Sleep for seconds, minutes or months: crashes do not lengthen it, and long sleeps leave memory.

    Args:
        duration: seconds, or a timedelta.
    """
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else float(duration)
    if not 0 <= seconds <= MOST_S:
        raise BadDefinition(expected("the duration of sleep", f"from 0 to {MOST_S:,.0f} seconds", duration))
    run = branch_of("sleep").run
    due = await _once("sleep", _DUE, lambda: run.host.database_now() + seconds, int(seconds * 1_000_000))
    await sleep_until(run, due, "sleeps")


async def progress(fraction: float, message: str = "") -> None:
    """Tell how far this run is; the last word is kept with the run, at most one a second is written.

    Args:
        fraction: 0 to 1.
        message: a few words for people.
    """
    if not 0.0 <= fraction <= 1.0:
        raise BadDefinition(expected("fraction", "between 0 and 1", fraction))
    branch = current_branch.get()
    if branch is None:
        raise NotInRun("expected progress to be called inside a workflow")
    run = branch.run
    is_coming = run.word is not None
    run.word = float(fraction), clean(message)[:500]
    wait_s = run.told_at + PROGRESS_EVERY_S - time.monotonic()
    if wait_s <= 0 or fraction >= 1.0:
        run.tell()
    elif not is_coming:
        run.host.loop.call_later(wait_s, run.tell)


def idempotency_key() -> str:
    """A key for calls to the outside, the same for every attempt and every re-execution of this step.

    It is a digest of the run's id and the step's key (not of the attempt), so that the other side can make a call that
    is made twice count once.
    """
    branch = current_branch.get()
    if branch is None or branch.step_key is None:
        raise NotInRun("expected idempotency_key to be called inside a step of a run")
    text = f"{branch.run.run_id}/{branch.step_key}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def resource(kind: type[T]) -> T:
    """The object of this type that the composition root gave to the worker.

    Raises:
        NotInRun: called outside of a run.
        Unavailable: the worker has none.
    """
    branch = current_branch.get()
    if branch is None:
        raise NotInRun(f"expected resource({kind.__name__}) to be called inside a step of a run")
    return branch.run.host.resource(kind)


def current_run_id() -> stdlib_uuid.UUID:
    """The id of the run around this code."""
    branch = current_branch.get()
    if branch is None:
        raise NotInRun("expected current_run_id to be called inside a run")
    return branch.run.run_id


__all__: list[Any] = [
    "current_run_id", "idempotency_key", "now", "progress", "random", "resource", "sleep", "uuid",
]  # fmt: skip
