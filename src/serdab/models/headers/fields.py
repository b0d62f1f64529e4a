"""Fields of a configuration under their many names; what is missing is said by its name, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serdab.core import expected
from serdab.models.errors import UnknownShape

#: Largest number that a field may have.
MOST = 1 << 40

#: The usual name of a field → the names that models give it.
NAMES: dict[str, tuple[str, ...]] = {
    "num_hidden_layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "hidden_size": ("hidden_size", "n_embd", "d_model", "dim", "model_dim"),
    "num_attention_heads": ("num_attention_heads", "n_head", "n_heads", "num_heads"),
    "num_key_value_heads": ("num_key_value_heads", "num_kv_heads", "multi_query_group_num", "n_head_kv", "n_kv_heads"),
    "head_dim": ("head_dim", "kv_channels", "attention_head_dim"),
    "vocab_size": ("vocab_size", "padded_vocab_size"),
    "max_position_embeddings": ("max_position_embeddings", "seq_length", "n_positions", "max_seq_len", "n_ctx"),
    "num_experts": ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"),
    "num_experts_per_tok": ("num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_topk",
                            "moe_top_k", "top_k_experts"),
    "n_shared_experts": ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts"),
    "moe_intermediate_size": ("moe_intermediate_size", "intermediate_size", "ffn_hidden_size"),
}  # fmt: skip

#: What transformers takes when a configuration of a kind leaves a field out, as some published ones do.
DEFAULTS: dict[str, dict[str, int]] = {
    "gemma3_text": {
        "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "vocab_size": 262_208,
        "max_position_embeddings": 131_072, "sliding_window": 4096,
    },
    "gemma2": {"head_dim": 256, "sliding_window": 4096, "num_key_value_heads": 4, "num_attention_heads": 8},
    "gemma": {"head_dim": 256},
}  # fmt: skip


class Fields:
    """A configuration, and what had to be taken for granted while it was read."""

    def __init__(self, values: Mapping[str, Any], kind: str) -> None:
        self.values = values
        #: The kind of model that it says it is.
        self.kind = kind
        self.assumed: list[str] = []

    def number(self, name: str) -> int | None:
        """A field that may be missing.

        Raises:
            UnknownShape: it is there and no number of that size.
        """
        for each in NAMES.get(name, (name,)):
            value = self.values.get(each)
            if value is None or value == "auto":
                continue
            if isinstance(value, list) and value and all(one == value[0] for one in value):
                value = value[0]
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MOST:
                raise UnknownShape(expected(f"{each} of a {self.kind}", f"a whole number from 0 to {MOST:,}", value))
            return value
        default = DEFAULTS.get(self.kind, {}).get(name)
        if default is not None:
            self.assume(f"{name} is not named: {default:,}, as transformers takes for a {self.kind}")
        return default

    def needed(self, name: str) -> int:
        """A field without which nothing can be said.

        Raises:
            UnknownShape: it is missing, or 0.
        """
        value = self.number(name)
        if value is None:
            names = " or ".join(NAMES.get(name, (name,)))
            raise UnknownShape(expected(f"the configuration of a {self.kind}", f"one with {names}", "none of these"))
        if value == 0:
            raise UnknownShape(expected(f"{name} of a {self.kind}", "1 or more", value))
        return value

    def flag(self, name: str) -> bool | None:
        """A field that is true or false; None: it is missing."""
        value = self.values.get(name)
        return value if isinstance(value, bool) else None

    def assume(self, what: str) -> None:
        """Remember what was taken for granted."""
        if what not in self.assumed:
            self.assumed.append(what)
