"""How good verdicts are: shares with intervals, calibration, coverage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy
from numpy.typing import NDArray

#: Bins of equal numbers of rows in which confidence is shown beside what was right.
BINS = 15
#: Where what was right never falls, more bins tell nothing new.
_MOST_BINS = 100
_DRAWS = 200


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Verdicts of like confidence."""

    rows: int
    #: Mean of what was told, and the share that was right.
    confidence: float
    right: float


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How many verdicts can be taken unseen."""

    #: The least confidence that is taken; None: at no confidence enough of them are right.
    threshold: float | None
    #: Share of all verdicts that have it.
    share: float


def macro_f1(pairs: Sequence[tuple[str, str | None]]) -> float:
    """The mean of F1 over all true labels of (true, found)."""
    truth, found = Counter(pair[0] for pair in pairs), Counter(pair[1] for pair in pairs)
    right = Counter(pair[0] for pair in pairs if pair[0] == pair[1])
    return sum(2 * right[label] / (truth[label] + found[label]) for label in truth) / len(truth)


def macro_f1_interval(pairs: Sequence[tuple[str, str | None]]) -> tuple[float, float]:
    """The interval that holds macro F1 in 95 of 100 redrawings of the rows (bootstrap)."""
    draw = numpy.random.default_rng(0)
    found = [macro_f1([pairs[at] for at in draw.integers(0, len(pairs), len(pairs))]) for _ in range(_DRAWS)]
    low, high = numpy.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def reliability(confidences: Sequence[float], right: Sequence[bool], bins: int = BINS) -> list[Bin]:
    """Confidence beside what was right, in bins of equal numbers of rows, the least confident first."""
    return _binned(*_ordered(confidences, right), bins)


def calibration_error(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """The mean distance between confidence and what was right, over as many bins of equal numbers as still rise.

    This is the ECE by monotonic sweep of Roelofs, Cain, Shlens and Mozer, "Mitigating Bias in Calibration Error
    Estimation" (2022). Over a fixed number of bins what chance does to each bin counts as error: docs/adr/0016.
    """
    told, true = _ordered(confidences, right)
    found: list[Bin] = []
    for bins in range(1, min(len(told), _MOST_BINS) + 1):
        finer = _binned(told, true, bins)
        if any(more.right < less.right for less, more in pairwise(finer)):
            break
        found = finer
    return _mean_distance(found)


def calibration_error_in_bins(confidences: Sequence[float], right: Sequence[bool], bins: int = BINS) -> float:
    """The mean distance between confidence and what was right, over so many bins of equal numbers."""
    return _mean_distance(reliability(confidences, right, bins))


def calibration_error_by_chance(confidences: Sequence[float]) -> float:
    """The error that perfectly calibrated verdicts would show on so few rows, by chance alone."""
    told: NDArray[numpy.float64] = numpy.asarray(confidences, float)
    draw = numpy.random.default_rng(0)
    found = [calibration_error(confidences, (draw.random(len(told)) < told).tolist()) for _ in range(_DRAWS)]
    return float(numpy.mean(found))


def _ordered(
    confidences: Sequence[float], right: Sequence[bool]
) -> tuple[NDArray[numpy.float64], NDArray[numpy.float64]]:
    """Confidence from the least on, and what was right; of verdicts of one confidence as many as of all of them."""
    order = numpy.argsort(numpy.asarray(confidences), kind="stable")
    told = numpy.asarray(confidences, float)[order]
    _, like, rows = numpy.unique(told, return_inverse=True, return_counts=True)
    return told, (numpy.bincount(like, weights=numpy.asarray(right, float)[order]) / rows)[like] if len(told) else told


def _binned(told: NDArray[numpy.float64], true: NDArray[numpy.float64], bins: int) -> list[Bin]:
    parts = zip(numpy.array_split(told, bins), numpy.array_split(true, bins), strict=True)
    return [Bin(rows=len(t), confidence=float(t.mean()), right=float(r.mean())) for t, r in parts if len(t)]


def _mean_distance(bins: Sequence[Bin]) -> float:
    rows = sum(each.rows for each in bins)
    return sum(each.rows * abs(each.confidence - each.right) for each in bins) / rows if rows else 0.0


def calibration_error_debiased(confidences: Sequence[float], right: Sequence[bool], bins: int = BINS) -> float:
    """The root mean square distance between confidence and what was right, less what chance adds to it.

    From the squared distance of each bin the variance of its share of right verdicts is taken, as in Kumar, Liang and
    Ma, "Verified Uncertainty Calibration" (2019). A root mean square is never less than the mean distance. 0: chance
    explains all that was seen, which does not prove that there is no error.
    """
    told: NDArray[numpy.float64] = numpy.asarray(confidences, float)
    _, like, counts = numpy.unique(told, return_inverse=True, return_counts=True)
    # Verdicts of one confidence stay in one bin, that of the first of them.
    places = ((numpy.cumsum(counts) - counts) * bins // max(1, len(told)))[like]
    rows = numpy.bincount(places, minlength=bins)
    kept = rows > 1  # Of one row there is no variance.
    if not kept.any():
        return 0.0
    rows, shares = rows[kept], numpy.bincount(places, numpy.asarray(right, float), bins)[kept] / rows[kept]
    distances = numpy.bincount(places, told, bins)[kept] / rows - shares
    found = numpy.average(distances**2 - shares * (1 - shares) / (rows - 1), weights=rows)
    return float(numpy.sqrt(max(0.0, found)))


def confidence_gap(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Mean confidence minus the share that was right: above 0 too sure, below 0 not sure enough."""
    return float(numpy.mean(confidences)) - float(numpy.mean(right)) if len(right) else 0.0


def coverage_at(confidences: Sequence[float], right: Sequence[bool], precision: float = 0.95) -> Coverage:
    """The most verdicts that can be taken, the most confident first, with so many of them right."""
    told, true = numpy.asarray(confidences, float), numpy.asarray(right, float)
    order = numpy.argsort(-told, kind="stable")
    told, shares = told[order], numpy.cumsum(true[order]) / numpy.arange(1, len(told) + 1)
    # Verdicts of one confidence are taken together or not at all.
    ends = numpy.append(told[1:] != told[:-1], True) if len(told) else numpy.zeros(0, bool)
    good = numpy.flatnonzero(ends & (shares >= precision))
    if not len(good):
        return Coverage(threshold=None, share=0.0)
    return Coverage(threshold=float(told[good[-1]]), share=float((good[-1] + 1) / len(told)))
