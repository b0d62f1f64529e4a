"""Tensors as heads of files describe them, and what they say together: bytes, parameters, which part is what."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import msgspec

from serdab.plan import Part, Weights

_EMBEDDING = re.compile(
    r"(?:^|\.)(?:token_embd|embed_tokens|wte|word_embeddings|tok_embeddings|embed_in|backbone\.embeddings?)\.weight\Z"
)
_OUTPUT = re.compile(r"(?:^|\.)(?:lm_head|output|output_layer|embed_out)\.weight\Z")
_EXPERT = re.compile(r"(?:ffn_(?:gate|up|down|gate_up)_exps|\.experts?\.|\.local_experts\.)")
_VISION = re.compile(r"^(?:model\.)?(?:visual|vision_tower|vision_model|vision_encoder|vision_embedder|v\.)")
#: Names of what belongs to a quantised tensor and is no parameter itself.
_HELPERS = re.compile(
    r"(?:scales?|_scale_inv|_scale_2|input_scale|weight_scale|zeros|qzeros|g_idx|absmax|quant_map|nested_\w{1,40}"
    r"|quant_state\.\w{1,80}|_shape|_scale)\Z"
)


class Tensor(msgspec.Struct, frozen=True):
    """One tensor."""

    name: str
    #: Numbers that it has, as stored: packed formats have several parameters in each.
    elements: int
    bytes: int
    #: Like Q4_K, BF16, F8_E4M3.
    type: str


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What the tensors of a model say together."""

    parameters: int
    expert_parameters: int
    vision_parameters: int
    bytes: int
    embedding_bytes: int
    expert_bytes: int
    has_output: bool
    has_embedding: bool
    #: Bytes by type, the most first.
    types: dict[str, int]

    def weights(self, format_name: str) -> Weights:
        """As the planner takes them."""
        return Weights(
            format=format_name,
            bytes=self.bytes,
            embedding_bytes=self.embedding_bytes,
            expert_bytes=self.expert_bytes,
            exact=True,
        )

    def parts(self) -> tuple[Part, ...]:
        """Parts that a reader would ask for."""
        if not self.vision_parameters:
            return ()
        return (Part(name="vision", parameters=self.vision_parameters),)


def count(tensors: Iterable[Tensor], packing: int = 1) -> Counted:
    """Sum up.

    Args:
        tensors: of all files.
        packing: parameters in one byte of an integer tensor, where weights are packed into integers; 1: they are not.
    """
    parameters = expert_parameters = vision_parameters = total = embedding = expert = 0
    output = embedded = False
    types: Counter[str] = Counter()
    for tensor in tensors:
        stands_for = _stands_for(tensor, packing)
        total += tensor.bytes
        types[tensor.type] += tensor.bytes
        parameters += stands_for
        if _EXPERT.search(tensor.name):
            expert += tensor.bytes
            expert_parameters += stands_for
        elif _EMBEDDING.search(tensor.name):
            embedding += tensor.bytes
            embedded = True
        elif _VISION.match(tensor.name):
            vision_parameters += stands_for
        output = output or bool(_OUTPUT.search(tensor.name))
    return Counted(
        parameters=parameters,
        expert_parameters=expert_parameters,
        vision_parameters=vision_parameters,
        bytes=total,
        embedding_bytes=embedding,
        expert_bytes=expert,
        has_output=output,
        has_embedding=embedded,
        types=dict(types.most_common()),
    )


def _stands_for(tensor: Tensor, packing: int) -> int:
    if packing > 1:
        if _HELPERS.search(tensor.name):
            return 0
        if tensor.type in ("I8", "U8", "I32", "U32", "I64"):
            return tensor.bytes * packing
    elif tensor.name.endswith("_scale_inv"):
        return 0
    return tensor.elements
