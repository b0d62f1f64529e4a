"""How many bits a weight takes in a format of storage, by the role of its tensor.

The mixes of llama.cpp keep the output matrix, and half of the down-projections and values, at more bits than the rest
(ggml-org/llama.cpp, `llama_tensor_get_type`); so a model with a large vocabulary weighs more than its name says.
"""

from __future__ import annotations

import re

import msgspec

from serdab.core import expected
from serdab.plan.bad_plan import BadPlan


class Mix(msgspec.Struct, frozen=True):
    """Bits of one weight by the role of its tensor."""

    #: In the layers, all tensors together.
    layers: float
    #: In the matrix that makes the logits.
    output: float
    #: In the input embedding.
    embedding: float
    #: In the routed experts; 0: as in the layers.
    experts: float = 0.0


#: By format. K-quants: 256 weights a block; the layers' figure is 4.5 + half of ffn_down and attn_v at 6.56 for Q4_K_M.
#: Q4_0_QAT: models that were trained for Q4_0 (Gemma) as ggml-org and unsloth convert them, the table of tokens at 8
#: bits (Google's own files: 16).
MIXES: dict[str, Mix] = {
    "F32": Mix(32.0, 32.0, 32.0),
    "F16": Mix(16.0, 16.0, 16.0),
    "BF16": Mix(16.0, 16.0, 16.0),
    "FP8": Mix(8.0, 16.0, 16.0),
    "INT8": Mix(8.0, 16.0, 16.0),
    "Q8_0": Mix(8.5, 8.5, 8.5),
    "Q8_K_XL": Mix(10.45, 16.0, 8.5, 8.6),
    "Q6_K": Mix(6.5625, 6.5625, 6.5625),
    "Q6_K_XL": Mix(7.3, 8.5, 8.5, 6.6),
    "Q5_K_XL": Mix(6.2, 8.5, 6.5625, 5.7),
    "Q5_K_M": Mix(5.65, 6.5625, 5.5),
    "Q5_K_S": Mix(5.5, 6.5625, 5.5),
    "Q5_0": Mix(5.5, 6.5625, 5.5),
    "Q4_K_L": Mix(4.83, 8.5, 8.5),
    "Q4_K_XL": Mix(4.83, 6.5625, 5.5, 4.7),
    "Q4_K_M": Mix(4.83, 6.5625, 4.5),
    "Q4_K_S": Mix(4.64, 6.5625, 4.5),
    "Q4_1": Mix(5.0, 6.5625, 5.0),
    "Q4_0": Mix(4.5, 6.5625, 4.5),
    "Q4_0_QAT": Mix(4.5, 8.5, 8.5),
    "IQ4_NL": Mix(4.5, 6.5625, 4.5),
    "IQ4_XS": Mix(4.3, 6.5625, 4.25),
    "Q3_K_XL": Mix(4.0, 6.5625, 5.5, 3.6),
    "Q3_K_L": Mix(4.2, 6.5625, 3.4375),
    "Q3_K_M": Mix(3.85, 6.5625, 3.4375),
    "Q3_K_S": Mix(3.4375, 6.5625, 3.4375, 3.25),
    "IQ3_M": Mix(3.6, 5.5, 3.4375),
    "IQ3_XS": Mix(3.25, 5.5, 3.4375),
    "IQ3_XXS": Mix(3.1, 5.5, 3.4375),
    "Q2_K_XL": Mix(3.1, 6.5625, 4.5, 2.8),
    "Q2_K": Mix(3.0, 6.5625, 2.625),
    "Q2_K_S": Mix(2.75, 6.5625, 2.625),
    "IQ2_M": Mix(2.7, 5.5, 2.625),
    "IQ2_XXS": Mix(2.1, 5.5, 2.625),
    "IQ1_M": Mix(1.85, 5.5, 2.625),
    "IQ1_S": Mix(1.64, 5.5, 2.625),
    "MXFP4": Mix(8.5, 8.5, 8.5, 4.25),
    "NVFP4": Mix(4.5, 16.0, 16.0),
    "FP4": Mix(4.5, 16.0, 16.0),
    "NF4": Mix(4.5, 16.0, 16.0),
    "INT4": Mix(4.25, 16.0, 16.0),
    "AWQ-4": Mix(4.25, 16.0, 16.0),
    "GPTQ-4": Mix(4.25, 16.0, 16.0),
}
#: Other spellings, by what is left of a name without spaces, dashes and dots.
ALIASES: dict[str, str] = {
    "FP16": "F16", "FP32": "F32", "BFLOAT16": "BF16", "HALF": "F16", "4BIT": "INT4", "8BIT": "Q8_0", "MLX4BIT": "INT4",
    "MLX8BIT": "Q8_0", "AWQ": "AWQ-4", "INT4AWQ": "AWQ-4", "AWQ4": "AWQ-4", "AWQINT4": "AWQ-4", "GPTQ": "GPTQ-4",
    "GPTQ4": "GPTQ-4", "GPTQINT4": "GPTQ-4", "FP8E4M3": "FP8", "FP8DYNAMIC": "FP8", "FP8BLOCK": "FP8", "W8A8": "INT8",
    "Q4": "Q4_K_M", "Q5": "Q5_K_M", "Q6": "Q6_K", "Q8": "Q8_0", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M", "Q3_K": "Q3_K_M",
    "AUTOROUND": "INT4", "W4A16": "INT4",
}  # fmt: skip
#: What unsloth and others write before or after a format: kinds of calibration, which change no size much.
_DECORATION = re.compile(r"^(?:UD|I1|QAT)[-_]|[-_](?:QAT|P|GGUF)$", re.ASCII)
#: Formats of 4 bits, which are all Q4_0 where the model was trained for it.
_TRAINED = frozenset({"Q4_0", "Q4_K_XL", "Q4_K_M"})


def format_named(name: str) -> str:
    """The format of the table that a spelling means, or "" where it means none."""
    upper = name.strip().upper().removesuffix("?")
    word = _DECORATION.sub("", _DECORATION.sub("", upper))
    if "QAT" in upper and word in _TRAINED:
        return "Q4_0_QAT"
    if word in MIXES:
        return word
    plain = word.replace("-", "").replace(" ", "").replace(".", "")
    if plain in ALIASES:
        return ALIASES[plain]
    return next((known for known in MIXES if known.replace("-", "").replace("_", "") == plain.replace("_", "")), "")


def mix_of(name: str) -> Mix:
    """The bits of a format.

    Raises:
        BadPlan: no such format.
    """
    known = format_named(name)
    if not known:
        from difflib import get_close_matches

        near = get_close_matches(name.upper(), MIXES, n=3, cutoff=0.3) or ["Q4_K_M", "Q8_0", "F16"]
        raise BadPlan(expected("the format of the weights", "a known one", name, f"nearest: {', '.join(near)}"))
    return MIXES[known]
