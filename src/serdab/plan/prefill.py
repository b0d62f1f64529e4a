"""Reading a prompt: operations over the dense rate, of which an engine reaches a share that depends on its kernels.

t = (2·P·N + a·2·L·heads·d·N²)/(u·F) (field evidence §5.5), with a = 2: the kernels of attention reach half of what
those of matrices do. u falls where a batch of 512 tokens is too small for all the weights that it reads (mixtures of
experts, wide formats): by the ratio of their reading to their computing, both at the full rates of the device. F is the
rate of 16 bits, for quantised weights too: the share u then holds what an engine makes of integer units (0.77 to 1.05
of it on GeForce, 0.6 to 0.7 on Apple).
"""

from __future__ import annotations

import math

import msgspec

from serdab.plan.decoding import groups_of
from serdab.plan.devices import Device
from serdab.plan.shapes import Shape

FEATURES = ("constant", "prompt", "size", "reading")
#: What one operation of attention counts for, and tokens that are computed in one go (llama.cpp's `-ub`).
ATTENTION_COST, BATCH_TOKENS = 2.0, 512


class PrefillModel(msgspec.Struct, frozen=True, kw_only=True):
    """The logarithm of the share of the dense rate."""

    common: tuple[float, ...]
    #: By group: what it adds.
    differences: dict[str, float]

    def share(self, groups: tuple[str, ...], features: tuple[float, ...]) -> float:
        """The share of the dense rate of 16 bits, at most 2 (integer units are faster)."""
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


def prefill_features(device: Device, shape: Shape, weights_bytes: float, prompt_tokens: float) -> tuple[float, ...]:
    """What the logarithm of the share is linear in."""
    batch = max(1.0, min(prompt_tokens, BATCH_TOKENS))
    computing = 2.0 * shape.active_parameters * batch / dense_rate(device)
    return (
        1.0,
        math.log(max(prompt_tokens, 1.0) / 512),
        math.log(shape.active_parameters / 8e9),
        math.log1p(weights_bytes / device.bandwidth / computing),
    )


def prefill_groups(device: Device, engine: str) -> tuple[str, ...]:
    """Groups of devices for reading prompts: as for writing, and those with integer or 8-bit units."""
    extra = ("has int8",) if device.rates.get("int8", 0.0) > 3 * dense_rate(device) else ()
    return (*groups_of(device.kind, engine), *extra)
