"""Small sentence encoders of random weights, with the same parts as real ones: they load in milliseconds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from serdab.engines import load_extra

WIDTH, HEADS, LAYERS, INNER = 32, 4, 2, 64
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyz", *(f"##{c}" for c in "abcdefghijklmnop")]
Weights = dict[str, NDArray[np.float32]]


def make_model(folder: Path) -> Weights:
    """Write the files of a model of English letters into a folder; returns its tensors by name."""
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    return _write_encoder(folder, len(WORDS), WIDTH)


def make_multilingual_model(folder: Path, sentences: Sequence[str], width: int = WIDTH) -> Weights:
    """Write a model with the tokenizer of XLM-R in small, learned from sentences, and all files of its repository.

    Args:
        folder: where to.
        sentences: whose pieces its vocabulary has.
        width: of its vectors, a multiple of `HEADS`.
    """
    tokenizer = _learn_unigram(sentences)
    tokenizer.save(str(folder / "tokenizer.json"))
    modules = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling"), ("2", "2_Normalize", "Normalize")]
    described = [
        {"idx": int(number), "name": number, "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, path, kind in modules
    ]
    (folder / "modules.json").write_text(json.dumps(described))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    # As in the real ones, the model has more rows than the tokenizer has pieces.
    return _write_encoder(folder, tokenizer.get_vocab_size() + 35, width, model_type="bert", pad_token_id=0)


def _learn_unigram(sentences: Sequence[str]) -> Any:
    tokenizers = load_extra("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.Unigram())
    plain = [tokenizers.normalizers.Nmt(), tokenizers.normalizers.NFKC()]
    spaces = tokenizers.normalizers.Replace(tokenizers.Regex(" {2,}"), " ")
    tokenizer.normalizer = tokenizers.normalizers.Sequence([*plain, spaces])
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    learner = tokenizers.trainers.UnigramTrainer(
        vocab_size=400, special_tokens=[*special, "<mask>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(sentences, learner)
    ends = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    # Real files come with what somebody trained or served them with.
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(pad_id=special.index("<pad>"), pad_token="<pad>")
    return tokenizer


def _write_encoder(folder: Path, words: int, width: int, **more: Any) -> Weights:
    random = np.random.default_rng(7)

    def some(*shape: int) -> NDArray[np.float32]:
        return random.normal(0, 0.3, shape).astype(np.float32)

    weights = {
        "embeddings.word_embeddings.weight": some(words, width),
        "embeddings.position_embeddings.weight": some(64, width),
        "embeddings.token_type_embeddings.weight": some(2, width),
    }
    norms = ["embeddings.LayerNorm"]
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
        sizes = {f"attention.self.{part}": (width, width) for part in ("query", "key", "value")}
        sizes |= {"attention.output.dense": (width, width)}
        sizes |= {"intermediate.dense": (INNER, width), "output.dense": (width, INNER)}
        for name, (out, into) in sizes.items():
            weights[f"{layer}.{name}.weight"] = some(out, into)
            weights[f"{layer}.{name}.bias"] = some(out)
    for norm in norms:
        weights[f"{norm}.weight"] = 1 + some(width)
        weights[f"{norm}.bias"] = some(width)
    shape = {
        "hidden_size": width, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "intermediate_size": INNER,
        "max_position_embeddings": 64, "type_vocab_size": 2, "vocab_size": words, "layer_norm_eps": 1e-12,
    }  # fmt: skip
    save_file(weights, str(folder / "model.safetensors"))
    (folder / "config.json").write_text(json.dumps(shape | more))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 48, "do_lower_case": false}')
    return weights
