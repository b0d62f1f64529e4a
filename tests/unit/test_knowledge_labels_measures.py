"""Measures, folds, drift and diversity: what they say about cases whose answer is known."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy
import pytest

from serdab.engines import load_extra
from serdab.knowledge.errors import BadLabels
from serdab.knowledge.heads import Heads, Told
from serdab.knowledge.labelling.describing import read_descriptions
from serdab.knowledge.labelling.documents import Seen
from serdab.knowledge.labelling.drift import discrepancy, judge_drift, stability_index
from serdab.knowledge.labelling.measures import (
    calibration_error,
    calibration_error_by_chance,
    calibration_error_debiased,
    calibration_error_in_bins,
    confidence_gap,
    coverage_at,
    macro_f1,
    reliability,
)
from serdab.knowledge.labelling.reviewing import choose_diverse
from serdab.knowledge.labelling.scoring import score_told
from serdab.knowledge.labelling.thresholds import Costs
from serdab.knowledge.labelling.training import words_of_name
from serdab.models.folding import fold_rows, group_copies

sparse: Any = load_extra("scipy.sparse")


def test_a_known_calibration_error_is_found() -> None:
    sure = [0.9] * 100 + [0.6] * 100
    right = [True] * 80 + [False] * 20 + [True] * 60 + [False] * 40
    assert calibration_error(sure, right) == pytest.approx(0.05)
    assert calibration_error_in_bins(sure, right, 2) == pytest.approx(0.05)
    assert [(each.rows, round(each.right, 3)) for each in reliability(sure, right, 2)] == [(100, 0.6), (100, 0.8)]


def test_the_order_of_verdicts_of_one_confidence_does_not_count() -> None:
    right = [True] * 80 + [False] * 20
    assert calibration_error([0.8] * 100, right) == pytest.approx(0.0)
    assert calibration_error([0.7] * 100, right[::-1]) == pytest.approx(0.1)
    assert calibration_error([], []) == 0.0


def test_what_chance_adds_to_the_calibration_error_is_taken_off() -> None:
    draw = numpy.random.default_rng(4)
    honest, boasting, plain, binned = [], [], [], []
    for _ in range(60):
        sure = draw.uniform(0.5, 0.8, 600)
        right = (draw.random(600) < sure).tolist()
        plain.append(calibration_error(sure.tolist(), right))
        binned.append(calibration_error_in_bins(sure.tolist(), right))
        honest.append(calibration_error_debiased(sure.tolist(), right) ** 2)
        boasting.append(calibration_error_debiased((sure + 0.1).tolist(), right) ** 2)
    assert numpy.mean(plain) == pytest.approx(calibration_error_by_chance(sure.tolist()), abs=0.004)
    assert numpy.mean(plain) < 0.03 < 0.04 < numpy.mean(binned)
    # An unbiased square is below nothing about as often as above it.
    assert 0.3 < numpy.mean(numpy.array(honest) == 0) < 0.7
    assert numpy.sqrt(numpy.mean(boasting)) == pytest.approx(0.1, abs=0.005)


def test_more_bins_are_taken_only_while_what_was_right_rises() -> None:
    sure = [0.5, 0.6, 0.7, 0.8]
    assert calibration_error(sure, [False, True, True, True]) == pytest.approx((0.5 + 0.4 + 0.3 + 0.2) / 4)
    # In four bins it falls from the second to the third.
    assert calibration_error(sure, [False, True, False, True]) == pytest.approx(0.15)
    assert calibration_error(sure, [True, True, False, False]) == pytest.approx(0.15)
    assert calibration_error([0.9] * 5_000, [True] * 5_000) == pytest.approx(0.1)


def test_a_debiased_error_does_not_depend_on_the_order_of_rows() -> None:
    right = [True] * 80 + [False] * 20
    assert calibration_error_debiased([0.8] * 100, right) == 0.0
    assert calibration_error_debiased([0.7] * 100, right) == calibration_error_debiased([0.7] * 100, right[::-1])
    assert calibration_error_debiased([0.7] * 100, right) == pytest.approx((0.01 - 0.16 / 99) ** 0.5)
    assert calibration_error_debiased([0.7], [True]) == calibration_error_debiased([], []) == 0.0


def test_the_gap_says_whether_verdicts_are_too_sure() -> None:
    assert confidence_gap([0.9, 0.9], [True, False]) == pytest.approx(0.4)
    assert confidence_gap([0.4], [True]) == pytest.approx(-0.6)
    assert confidence_gap([], []) == 0.0


def test_coverage_takes_verdicts_of_one_confidence_together() -> None:
    found = coverage_at([0.9, 0.9, 0.8, 0.8], [True, True, True, False], 0.75)
    assert (found.threshold, found.share) == (0.8, 1.0)
    found = coverage_at([0.9, 0.9, 0.8, 0.8], [True, True, True, False], 0.95)
    assert (found.threshold, found.share) == (0.9, 0.5)
    assert coverage_at([0.9], [False]).threshold is None


def test_macro_f1_counts_rare_labels_as_much_as_frequent_ones() -> None:
    pairs = [*[("a", "a")] * 98, ("b", "a"), ("b", "b")]
    assert macro_f1(pairs) == pytest.approx((2 * 98 / 197 + 2 / 3) / 2)


def test_near_copies_are_held_out_together() -> None:
    draw = numpy.random.default_rng(0)
    base = sparse.random(100, 4000, 0.02, format="csr", random_state=draw)
    rows = sparse.vstack([base, base]).tocsr()
    groups = group_copies(rows)
    assert (groups[:100] == groups[100:]).all()
    kinds = numpy.tile(numpy.arange(100) % 4, 2)
    folds = fold_rows(kinds, numpy.zeros(200, bool), rows)
    assert (folds[:100] == folds[100:]).all()
    assert set(folds) == {0, 1, 2, 3, 4}


def test_no_fold_leaves_a_kind_without_rows_to_learn_from() -> None:
    kinds = numpy.array([0] * 60 + [1] * 60 + [2] * 2)
    folds = fold_rows(kinds, numpy.zeros(122, bool), sparse.identity(122, format="csr"))
    assert set(folds[-2:]) == {-1}
    for fold in range(5):
        assert set(kinds[folds != fold]) == {0, 1, 2}


def test_descriptions_are_never_held_out() -> None:
    kinds = numpy.array([0, 1] * 40)
    fixed = numpy.zeros(80, bool)
    fixed[:2] = True
    assert set(fold_rows(kinds, fixed, sparse.identity(80, format="csr"))[:2]) == {-1}


def test_the_same_distribution_has_not_moved_and_another_has() -> None:
    half = numpy.array([0.5, 0.5])
    assert stability_index(half, half, 100) == 0.0
    assert stability_index(half, numpy.array([0.9, 0.1]), 100) > 0.25
    assert stability_index(half, numpy.array([1.0, 0.0]), 100) < 10


def test_meaning_that_moved_is_told_from_meaning_that_did_not() -> None:
    draw = numpy.random.default_rng(3)

    def cloud(middle: float) -> numpy.ndarray[tuple[int, int], numpy.dtype[numpy.float32]]:
        points = draw.standard_normal((60, 8)) + middle
        return numpy.asarray(points / numpy.linalg.norm(points, axis=1, keepdims=True), numpy.float32)

    assert discrepancy(cloud(0), cloud(0))[2] > 0.05
    found, by_chance, chance = discrepancy(cloud(0), cloud(2))
    assert found > by_chance
    assert chance < 0.01


@pytest.mark.parametrize(
    ("labels", "confidence", "chance", "verdict"),
    [(0.0, 0.0, 0.5, "none"), (0.0, 0.0, 0.001, "some"), (0.15, 0.0, 0.5, "some"), (0.0, 0.3, 0.5, "strong")],
)
def test_drift_is_judged_by_its_worst_measure(labels: float, confidence: float, chance: float, verdict: str) -> None:
    assert judge_drift(labels, confidence, chance)[0] == verdict


def _seen(number: int, chances: list[float], embedding: list[float]) -> Seen:
    return Seen(
        document_id=UUID(int=number), source="s", title="", lang="en", added_at=datetime(2026, 1, 1, tzinfo=UTC),
        text="t", embedding=numpy.array(embedding, numpy.float32), chances=numpy.array(chances),
    )  # fmt: skip


def test_the_most_uncertain_come_first_and_no_two_alike_in_a_row() -> None:
    seen = [
        _seen(1, [0.99, 0.01], [0, 0, 1]),
        _seen(2, [0.51, 0.49], [1, 0, 0]),
        _seen(3, [0.52, 0.48], [1, 0, 0]),
        _seen(4, [0.60, 0.40], [0, 1, 0]),
    ]
    assert choose_diverse(seen, 3)[:2] == [1, 3]
    assert sorted(choose_diverse(seen, 10)) == [0, 1, 2, 3]
    assert choose_diverse([], 3) == []


def test_names_of_labels_are_read_as_words() -> None:
    assert words_of_name("card_payment-fee/charged") == "card payment fee charged"


def test_descriptions_are_read_from_yaml_and_json(tmp_path: Path) -> None:
    yaml, json, list_ = tmp_path / "d.yaml", tmp_path / "d.json", tmp_path / "l.yaml"
    yaml.write_text("invoice: asks for money\n1: the first\n", "utf-8")
    json.write_text('{"invoice": "asks for money"}', "utf-8")
    list_.write_text("- a\n", "utf-8")
    assert read_descriptions(yaml) == {"invoice": "asks for money", "1": "the first"}
    assert read_descriptions(json) == {"invoice": "asks for money"}
    with pytest.raises(BadLabels, match="mapping"):
        read_descriptions(list_)
    with pytest.raises(BadLabels, match="can be read"):
        read_descriptions(tmp_path / "none.yaml")
    list_.write_text("invoice: asks for money\nyear: 2024\n", "utf-8")
    with pytest.raises(BadLabels, match=r"the description of year in l.yaml to be a text, got 2024; put it in quotes"):
        read_descriptions(list_)


def test_a_report_says_what_other_costs_would_have_looked_at() -> None:
    # Of a hundred verdicts at 0.99 none is wrong, of a hundred at 0.9 eight are, of a hundred at 0.5 half.
    told = [
        Told(row=row, label=0, found=int(row % 100 < wrong), confidence=sure)
        for at, (sure, wrong) in enumerate([(0.99, 0), (0.9, 8), (0.5, 50)])
        for row in range(100 * at, 100 * at + 100)
    ]
    heads = Heads(labels=["a", "b"], heads=[], of_script={}, told=told, threshold=0.7)
    found = score_told("kinds", heads, ["some text"] * 300, Costs())
    looked = {each.costs.wrong: (round(each.looked_at, 3), each.taken_right) for each in found.trades}
    assert looked == {
        3.0: (0.333, pytest.approx(0.96)),
        5.0: (0.333, pytest.approx(0.96)),
        10.0: (0.333, pytest.approx(0.96)),
        20.0: (0.667, 1.0),
    }
