"""A model with a Unigram tokenizer of its own, as the multilingual ones have, on texts in several scripts."""

import json
from pathlib import Path

import numpy as np
import pytest

from plain_encoder import embed_apart, forward
from serdab.engines.encoder import Encoder
from serdab.engines.errors import BadModelFolder
from serdab.testing.small_models import make_multilingual_model

SENTENCES = [
    "Die Rechnung ist am Montag fällig.",
    "The board met at head office this morning.",
    "اجتمع مجلس الإدارة في مقر الشركة صباح اليوم.",
    "该公司董事会今天上午在总部召开会议。",
    "Совет директоров собрался утром.",
    "取締役会は今朝、本社で開かれた。",
]
TEXTS = [*SENTENCES, "ｆｕｌｌ　ｗｉｄｔｈ  and   spaces", "한국어", "a", SENTENCES[2] * 20]


def test_texts_of_all_scripts_agree_with_a_plain_forward_pass(tmp_path: Path) -> None:
    weights = make_multilingual_model(tmp_path, SENTENCES)
    encoder = Encoder(tmp_path, "f32", 1)
    tokens, cut = encoder.tokenize(TEXTS)
    # Only the last is too long, whatever the file says about cutting and padding.
    assert (cut, max(map(len, tokens))) == (1, encoder.most_tokens)
    assert min(map(len, tokens)) < 8 < len(tokens[0]) < encoder.most_tokens
    assert {(ids[0], ids[-1]) for ids in tokens} == {(0, 2)}
    for ids, vector in zip(tokens, embed_apart(encoder, TEXTS), strict=True):
        assert float(forward(weights, ids) @ vector) > 0.9999


@pytest.mark.parametrize("precision", ["f32", "int8"])
def test_padding_changes_no_vector(tmp_path: Path, precision: str) -> None:
    make_multilingual_model(tmp_path, SENTENCES)
    encoder = Encoder(tmp_path, precision, 1)
    together = encoder.embed_batch(encoder.tokenize(TEXTS)[0])
    np.testing.assert_allclose(together, embed_apart(encoder, TEXTS), atol=1e-5)


def test_pieces_are_those_of_the_vocabulary_and_forms_of_one_letter_are_one(tmp_path: Path) -> None:
    make_multilingual_model(tmp_path, SENTENCES)
    tokens, _ = Encoder(tmp_path, "f32", 1).tokenize(["The board met", "Ｔｈｅ   board met", "The board met ☃"])
    assert tokens[0] == tokens[1]
    assert 3 in tokens[2]


def test_a_broken_tokenizer_is_named(tmp_path: Path) -> None:
    make_multilingual_model(tmp_path, SENTENCES)
    (tmp_path / "tokenizer.json").write_bytes(b"nonsense")
    with pytest.raises(BadModelFolder, match=r"tokenizer\.json"):
        Encoder(tmp_path, "f32", 1)


def test_a_tokenizer_with_more_tokens_than_its_model_is_refused(tmp_path: Path) -> None:
    make_multilingual_model(tmp_path, SENTENCES)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"vocab_size": 50}))
    with pytest.raises(BadModelFolder, match="below 50"):
        Encoder(tmp_path, "f32", 1)
