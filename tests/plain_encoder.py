"""Plain ways to embed, against which the fast ones are tested: a forward pass in numpy alone, and text by text."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serdab.engines.encoder import Encoder
from serdab.testing.small_models import HEADS, LAYERS, Weights


def embed_apart(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Each text in a batch of its own, without padding."""
    return np.concatenate([encoder.embed_batch([ids]) for ids in encoder.tokenize(texts)[0]])


def forward(weights: Weights, ids: list[int]) -> Any:
    """One text through the encoder, in plain numpy."""

    def linear(x: Any, name: str) -> Any:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x: Any, name: str) -> Any:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    table = "embeddings.{}_embeddings.weight".format
    x = weights[table("word")][ids] + weights[table("position")][: len(ids)] + weights[table("token_type")][0]
    x = norm(x, "embeddings.LayerNorm")
    erf = np.vectorize(math.erf)
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        parts = [linear(x, f"{layer}.attention.self.{part}") for part in ("query", "key", "value")]
        q, k, v = (part.reshape(len(ids), HEADS, -1).transpose(1, 0, 2) for part in parts)
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(x.shape[1] // HEADS)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        context = (shares @ v).transpose(1, 0, 2).reshape(len(ids), -1)
        x = norm(linear(context, f"{layer}.attention.output.dense") + x, f"{layer}.attention.output.LayerNorm")
        inner = linear(x, f"{layer}.intermediate.dense")
        inner = inner * 0.5 * (1 + erf(inner / math.sqrt(2)))
        x = norm(linear(inner, f"{layer}.output.dense") + x, f"{layer}.output.LayerNorm")
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)
