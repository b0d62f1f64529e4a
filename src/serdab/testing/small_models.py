"""A small sentence encoder of random weights, with the same parts as a real one: loads in milliseconds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

WIDTH, HEADS, LAYERS, INNER = 32, 4, 2, 64
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyz", *(f"##{c}" for c in "abcdefghijklmnop")]
Weights = dict[str, NDArray[np.float32]]


def make_model(folder: Path) -> Weights:
    """Write the files of a model into a folder; returns its tensors by name."""
    random = np.random.default_rng(7)

    def some(*shape: int) -> NDArray[np.float32]:
        return random.normal(0, 0.3, shape).astype(np.float32)

    weights = {
        "embeddings.word_embeddings.weight": some(len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": some(64, WIDTH),
        "embeddings.token_type_embeddings.weight": some(2, WIDTH),
    }
    norms = ["embeddings.LayerNorm"]
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
        sizes = {f"attention.self.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")}
        sizes |= {"attention.output.dense": (WIDTH, WIDTH)}
        sizes |= {"intermediate.dense": (INNER, WIDTH), "output.dense": (WIDTH, INNER)}
        for name, (out, into) in sizes.items():
            weights[f"{layer}.{name}.weight"] = some(out, into)
            weights[f"{layer}.{name}.bias"] = some(out)
    for norm in norms:
        weights[f"{norm}.weight"] = 1 + some(WIDTH)
        weights[f"{norm}.bias"] = some(WIDTH)
    shape = {
        "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "intermediate_size": INNER,
        "max_position_embeddings": 64, "vocab_size": len(WORDS), "layer_norm_eps": 1e-12,
    }  # fmt: skip
    save_file(weights, str(folder / "model.safetensors"))
    (folder / "config.json").write_text(json.dumps(shape))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 48}')
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    return weights
