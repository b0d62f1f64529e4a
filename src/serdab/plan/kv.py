"""What a sequence keeps while it is written: keys and values, latents, recurrent states.

Formulas: field evidence §5.1, checked against published values (Gemma-3, DeepSeek-V3.1, Qwen3.6, vLLM block counts).
Heads are never derived from the hidden size: they differ in Qwen3-32B, Mistral-Nemo and Gemma-3.
"""

from __future__ import annotations

from serdab.core import expected
from serdab.plan.bad_plan import BadPlan
from serdab.plan.checking import checked
from serdab.plan.figures import Term
from serdab.plan.shapes import Layers, Shape

#: Bytes of one kept number; blocks of 32 with their scale for the quantised ones.
KV_BYTES = {"f32": 4.0, "f16": 2.0, "bf16": 2.0, "fp8": 1.0, "int8": 1.0, "q8_0": 34 / 32, "q5_1": 24 / 32,
            "q5_0": 22 / 32, "q4_1": 20 / 32, "q4_0": 18 / 32, "int4": 0.5, "fp4": 0.5625}  # fmt: skip
_ALIASES = {"fp16": "f16", "half": "f16", "auto": "f16", "": "f16", "fp8_e4m3": "fp8", "fp8_e5m2": "fp8", "fp32": "f32"}


def kv_type(name: str) -> str:
    """The type of kept numbers that a spelling means.

    Raises:
        BadPlan: it means none.
    """
    word = name.strip().lower()
    word = _ALIASES.get(word, word)
    if word not in KV_BYTES:
        raise BadPlan(expected("the type of keys and values", f"one of {', '.join(KV_BYTES)}", name))
    return word


def bytes_per_token(each: Layers, number_bytes: float) -> float:
    """What one such layer keeps of one token: K and V of each kv head, or one latent."""
    if each.attention in ("full", "sliding"):
        return each.kv_heads * (each.head_dim + (each.value_dim or each.head_dim)) * number_bytes
    return each.latent_dim * number_bytes if each.attention == "mla" else 0.0


def kept_tokens(each: Layers, context_tokens: float, batch_tokens: float = 0.0) -> float:
    """How many tokens a layer keeps of a context: all of them, or a window and the batch that runs over it."""
    if each.attention == "sliding" and each.window_tokens:
        return min(context_tokens, each.window_tokens + batch_tokens)
    return context_tokens


def copies_of(each: Layers, sharing_cards: int) -> float:
    """How many times cards that share a layer keep its cache together: each keeps whole heads, and a latent entire."""
    if each.attention == "mla":
        return float(sharing_cards)
    return max(1.0, sharing_cards / each.kv_heads) if each.kv_heads else 1.0


def cache_terms(
    shape: Shape,
    context_tokens: float,
    sequences: float = 1,
    kind: str = "f16",
    batch_tokens: float = 0.0,
    sharing_cards: int = 1,
) -> tuple[Term, ...]:
    """What `sequences` of `context_tokens` keep, a line for each kind of layer, in bytes.

    Args:
        shape: the model.
        context_tokens: tokens of one sequence.
        sequences: how many at once.
        kind: type of the kept numbers.
        batch_tokens: tokens that are read in one go; sliding layers keep them beside their window (llama.cpp does).
        sharing_cards: cards that share each layer (tensor parallel).

    Raises:
        BadPlan: a number or type makes no sense.
    """
    checked("context_tokens", context_tokens)
    checked("users", sequences)
    number = KV_BYTES[kv_type(kind)]
    terms = []
    for each in shape.layers:
        if each.attention == "none":
            continue
        state = float(sequences * each.count * each.state_bytes)
        if each.state_bytes:
            why = f"{sequences:g} x {each.count} layers x {each.state_bytes:,} B"
            terms.append(Term(name="recurrent state", value=state, unit="B", why=why))
        kept = kept_tokens(each, context_tokens, batch_tokens)
        one = bytes_per_token(each, number)
        if one:
            name = {"full": "KV, full attention", "sliding": "KV, sliding window", "mla": "KV, latent"}.get(
                each.attention, "KV"
            )
            why = f"{sequences:g} x {kept:,.0f} tokens x {each.count} layers x {one:,.0f} B ({kv_type(kind)})"
            copies = copies_of(each, sharing_cards)
            why += f", {copies:g} times: {sharing_cards} cards share each layer" if copies > 1 else ""
            terms.append(Term(name=name, value=sequences * kept * each.count * one * copies, unit="B", why=why))
    return tuple(terms)


def cache_bytes(shape: Shape, context_tokens: float, sequences: float = 1, kind: str = "f16") -> float:
    """All that `sequences` keep, in bytes."""
    return sum(term.value for term in cache_terms(shape, context_tokens, sequences, kind))
