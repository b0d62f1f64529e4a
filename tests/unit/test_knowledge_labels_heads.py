"""Learning from labelled texts: what a head tells, in several scripts."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy
import pytest

from serdab.engines import load_extra
from serdab.knowledge.features import ARABIC, CYRILLIC, HAN, LATIN, OTHER, grams_of, script_of
from serdab.knowledge.heads import Heads, Judge, learn
from serdab.knowledge.neighbours import Neighbours
from serdab.models.margins import MOST_RIVALS, fit_margins

sparse: Any = load_extra("scipy.sparse")
threadpoolctl: Any = load_extra("threadpoolctl")

ENGLISH = {"weather": "rain sun cloud storm wind snow", "money": "bank loan invoice cash tax salary"}
ARABIC_WORDS = {"weather": "مطر شمس غيوم عاصفة رياح ثلوج", "money": "مصرف قرض فاتورة نقود ضريبة راتب"}


def _texts(words: dict[str, str], count: int) -> tuple[list[str], list[str]]:
    draw = numpy.random.default_rng(7)
    texts, labels = [], []
    for label, said in words.items():
        for _ in range(count):
            texts.append(" ".join(draw.choice(said.split(), 4)))
            labels.append(label)
    return texts, labels


def _noise(count: int) -> numpy.ndarray[tuple[int, int], numpy.dtype[numpy.float32]]:
    vectors = numpy.random.default_rng(1).standard_normal((count, 384)).astype(numpy.float32)
    return numpy.asarray(vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True), numpy.float32)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Hello", LATIN),
        ("", LATIN),
        ("12 €", LATIN),
        ("Größe", LATIN),
        ("مرحبا", ARABIC),
        ("Привет", CYRILLIC),
        ("Γειά", OTHER),
        ("你好", HAN),
        ("ひらがな", HAN),
        ("한국어", HAN),
        ("please send الفاتورة", LATIN),
        ("أرسل الفاتورة PDF من فضلك", ARABIC),
        ("🙂🙂", LATIN),
    ],
)
def test_the_script_of_a_text_is_that_of_most_letters(text: str, script: int) -> None:
    assert script_of(text) == script


def test_grams_forget_case_and_spacing_and_have_length_one() -> None:
    first, second = grams_of("Stolen  CARD\n"), grams_of("stolen card")
    assert first.at.tolist() == second.at.tolist()
    assert float((first.values**2).sum()) == pytest.approx(1.0)
    assert len(grams_of("").at) == 0


def test_a_script_that_the_embedder_does_not_know_is_told_by_n_grams() -> None:
    texts, labels = _texts(ARABIC_WORDS, 40)
    judge = Judge(learn(texts, labels, _noise(len(texts))).heads)
    guess = judge.guess("فاتورة و ضريبة", _noise(1)[0])
    assert (guess.label, guess.by_grams_only) == ("money", True)
    assert guess.confidence > 0.8
    assert set(judge.telling_words("فاتورة غدا", "money", 1)) == {"فاتورة"}


def _telling(labels: list[str], row: int = 0) -> Any:
    """Embeddings of which one number is the label."""
    vectors = _noise(len(labels))
    vectors[:, row] = [2.0 if label == "money" else -2.0 for label in labels]
    return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


def test_what_tells_is_chosen_by_what_was_right_for_each_script() -> None:
    # In Chinese the words tell and the embedding does not, in Arabic it is the other way round.
    chinese = _texts({"weather": "雨天 晴天 多云 暴风 大风 下雪", "money": "银行 贷款 发票 现金 税务 工资"}, 40)
    arabic = _texts(dict.fromkeys(ARABIC_WORDS, ARABIC_WORDS["money"]), 40)
    texts, labels = chinese[0] + arabic[0], chinese[1] + arabic[1]
    embeddings = numpy.concatenate([_noise(80), _telling(arabic[1])])
    heads = learn(texts, labels, embeddings, made_by="multilingual-e5-small/f32").heads
    chosen = {choice.script: choice for choice in heads.choices}
    assert chosen["Arabic"].chosen == "embedding"
    assert chosen["Chinese, Japanese, Korean"].chosen != "embedding"
    assert all(each.accuracy > 0.95 for each in chosen.values())
    judge = Judge(heads)
    assert judge.guess("发票 现金", _telling(["weather"])[0]).label == "money"
    assert judge.guess("فاتورة قرض", _telling(["weather"])[0]).label == "weather"


@pytest.mark.parametrize(
    ("made_by", "label", "by_grams_only"),
    [
        ("multilingual-e5-small/f32", "money", False),
        ("all-MiniLM-L6-v2/f32", "weather", True),
        ("", "weather", True),
    ],
)
def test_of_too_few_rows_the_embedding_counts_where_its_model_knows_the_script(
    made_by: str, label: str, by_grams_only: bool
) -> None:
    english, arabic = _texts(ENGLISH, 40), _texts(ARABIC_WORDS, 4)
    labels = english[1] + arabic[1]
    judge = Judge(learn(english[0] + arabic[0], labels, _telling(labels), made_by=made_by).heads)
    # Its words are of the one kind, its meaning is of the other.
    guess = judge.guess("مطر", _telling(["money"])[0])
    assert (guess.label, guess.by_grams_only) == (label, by_grams_only)


def test_few_examples_are_told_by_meaning_where_the_model_knows_the_script() -> None:
    texts, labels = ["مطر", "فاتورة"], ["weather", "money"]
    asked = "مطر غدا", _telling(["money"])[0]
    for made_by, label in (("multilingual-e5-small/f32", "money"), ("all-MiniLM-L6-v2/f32", "weather")):
        known = Neighbours(texts, labels, _telling(labels), made_by)
        assert known.labels[int(known.chances(*asked)[0].argmax())] == label


def test_what_unrelated_texts_have_in_common_gives_no_confidence() -> None:
    # Vectors of this model have a large part in common.
    common = numpy.zeros(384, numpy.float32)
    common[-1] = 0.75**0.5
    vectors = common + 0.5 * _noise(3)
    vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True)
    assert 0.7 < float(vectors[0] @ vectors[2]) < 0.8
    confidence = {
        made_by: float(Neighbours(["a", "b"], ["x", "y"], vectors[:2], made_by).chances("c", vectors[2])[0].max())
        for made_by in ("multilingual-e5-small/f32", "all-MiniLM-L6-v2/f32")
    }
    assert confidence["multilingual-e5-small/f32"] < 0.1 < 0.3 < confidence["all-MiniLM-L6-v2/f32"]


def test_each_script_with_enough_examples_has_a_head_of_its_own() -> None:
    english, arabic = _texts(ENGLISH, 40), _texts(ARABIC_WORDS, 40)
    texts, labels = english[0] + arabic[0], english[1] + arabic[1]
    heads = learn(texts, labels, _noise(len(texts))).heads
    assert len(heads.heads) == 2
    assert heads.of_script[ARABIC] != heads.of_script[LATIN]
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(heads), type=Heads)
    judge = Judge(again)
    assert judge.guess("ضريبة قرض", _noise(1)[0]).label == "money"
    assert judge.guess("storm and snow", _noise(1)[0]).label == "weather"


def test_confidence_is_a_share_and_the_margin_is_to_the_next() -> None:
    texts, labels = _texts({**ENGLISH, "food": "bread rice soup milk salt fish"}, 120)
    guess = Judge(learn(texts, labels, _noise(len(texts))).heads).guess("bread soup", _noise(1)[0])
    assert guess.label == "food"
    assert 0 < guess.margin <= guess.confidence <= 1


@pytest.mark.parametrize("text", ["发票已付款", "مطر وشمس", "счёт оплачен", "חשבונית מס"])
def test_a_script_without_an_example_is_told_with_no_confidence_unless_the_embedder_knows_many(text: str) -> None:
    texts, labels = _texts(ENGLISH, 60)
    meaning = _telling(["money"])[0]
    blind, reading = (
        Judge(learn(texts, labels, _telling(labels), made_by=made_by).heads).guess(text, meaning)
        for made_by in ("all-MiniLM-L6-v2/f32", "multilingual-e5-small/f32")
    )
    assert (blind.confidence, blind.margin) == (0.5, 0.0)
    assert reading.label == "money"
    assert reading.confidence > 0.8


def test_labels_in_different_scripts_learn_together() -> None:
    english, _ = _texts({"weather": ENGLISH["weather"]}, 60)
    arabic, _ = _texts({"money": ARABIC_WORDS["money"]}, 60)
    labels = ["weather"] * 60 + ["money"] * 60
    heads = learn(english + arabic, labels, _noise(120)).heads
    assert len(heads.heads) == 1
    assert Judge(heads).guess("ضريبة قرض", _noise(1)[0]).label == "money"


@pytest.mark.parametrize(("rows", "asked"), [(300, 300), (4_200, 420)])
def test_no_row_is_told_by_a_head_that_had_learned_from_it(rows: int, asked: int) -> None:
    # Labels without a rule can be known by heart only: who had seen a row would be right about it.
    draw = numpy.random.default_rng(5)
    texts = [" ".join(f"w{word}" for word in draw.integers(0, 9_000, 6)) for _ in range(rows)]
    labels = ["heads" if side else "tails" for side in draw.integers(0, 2, rows)]
    learned = learn(texts, labels, _noise(rows)).heads
    assert abs(len(learned.told) - asked) <= 2
    for choice in learned.choices:
        assert 0.4 < choice.accuracy_by_embedding < 0.6
        assert 0.4 < choice.accuracy_by_grams < 0.6


@pytest.mark.parametrize("words", ["card cash loan rent", "card cash loan rent fees pins"])
def test_words_that_only_together_make_a_label_are_told_by_margin(words: str) -> None:
    # Every kind shares each of its words with another: counts of words alone speak for two kinds alike. Of six words
    # there are more kinds than the rivals that a row is kept apart from.
    said = words.split()
    pairs = [(one, other) for one in said for other in said if one != other]
    draw = numpy.random.default_rng(2)
    noise = [f"n{number}" for number in range(400)]
    rows = [(f"{one} {draw.choice(noise)} {draw.choice(noise)} {other}", f"{one}-{other}") for one, other in pairs * 15]
    texts, labels = [text for text, _ in rows], [label for _, label in rows]
    heads = learn(texts, labels, _noise(len(rows))).heads
    assert heads.held_out_accuracy is not None
    assert heads.held_out_accuracy > 0.9


def test_margins_tell_rows_of_more_kinds_than_rivals() -> None:
    count = 3 * MOST_RIVALS
    kinds = numpy.tile(numpy.arange(count), 8)
    draw = numpy.random.default_rng(6)
    # Each kind has three places of its own among many that say nothing.
    at = numpy.concatenate([3 * kinds[:, None] + numpy.arange(3), draw.integers(3 * count, 2000, (len(kinds), 5))], 1)
    starts = numpy.arange(len(kinds) + 1) * 8
    grams = sparse.csr_matrix((numpy.full(at.size, 8**-0.5, numpy.float32), at.ravel(), starts), (len(kinds), 2000))
    likeness = numpy.asarray(grams[:, : 3 * count].toarray().reshape(len(kinds), count, 3).sum(2))
    kept = numpy.arange(len(kinds)) >= count
    weights = fit_margins(grams[kept], kinds[kept], numpy.ones(kept.sum()), likeness[kept])
    assert weights.shape == (2000, count)
    assert ((grams[~kept] @ weights).argmax(1) == kinds[~kept]).mean() == 1.0


def test_texts_that_share_no_n_gram_are_learned_by_their_embeddings() -> None:
    kinds = ["weather", "money"] * 40
    embeddings = _noise(80)
    embeddings[:, 0] = [1.0 if kind == "money" else -1.0 for kind in kinds]
    embeddings /= numpy.linalg.norm(embeddings, axis=1, keepdims=True)
    heads = learn([""] * 80, kinds, embeddings).heads
    assert heads.held_out_accuracy == 1.0


def test_learning_leaves_the_threads_of_the_process_as_they_were() -> None:
    with threadpoolctl.threadpool_limits(2):
        before = threadpoolctl.threadpool_info()
        learn(*_texts(ENGLISH, 40), _noise(80))
        assert threadpoolctl.threadpool_info() == before
