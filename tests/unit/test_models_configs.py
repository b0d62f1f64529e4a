"""Shapes from configurations: every kind of attention, and nothing guessed in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serdab.core import load_settings
from serdab.models import BadModelFile, ModelHead, UnknownShape, read_model
from serdab.testing.model_files import Described, hf_tensors, write_safetensors

SETTINGS = load_settings(environ={})
BASE: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "num_hidden_layers": 24,
    "hidden_size": 2048,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "vocab_size": 1000,
    "max_position_embeddings": 32_768,
    "torch_dtype": "bfloat16",
}


async def read(folder: Path, **fields: Any) -> ModelHead:
    config = {key: value for key, value in (BASE | fields).items() if value is not None}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    if not list(folder.glob("*.safetensors")):
        write_safetensors(folder / "model.safetensors", hf_tensors(2))
    return await read_model(str(folder), SETTINGS)


def kinds(head: ModelHead) -> dict[str, int]:
    return {layers.attention: layers.count for layers in head.shape.layers}


CASES: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "llama": ({}, {"full": 24}),
    "mistral 7B v0.1": ({"model_type": "mistral", "sliding_window": 4096}, {"sliding": 24}),
    "mistral 7B v0.3": ({"model_type": "mistral", "sliding_window": None}, {"full": 24}),
    "qwen2 without windows": (
        {"model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": False, "max_window_layers": 20},
        {"full": 24},
    ),
    "qwen2 with windows": (
        {"model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": True, "max_window_layers": 20},
        {"full": 20, "sliding": 4},
    ),
    "gemma2": ({"model_type": "gemma2", "sliding_window": 4096, "head_dim": 256}, {"full": 12, "sliding": 12}),
    "gemma3": (
        {"model_type": "gemma3_text", "head_dim": 256, "sliding_window": 1024, "sliding_window_pattern": 6},
        {"full": 4, "sliding": 20},
    ),
    "gpt-oss": (
        {"model_type": "gpt_oss", "sliding_window": 128, "layer_types": ["sliding_attention", "full_attention"] * 12},
        {"full": 12, "sliding": 12},
    ),
    "command r7b": (
        {"model_type": "cohere2", "sliding_window": 4096, "sliding_window_pattern": 4},
        {"full": 6, "sliding": 18},
    ),
    "deepseek": (
        {"model_type": "deepseek_v3", "kv_lora_rank": 512, "qk_rope_head_dim": 64, "v_head_dim": 128},
        {"mla": 24},
    ),
    "qwen3-next": (
        {
            "model_type": "qwen3_next",
            "full_attention_interval": 4,
            "linear_num_value_heads": 32,
            "linear_num_key_heads": 16,
            "linear_key_head_dim": 128,
            "linear_value_head_dim": 128,
            "linear_conv_kernel_dim": 4,
        },
        {"full": 6, "recurrent": 18},
    ),
    "nemotron-h": (
        {
            "model_type": "nemotron_h",
            "hybrid_override_pattern": "M-M*" * 6,
            "mamba_num_heads": 64,
            "mamba_head_dim": 64,
            "ssm_state_size": 128,
            "n_groups": 8,
            "conv_kernel": 4,
        },
        {"recurrent": 12, "none": 6, "full": 6},
    ),
    "mamba": (
        {
            "model_type": "mamba",
            "num_attention_heads": None,
            "num_key_value_heads": None,
            "state_size": 16,
            "conv_kernel": 4,
            "expand": 2,
        },
        {"recurrent": 24},
    ),
    "falcon-h1 is both in each layer": (
        {
            "model_type": "falcon_h1",
            "mamba_d_head": "auto",
            "mamba_d_ssm": 3072,
            "mamba_d_state": 256,
            "mamba_n_groups": 1,
            "mamba_d_conv": 4,
        },
        {"full": 24},
    ),
    "xlm-roberta": ({"model_type": "xlm-roberta", "architectures": ["XLMRobertaModel"]}, {"none": 24}),
    "granite": ({"model_type": "granite"}, {"full": 24}),
    "phi3": ({"model_type": "phi3", "sliding_window": 2047}, {"sliding": 24}),
}


@pytest.mark.parametrize("case", CASES)
async def test_each_kind_has_its_layers_without_a_guess(tmp_path: Path, case: str) -> None:
    fields, layers = CASES[case]
    head = await read(tmp_path, **fields)
    assert kinds(head) == layers
    assert head.shape.assumed == ()


async def test_states_latents_and_heads_have_their_sizes(tmp_path: Path) -> None:
    head = await read(tmp_path, **CASES["deepseek"][0])
    assert head.shape.layers[0].latent_dim == 576
    head = await read(tmp_path, **CASES["qwen3-next"][0])
    recurrent = next(layers for layers in head.shape.layers if layers.attention == "recurrent")
    assert recurrent.state_bytes == (32 * 128 * 128 + 8192 * 3) * 4
    head = await read(tmp_path, **CASES["nemotron-h"][0])
    recurrent = next(layers for layers in head.shape.layers if layers.attention == "recurrent")
    assert recurrent.state_bytes == (64 * 64 * 128 + 6144 * 3) * 4
    head = await read(tmp_path, **CASES["falcon-h1 is both in each layer"][0])
    assert head.shape.layers[0].state_bytes == (3072 * 256 + (3072 + 512) * 3) * 4
    head = await read(tmp_path, model_type="deepseek_v4", head_dim=512, num_key_value_heads=1, sliding_window=128)
    assert (kinds(head), head.shape.layers[0].latent_dim) == ({"mla": 24}, 512)
    assert "compression" in head.shape.assumed[0]
    head = await read(tmp_path, model_type="qwen3", hidden_size=5120, num_attention_heads=64, head_dim=128)
    assert head.shape.layers[0].head_dim == 128
    head = await read(tmp_path, num_key_value_heads=None)
    assert head.shape.layers[0].kv_heads == 16
    assert "num_key_value_heads" in head.shape.assumed[0]


async def test_fields_that_published_configurations_leave_out_have_the_libraries_defaults_and_it_is_said(
    tmp_path: Path,
) -> None:
    head = await read(
        tmp_path, model_type="gemma3_text", num_hidden_layers=34, num_attention_heads=None, num_key_value_heads=None,
        sliding_window=1024, vocab_size=None,
    )  # fmt: skip
    assert kinds(head) == {"full": 5, "sliding": 29}
    assert {(layers.kv_heads, layers.head_dim) for layers in head.shape.layers} == {(4, 256)}
    assert any("num_key_value_heads is not named: 4" in each for each in head.shape.assumed)


async def test_layers_that_use_the_cache_of_others_keep_none(tmp_path: Path) -> None:
    head = await read(tmp_path, model_type="llama", num_kv_shared_layers=10)
    assert kinds(head) == {"full": 14, "none": 10}
    with pytest.raises(UnknownShape, match="num_kv_shared_layers"):
        await read(tmp_path, num_kv_shared_layers=24)


async def test_old_names_of_fields_are_known(tmp_path: Path) -> None:
    head = await read(
        tmp_path, model_type="chatglm", architectures=["ChatGLMModel"], num_hidden_layers=None, num_layers=28,
        num_key_value_heads=None, multi_query_attention=True, multi_query_group_num=2, kv_channels=128,
        vocab_size=None, padded_vocab_size=65_024, max_position_embeddings=None, seq_length=8192,
    )  # fmt: skip
    [layers] = head.shape.layers
    assert (layers.count, layers.kv_heads, layers.head_dim) == (28, 2, 128)
    assert (head.shape.kind, head.shape.vocabulary, head.shape.context_tokens) == ("llm", 65_024, 8192)


@pytest.mark.parametrize("field", ["num_hidden_layers", "hidden_size", "num_attention_heads"])
async def test_a_missing_field_is_named(tmp_path: Path, field: str) -> None:
    with pytest.raises(UnknownShape, match=field):
        await read(tmp_path, **{field: None})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_hidden_layers", 0), ("num_hidden_layers", -3), ("num_hidden_layers", 10**9), ("num_hidden_layers", "24"),
        ("hidden_size", True), ("hidden_size", 1e300), ("num_attention_heads", 0), ("num_key_value_heads", -1),
        ("layer_types", ["full_attention"]), ("layer_types", ["something_new"] * 24),
        ("hybrid_override_pattern", "M?"), ("num_experts", 8),
    ],
)  # fmt: skip
async def test_an_absurd_field_is_named(tmp_path: Path, field: str, value: Any) -> None:
    with pytest.raises(UnknownShape):
        await read(tmp_path, **{field: value})


async def test_an_unknown_kind_says_what_is_taken_for_granted(tmp_path: Path) -> None:
    head = await read(tmp_path, model_type="hyperformer")
    assert kinds(head) == {"full": 24}
    assert "hyperformer" in head.shape.assumed[0]
    head = await read(tmp_path, model_type="hyperformer", sliding_window=512)
    assert "512" in head.shape.assumed[0]


async def test_experts_and_embeddings_are_told_apart(tmp_path: Path) -> None:
    tensors: list[Described] = [
        *hf_tensors(1),
        *((f"model.layers.0.mlp.experts.{each}.up_proj.weight", (128, 64), "BF16") for each in range(8)),
        ("model.layers.0.mlp.shared_expert.up_proj.weight", (128, 64), "BF16"),
    ]
    write_safetensors(tmp_path / "model.safetensors", tensors)
    head = await read(tmp_path, model_type="qwen3_moe", num_experts=8, num_experts_per_tok=2)
    assert head.weights is not None
    assert head.weights.expert_bytes == 8 * 128 * 64 * 2
    assert head.weights.embedding_bytes == 1000 * 64 * 2
    assert head.shape.parameters - head.shape.active_parameters == 6 * 128 * 64
    assert not head.shape.tied_embeddings


async def test_packed_weights_count_as_the_parameters_that_they_stand_for(tmp_path: Path) -> None:
    tensors: list[Described] = [
        ("model.embed_tokens.weight", (1000, 64), "BF16"),
        ("model.layers.0.mlp.up_proj.qweight", (64, 32), "I32"),
        ("model.layers.0.mlp.up_proj.qzeros", (4, 32), "I32"),
        ("model.layers.0.mlp.up_proj.scales", (4, 256), "F16"),
    ]
    write_safetensors(tmp_path / "model.safetensors", tensors)
    head = await read(tmp_path, quantization_config={"quant_method": "awq", "bits": 4})
    assert head.weights is not None
    assert head.weights.format == "AWQ-4"
    assert head.shape.parameters == 1000 * 64 + 64 * 256


async def test_a_format_that_stands_in_a_file_of_its_own_is_read(tmp_path: Path) -> None:
    tensors: list[Described] = [("a.weight", (64, 32), "U8"), ("a.weight_scale", (64, 4), "F8_E4M3")]
    write_safetensors(tmp_path / "model.safetensors", tensors)
    (tmp_path / "hf_quant_config.json").write_text('{"quantization": {"quant_algo": "NVFP4"}}', "utf-8")
    head = await read(tmp_path)
    assert head.weights is not None
    assert (head.weights.format, head.shape.parameters) == ("NVFP4", 64 * 64)


async def test_shards_are_read_by_their_index(tmp_path: Path) -> None:
    tensors = hf_tensors(4)
    halves = {"model-00001-of-00002.safetensors": tensors[:5], "model-00002-of-00002.safetensors": tensors[5:]}
    for name, half in halves.items():
        write_safetensors(tmp_path / name, half)
    index = {
        "metadata": {"total_size": 1},
        "weight_map": {tensor[0]: name for name, half in halves.items() for tensor in half},
    }
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    head = await read(tmp_path)
    assert head.weights is not None
    assert head.weights.bytes == sum(2 * sizes[0] * sizes[1] for _, sizes, _ in tensors)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(BadModelFile, match="as the index says"):
        await read_model(str(tmp_path), SETTINGS)


@pytest.mark.parametrize("name", ["../x.safetensors", "/etc/passwd", "a/../../b", 3])
async def test_an_index_cannot_name_files_elsewhere(tmp_path: Path, name: Any) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name, "b": name}}), "utf-8")
    with pytest.raises(BadModelFile):
        await read(tmp_path)


async def test_a_model_that_sees_has_its_text_part_read_and_its_eyes_counted(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model.safetensors", [*hf_tensors(1), ("visual.patch.weight", (64, 32), "BF16")])
    inner = {key: value for key, value in BASE.items() if key not in ("architectures", "torch_dtype")}
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "qwen2_5_vl", "text_config": inner, "vision_config": {"hidden_size": 7}}), "utf-8"
    )
    head = await read_model(str(tmp_path), SETTINGS)
    assert (head.shape.kind, head.shape.hidden) == ("vlm", 2048)
    assert [(part.name, part.parameters) for part in head.shape.parts] == [("vision", 64 * 32)]


async def test_a_pipeline_of_pictures_is_the_sum_of_its_folders(tmp_path: Path) -> None:
    index = {
        "_class_name": "FluxPipeline", "scheduler": ["diffusers", "X"], "transformer": ["diffusers", "FluxTransformer"],
        "text_encoder": ["transformers", "T5"], "vae": ["diffusers", "AutoencoderKL"],
    }  # fmt: skip
    (tmp_path / "model_index.json").write_text(json.dumps(index), "utf-8")
    write_safetensors(tmp_path / "transformer" / "diffusion_pytorch_model.safetensors", [("a", (100, 10), "BF16")])
    write_safetensors(tmp_path / "text_encoder" / "model.safetensors", [("b", (50, 10), "F32")])
    write_safetensors(tmp_path / "vae" / "diffusion_pytorch_model.safetensors", [("c", (5, 10), "BF16")])
    head = await read_model(str(tmp_path), SETTINGS)
    assert (head.layout, head.shape.kind) == ("diffusers", "image")
    assert {part.name: part.parameters for part in head.shape.parts} == {
        "transformer": 1000,
        "text_encoder": 500,
        "vae": 50,
    }
    assert head.weights is not None
    assert head.weights.bytes == 2000 + 2000 + 100


async def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadModelFile, match=r"config.json"):
        await read_model(str(tmp_path), SETTINGS)
    with pytest.raises(BadModelFile, match="one that exists"):
        await read_model("no such thing", SETTINGS)
    (tmp_path / "model.bin").write_bytes(b"x")
    with pytest.raises(BadModelFile, match=r"\.gguf or \.safetensors"):
        await read_model(str(tmp_path / "model.bin"), SETTINGS)
    for content in ("[1]", "{", "[" * 100_000, "\x00"):
        (tmp_path / "config.json").write_text(content, "utf-8")
        with pytest.raises(BadModelFile, match=r"config.json"):
            await read_model(str(tmp_path), SETTINGS)
