"""Confidence and thresholds: bounded, rising, and never changed by what does not matter."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serdab.knowledge.errors import BadLabels
from serdab.knowledge.intervals import wilson
from serdab.knowledge.labelling.measures import coverage_at
from serdab.knowledge.labelling.thresholds import Costs, choose_threshold, cost_of, threshold_by_belief
from serdab.models import Calibration, calibrate

CONFIDENCES = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=50, max_size=120)
COSTS = st.floats(0.01, 1000)


@given(CONFIDENCES, COSTS, COSTS, COSTS)
def test_a_threshold_is_a_share_and_never_falls_when_errors_cost_more(
    told: list[tuple[float, bool]], look: float, one: float, two: float
) -> None:
    sure, right = [each for each, _ in told], [each for _, each in told]
    low, high = (choose_threshold(sure, right, Costs(wrong=wrong, look=look)) for wrong in sorted((one, two)))
    assert 0 <= low <= high <= 1


@given(CONFIDENCES, COSTS, COSTS)
def test_no_threshold_costs_less_than_the_chosen_one(told: list[tuple[float, bool]], wrong: float, look: float) -> None:
    sure, right = [min(each, 0.999) for each, _ in told], [each for _, each in told]
    costs = Costs(wrong=wrong, look=look)
    best = cost_of(sure, right, choose_threshold(sure, right, costs), costs)
    assert all(best <= cost_of(sure, right, other, costs) + 1e-6 for other in (0.0, 1.0, *sure))


@given(COSTS, COSTS)
def test_a_threshold_by_belief_is_a_share(wrong: float, look: float) -> None:
    assert 0 <= threshold_by_belief(Costs(wrong=wrong, look=look)) < 1


@pytest.mark.parametrize(("wrong", "look"), [(0, 1), (1, 0), (-1, 1), (float("nan"), 1), (float("inf"), 1)])
def test_costs_that_are_none_are_refused(wrong: float, look: float) -> None:
    with pytest.raises(BadLabels, match="cost"):
        Costs(wrong=wrong, look=look)


@given(CONFIDENCES, st.floats(0.5, 1), st.floats(0.5, 1))
def test_more_precision_never_covers_more(told: list[tuple[float, bool]], one: float, two: float) -> None:
    sure, right = [each for each, _ in told], [each for _, each in told]
    less, more = (coverage_at(sure, right, precision) for precision in sorted((one, two)))
    assert 0 <= more.share <= less.share <= 1


@given(st.integers(0, 300), st.integers(0, 300))
def test_an_interval_holds_the_share(right: int, wrong: int) -> None:
    low, high = wilson(right, right + wrong)
    assert 0 <= low <= high <= 1
    if right + wrong:
        assert low <= right / (right + wrong) <= high


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(2, 6), st.floats(0.1, 8), st.integers(40, 600))
def test_calibrated_chances_are_distributions_and_keep_the_order(
    seed: int, kinds: int, sharpness: float, rows: int
) -> None:
    draw = numpy.random.default_rng(seed)
    scores = draw.standard_normal((rows, kinds)) * sharpness
    truth = numpy.where(draw.random(rows) < 0.7, scores.argmax(1), draw.integers(0, kinds, rows))
    found = calibrate([scores], truth)
    chances = found.chances([scores])
    assert chances.shape == scores.shape
    assert ((chances >= 0) & (chances <= 1)).all()
    assert numpy.allclose(chances.sum(1), 1)
    if not found.biases:
        assert (chances.max(1) >= chances[numpy.arange(rows), scores.argmax(1)] - 1e-9).all()
        order = numpy.argsort(Calibration(shares=found.shares).chances([scores]).max(1))
        assert (numpy.diff(chances.max(1)[order]) >= -1e-9).all()


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.floats(0.2, 6))
def test_a_wrong_temperature_is_put_right(seed: int, sharpness: float) -> None:
    draw = numpy.random.default_rng(seed)
    true = draw.standard_normal((4000, 3)) * 1.5
    raised = numpy.exp(true)
    chances = raised / raised.sum(1, keepdims=True)
    truth = (chances.cumsum(1) < draw.random((4000, 1))).sum(1).clip(0, 2)
    found = calibrate([true * sharpness], truth, forms=1)
    assert found.shares[0] * sharpness == pytest.approx(1.0, rel=0.15)


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.integers(50, 400), st.integers(2, 8))
def test_rows_that_are_all_right_do_not_prove_certainty(seed: int, rows: int, kinds: int) -> None:
    truth = numpy.random.default_rng(seed).integers(0, kinds, rows)
    scores = 5.0 * numpy.eye(kinds)[truth]
    told = calibrate([scores], truth, forms=1).chances([scores]).max(1)
    assert told == pytest.approx((rows + 1) / (rows + 2) + 1 / (rows + 2) / kinds, abs=1e-3)


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_a_confidence_that_is_too_sure_above_and_too_modest_below_is_bent(seed: int) -> None:
    draw = numpy.random.default_rng(seed)
    rows, kinds = 4000, 5
    best = draw.integers(0, kinds, rows)
    confidence = draw.uniform(0.3, 0.995, rows)
    chances = numpy.full((rows, kinds), 1.0) * ((1 - confidence) / (kinds - 1))[:, None]
    chances[numpy.arange(rows), best] = confidence
    odds = numpy.log(confidence / (1 - confidence))
    true = 1 / (1 + numpy.exp(-(0.6 * odds + 0.3)))
    truth = numpy.where(draw.random(rows) < true, best, (best + draw.integers(1, kinds, rows)) % kinds)
    half = rows // 2
    found = calibrate([numpy.log(chances[:half])], truth[:half])
    assert found.curve
    told = found.chances([numpy.log(chances[half:])]).max(1)
    assert numpy.abs(told - true[half:]).mean() < 0.03
    plain = calibrate([numpy.log(chances[:half])], truth[:half], forms=2).chances([numpy.log(chances[half:])]).max(1)
    assert numpy.abs(told - true[half:]).mean() < numpy.abs(plain - true[half:]).mean()


def test_a_verdict_less_sure_than_any_that_was_held_out_is_looked_at_unless_belief_takes_it() -> None:
    right = [True] * 60
    assert choose_threshold([0.97] * 60, right, Costs()) == threshold_by_belief(Costs())
    assert choose_threshold([0.6] * 30 + [0.97] * 30, right, Costs()) == 0.6
