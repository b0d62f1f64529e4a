"""One token for one user: what a device reads and starts, and how long that takes.

t = W/(e_w·B) + KV/(e_kv·B) + c·layers + c_moe·layers + c_rec·layers: the bytes that are read at a share of the
bandwidth, and a time for each layer, in which nothing is read (starting kernels, joining their results). The
efficiency is no constant of a device: what looks like one is the time per layer of small models (field evidence §5.3).
"""

from __future__ import annotations

import msgspec

#: What the time of a token is made of; each has one coefficient.
FEATURES = (
    "weights",
    "cache",
    "layers",
    "expert_layers",
    "recurrent_layers",
    "expert_weights",
    "weights_flat",
    "cache_flat",
)
#: Coefficients of times that are shares of the bandwidth: never below 1, for nothing reads faster than its memory.
READS = frozenset({"weights", "cache"})
#: Seconds that one unit of a feature of counted layers stands for: coefficients near 1 make fits well-behaved.
LAYER_S = 1e-4
#: Bytes a second of which the flat features are shares: what a wider memory does not make faster, since one matrix is
#: too small to keep all of it busy.
FLAT = 1e12


class DecodeCase(msgspec.Struct, frozen=True, kw_only=True):
    """One token on one kind of machine."""

    #: Whose coefficients apply, the widest group first: kind of memory, class, engine, engine and class.
    groups: tuple[str, ...]
    #: Seconds to read the weights, and keys and values, at the full bandwidth.
    weights_s: float
    cache_s: float
    #: Bytes a second of the device.
    bandwidth: float
    layers: int
    #: Layers with a mixture of experts, and with a recurrent state.
    expert_layers: int = 0
    recurrent_layers: int = 0
    #: For measured ones.
    device: str = ""
    model: str = ""
    source: str = ""
    tokens_per_s: float = 0.0

    def features(self) -> tuple[float, ...]:
        """By what each coefficient is multiplied, in seconds."""
        return (
            self.weights_s,
            self.cache_s,
            self.layers * LAYER_S,
            self.expert_layers * LAYER_S,
            self.recurrent_layers * LAYER_S,
            self.weights_s if self.expert_layers else 0.0,
            self.weights_s * self.bandwidth / FLAT,
            self.cache_s * self.bandwidth / FLAT,
        )


class DecodeModel(msgspec.Struct, frozen=True, kw_only=True):
    """Coefficients: those of all, and by how much each group differs from them."""

    #: By feature.
    common: tuple[float, ...]
    #: By group, then by feature.
    differences: dict[str, tuple[float, ...]]

    def coefficients(self, groups: tuple[str, ...]) -> tuple[float, ...]:
        """The coefficients for a case: the sum of what its groups add, held to what is physical."""
        found = list(self.common)
        for group in groups:
            for place, value in enumerate(self.differences.get(group, ())):
                found[place] += value
        return tuple(max(value, 1.0 if name in READS else 0.0) for name, value in zip(FEATURES, found, strict=True))

    def seconds(self, case: DecodeCase) -> float:
        """The time of one token."""
        parts = zip(self.coefficients(case.groups), case.features(), strict=True)
        return sum(coefficient * feature for coefficient, feature in parts)


def groups_of(kind: str, engine: str) -> tuple[str, ...]:
    """The groups whose coefficients apply to a class of device under an engine."""
    memory = {
        "nvidia_gddr": "gddr",
        "amd_rdna": "gddr",
        "intel_arc": "gddr",
        "nvidia_hbm": "hbm",
        "amd_cdna": "hbm",
        "gaudi": "hbm",
        "tpu": "hbm",
    }.get(kind, "shared")
    maker = kind.split("_", 1)[0].replace("jetson", "nvidia")
    return (
        f"memory {memory}",
        f"maker {maker}",
        f"class {kind}",
        f"engine {engine}",
        f"{engine} on {maker}",
        f"{engine} on {kind}",
    )
