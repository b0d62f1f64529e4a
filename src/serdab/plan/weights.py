"""What the weights of a model weigh in a format, where no header was read."""

from __future__ import annotations

from serdab.plan.formats import MIXES, format_named, mix_of
from serdab.plan.shapes import Shape, Weights


def attention_parameters(shape: Shape) -> int:
    """Parameters of queries, keys, values and outputs of all layers: 2·h·(heads + kv heads)·d each."""
    kept = 0
    for each in shape.layers:
        if each.attention in ("full", "sliding") and each.head_dim:
            kept += each.count * 2 * shape.hidden * each.head_dim * (shape.heads + each.kv_heads)
    return kept


def expert_parameters(shape: Shape) -> int:
    """Parameters of the routed experts: (all - active) / (1 - used/count).

    At most what is neither vocabulary nor attention. Those that a token does not use are the share 1 - used/count of
    all routed ones.
    """
    if shape.experts is None or shape.experts.used >= shape.experts.count:
        return 0
    idle = 1.0 - shape.experts.used / shape.experts.count
    by_use = (shape.parameters - shape.active_parameters) / idle
    tables = shape.vocabulary * shape.hidden * (1 if shape.tied_embeddings else 2)
    return max(0, int(min(by_use, shape.parameters - tables - attention_parameters(shape))))


def feed_forward_of(shape: Shape) -> int:
    """Width of the feed-forward part: from the header, or worked out where the size is known closely enough; else 0."""
    if shape.feed_forward or shape.experts is not None or not shape.layers or shape.kind not in ("llm", "vlm"):
        return shape.feed_forward
    tables = shape.vocabulary * shape.hidden * (1 if shape.tied_embeddings else 2)
    rest = (shape.parameters - tables - attention_parameters(shape)) / max(1, 3 * shape.hidden * shape.depth)
    nearest = round(rest / 64) * 64
    return nearest if abs(rest - nearest) < 8 else 0


def _fallback_bits(shape: Shape, storage: str) -> float:
    """Bits that K-quants add to the average layer where the down-projection's width is no multiple of 256.

    Its blocks then fall back from Q4_K to Q5_0 and from Q6_K to Q8_0 (ggml-org/llama.cpp): Qwen2.5-72B has 5.22 bits.
    """
    added = {"Q4_K_M": 1.47, "Q4_K_S": 1.0, "Q5_K_M": 1.0, "Q6_K": 1.94, "Q3_K_M": 1.1}.get(storage, 0.0)
    width = feed_forward_of(shape)
    if not added or not width or width % 256 == 0:
        return 0.0
    tables = shape.vocabulary * shape.hidden * (1 if shape.tied_embeddings else 2)
    return added * shape.depth * shape.hidden * width / max(1, shape.parameters - tables)


def weights_of(shape: Shape, storage: str) -> Weights:
    """The weights of a shape in a format, by the bits of each role of tensor.

    Raises:
        BadPlan: the format is not known.
    """
    mix = mix_of(storage)
    table = min(shape.vocabulary * shape.hidden, shape.parameters // 2)
    experts = expert_parameters(shape)
    tied = shape.tied_embeddings
    layers = max(0, shape.parameters - experts - table * (1 if tied else 2))
    embedding = table * (mix.output if tied else mix.embedding)
    output = 0.0 if tied else table * mix.output
    of_experts = experts * (mix.experts or mix.layers)
    layers_bits = mix.layers + _fallback_bits(shape, format_named(storage)) * (layers > 0)
    bits = layers * layers_bits + embedding + output + of_experts
    return Weights(
        format=format_named(storage),
        bytes=int(bits / 8),
        embedding_bytes=int(embedding / 8),
        expert_bytes=int(of_experts / 8),
        exact=False,
    )


def bytes_read(shape: Shape, weights: Weights) -> float:
    """Bytes of weights that one new token reads: all but the input embedding, and of the experts those it uses."""
    dense = weights.bytes - weights.expert_bytes - (0 if shape.tied_embeddings else weights.embedding_bytes)
    if shape.experts is None:
        return float(max(dense, 0))
    share = shape.experts.used / shape.experts.count
    return max(dense, 0) + weights.expert_bytes * share


def bits_each(shape: Shape, weights: Weights) -> float:
    """Bits of one weight on average."""
    return 8.0 * weights.bytes / max(shape.parameters, 1)


def known_formats() -> tuple[str, ...]:
    """Names of all formats, the widest first."""
    return tuple(sorted(MIXES, key=lambda name: -MIXES[name].layers))
