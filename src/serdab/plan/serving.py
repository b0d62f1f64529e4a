"""Many users at once: the time of one step, which is a sum and not the larger of two.

ITL = W/(g·B) + n·KV/(g·B) + n·(1 + ISL/OSL)·2P/(g·F) + n·(ISL/OSL)·traffic/B + c·layers + s·n (field evidence §5.4):
each token that is written shares the cards with ISL/OSL tokens that are read. An engine that reads prompts before it
writes on (SGLang) shows half of that reading to those who wait for tokens, all of it to those who wait for the first.

The traffic is that of the activations of prompts (norms, residuals, quantising, joining): every card that shares a
layer holds the whole of them, so more cards make it no shorter. That is what is lost by tensor parallel reading.
"""

from __future__ import annotations

import math

import msgspec

from serdab.plan.decoding import LAYER_S
from serdab.plan.devices import Device
from serdab.plan.kv import cache_bytes, kept_tokens, kv_type
from serdab.plan.shapes import Shape
from serdab.plan.weights import expert_parameters

DENSE_FEATURES = ("weights", "cache", "computation", "layers", "users", "traffic")
#: What no fit goes below: nothing reads faster than its memory or computes faster than its units, and the activations
#: of a layer pass 12 times (its two halves each read and write the residual, the norm and what is joined). Weights
#: may: a part of their reading is hidden behind the computing of prompts.
DENSE_LEAST = (0.0, 1.0, 1.0, 0.0, 0.0, 12.0)
EXPERT_FEATURES = (
    "weights",
    "cache",
    "decode_compute",
    "prefill",
    "layers",
    "joined_layers",
    "joining",
    "users",
    "overlap",
    "many_cards",
    "prompts",
    "data_parallel",
)
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
    #: Type of kept keys and values; "": as the engine does unasked.
    cache: str = ""

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
    def kept(self) -> str:
        """Type of kept keys and values: unasked, TensorRT-LLM keeps 8 bits for weights of 8 bits and fewer.

        NVIDIA's checkpoints of FP8 and FP4 say so (`kv_cache_quant_algo`), and measured ones hold as many users.
        """
        if self.cache:
            return kv_type(self.cache)
        return "fp8" if self.engine == "trtllm" and BITS.get(self.precision, 16.0) <= 8 else "f16"

    @property
    def over_full(self) -> float:
        """How many times the contexts of all users exceed what has room; at most 1: all have room."""
        one = cache_bytes(self.shape, self.prompt_tokens + self.answer_tokens, kind=self.kept)
        room = self.device.memory_bytes * self.all_cards * FILLED - self.weight_bytes
        return self.users * one / max(room, one) if one else 0.0

    @property
    def in_flight(self) -> float:
        """Users whose context has room at once."""
        return self.users * min(1.0, ADMITTED.get(self.engine, 1.0) / max(self.over_full, 1e-9))


def attention_operations(served: Served) -> float:
    """Operations by which each token of one prompt sees those before it: 2·heads·d·N² over all layers that do."""
    shape, tokens = served.shape, served.prompt_tokens
    seeing = (each for each in shape.layers if each.attention in ("full", "sliding", "mla"))
    widths = sum(each.count * (each.head_dim or 128) * kept_tokens(each, tokens) for each in seeing)
    return 2.0 * shape.heads * widths * tokens


def prompt_traffic_s(served: Served) -> float:
    """Seconds in which the activations of one prompt pass through memory once; on every card the same."""
    return activations_s(served.device, served.shape, served.prompt_tokens)


def activations_s(device: Device, shape: Shape, tokens: float) -> float:
    """Seconds in which the activations of so many tokens pass through memory once, 2 bytes each."""
    return tokens * shape.hidden * 2.0 * shape.depth / device.bandwidth


def _cache_s(served: Served, users: float, holders: int) -> float:
    kept = cache_bytes(served.shape, served.prompt_tokens + served.answer_tokens / 2, kind=served.kept)
    return users * kept / (holders * served.device.bandwidth)


def _seen(served: Served, users: float) -> float:
    """Prompts of others that are read for each token that is written, as seen by those who wait for tokens."""
    others = (users - 1) / users if users > 1 else 0.0
    return users * others * SEEN_PREFILL.get(served.engine, 1.0) / max(served.answer_tokens, 1.0)


def features_of(served: Served) -> tuple[float, ...]:
    """By what each coefficient is multiplied, in seconds; others and more of them for a mixture of experts."""
    return _dense_features(served) if served.shape.experts is None else _expert_features(served)


def _dense_features(served: Served) -> tuple[float, ...]:
    shape, cards, users = served.shape, served.all_cards, served.in_flight
    prompts = _seen(served, users)
    token = 2.0 * shape.active_parameters / (cards * served.rate)
    attention = attention_operations(served) / (cards * (served.device.rates.get("fp16") or served.rate))
    return (
        served.weight_bytes / (cards * served.device.bandwidth),
        _cache_s(served, users, cards),
        (users + prompts * served.prompt_tokens) * token + prompts * attention,
        shape.depth * LAYER_S,
        users * LAYER_S,
        prompts * prompt_traffic_s(served),
    )


def _expert_features(served: Served) -> tuple[float, ...]:
    shape, cards, users = served.shape, served.all_cards, served.users
    latent = any(each.attention == "mla" for each in shape.layers)
    cache = _cache_s(served, users, served.data_parallel if latent else cards)
    compute = users * 2 * shape.active_parameters / (cards * served.rate)
    prefill = 2.0 * shape.active_parameters / (cards * served.rate) * served.prompt_tokens * _seen(served, users)
    ratio = served.prompt_tokens / max(served.answer_tokens, 1.0) * SEEN_PREFILL.get(served.engine, 1.0)
    layers = shape.depth * LAYER_S
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


def roofline_s(served: Served, share: float = 1.0) -> float:
    """The step of the plain roofline: the longer of reading at a share of the bandwidth and of computing its tokens."""
    weights, cache = features_of(served)[:2]
    users = served.in_flight if served.shape.experts is None else served.users
    return max((weights + cache) / share, users * 2 * served.shape.active_parameters / (served.all_cards * served.rate))


def floor_s(served: Served) -> float:
    """The shortest step of a dense model where every prompt is read: what is below was not measured under this load.

    One kernel runs after the other: the matrices read their weights while they compute, then attention reads the cache.
    """
    weights, cache, computation = features_of(served)[:3]
    return max(weights, computation) + cache


def reading_s(served: Served) -> float:
    """Seconds to read one prompt at the full rate of all cards."""
    return served.prompt_tokens * 2 * served.shape.active_parameters / (served.all_cards * served.rate)
