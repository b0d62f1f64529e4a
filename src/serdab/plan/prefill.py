"""Reading a prompt: a sum of computing and of reading the weights, at a share of the full rates of the device.

t = ((2·P·N + a·2·L·heads·d·N²)/F + W/B·N/b)/u (field evidence §5.5), with a = 2: the kernels of attention reach about
half of what those of matrices do, and less the more of them there is. Each batch of b tokens reads all weights, which
decides for mixtures of experts and wide formats on a narrow memory. F is the rate of 16 bits, for quantised weights
too: the share u then holds what an engine makes of integer units (0.77 to 1.05 of it on GeForce, 0.6 to 0.7 on Apple),
and no reading is shorter than at the whole bandwidth.
"""

from __future__ import annotations

import math

import msgspec

from serdab.plan.decoding import groups_of
from serdab.plan.devices import Device
from serdab.plan.shapes import Shape

FEATURES = ("constant", "prompt", "size", "attention")
#: What one operation of attention counts for.
ATTENTION_COST = 2.0
#: Tokens that are computed in one go unasked (llama.cpp's `-ub`), and by servers at least (vLLM's
#: `--max-num-batched-tokens`, SGLang's `--chunked-prefill-size`, TensorRT-LLM's `max_num_tokens`).
BATCH_TOKENS, SERVER_BATCH_TOKENS = 512, 2048


class PrefillModel(msgspec.Struct, frozen=True, kw_only=True):
    """The logarithm of the share of the full rates."""

    common: tuple[float, ...]
    #: By group: what it adds.
    differences: dict[str, float]

    def share(self, groups: tuple[str, ...], features: tuple[float, ...]) -> float:
        """The share of the full rates, that of 16 bits for computing; at most 2 (integer units are faster)."""
        value = sum(a * b for a, b in zip(self.common, features, strict=True))
        return math.exp(min(math.log(2.0), value + sum(self.differences.get(group, 0.0) for group in groups)))


def operations(shape: Shape, prompt_tokens: float, depth_tokens: float = 0.0) -> float:
    """Operations of reading a prompt behind a context of `depth_tokens`, those of attention by what they cost."""
    attention = sum(
        each.count
        * shape.heads
        * (each.head_dim or 128)
        * min(prompt_tokens + 2 * depth_tokens, 2 * (each.window_tokens or 10**9))
        for each in shape.layers
        if each.attention in ("full", "sliding", "mla")
    )
    return 2.0 * prompt_tokens * (shape.active_parameters + ATTENTION_COST * attention)


def dense_rate(device: Device) -> float:
    """Operations a second of 16 bits; twice the bandwidth's bytes where a processor has none of its own."""
    return (
        device.rates.get("fp16")
        or device.rates.get("bf16")
        or device.rates.get("fp32")
        or device.bandwidth * 10
        or 1e11
    )


def batch_of(engine: str) -> int:
    """Tokens that an engine computes in one go unasked."""
    return SERVER_BATCH_TOKENS if engine in ("vllm", "sglang", "trtllm") else BATCH_TOKENS


def passes_s(device: Device, weights_bytes: float, prompt_tokens: float, batch_tokens: float) -> float:
    """Seconds to read the weights at the full bandwidth, once for each batch of the prompt."""
    return weights_bytes / device.bandwidth * max(1.0, prompt_tokens / batch_tokens)


def prompt_s(computing_s: float, reading_s: float, share: float) -> float:
    """Seconds of a prompt from those at full rates: integer units exceed the rate of 16 bits, no reading its memory."""
    return computing_s / share + reading_s / min(share, 1.0)


def share_of(computing_s: float, reading_s: float, measured_s: float) -> float:
    """The share of the full rates at which a prompt of so many seconds was read."""
    share = (computing_s + reading_s) / measured_s
    return share if share <= 1 else computing_s / max(measured_s - reading_s, computing_s / 2)


def prefill_features(shape: Shape, prompt_tokens: float, depth_tokens: float = 0.0) -> tuple[float, ...]:
    """What the logarithm of the share is linear in."""
    matrices = 2.0 * prompt_tokens * shape.active_parameters
    return (
        1.0,
        math.log(max(prompt_tokens, 1.0) / 512),
        math.log(shape.active_parameters / 8e9),
        1.0 - matrices / operations(shape, prompt_tokens, depth_tokens),
    )


def prefill_groups(device: Device, engine: str) -> tuple[str, ...]:
    """Groups of devices for reading prompts: as for writing, and those with integer or 8-bit units."""
    extra = ("has int8",) if device.rates.get("int8", 0.0) > 3 * dense_rate(device) else ()
    return (*groups_of(device.kind, engine), *extra)
