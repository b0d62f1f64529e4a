from __future__ import annotations

import asyncio
import dataclasses
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serdab.core import SerdabError
from serdab.flow.retries import MOST_S, ONCE, Backoff, BadRetry, NonRetryable, Retry, asked_delay_s, is_retryable

seconds = st.floats(min_value=0, max_value=1e6)
draws = st.floats(min_value=0, max_value=1)


@given(seconds, st.floats(min_value=1, max_value=1e3), seconds, st.integers(1, 100_000), draws)
def test_a_delay_never_leaves_its_bounds(first: float, factor: float, more: float, attempt: int, draw: float) -> None:
    backoff = Backoff(first_s=first, factor=factor, most_s=first + more)
    delay = backoff.delay_s(attempt, draw)
    assert 0 <= delay <= backoff.most_s
    assert delay <= backoff.delay_s(attempt, 1.0) <= backoff.delay_s(attempt + 1, 1.0)


@given(draws)
def test_the_bound_doubles_until_it_meets_the_most(draw: float) -> None:
    backoff = Backoff(first_s=1, most_s=60)
    assert [backoff.delay_s(attempt, 1.0) for attempt in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert backoff.delay_s(3, draw) == pytest.approx(4 * draw)


def test_no_first_wait_means_no_wait_at_all() -> None:
    assert Backoff(first_s=0, factor=1e300, most_s=5).delay_s(10_000, 1.0) == 0


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Backoff(first_s=-1), "first_s"),
        (lambda: Backoff(first_s=float("nan")), "first_s"),
        (lambda: Backoff(factor=0.5), "factor"),
        (lambda: Backoff(most_s=float("inf")), "most_s"),
        (lambda: Backoff(first_s=10, most_s=5), "most_s"),
        (lambda: Backoff(most_s=1e12), "most_s"),
        (lambda: Backoff(first_s="1"), "first_s"),  # type: ignore[arg-type]
        (lambda: Retry(attempts=0), "attempts"),
        (lambda: Retry(attempts=True), "attempts"),
        (lambda: Retry(attempts=10**6), "attempts"),
        (lambda: Retry(backoff=3), "backoff"),  # type: ignore[arg-type]
        (lambda: Retry(never=ValueError), "never"),  # type: ignore[arg-type]
        (lambda: Retry(never=("ValueError",)), "never"),  # type: ignore[arg-type]
        (lambda: Backoff().delay_s(0, 0.5), "attempt"),
        (lambda: Backoff().delay_s(1, 1.5), "draw"),
    ],
)
def test_a_number_that_cannot_be_is_refused_by_name(make: Any, name: str) -> None:
    with pytest.raises(BadRetry, match=rf"expected .*{name} to be .*, got "):
        make()


def test_policies_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ONCE.attempts = 2  # type: ignore[misc]
    assert ONCE.attempts == 1


class _Final(ValueError):
    retryable = False


class _Remote(SerdabError):
    """A failure in another process."""

    code = "test_remote"
    kinds = ("some.package.Odd", "builtins.ValueError", "builtins.Exception")


@pytest.mark.parametrize(
    ("error", "retry", "answer"),
    [
        (ValueError("x"), Retry(), True),
        (ValueError("x"), Retry(never=(ValueError,)), False),
        (UnicodeError("x"), Retry(never=(ValueError,)), False),
        (KeyError("x"), Retry(never=(ValueError,)), True),
        (NonRetryable("x"), Retry(), False),
        (_Final("x"), Retry(), False),
        (asyncio.CancelledError(), Retry(), False),
        (SystemExit(1), Retry(), False),
        (ExceptionGroup("two", [ValueError("x"), KeyError("y")]), Retry(), True),
        (ExceptionGroup("two", [ValueError("x"), NonRetryable("y")]), Retry(), False),
        (_Remote("x"), Retry(), True),
        (_Remote("x"), Retry(never=(ValueError,)), False),
        (_Remote("x"), Retry(never=(KeyError,)), True),
    ],
)
def test_what_may_be_tried_again(error: BaseException, retry: Retry, answer: bool) -> None:
    assert is_retryable(error, retry) is answer


@pytest.mark.parametrize(
    ("asked", "delay_s"),
    [
        (2.5, 2.5),
        (3, 3),
        (0, 0),
        (-1, 0),
        (None, 0),
        ("7", 0),
        (float("nan"), 0),
        (float("inf"), MOST_S),
        (10**400, MOST_S),
    ],
)
def test_an_error_may_ask_for_a_pause_before_the_next_attempt(asked: object, delay_s: float) -> None:
    error = ConnectionError("busy")
    assert asked_delay_s(error) == 0
    error.retry_after_s = asked  # type: ignore[attr-defined]
    assert asked_delay_s(error) == delay_s


def test_a_non_retryable_error_survives_a_pickle() -> None:
    again = pickle.loads(pickle.dumps(NonRetryable("the account is closed", account=7)))  # noqa: S301
    assert (type(again), str(again), again.facts) == (NonRetryable, "the account is closed", {"account": 7})
