"""The wait for the first token, which is a queue and not a count of operations: a range, never one number.

The logarithm of the wait is linear in those of the parts of the queue (field evidence §5.5: 5 to 15 times the ideal
reading, and tens of seconds once the cache is full): the own prompt, the step it waits for, how much of each step is
the reading of others' prompts, the users, and how far their contexts exceed the memory. Engines differ in whom they
serve first, so each has its own slope by users and by prompt.
"""

from __future__ import annotations

import math

import msgspec

from serdab.plan.decoding import LAYER_S
from serdab.plan.figures import Range
from serdab.plan.serving import (
    Served,
    attention_operations,
    prompt_traffic_s,
    reading_s,
)
from serdab.plan.serving import (
    features_of as step_features_of,
)

FEATURES = (
    "one",
    "own prompt",
    "step",
    "others' prompts",
    "users",
    "users squared",
    "memory exceeded",
    "sglang",
    "sglang users",
    "sglang prompt",
    "trtllm",
    "trtllm users",
    "trtllm prompt",
    "experts",
    "cards",
)
#: Of the steps of dense models (`calibration.DENSE_STEPS`), rounded: the time over the ideal of computing, of the
#: traffic of activations, and of one layer.
COMPUTING, TRAFFIC, LAYER = 1.15, 65.0, 0.7
#: Seconds that each user adds to a step.
USER_S = 3e-5


def own_prompt_s(served: Served) -> float:
    """Seconds of reading the own prompt when nobody else is there."""
    cards = max(1.0, served.all_cards / served.data_parallel)
    flat = reading_s(served)
    attention = attention_operations(served) / (cards * (served.device.rates.get("fp16") or served.rate))
    weights = served.weight_bytes / (served.all_cards * served.device.bandwidth)
    layers = LAYER * LAYER_S * served.shape.depth
    return COMPUTING * (flat + attention) + TRAFFIC * prompt_traffic_s(served) + weights + layers


def features_of(served: Served) -> tuple[float, ...]:
    """What the logarithm of the wait is linear in."""
    own = own_prompt_s(served)
    weights, cache = step_features_of(served)[:2]
    step = weights + cache + LAYER * LAYER_S * served.shape.depth + USER_S * served.users
    sharing = served.users / served.data_parallel
    users, prompt = math.log(max(served.users, 1.0)), math.log(own)
    sglang, trtllm = float(served.engine == "sglang"), float(served.engine == "trtllm")
    return (
        1.0,
        prompt,
        math.log(step),
        math.log1p(sharing * own / (max(served.answer_tokens, 1.0) * step)),
        math.log(max(sharing, 1.0)),
        users**2 / 4,
        math.log(max(served.over_full, 1.0)),
        sglang,
        sglang * users,
        sglang * prompt,
        trtllm,
        trtllm * users,
        trtllm * prompt,
        float(served.shape.experts is not None),
        math.log(served.all_cards),
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
    excess = served.over_full
    if excess > 1:
        return f"memory: {served.users:,.0f} contexts are {excess:.1f} times what has room, the others stand in line"
    if served.users <= 1:
        return "nobody: one prompt is read at once"
    if served.engine in ("sglang",):
        return "all prompts of a wave, which are read before anything is written"
    return "prompts of others, which are read in turn with the writing"
