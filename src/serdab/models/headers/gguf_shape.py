"""A model's shape from the head of its GGUF files: layers by the tensors that each block has."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import msgspec

from serdab.core import expected
from serdab.models.errors import UnknownShape
from serdab.models.headers.gguf import GgufHead, Value
from serdab.models.headers.layer_kinds import MOST_LAYERS
from serdab.models.headers.states import mamba_state_bytes
from serdab.models.headers.tensors import Counted, Tensor
from serdab.plan import Experts, Kind, Layers, Shape

_BLOCK = re.compile(r"blk\.(\d{1,5})\.(.{1,200})")
#: Architectures whose every n-th block is full and whose others have a window, when no key says n: as llama.cpp has it.
_WINDOW_PERIODS = {
    "gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "llama4": 4, "exaone4": 4, "smallthinker": 4,
}  # fmt: skip
#: Architectures that name a window which no engine uses, or which all blocks have.
_WINDOW_NOWHERE = {"qwen2", "qwen2vl", "qwen3", "qwen3moe", "llama"}
_WINDOW_EVERYWHERE = {"phi3", "starcoder2"}
_ENCODERS = {"bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "modern-bert", "gemma-embedding",
             "neo-bert", "t5encoder", "eurobert"}  # fmt: skip
_CHUNK_OF_LLAMA4 = 8_192


class _Keys:
    """Keys of one architecture, and what was taken for granted."""

    def __init__(self, head: GgufHead) -> None:
        self.metadata = head.metadata
        self.left_out = head.left_out
        architecture = head.metadata.get("general.architecture")
        if not isinstance(architecture, str) or not architecture:
            raise UnknownShape(expected("the metadata of the GGUF", "one with general.architecture", "none"))
        self.architecture = architecture
        self.assumed: list[str] = []

    def get(self, name: str) -> Value | None:
        return self.metadata.get(f"{self.architecture}.{name}")

    def number(self, name: str, block: int | None = None) -> int | None:
        """A number, or that of one block where each has its own."""
        value = self.get(name)
        if isinstance(value, tuple):
            place = 0 if block is None else block
            value = value[place] if place < len(value) else None
        if value is None or isinstance(value, bool):
            return None
        if not isinstance(value, int) or not 0 <= value < 1 << 40:
            raise UnknownShape(expected(f"{self.architecture}.{name}", "a whole number from 0 to 2^40", value))
        return value

    def needed(self, name: str, block: int | None = None) -> int:
        value = self.number(name, block)
        if value is None:
            raise UnknownShape(expected("the metadata of the GGUF", f"one with {self.architecture}.{name}", "none"))
        return value


def shape_of_gguf(head: GgufHead, tensors: tuple[Tensor, ...], counted: Counted, name: str) -> Shape:
    """The shape of a model.

    Args:
        head: of its file, of the first one when there are several.
        tensors: of all its files.
        counted: what they say together.
        name: when the file does not say its own.

    Raises:
        UnknownShape: a key that memory depends on is missing or absurd; the message names it.
    """
    keys = _Keys(head)
    count = keys.needed("block_count")
    if not 1 <= count <= MOST_LAYERS:
        raise UnknownShape(expected(f"{keys.architecture}.block_count", f"from 1 to {MOST_LAYERS:,}", count))
    blocks = _blocks(tensors)
    extra = min(keys.number("nextn_predict_layers") or 0, count - 1)
    if extra:
        keys.assumed.append(f"the last {extra} blocks only guess tokens ahead and keep no cache")
    shared = keys.number("attention.shared_kv_layers") or 0
    layers = Counter(_layer(keys, block, blocks.get(block, set())) for block in range(max(count - extra - shared, 0)))
    if shared:  # They use what an earlier block keeps.
        layers[Layers(count=1, attention="none")] += min(shared, count - extra)
    experts = _experts(keys)
    idle = counted.expert_parameters * (experts.count - experts.used) // experts.count if experts else 0
    said = head.metadata.get("general.name")
    return Shape(
        name=said if isinstance(said, str) and said else name,
        kind=_kind(keys),
        parameters=counted.parameters,
        active_parameters=counted.parameters - idle,
        hidden=keys.needed("embedding_length"),
        heads=keys.number("attention.head_count") or 0,
        vocabulary=keys.number("vocab_size") or _tokens(head),
        context_tokens=keys.number("context_length") or 0,
        layers=tuple(_times(layer, number) for layer, number in sorted(layers.items(), key=lambda each: str(each[0]))),
        experts=experts,
        parts=counted.parts(),
        tied_embeddings=counted.has_embedding and not counted.has_output,
        assumed=tuple(keys.assumed),
    )


def _times(layer: Layers, count: int) -> Layers:
    return msgspec.structs.replace(layer, count=count)


def _blocks(tensors: tuple[Tensor, ...]) -> dict[int, set[str]]:
    """What each block has, by the names of its tensors without number and ending."""
    blocks: defaultdict[int, set[str]] = defaultdict(set)
    for tensor in tensors:
        if found := _BLOCK.match(tensor.name):
            blocks[int(found[1])].add(found[2].partition(".")[0])
    return blocks


def _layer(keys: _Keys, block: int, has: set[str]) -> Layers:
    recurrent = any(each.startswith(("ssm_", "shortconv", "time_mix")) for each in has)
    if not has:
        raise UnknownShape(
            expected("the tensors of the GGUF", f"those of block {block}", "none", "are all parts here?")
        )
    if keys.architecture in _ENCODERS or keys.get("attention.causal") is False:
        return Layers(count=1, attention="none")
    if "attn_kv_a_mqa" in has:
        return _latent(keys, block, has)
    if recurrent and "attn_k" not in has:
        return Layers(count=1, attention="recurrent", state_bytes=_state(keys, has))
    if not has & {"attn_k", "attn_qkv"}:
        return Layers(count=1, attention="none")
    window = _window(keys, block)
    kv_heads = keys.number("attention.head_count_kv", block)
    if kv_heads is None:
        kv_heads = keys.needed("attention.head_count", block)
        _assume(keys, "attention.head_count_kv is not named: one for each head")
    if not kv_heads:
        return Layers(count=1, attention="none")
    dims = _dims(keys, block, window)
    return Layers(
        count=1,
        attention="sliding" if window else "full",
        kv_heads=kv_heads,
        head_dim=dims[0],
        value_dim=dims[1] if dims[1] != dims[0] else 0,
        window_tokens=window,
        state_bytes=_state(keys, has) if recurrent else 0,
    )


def _latent(keys: _Keys, block: int, has: set[str]) -> Layers:
    """One latent of a token; of a file from before llama.cpp knew how (ggml-org/llama.cpp#12801), every head's own."""
    if "attn_kv_b" not in has:
        latent = keys.needed("attention.kv_lora_rank") + keys.needed("rope.dimension_count")
        return Layers(count=1, attention="mla", latent_dim=latent)
    _assume(keys, "the file has attn_kv_b: llama.cpp keeps keys and values of every head of it, not the latent")
    key, value = _dims(keys, block, 0)
    return Layers(
        count=1,
        attention="full",
        kv_heads=keys.needed("attention.head_count_kv", block),
        head_dim=key,
        value_dim=value if value != key else 0,
    )


def _dims(keys: _Keys, block: int, window: int) -> tuple[int, int]:
    ending = "_swa" if window and keys.get("attention.key_length_swa") is not None else ""
    key, value = keys.number(f"attention.key_length{ending}"), keys.number(f"attention.value_length{ending}")
    if key is None:
        heads = keys.needed("attention.head_count", block)
        hidden = keys.needed("embedding_length")
        if not 1 <= heads <= hidden:
            raise UnknownShape(expected(f"{keys.architecture}.attention.head_count", f"1 to {hidden:,}", heads))
        key = hidden // heads
    return key, value if value is not None else key


def _window(keys: _Keys, block: int) -> int:
    """Tokens that a block keeps; 0: all."""
    window = keys.number("attention.sliding_window") or (keys.number("attention.chunk_size") or 0)
    if keys.architecture == "llama4" and not window:
        window = _CHUNK_OF_LLAMA4
        _assume(keys, f"chunks of {window:,} tokens: the file does not say")
    if not window or keys.architecture in _WINDOW_NOWHERE:
        return 0
    pattern = keys.get("attention.sliding_window_pattern")
    if isinstance(pattern, tuple):
        return window if block < len(pattern) and pattern[block] else 0
    period = pattern if isinstance(pattern, int) and not isinstance(pattern, bool) else None
    period = period or _WINDOW_PERIODS.get(keys.architecture)
    if period:
        return window if (block + 1) % period else 0
    if keys.architecture in _WINDOW_EVERYWHERE:
        return window
    _assume(
        keys, f"a window of {window:,} tokens is named, and not which blocks have it: all are taken to keep every token"
    )
    return 0


def _state(keys: _Keys, has: set[str]) -> int:
    inner, state, kernel = (keys.number(f"ssm.{each}") for each in ("inner_size", "state_size", "conv_kernel"))
    if inner and state and kernel:
        return mamba_state_bytes(inner, state, keys.number("ssm.group_count") or 0, kernel)
    cache = keys.number("shortconv.l_cache")
    if cache and any(each.startswith("shortconv") for each in has):
        return 4 * keys.needed("embedding_length") * (cache - 1)
    _assume(keys, "the state of the recurrent blocks is left out: their dimensions are not in the file")
    return 0


def _experts(keys: _Keys) -> Experts | None:
    count = keys.number("expert_count") or 0
    if count <= 1:
        return None
    return Experts(
        count=count,
        used=min(keys.needed("expert_used_count"), count),
        shared=keys.number("expert_shared_count") or 0,
    )


def _kind(keys: _Keys) -> Kind:
    pooling = keys.number("pooling_type")
    if pooling == 4:
        return "rerank"
    return "embedding" if keys.architecture in _ENCODERS or pooling else "llm"


def _tokens(head: GgufHead) -> int:
    tokens = head.metadata.get("tokenizer.ggml.tokens")
    return len(tokens) if isinstance(tokens, tuple) else head.left_out.get("tokenizer.ggml.tokens", 0)


def _assume(keys: _Keys, what: str) -> None:
    if what not in keys.assumed:
        keys.assumed.append(what)
