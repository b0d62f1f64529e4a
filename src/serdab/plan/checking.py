"""Numbers that make sense: what is zero, negative, endless or absurd is refused by its name."""

from __future__ import annotations

import math

from serdab.core import expected
from serdab.plan.bad_plan import BadPlan

#: Above it a number of tokens, users, cards or dollars is a slip of the hand.
MOST = {"context_tokens": 100_000_000, "users": 1_000_000, "cards": 10_000, "batch_tokens": 10_000_000}
#: For what has no entry above.
MOST_OF_ANYTHING = 1e15


def checked(name: str, value: float, *, least: float = 1.0, most: float | None = None) -> float:
    """The value, if it is one that a plan can be made with.

    Args:
        name: what it is, for the error.
        value: what was given.
        least: the smallest that makes sense.
        most: the largest; by its name where it is None.

    Raises:
        BadPlan: it is outside, or no number.
    """
    limit = MOST.get(name, MOST_OF_ANYTHING) if most is None else most
    if not math.isfinite(value) or not least <= value <= limit:
        raise BadPlan(expected(name, f"between {least:,g} and {limit:,g}", value, "check the number and its unit"))
    return value
