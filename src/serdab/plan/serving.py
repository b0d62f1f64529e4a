"""Many users at once: the time of one step, which is a sum and not the larger of two.

ITL = W/(g·B) + n·KV/(g·B) + n·(ISL/OSL)·2P/(g·F) + joining over cards + c·layers + s·n (field evidence §5.4): each
token that is written shares the cards with ISL/OSL tokens that are read. An engine that reads prompts before it writes
on (SGLang) shows half of that reading to those who wait for tokens, all of it to those who wait for the first one.
"""

from __future__ import annotations

import math

import msgspec

from serdab.plan.decoding import LAYER_S
from serdab.plan.devices import Device
from serdab.plan.kv import cache_bytes
from serdab.plan.shapes import Shape
from serdab.plan.weights import expert_parameters

DENSE_FEATURES = (
    "weights",
    "cache",
    "decode_compute",
    "prefill",
    "layers",
    "joined_layers",
    "joining",
    "users",
    "overlap",
)
EXPERT_FEATURES = (*DENSE_FEATURES, "many_cards", "prompts", "data_parallel")
#: The share of the reading of others' prompts that is seen between tokens, by engine.
SEEN_PREFILL = {"sglang": 0.5}
#: Bytes a second between cards of one board, and the share of memory that engines fill.
LINK = 4.5e11
FILLED = 0.9
#: An engine that admits by what is used now takes about this many times those whose whole answer has room.
ADMITTED = {"vllm": 1.5}
BITS = {"bf16": 16.0, "fp16": 16.0, "fp8": 8.0, "int8": 8.0, "fp4": 4.5, "nvfp4": 4.5, "mxfp4": 4.25, "int4": 4.25}
_RATES = {"bf16": "fp16", "fp16": "fp16", "fp8": "fp8", "int8": "int8", "fp4": "fp4", "nvfp4": "fp4", "mxfp4": "fp4"}


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A model that is served to users who come again as soon as they are answered."""

    device: Device
    shape: Shape
    #: Weights: bf16, fp8, fp4, int4…
    precision: str
    engine: str
    users: float
    prompt_tokens: float
    answer_tokens: float
    #: Cards that share each layer, and copies of the attention part beside each other (experts are spread over all).
    tensor_parallel: int = 1
    data_parallel: int = 1
    cards: int = 1

    @property
    def all_cards(self) -> int:
        """Cards that hold the experts."""
        return max(1, self.tensor_parallel if self.data_parallel == 1 else max(self.tensor_parallel, self.cards))

    @property
    def rate(self) -> float:
        """Operations a second of one card in this precision; of 16 bits where the card has no faster one."""
        rates = self.device.rates
        return rates.get(_RATES.get(self.precision, "fp16"), 0.0) or rates.get("fp16", 0.0) or 1e12

    @property
    def weight_bytes(self) -> float:
        """Bytes of all weights."""
        return self.shape.parameters * BITS.get(self.precision, 16.0) / 8

    @property
    def in_flight(self) -> float:
        """Users whose context has room at once."""
        one = cache_bytes(self.shape, self.prompt_tokens + self.answer_tokens)
        room = self.device.memory_bytes * self.all_cards * FILLED - self.weight_bytes
        fits = max(1.0, room / one) if one else self.users
        return min(self.users, fits * ADMITTED.get(self.engine, 1.0))


def _shared(served: Served, users: float) -> tuple[float, float, float, float]:
    """(seconds of reading the cache, of computing one step, of reading prompts as seen, prompts' tokens a step)."""
    shape, device = served.shape, served.device
    ratio = served.prompt_tokens / max(served.answer_tokens, 1.0)
    cards = served.all_cards
    latent = any(each.attention == "mla" for each in shape.layers)
    holders = served.data_parallel if latent and shape.experts is not None else cards
    kept = cache_bytes(shape, served.prompt_tokens + served.answer_tokens / 2)
    cache = users * kept / (holders * device.bandwidth)
    compute = users * 2 * shape.active_parameters / (cards * served.rate)
    seen = SEEN_PREFILL.get(served.engine, 1.0)
    others = (users - 1) / users if users > 1 else 0.0
    return cache, compute, compute * ratio * seen * others, ratio * (seen if shape.experts is not None else 1.0)


def features_of(served: Served) -> tuple[float, ...]:
    """By what each coefficient is multiplied, in seconds; more of them for a mixture of experts."""
    shape, cards = served.shape, served.all_cards
    dense = shape.experts is None
    users = served.in_flight if dense else served.users
    cache, compute, prefill, ratio = _shared(served, users)
    layers = shape.depth * LAYER_S
    seen = SEEN_PREFILL.get(served.engine, 1.0)
    if dense:
        weights = served.weight_bytes / (cards * served.device.bandwidth)
        joined = users * (1 + ratio) * shape.hidden * 4 * shape.depth * (cards - 1) / cards / LINK * seen
        return (
            weights,
            cache,
            compute,
            prefill,
            layers,
            layers * (cards > 1),
            joined,
            users * LAYER_S,
            math.sqrt(weights * prefill),
        )
    experts = expert_parameters(shape) or int(shape.parameters * 0.95)
    share = shape.experts.used / shape.experts.count if shape.experts else 1.0
    touched = 1 - (1 - share) ** max(users, 1.0)
    each = BITS.get(served.precision, 16.0) / 8
    rest_cards = served.tensor_parallel if served.data_parallel == 1 else max(1.0, cards / served.data_parallel)
    rest = max(shape.parameters - experts, 0) / rest_cards
    weights = each * (rest + experts * touched / cards) / served.device.bandwidth
    joined = users * (1 + ratio) * shape.hidden * 4 * shape.depth / cards * math.log2(cards + 1) / LINK
    return (
        weights,
        cache,
        compute,
        prefill,
        layers,
        layers * (cards > 1),
        joined,
        users / served.data_parallel * LAYER_S,
        math.sqrt(weights * prefill),
        layers * (cards > 8),
        users * ratio * 1e-5 / served.data_parallel,
        layers * (served.data_parallel > 1),
    )


def floor_s(served: Served) -> float:
    """The shortest step that is possible where every prompt is read: what is below was not measured under this load."""
    weights, _, compute, prefill = features_of(served)[:4]
    return max(weights, compute) + prefill


def first_token_features(served: Served) -> tuple[float, float]:
    """(seconds to read one prompt, seconds to read the prompts of all users) at the full rate."""
    one = served.prompt_tokens * 2 * served.shape.active_parameters / (served.all_cards * served.rate)
    return one, one * served.users
