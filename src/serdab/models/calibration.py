"""Scores to confidence: what is told as 0.9 shall be right in nine of ten cases.

Scores of several views of a text (embedding, n-grams) are added with shares of least log loss; a temperature is part of
them. When held-out rows say that it pays, each kind gets a bias (vector scaling), and the highest confidence is bent
along a rising curve, which is logistic and has two numbers (Platt scaling of the top label, as in Gupta and Ramdas,
"Top-label calibration and multiclass-to-binary reductions", 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from serdab.core import BadInput, expected
from serdab.engines import load_extra

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

#: Rows from which on more than the shares is fitted.
LEAST_FOR_MORE = 200
#: Log loss, nats a row, by which biases, and then a curve, must be better before they are taken.
LEAST_GAIN, LEAST_GAIN_OF_CURVE = 0.003, 0.002
#: Points of a curve.
MOST_POINTS = 15
_FOLDS = 5
_RIDGE = 2.0
_LEAST_SLOPE = 0.05
_MOST_SHARE = 200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How the scores of the views become chances."""

    #: How much the scores of each view count, temperature included.
    shares: tuple[float, ...]
    #: Added to the score of each kind; empty: nothing is.
    biases: tuple[float, ...] = ()
    #: (highest chance as computed, as told), both rising; empty: as computed.
    curve: tuple[tuple[float, float], ...] = ()

    @property
    def method(self) -> str:
        """The form that was chosen: `temperature` or `vector`, and `bent` where there is a curve."""
        return ("vector" if self.biases else "temperature") + (", bent" if self.curve else "")

    def chances(self, scores: Sequence[Any]) -> NDArray[float64]:
        """The chance of each kind, rows of sum one, from the scores of each view, each (rows, kinds)."""
        numpy = load_extra("numpy")
        mixed = sum(share * numpy.asarray(view, numpy.float64) for share, view in zip(self.shares, scores, strict=True))
        if self.biases:
            mixed = mixed + numpy.asarray(self.biases)
        raised = numpy.exp(mixed - mixed.max(-1, keepdims=True))
        found: NDArray[float64] = raised / raised.sum(-1, keepdims=True)
        return self._bend(numpy, found) if self.curve else found

    def _bend(self, numpy: Any, chances: Any) -> Any:
        xs, ys = zip(*self.curve, strict=True)
        first = chances.argmax(-1)[..., None]
        before = numpy.take_along_axis(chances, first, -1)
        # Never below an equal share: the first stays the first.
        even = 1 / chances.shape[-1]
        after = numpy.clip(numpy.interp(before, xs, ys), even, 1.0)
        # Less sure: some of all goes to every kind alike. Surer: it is taken from the others alike.
        part = numpy.clip((before - after) / numpy.maximum(before - even, 1e-12), 0.0, 1.0)
        higher = chances * (1 - after) / numpy.maximum(1 - before, 1e-12)
        numpy.put_along_axis(higher, first, after, -1)
        return numpy.where(after < before, (1 - part) * chances + part * even, higher)


def calibrate(scores: Sequence[Any], truth: Any, *, forms: int = 3) -> Calibration:
    """The form and the numbers of least log loss on rows that were held out.

    Args:
        scores: for each view the scores of rows it did not learn from, (rows, kinds).
        truth: the kind of each row.
        forms: how much is tried: 1 only shares, 2 biases too, 3 a curve too.

    Raises:
        BadInput: there is no row.
    """
    numpy = load_extra("numpy")
    truth = numpy.asarray(truth)
    if not len(truth):
        raise BadInput(expected("the held-out rows", "at least one", "none"))
    views = [numpy.asarray(view, numpy.float64) for view in scores]
    if forms == 1 or len(truth) < LEAST_FOR_MORE:
        return _fit_shares(numpy, views, truth)
    folds = numpy.random.default_rng(0).permutation(len(truth)) % _FOLDS
    plain, biased = (_loss_of(numpy, fit, views, truth, folds) for fit in (_fit_shares, _fit_biases))
    found = (_fit_biases if biased + LEAST_GAIN < plain else _fit_shares)(numpy, views, truth)
    return _bent(numpy, found, views, truth, folds) if forms > 2 else found


def log_loss(chances: Any, truth: Any) -> float:
    """The mean surprise about the true kinds, nats a row."""
    numpy = load_extra("numpy")
    told = numpy.asarray(chances)[numpy.arange(len(truth)), truth]
    return float(-numpy.log(numpy.maximum(told, 1e-12)).mean())


def _loss_of(numpy: Any, form: Any, views: Sequence[Any], truth: Any, folds: Any) -> float:
    total = 0.0
    for fold in range(_FOLDS):
        out = folds == fold
        if out.all() or not out.any():
            continue
        fitted = form(numpy, [view[~out] for view in views], truth[~out])
        total += log_loss(fitted.chances([view[out] for view in views]), truth[out]) * int(out.sum())
    return total / len(truth)


def _fit_shares(numpy: Any, views: Sequence[Any], truth: Any) -> Calibration:
    found = _least(numpy, views, truth, with_biases=False)
    return Calibration(shares=tuple(float(share) for share in found))


def _fit_biases(numpy: Any, views: Sequence[Any], truth: Any) -> Calibration:
    found, count = _least(numpy, views, truth, with_biases=True), len(views)
    return Calibration(shares=tuple(map(float, found[:count])), biases=tuple(map(float, found[count:])))


def _bent(numpy: Any, found: Calibration, views: Sequence[Any], truth: Any, folds: Any) -> Calibration:
    """With a curve for the highest chance, if that pays on rows that it was not fitted on."""
    chances = found.chances(views)
    told = _log_odds(numpy, chances.max(1))
    right = (chances.argmax(1) == truth).astype(float)
    before = after = 0.0
    for fold in range(_FOLDS):
        out = folds == fold
        slope, shift = _fit_line(numpy, told[~out], right[~out])
        before += _surprise(numpy, told[out], right[out])
        after += _surprise(numpy, slope * told[out] + shift, right[out])
    if before - after < LEAST_GAIN_OF_CURVE * len(truth):
        return found
    slope, shift = _fit_line(numpy, told, right)
    xs = numpy.unique(numpy.linspace(told.min(), told.max(), MOST_POINTS))
    points = zip(_from_log_odds(numpy, xs), _from_log_odds(numpy, slope * xs + shift), strict=True)
    return replace(found, curve=tuple((float(x), float(y)) for x, y in points))


def _fit_line(numpy: Any, told: Any, right: Any) -> tuple[float, float]:
    """Slope and shift that make log odds those of what was right: log loss, and a ridge towards leaving them."""
    optimize = load_extra("scipy.optimize")
    doubt = 1 / (len(right) + 2)  # As in `_least`.
    sought = (1 - 2 * doubt) * right + doubt
    ridge = _RIDGE / len(right)

    def loss(numbers: Any) -> tuple[float, Any]:
        slope, shift = numbers
        mixed = slope * told + shift
        off = _from_log_odds(numpy, mixed) - sought
        value = _surprise(numpy, mixed, sought) / len(right) + ridge * ((slope - 1) ** 2 + shift**2)
        down = [(off * told).mean() + 2 * ridge * (slope - 1), off.mean() + 2 * ridge * shift]
        return float(value), numpy.asarray(down)

    bounds = [(_LEAST_SLOPE, None), (None, None)]
    slope, shift = optimize.minimize(loss, [1.0, 0.0], jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(slope), float(shift)


def _surprise(numpy: Any, told: Any, right: Any) -> float:
    """The log loss of log odds, nats, all rows together."""
    return float((numpy.logaddexp(0, told) - right * told).sum())


def _log_odds(numpy: Any, chances: Any) -> Any:
    held = numpy.clip(chances, 1e-6, 1 - 1e-6)
    return numpy.log(held / (1 - held))


def _from_log_odds(numpy: Any, told: Any) -> Any:
    return 1 / (1 + numpy.exp(-told))


def _least(numpy: Any, views: Sequence[Any], truth: Any, *, with_biases: bool) -> Any:
    """The numbers of least log loss; it is convex in all of them."""
    optimize = load_extra("scipy.optimize")
    rows, count, kinds = numpy.arange(len(truth)), len(views), views[0].shape[1]
    # Rows that are all right do not prove certainty: of n such rows the next is right with (n + 1) / (n + 2), the rule
    # of succession, as in Platt, "Probabilistic outputs for support vector machines" (1999).
    doubt = 1 / (len(truth) + 2)
    sought = [(1 - doubt) * view[rows, truth] + doubt * view.mean(1) for view in views]
    wanted = (1 - doubt) * numpy.bincount(truth, minlength=kinds) / len(truth) + doubt / kinds
    ridge = _RIDGE / len(truth)

    def loss(numbers: Any) -> tuple[float, Any]:
        mixed = sum(number * view for number, view in zip(numbers[:count], views, strict=True))
        if with_biases:
            mixed = mixed + numbers[count:]
        mixed = mixed - mixed.max(1, keepdims=True)
        chances = numpy.exp(mixed)
        sums = chances.sum(1, keepdims=True)
        chances /= sums
        told = (1 - doubt) * mixed[rows, truth] + doubt * mixed.mean(1)
        value = float((numpy.log(sums[:, 0]) - told).mean())
        slope = [float(((chances * view).sum(1) - mean).mean()) for view, mean in zip(views, sought, strict=True)]
        if with_biases:
            biases = numbers[count:]
            value += ridge * float(biases @ biases)
            slope = numpy.concatenate([slope, chances.mean(0) - wanted + 2 * ridge * biases])
        return value, numpy.asarray(slope)

    start = numpy.concatenate([numpy.full(count, 1.0 / count), numpy.zeros(kinds if with_biases else 0)])
    bounds = [(0.0, _MOST_SHARE)] * count + [(None, None)] * (len(start) - count)
    return optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
