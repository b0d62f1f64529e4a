"""The graph written by hand gives what a plain forward pass gives, on a small model of random weights."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plain_encoder import embed_apart, forward
from serdab.engines.batching import Batcher
from serdab.engines.encoder import Encoder
from serdab.engines.errors import BadEmbeddingInput, BadModelFolder
from serdab.engines.precision import FAST_BF16
from serdab.engines.wire import check_texts
from serdab.machine import Root, processor_flags
from serdab.testing.small_models import make_model

BF16 = pytest.param(
    "bf16",
    marks=[
        pytest.mark.skipif(FAST_BF16.isdisjoint(processor_flags(Root())), reason="this processor has no bf16"),
        pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO is not made for this machine"),
    ],
)
TEXTS = ["a", "a b c d", "hello there, 你好", "السلام", "abc " * 100]


def test_the_graph_agrees_with_a_plain_forward_pass(tmp_path: Path) -> None:
    weights = make_model(tmp_path)
    encoder = Encoder(tmp_path, "f32", 1)
    tokens, cut = encoder.tokenize(TEXTS)
    vectors = embed_apart(encoder, TEXTS)
    assert vectors.dtype == np.float32
    assert cut == 1
    assert max(map(len, tokens)) == encoder.most_tokens == 48
    for ids, vector in zip(tokens, vectors, strict=True):
        assert float(forward(weights, ids) @ vector) > 0.9999


@pytest.mark.parametrize("precision", ["int8", BF16])
def test_other_precisions_stay_near_the_plain_forward_pass(tmp_path: Path, precision: str) -> None:
    weights = make_model(tmp_path)
    encoder = Encoder(tmp_path, precision, 1)
    tokens, _ = encoder.tokenize(TEXTS)
    cosines = [float(forward(weights, ids) @ v) for ids, v in zip(tokens, embed_apart(encoder, TEXTS), strict=True)]
    print(precision, "cosines", [round(cosine, 4) for cosine in cosines])
    assert min(cosines) > 0.999


@pytest.mark.parametrize("precision", ["f32", "int8", BF16])
@pytest.mark.parametrize("threads", [1, 3])
async def test_a_text_has_the_same_vector_alone_and_among_others(tmp_path: Path, precision: str, threads: int) -> None:
    make_model(tmp_path)
    encoder = Encoder(tmp_path, precision, threads)
    texts = [f"{text} {number}" for number in range(30) for text in TEXTS]
    async with Batcher(encoder, 1_000) as batcher:
        together, _, _ = await batcher.embed(texts)
    np.testing.assert_allclose(together, embed_apart(encoder, texts), atol=1e-5)


def test_a_converted_graph_is_made_once_and_again_for_other_weights(tmp_path: Path) -> None:
    make_model(tmp_path)
    Encoder(tmp_path, "f32", 1)
    [first] = (tmp_path / "onnx").glob("*.onnx")
    made = first.stat().st_mtime_ns
    Encoder(tmp_path, "f32", 1)
    assert first.stat().st_mtime_ns == made
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace("1e-12", "1e-11"))
    Encoder(tmp_path, "f32", 1)
    [second] = (tmp_path / "onnx").glob("*.onnx")
    assert second != first


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "vocab.txt"])
def test_a_broken_folder_is_named(tmp_path: Path, name: str) -> None:
    make_model(tmp_path)
    (tmp_path / name).write_bytes(b"nonsense")
    with pytest.raises(BadModelFolder, match=name):
        Encoder(tmp_path, "f32", 1)


@pytest.mark.parametrize("texts", [[], [""], ["a", 1], ["\ud800"]])
def test_what_cannot_be_embedded_is_refused(texts: list[Any]) -> None:
    with pytest.raises(BadEmbeddingInput, match="expected input"):
        check_texts(texts)


def test_the_shape_of_a_model_that_is_no_bert_is_refused(tmp_path: Path) -> None:
    make_model(tmp_path)
    shape = json.loads((tmp_path / "config.json").read_text()) | {"model_type": "gpt2"}
    (tmp_path / "config.json").write_text(json.dumps(shape))
    with pytest.raises(BadModelFolder, match="BERT"):
        Encoder(tmp_path, "f32", 1)
