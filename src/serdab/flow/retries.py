"""When a failed step is tried again, and how long it waits before that.

SerdabError
├── NonRetryable        the author of a step says: trying again cannot help
└── BadInput
    └── BadRetry        a `Retry` or `Backoff` with a number that it cannot have
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from serdab.core import BadInput, SerdabError, expected

#: The longest that anything waits or may take, seconds: three centuries, which every clock can name.
MOST_S = 1e10
#: Most attempts that a policy may ask for: beyond it somebody meant "for ever", which no policy can mean.
MOST_ATTEMPTS = 10_000


class NonRetryable(SerdabError):
    """This step cannot succeed by being tried again."""

    code = "non_retryable"
    #: Any exception class may carry this attribute; `False` ends the step at once.
    retryable: ClassVar[bool] = False


class BadRetry(BadInput):
    """A policy of retries has a number that it cannot have."""

    code = "bad_retry"


def _number(name: str, value: object, *, least: float, unit: str) -> None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= least
    if not good:
        raise BadRetry(expected(name, f"a finite number ≥ {least:g}{f' ({unit})' if unit else ''}", value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Exponential waiting with full jitter between the attempts of one step."""

    #: Most seconds to wait before the second attempt.
    first_s: float = 1.0
    #: By how much that most grows with each further attempt.
    factor: float = 2.0
    #: What it never grows beyond, in seconds.
    most_s: float = 60.0

    def __post_init__(self) -> None:
        _number("Backoff.first_s", self.first_s, least=0.0, unit="seconds")
        _number("Backoff.factor", self.factor, least=1.0, unit="")
        _number("Backoff.most_s", self.most_s, least=self.first_s, unit="seconds, not less than first_s")
        if self.most_s > MOST_S:
            raise BadRetry(expected("Backoff.most_s", f"at most {MOST_S:,.0f} seconds", self.most_s))

    def delay_s(self, attempt: int, draw: float) -> float:
        """Seconds to wait after a failed attempt: evenly drawn between 0 and the exponential bound ("full jitter").

        Full jitter needs the least work and the least time of the variants compared by Marc Brooker in
        "Exponential Backoff And Jitter", AWS Architecture Blog, 2015; plain exponential waiting keeps clients in step.

        Args:
            attempt: number of the attempt that failed, the first is 1.
            draw: a random number, 0 ≤ draw ≤ 1; the caller draws it so that the same draw gives the same delay.

        Raises:
            BadRetry: there is no such attempt or draw.
        """
        if attempt < 1:
            raise BadRetry(expected("attempt", "1 or more", attempt))
        if not 0.0 <= draw <= 1.0:
            raise BadRetry(expected("draw", "between 0 and 1", draw))
        try:
            bound = min(self.most_s, self.first_s * self.factor ** (attempt - 1))
        except OverflowError:
            bound = self.most_s if self.first_s else 0.0
        return draw * bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often a step is tried and which of its errors end it at once."""

    #: Attempts in all, the first one counted.
    attempts: int = 3
    backoff: Backoff = Backoff()
    #: Exceptions, subclasses included, after which no further attempt is made.
    never: tuple[type[BaseException], ...] = ()

    def __post_init__(self) -> None:
        if type(self.attempts) is not int or not 1 <= self.attempts <= MOST_ATTEMPTS:
            raise BadRetry(expected("Retry.attempts", f"a whole number from 1 to {MOST_ATTEMPTS:,}", self.attempts))
        if not isinstance(self.backoff, Backoff):
            raise BadRetry(expected("Retry.backoff", "a Backoff", self.backoff, "write backoff=Backoff(first_s=1)"))
        if not isinstance(self.never, tuple) or not all(_is_error(kind) for kind in self.never):
            raise BadRetry(
                expected("Retry.never", "a tuple of exception classes", self.never, "write never=(ValueError,)")
            )


#: No second attempt.
ONCE = Retry(attempts=1)


def is_retryable(error: BaseException, retry: Retry) -> bool:
    """Whether a policy allows another attempt after this error, the number of attempts aside.

    No for what is not an `Exception` (cancellation, `SystemExit`), for classes and instances that carry
    `retryable = False`, and for `retry.never`. An exception group is worth retrying only if all its members are.
    An error from another process tells the names of its classes in an attribute `kinds` ("module.Name").
    """
    if isinstance(error, BaseExceptionGroup):
        return all(is_retryable(member, retry) for member in error.exceptions)
    if not isinstance(error, Exception) or getattr(error, "retryable", True) is False:
        return False
    if isinstance(error, retry.never):
        return False
    kinds = getattr(error, "kinds", ())
    return not kinds or not any(f"{kind.__module__}.{kind.__qualname__}" in kinds for kind in retry.never)


def asked_delay_s(error: BaseException) -> float:
    """Seconds that an error asks to wait beside the backoff: its attribute `retry_after_s`; 0: it asks for nothing.

    Errors from another process bring no such attribute.
    """
    asked = getattr(error, "retry_after_s", 0.0)
    return min(max(0.0, asked), MOST_S) if isinstance(asked, int | float) else 0.0


def _is_error(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException)
