"""What a model is made of, as far as memory and speed depend on it."""

from __future__ import annotations

from typing import Literal

import msgspec

#: full: every token is kept (MHA, GQA, MQA by `kv_heads`); sliding: the last `window_tokens`; mla: one latent for each
#: token; recurrent: a state of fixed size; none: no attention at all.
Attention = Literal["full", "sliding", "mla", "recurrent", "none"]
Kind = Literal["llm", "vlm", "embedding", "rerank", "image", "speech"]


class Layers(msgspec.Struct, frozen=True, kw_only=True):
    """Equal layers, wherever in the model they stand."""

    count: int
    attention: Attention
    kv_heads: int = 0
    #: Of a key; and of a value where it differs (0: as a key).
    head_dim: int = 0
    value_dim: int = 0
    window_tokens: int = 0
    #: Numbers kept for each token by MLA: the latent and the part with positions.
    latent_dim: int = 0
    #: Bytes of the recurrent state of one sequence, for one layer.
    state_bytes: int = 0


class Experts(msgspec.Struct, frozen=True, kw_only=True):
    """A mixture of experts."""

    count: int
    #: Routed experts that one token uses.
    used: int
    shared: int = 0


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a model of several, like the text encoder of an image model."""

    name: str
    parameters: int


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """One model."""

    name: str
    kind: Kind
    #: All of them, and those that one token uses (equal in a dense model).
    parameters: int
    active_parameters: int
    hidden: int = 0
    heads: int = 0
    vocabulary: int = 0
    #: Width inside the feed-forward part of a dense layer (0: not known).
    feed_forward: int = 0
    #: The widest context that the model was made for, tokens.
    context_tokens: int = 0
    layers: tuple[Layers, ...] = ()
    experts: Experts | None = None
    parts: tuple[Part, ...] = ()
    #: Whether input and output embeddings are one tensor.
    tied_embeddings: bool = False
    #: What was taken for granted because no header said it, in words.
    assumed: tuple[str, ...] = ()

    @property
    def writes(self) -> bool:
        """Whether it writes text, token by token; others read a text or make a picture."""
        return self.kind in ("llm", "vlm")

    @property
    def depth(self) -> int:
        """Number of layers."""
        return sum(each.count for each in self.layers)


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """How the weights of a model are stored."""

    #: Like Q4_K_M, Q8_0, F16, BF16, FP8, NVFP4, AWQ-4, MXFP4.
    format: str
    #: Of all tensors together; exact where a header was read.
    bytes: int
    #: Of them the input embedding, of which a token reads one row.
    embedding_bytes: int = 0
    #: Of them the routed experts.
    expert_bytes: int = 0
    exact: bool = False
