"""A model's shape from its `config.json`, as Hugging Face's libraries write it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from serdab.core import expected
from serdab.models.errors import BadModelFile, UnknownShape
from serdab.models.headers.fields import Fields
from serdab.models.headers.layer_kinds import ENCODERS, layer_kinds
from serdab.models.headers.states import state_bytes
from serdab.models.headers.tensors import Counted
from serdab.plan import Experts, Kind, Layers, Shape

#: Kinds that use one tensor for input and output when the configuration does not say.
_TIED_BY_DEFAULT = {
    "gemma",
    "gemma2",
    "gemma3",
    "gemma3_text",
    "gemma3n_text",
    "cohere",
    "cohere2",
    "gpt2",
    "opt",
    "bloom",
}


def read_config(data: bytes) -> dict[str, Any]:
    """The object in a `config.json`.

    Raises:
        BadModelFile: it is none.
    """
    try:
        config = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadModelFile(expected("config.json", "JSON", str(error))) from error
    if not isinstance(config, dict):
        raise BadModelFile(expected("config.json", "an object", type(config).__name__))
    return config


def text_fields(config: dict[str, Any]) -> Fields:
    """The fields of the part that makes text; a model that also sees has it in `text_config`."""
    inner = next((config[each] for each in ("text_config", "llm_config", "language_config") if each in config), None)
    values = {**config, **inner} if isinstance(inner, dict) else config
    kind = values.get("model_type")
    return Fields(values, kind if isinstance(kind, str) else "model of an unnamed kind")


def shape_of_config(config: dict[str, Any], name: str, counted: Counted | None, kind: Kind | None = None) -> Shape:
    """The shape of a model.

    Args:
        config: its `config.json`.
        name: as it is called.
        counted: what its tensors say together; None: they were not read, and the sizes of experts are reckoned.
        kind: when something else than the configuration says it.

    Raises:
        UnknownShape: a field that memory depends on is missing or absurd; the message names it.
    """
    fields = text_fields(config)
    count = fields.needed("num_hidden_layers")
    hidden = fields.needed("hidden_size")
    kinds = layer_kinds(fields, count)
    heads = (
        0
        if set(kinds) <= {"recurrent", "none"} and fields.kind not in ENCODERS
        else fields.needed("num_attention_heads")
    )
    layers = tuple(
        _layers(fields, each, number, hidden, heads) for each, number in sorted(Counter(kinds).items()) if number
    )
    experts = _experts(fields)
    parameters = counted.parameters if counted else 0
    return Shape(
        name=name,
        kind=kind or _kind(config, fields),
        parameters=parameters,
        active_parameters=_active(parameters, counted.expert_parameters if counted else 0, experts),
        hidden=hidden,
        heads=heads,
        vocabulary=fields.number("vocab_size") or 0,
        context_tokens=fields.number("max_position_embeddings") or 0,
        layers=layers,
        experts=experts,
        parts=counted.parts() if counted else (),
        tied_embeddings=_tied(fields, counted),
        assumed=tuple(fields.assumed),
    )


def _layers(fields: Fields, kind: str, count: int, hidden: int, heads: int) -> Layers:
    if kind == "none":
        return Layers(count=count, attention="none")
    if kind == "recurrent":
        return Layers(count=count, attention="recurrent", state_bytes=state_bytes(fields))
    if kind == "mla":
        if wide := fields.number("index_head_dim"):
            fields.assume(
                f"the index of its sparse attention is left out: {wide} numbers more for each token and layer"
            )
        return Layers(count=count, attention="mla", latent_dim=_latent(fields))
    kv_heads, head_dim = _key_values(fields, hidden, heads)
    if kind == "full" and (wide := fields.number("global_head_dim")):
        head_dim, kv_heads = wide, fields.number("num_global_key_value_heads") or kv_heads
    if kind == "sliding":
        window = fields.number("sliding_window") or fields.number("attention_chunk_size")
        window = window or fields.needed("sliding_window")
        return Layers(count=count, attention="sliding", kv_heads=kv_heads, head_dim=head_dim, window_tokens=window)
    state = state_bytes(fields) if kind == "parallel" else 0
    return Layers(
        count=count,
        attention="full",
        kv_heads=kv_heads,
        head_dim=head_dim,
        value_dim=fields.number("v_head_dim") or 0,
        state_bytes=state,
    )


def _latent(fields: Fields) -> int:
    """Numbers that latent attention keeps for each token."""
    if fields.number("kv_lora_rank") is None and fields.kind == "deepseek_v4":
        return fields.needed("head_dim")
    return fields.needed("kv_lora_rank") + fields.needed("qk_rope_head_dim")


def _key_values(fields: Fields, hidden: int, heads: int) -> tuple[int, int]:
    """Heads whose keys and values are kept, and the size of each."""
    kv_heads = fields.number("num_key_value_heads")
    if fields.flag("multi_query") and not fields.flag("new_decoder_architecture"):
        kv_heads = fields.number("multi_query_group_num") or 1
    if kv_heads is None:
        fields.assume(f"num_key_value_heads is not named: one for each of the {heads} heads")
    kv_heads = kv_heads or heads
    head_dim = fields.number("head_dim")
    if not head_dim:
        if heads > hidden:
            raise UnknownShape(expected(f"num_attention_heads of a {fields.kind}", f"at most {hidden:,}", heads))
        head_dim = hidden // heads
        if hidden % heads:
            fields.assume(f"head_dim is not named: {hidden} / {heads} rounded down")
    return kv_heads, head_dim


def _experts(fields: Fields) -> Experts | None:
    count = fields.number("num_experts") or 0
    if count <= 1:
        return None
    used = fields.needed("num_experts_per_tok")
    shared = fields.number("n_shared_experts")
    if shared is None:
        shared = 1 if fields.number("shared_expert_intermediate_size") else 0
    return Experts(count=count, used=min(used, count), shared=shared)


def reckoned_expert_parameters(config: dict[str, Any]) -> int:
    """Parameters of all routed experts by the fields of the configuration, each of three matrices."""
    fields = text_fields(config)
    experts, hidden, layers = _experts(fields), fields.number("hidden_size"), fields.number("num_hidden_layers")
    wide = fields.number("moe_intermediate_size")
    if experts is None or not (hidden and layers and wide):
        return 0
    dense = fields.number("first_k_dense_replace") or 0
    return max(layers - dense, 0) // (fields.number("decoder_sparse_step") or 1) * experts.count * 3 * hidden * wide


def _active(parameters: int, expert_parameters: int, experts: Experts | None) -> int:
    if experts is None:
        return parameters
    return parameters - expert_parameters * (experts.count - experts.used) // experts.count


def _tied(fields: Fields, counted: Counted | None) -> bool:
    if counted is not None and counted.has_embedding:
        return not counted.has_output
    said = fields.flag("tie_word_embeddings")
    return said if said is not None else fields.kind in _TIED_BY_DEFAULT


def _kind(config: dict[str, Any], fields: Fields) -> Kind:
    made = config.get("architectures")
    architecture = made[0] if isinstance(made, list) and made and isinstance(made[0], str) else ""
    if "ForSequenceClassification" in architecture:
        return "rerank"
    if fields.kind in ENCODERS:
        return "embedding"
    if "vision_config" in config or "visual" in config:
        return "vlm"
    if fields.kind != "chatglm" and architecture.endswith("Model") and not architecture.endswith("LMHeadModel"):
        return "embedding"
    return "llm"
