"""Which layers of a model keep what: attention over all tokens, over a window, a latent, a state, or nothing.

From the configurations of transformers; a model of an unknown kind is read by the fields that all models share, and
what that takes for granted is said.
"""

from __future__ import annotations

from serdab.core import expected
from serdab.models.errors import UnknownShape
from serdab.models.headers.fields import Fields

#: Most layers of a model.
MOST_LAYERS = 2_000

_NAMED = {
    "full_attention": "full", "attention": "full", "sliding_attention": "sliding", "chunked_attention": "sliding",
    "linear_attention": "recurrent", "mamba": "recurrent", "mamba2": "recurrent", "conv": "recurrent",
    "recurrent": "recurrent", "moe": "none", "mlp": "none", "hybrid": "parallel",
}  # fmt: skip
_LETTERS = {"M": "recurrent", "*": "full", "-": "none", "E": "none"}
#: Kinds whose every n-th layer is full and whose others have a window, where the configuration does not say n.
_WINDOW_PERIODS = {
    "gemma2": 2,
    "gemma3": 6,
    "gemma3_text": 6,
    "cohere2": 4,
    "gpt_oss": 2,
    "llama4_text": 4,
    "llama4": 4,
}
#: Kinds whose window, when it has a number, is on all layers.
_WINDOW_EVERYWHERE = {"mistral", "mixtral", "phi3", "starcoder2", "phimoe", "ministral"}
_STATE_ONLY = {"mamba", "mamba2", "falcon_mamba", "rwkv", "rwkv5", "rwkv6", "rwkv7"}
#: Kinds that look at a whole text at once and keep nothing of it.
ENCODERS = {
    "bert", "roberta", "xlm-roberta", "xlm-roberta-flash", "distilbert", "mpnet", "nomic_bert", "new", "modernbert",
    "deberta-v2", "electra", "camembert", "albert", "jina-bert-v2", "eurobert", "xlm-roberta-xl",
}  # fmt: skip
#: Kinds whose layers are what the fields that all models share say.
PLAIN = {
    "llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "qwen2_vl", "qwen2_5_vl", "qwen2_5_vl_text", "qwen3",
    "qwen3_moe", "qwen3_vl", "qwen3_vl_text", "qwen3_vl_moe", "qwen3_vl_moe_text", "gemma", "phi", "phi3", "phimoe",
    "chatglm", "glm", "glm4", "glm4_moe", "cohere", "granite", "granitemoe", "olmo", "olmo2", "olmoe", "starcoder2",
    "gpt2", "gpt_neox", "falcon", "stablelm", "internlm2", "baichuan", "exaone", "mistral3", "ministral3",
    "minimax_m2", "dbrx", "gptj", "bloom", "opt", "mpt", "smollm3", "ernie4_5", "seed_oss", "dots1",
    "hunyuan_v1_dense", "nemotron", "arcee", "apertus",
}  # fmt: skip


def layer_kinds(fields: Fields, count: int) -> list[str]:
    """For each layer `full`, `sliding`, `mla`, `recurrent`, `parallel` (full and recurrent) or `none`.

    Raises:
        UnknownShape: a layer is of a kind that is not known here, or their number contradicts.
    """
    if not 1 <= count <= MOST_LAYERS:
        raise UnknownShape(expected("num_hidden_layers", f"from 1 to {MOST_LAYERS:,}", count))
    shared = fields.number("num_kv_shared_layers") or 0
    if shared >= count:
        raise UnknownShape(expected("num_kv_shared_layers", f"less than num_hidden_layers, {count}", shared))
    kinds = _all_kinds(fields, count)
    # They use what an earlier layer keeps.
    return kinds[: count - shared] + ["none"] * shared


def _all_kinds(fields: Fields, count: int) -> list[str]:
    for rule in (_by_list, _by_letters, _by_places, _by_period, _by_kind, _by_window):
        found = rule(fields, count)
        if found is not None:
            if len(found) != count:
                raise UnknownShape(expected("the list of layers", f"as long as num_hidden_layers, {count}", len(found)))
            return found
    if fields.kind not in PLAIN:
        fields.assume(
            f"the kind {fields.kind!r} is not known here: every layer is taken to keep all tokens in key-value heads"
        )
    return ["full"] * count


def _by_list(fields: Fields, count: int) -> list[str] | None:
    listed = fields.values.get("layer_types") or fields.values.get("layers_block_type")
    if not isinstance(listed, list):
        return None
    unknown = [each for each in listed if not isinstance(each, str) or each not in _NAMED]
    if unknown:
        known = ", ".join(_NAMED)
        raise UnknownShape(expected(f"the layer types of a {fields.kind}", f"of {known}", unknown[0]))
    return [_NAMED[each] for each in listed]


def _by_letters(fields: Fields, count: int) -> list[str] | None:
    letters = fields.values.get("hybrid_override_pattern")
    if not isinstance(letters, str):
        return None
    unknown = [each for each in letters if each not in _LETTERS]
    if unknown:
        raise UnknownShape(expected("hybrid_override_pattern", f"of the letters {' '.join(_LETTERS)}", unknown[0]))
    return [_LETTERS[each] for each in letters]


def _by_places(fields: Fields, count: int) -> list[str] | None:
    places = fields.values.get("attn_layer_indices")
    if isinstance(places, list):
        attending = {place for place in places if isinstance(place, int)}
        return ["full" if place in attending else "recurrent" for place in range(count)]
    period = fields.number("attn_layer_period")
    if period:
        offset = fields.number("attn_layer_offset") or 0
        return ["full" if place % period == offset else "recurrent" for place in range(count)]
    return None


def _by_period(fields: Fields, count: int) -> list[str] | None:
    period = fields.number("full_attention_interval")
    if period:
        return ["full" if (place + 1) % period == 0 else "recurrent" for place in range(count)]
    return None


def _by_kind(fields: Fields, count: int) -> list[str] | None:
    if fields.kind in ENCODERS:
        return ["none"] * count
    if fields.kind in _STATE_ONLY:
        return ["recurrent"] * count
    if fields.kind == "deepseek_v4":
        fields.assume("the compression of its cache is left out: the true cache is smaller")
        return ["mla"] * count
    if fields.kind == "falcon_h1":
        return ["parallel"] * count
    if fields.number("kv_lora_rank"):
        return ["mla"] * count
    return None


def _by_window(fields: Fields, count: int) -> list[str] | None:
    window = fields.number("sliding_window") or fields.number("attention_chunk_size")
    if not window or fields.flag("use_sliding_window") is False:
        return None
    pattern = fields.values.get("sliding_window_pattern")
    period = pattern if isinstance(pattern, int) and not isinstance(pattern, bool) else _WINDOW_PERIODS.get(fields.kind)
    if period and period > 0:
        return ["full" if (place + 1) % period == 0 else "sliding" for place in range(count)]
    if fields.kind in _WINDOW_EVERYWHERE:
        return ["sliding"] * count
    if fields.flag("use_sliding_window"):
        first = fields.number("max_window_layers") or 0
        return ["full" if place < first else "sliding" for place in range(count)]
    fields.assume(
        f"a window of {window:,} tokens is named, and not which layers have it: all are taken to keep every token"
    )
    return ["full"] * count
