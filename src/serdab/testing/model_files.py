"""Heads of model files for tests, written by the formats' own descriptions and not by our readers."""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

#: Type of a tensor → number of it in a file, numbers in a block, bytes of a block.
GGML = {"F32": (0, 1, 4), "F16": (1, 1, 2), "Q8_0": (8, 32, 34), "Q4_K": (12, 256, 144), "Q6_K": (14, 256, 210)}
SIZES = {"BF16": 2, "F16": 2, "F32": 4, "U8": 1, "I32": 4, "F8_E4M3": 1}

Described = tuple[str, Sequence[int], str]


def text(value: str | bytes) -> bytes:
    """A string with its length before it."""
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(raw)) + raw


def value_of(value: Any) -> bytes:
    """A value with its type: bool, int, float, str, or a list of ints, bools or strings."""
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + text(value)
    if isinstance(value[0], bool):
        return struct.pack("<IIQ", 9, 7, len(value)) + bytes(value)
    if isinstance(value[0], int):
        return struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)
    if isinstance(value[0], float):
        return struct.pack("<IIQ", 9, 6, len(value)) + struct.pack(f"<{len(value)}f", *value)
    return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(text(each) for each in value)


def gguf_head(metadata: dict[str, Any], tensors: Sequence[Described]) -> tuple[bytes, int]:
    """The head of a GGUF file, and the size of the whole file."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    head += b"".join(text(key) + value_of(value) for key, value in metadata.items())
    offset = 0
    for name, sizes, kind in tensors:
        number, block, block_bytes = GGML[kind]
        head += text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, number, offset)
        offset += -(-(math.prod(sizes) // block * block_bytes) // 32) * 32
    head += bytes(-len(head) % 32)
    return head, len(head) + offset


def write_gguf(path: Path, metadata: dict[str, Any], tensors: Sequence[Described]) -> Path:
    """A GGUF file whose weights are a hole."""
    head, size = gguf_head(metadata, tensors)
    path.write_bytes(head)
    os.truncate(path, size)
    return path


def write_safetensors(path: Path, tensors: Sequence[Described]) -> Path:
    """A safetensors file whose weights are a hole."""
    head: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, sizes, kind in tensors:
        size = math.prod(sizes) * SIZES[kind]
        head[name] = {"dtype": kind, "shape": list(sizes), "data_offsets": [offset, offset + size]}
        offset += size
    raw = json.dumps(head).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(raw)) + raw)
    os.truncate(path, 8 + len(raw) + offset)
    return path


def llama_metadata(blocks: int = 4, **more: Any) -> dict[str, Any]:
    """Metadata of a small llama with grouped heads."""
    return {
        "general.architecture": "llama",
        "general.name": "Small Llama",
        "general.file_type": 15,
        "llama.block_count": blocks,
        "llama.context_length": 8192,
        "llama.embedding_length": 1024,
        "llama.attention.head_count": 8,
        "llama.attention.head_count_kv": 2,
        "llama.vocab_size": 32_000,
        **more,
    }


def llama_tensors(blocks: int = 4, hidden: int = 1024, kv: int = 256, vocabulary: int = 32_000) -> list[Described]:
    """Tensors of it."""
    tensors: list[Described] = [("token_embd.weight", (hidden, vocabulary), "Q4_K")]
    for block in range(blocks):
        tensors += [
            (f"blk.{block}.attn_norm.weight", (hidden,), "F32"),
            (f"blk.{block}.attn_q.weight", (hidden, hidden), "Q4_K"),
            (f"blk.{block}.attn_k.weight", (hidden, kv), "Q4_K"),
            (f"blk.{block}.attn_v.weight", (hidden, kv), "Q6_K"),
            (f"blk.{block}.ffn_up.weight", (hidden, 4 * hidden), "Q4_K"),
        ]
    return [*tensors, ("output.weight", (hidden, vocabulary), "Q6_K")]


def long_tokenizer(count: int = 128_000) -> dict[str, Any]:
    """Arrays of a tokenizer like those of real files: megabytes of strings before the tensors."""
    words = [f"Ġw{place:x}" if place > 300 else chr(33 + place % 90) for place in range(count)]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": words,
        "tokenizer.ggml.token_type": [1] * count,
        "tokenizer.ggml.merges": [f"{word[:2]} {word[2:]}" for word in words],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.chat_template": "{{ messages }}" * 100,
        "general.quantization_version": 2,
    }


def hf_tensors(layers: int, hidden: int = 64, vocabulary: int = 1000, kind: str = "BF16") -> list[Described]:
    """Tensors of a small decoder as Hugging Face's libraries name them."""
    tensors: list[Described] = [("model.embed_tokens.weight", (vocabulary, hidden), kind)]
    for layer in range(layers):
        tensors.append((f"model.layers.{layer}.self_attn.q_proj.weight", (hidden, hidden), kind))
        tensors.append((f"model.layers.{layer}.mlp.up_proj.weight", (4 * hidden, hidden), kind))
    return [*tensors, ("lm_head.weight", (vocabulary, hidden), kind)]
