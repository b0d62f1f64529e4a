"""Heads of GGUF files: layers by their tensors, sizes exact, the end of long arrays found without reading them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from serdab.core import load_settings
from serdab.models import BadModelFile, ModelHead, UnknownShape, read_model
from serdab.testing.model_files import (
    GGML,
    Described,
    gguf_head,
    llama_metadata,
    llama_tensors,
    long_tokenizer,
    write_gguf,
)

SETTINGS = load_settings(environ={})


async def read(path: Path, metadata: dict[str, Any], tensors: list[Described]) -> ModelHead:
    return await read_model(str(write_gguf(path / "m.gguf", metadata, tensors)), SETTINGS)


async def test_sizes_are_exact_and_shapes_come_from_the_head(tmp_path: Path) -> None:
    tensors = llama_tensors()
    head = await read(tmp_path, llama_metadata(), tensors)
    expected_bytes = sum(math.prod(sizes) // GGML[kind][1] * GGML[kind][2] for _, sizes, kind in tensors)
    assert head.weights is not None
    assert head.weights.bytes == expected_bytes
    assert head.weights.exact
    assert head.weights.format == "Q4_K_M"
    assert head.weights.embedding_bytes == 1024 * 32_000 // 256 * 144
    shape = head.shape
    assert (shape.name, shape.kind, shape.hidden, shape.heads) == ("Small Llama", "llm", 1024, 8)
    assert shape.parameters == sum(math.prod(sizes) for _, sizes, _ in tensors)
    assert (shape.vocabulary, shape.context_tokens, shape.tied_embeddings) == (32_000, 8192, False)
    [layers] = shape.layers
    assert (layers.count, layers.attention, layers.kv_heads, layers.head_dim) == (4, "full", 2, 128)
    assert shape.assumed == ()


async def test_a_file_without_an_output_has_tied_embeddings(tmp_path: Path) -> None:
    head = await read(tmp_path, llama_metadata(), llama_tensors()[:-1])
    assert head.shape.tied_embeddings


@pytest.mark.parametrize(
    ("architecture", "window", "pattern", "sliding"),
    [("gemma3", 1024, None, 10), ("gpt-oss", 128, None, 6), ("gemma2", 4096, None, 6), ("cohere2", 4096, None, 9)],
)
async def test_windows_are_on_the_layers_that_the_architecture_says(
    tmp_path: Path, architecture: str, window: int, pattern: int | None, sliding: int
) -> None:
    metadata = {key.replace("llama.", f"{architecture}."): value for key, value in llama_metadata(12).items()}
    metadata |= {
        "general.architecture": architecture,
        f"{architecture}.attention.sliding_window": window,
        f"{architecture}.attention.key_length": 256,
    }
    head = await read(tmp_path, metadata, llama_tensors(12))
    counts = {layers.attention: layers.count for layers in head.shape.layers}
    assert counts == {"full": 12 - sliding, "sliding": sliding}
    assert {layers.window_tokens for layers in head.shape.layers} == {0, window}
    assert {layers.head_dim for layers in head.shape.layers} == {256}


async def test_a_list_of_windows_in_the_file_goes_before_what_the_architecture_says(tmp_path: Path) -> None:
    more = {
        "gemma3.attention.sliding_window": 512,
        "gemma3.attention.sliding_window_pattern": [True, True, False, True],
        "gemma3.attention.head_count_kv": [2, 2, 4, 2],
    }
    metadata = {key.replace("llama.", "gemma3."): value for key, value in llama_metadata().items()}
    head = await read(tmp_path, metadata | {"general.architecture": "gemma3"} | more, llama_tensors())
    counts = {(layers.attention, layers.kv_heads): layers.count for layers in head.shape.layers}
    assert counts == {("sliding", 2): 3, ("full", 4): 1}


async def test_a_window_of_an_unknown_architecture_is_not_guessed(tmp_path: Path) -> None:
    metadata = {key.replace("llama.", "novel."): value for key, value in llama_metadata().items()}
    metadata |= {"general.architecture": "novel", "novel.attention.sliding_window": 512}
    head = await read(tmp_path, metadata, llama_tensors())
    assert [layers.attention for layers in head.shape.layers] == ["full"]
    assert any("512" in each for each in head.shape.assumed)


async def test_latent_attention_keeps_one_latent(tmp_path: Path) -> None:
    metadata = {key.replace("llama.", "deepseek2."): value for key, value in llama_metadata().items()}
    metadata |= {
        "general.architecture": "deepseek2",
        "deepseek2.attention.kv_lora_rank": 512,
        "deepseek2.rope.dimension_count": 64,
        "deepseek2.expert_count": 8,
        "deepseek2.expert_used_count": 2,
        "deepseek2.expert_shared_count": 1,
    }
    tensors: list[Described] = [("token_embd.weight", (1024, 1000), "Q8_0")]
    for block in range(4):
        tensors.append((f"blk.{block}.attn_kv_a_mqa.weight", (1024, 576), "Q8_0"))
        tensors.append((f"blk.{block}.ffn_up_exps.weight", (1024, 512, 8), "Q4_K"))
    head = await read(tmp_path, metadata, tensors)
    [layers] = head.shape.layers
    assert (layers.attention, layers.latent_dim, layers.count) == ("mla", 576, 4)
    assert head.weights is not None
    assert head.weights.expert_bytes == 4 * 1024 * 512 * 8 // 256 * 144
    experts = 4 * 1024 * 512 * 8
    assert head.shape.active_parameters == head.shape.parameters - experts * 6 // 8
    assert head.shape.experts is not None
    assert (head.shape.experts.count, head.shape.experts.used, head.shape.experts.shared) == (8, 2, 1)


async def test_an_old_file_of_latent_attention_keeps_every_head(tmp_path: Path) -> None:
    metadata = {key.replace("llama.", "deepseek2."): value for key, value in llama_metadata().items()}
    metadata |= {
        "general.architecture": "deepseek2",
        "deepseek2.attention.kv_lora_rank": 512,
        "deepseek2.rope.dimension_count": 64,
        "deepseek2.attention.head_count_kv": 16,
        "deepseek2.attention.key_length": 192,
        "deepseek2.attention.value_length": 128,
    }
    tensors: list[Described] = [("token_embd.weight", (1024, 1000), "Q8_0")]
    for block in range(4):
        tensors.append((f"blk.{block}.attn_kv_a_mqa.weight", (1024, 576), "Q8_0"))
        tensors.append((f"blk.{block}.attn_kv_b.weight", (512, 4096), "Q8_0"))
    head = await read(tmp_path, metadata, tensors)
    [layers] = head.shape.layers
    assert (layers.attention, layers.kv_heads, layers.head_dim, layers.value_dim) == ("full", 16, 192, 128)
    assert any("every head" in each for each in head.shape.assumed)


async def test_recurrent_blocks_are_told_by_their_tensors_and_have_the_known_state(tmp_path: Path) -> None:
    metadata = {key.replace("llama.", "qwen3next."): value for key, value in llama_metadata().items()}
    metadata |= {
        "general.architecture": "qwen3next",
        "qwen3next.ssm.inner_size": 6144,
        "qwen3next.ssm.state_size": 128,
        "qwen3next.ssm.conv_kernel": 4,
        "qwen3next.ssm.group_count": 16,
    }
    tensors: list[Described] = [("token_embd.weight", (1024, 1000), "Q8_0")]
    for block in range(3):
        tensors += [
            (f"blk.{block}.ssm_conv1d.weight", (4, 512), "F32"),
            (f"blk.{block}.attn_qkv.weight", (1024, 512), "F16"),
        ]
    tensors.append(("blk.3.attn_k.weight", (1024, 512), "F16"))
    head = await read(tmp_path, metadata, tensors)
    states = {layers.attention: (layers.count, layers.state_bytes) for layers in head.shape.layers}
    assert states == {"recurrent": (3, (48 * 128 * 128 + 10_240 * 3) * 4), "full": (1, 0)}


async def test_encoders_keep_nothing(tmp_path: Path) -> None:
    metadata = {key.replace("llama.", "bert."): value for key, value in llama_metadata().items()}
    metadata |= {"general.architecture": "bert", "bert.pooling_type": 1}
    head = await read(tmp_path, metadata, llama_tensors())
    assert head.shape.kind == "embedding"
    assert [layers.attention for layers in head.shape.layers] == ["none"]


async def test_blocks_that_only_guess_ahead_keep_no_cache(tmp_path: Path) -> None:
    metadata = llama_metadata() | {"llama.nextn_predict_layers": 1}
    head = await read(tmp_path, metadata, llama_tensors())
    assert head.shape.depth == 3
    assert any("guess tokens ahead" in each for each in head.shape.assumed)


async def test_blocks_that_use_the_cache_of_others_keep_none(tmp_path: Path) -> None:
    head = await read(tmp_path, llama_metadata() | {"llama.attention.shared_kv_layers": 3}, llama_tensors())
    assert {layers.attention: layers.count for layers in head.shape.layers} == {"full": 1, "none": 3}


async def test_a_long_tokenizer_is_passed(tmp_path: Path) -> None:
    head = await read(tmp_path, llama_metadata() | long_tokenizer(20_000), llama_tensors())
    assert head.shape.depth == 4
    del_vocabulary = {key: value for key, value in llama_metadata().items() if key != "llama.vocab_size"}
    head = await read(tmp_path, del_vocabulary | long_tokenizer(20_000), llama_tensors())
    assert head.shape.vocabulary == 20_000


async def test_parts_of_a_split_file_are_read_together(tmp_path: Path) -> None:
    tensors = llama_tensors()
    write_gguf(tmp_path / "m-00001-of-00002.gguf", llama_metadata(), tensors[:8])
    write_gguf(tmp_path / "m-00002-of-00002.gguf", {"split.no": 1}, tensors[8:])
    head = await read_model(str(tmp_path), SETTINGS)
    assert head.shape.parameters == sum(math.prod(sizes) for _, sizes, _ in tensors)
    (tmp_path / "m-00002-of-00002.gguf").unlink()
    with pytest.raises(BadModelFile, match=r"00002-of-00002"):
        await read_model(str(tmp_path), SETTINGS)


async def test_of_several_files_one_is_named_after_a_colon(tmp_path: Path) -> None:
    for name in ("m-Q4_K_M.gguf", "m-Q8_0.gguf", "mmproj-F16.gguf"):
        write_gguf(tmp_path / name, llama_metadata(), llama_tensors())
    with pytest.raises(BadModelFile, match=r"name it after a colon: m-Q4_K_M.gguf, m-Q8_0.gguf"):
        await read_model(str(tmp_path), SETTINGS)
    assert (await read_model(f"{tmp_path}:q8_0", SETTINGS)).place.endswith("m-Q8_0.gguf")


@pytest.mark.parametrize("key", ["block_count", "embedding_length", "attention.head_count"])
async def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    metadata = llama_metadata()
    del metadata[f"llama.{key}"]
    with pytest.raises(UnknownShape, match=f"llama.{key}"):
        await read(tmp_path, metadata, llama_tensors())


async def test_a_truncated_file_is_told(tmp_path: Path) -> None:
    head, size = gguf_head(llama_metadata(), llama_tensors())
    path = tmp_path / "m.gguf"
    path.write_bytes(head)
    with pytest.raises(BadModelFile, match=rf"{size:,} bytes, to hold its tensors"):
        await read_model(str(path), SETTINGS)
    for cut in (0, 3, 12, 40, len(head) // 2, len(head) - 33):
        path.write_bytes(head[:cut])
        with pytest.raises(BadModelFile):
            await read_model(str(path), SETTINGS)
