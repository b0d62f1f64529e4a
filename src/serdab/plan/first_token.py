"""The wait for the first token, which is a queue and not a count of operations: a range, never one number.

The logarithm of the wait is linear in those of reading one prompt, of the users and of how far their contexts exceed
the memory (field evidence §5.5: 5 to 15 times the ideal reading, and tens of seconds once the cache is full).
"""

from __future__ import annotations

import math

import msgspec

from serdab.plan.figures import Range
from serdab.plan.kv import cache_bytes
from serdab.plan.serving import FILLED, Served, first_token_features

FEATURES = (
    "one",
    "reading",
    "users",
    "full",
    "excess",
    "answer",
    "sglang",
    "sglang users",
    "trtllm",
    "trtllm users",
    "cards",
    "users squared",
    "experts",
    "prompt",
    "low precision",
    "four bits",
    "parallel",
    "long prompt",
    "weights",
    "sglang prompt",
)


def excess_of(served: Served) -> float:
    """How many times the users exceed those whose whole context has room; 1 or less: nobody waits for memory."""
    one = cache_bytes(served.shape, served.prompt_tokens + served.answer_tokens)
    room = served.device.memory_bytes * served.all_cards * FILLED - served.weight_bytes
    return served.users * one / max(room, one) if one else 0.0


def features_of(served: Served) -> tuple[float, ...]:
    """What the logarithm of the wait is linear in."""
    one, _ = first_token_features(served)
    users = math.log(max(served.users, 1.0))
    excess = math.log(max(excess_of(served), 1.0))
    sglang, trtllm = float(served.engine == "sglang"), float(served.engine == "trtllm")
    return (
        1.0,
        math.log(one),
        users,
        float(excess > 0),
        excess,
        math.log(max(served.answer_tokens, 1.0)),
        sglang,
        sglang * users,
        trtllm,
        trtllm * users,
        math.log(served.all_cards),
        users**2 / 4,
        float(served.shape.experts is not None),
        math.log(served.prompt_tokens),
        float(served.precision != "bf16"),
        float(served.precision in ("fp4", "int4")),
        math.log(served.data_parallel),
        max(0.0, math.log(served.prompt_tokens / 4096)),
        math.log(served.weight_bytes / served.all_cards / served.device.bandwidth),
        sglang * math.log(served.prompt_tokens),
    )


class FirstTokenModel(msgspec.Struct, frozen=True, kw_only=True):
    """Coefficients of the wait and of how far it spreads."""

    wait: tuple[float, ...]
    #: Of the logarithm of the deviation.
    spread: tuple[float, ...]
    #: Deviations below and above that hold 80 of 100 cases.
    below: float
    above: float

    def range(self, served: Served) -> Range:
        """The wait in seconds."""
        features = features_of(served)
        middle = sum(a * b for a, b in zip(self.wait, features, strict=True))
        deviation = self.deviation(served)
        return Range(
            low=math.exp(middle - self.below * deviation),
            likely=math.exp(middle),
            high=math.exp(middle + self.above * deviation),
        )

    def deviation(self, served: Served) -> float:
        """How far the logarithm of the wait spreads for such a case."""
        features = features_of(served)
        return math.exp(max(-3.0, min(1.0, sum(a * b for a, b in zip(self.spread, features, strict=True)))))


def queue_named(served: Served) -> str:
    """What those who wait for the first token wait for."""
    excess = excess_of(served)
    if excess > 1:
        return f"memory: {served.users:,.0f} contexts are {excess:.1f} times what has room, the others stand in line"
    if served.users <= 1:
        return "nobody: one prompt is read at once"
    if served.engine in ("sglang",):
        return "all prompts of a wave, which are read before anything is written"
    return "prompts of others, which are read in turn with the writing"
