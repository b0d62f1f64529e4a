"""Weights of n-grams by margin: each kind is kept apart from the rows that are taken for it most easily."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from serdab.engines import load_extra

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

#: Inverse strength of the penalty, and the power of an n-gram's spread over kinds that its values are scaled by: of
#: 1 to 10 and 0 to 1, those of least log loss over five folds of 791 issues of 3 kinds (0.567; 0.580 with 1 and 0)
#: that cost nothing on 10,000 queries of 77 kinds. Scaling by what an n-gram says of kinds is from Wang and Manning,
#: "Baselines and Bigrams" (2012).
STRENGTH, SPREAD_POWER = 3.0, 0.5
#: What every n-gram counts for every kind before any was seen.
SMOOTHING = 0.1
#: A row speaks against so many kinds, those that it is most like: of 10 to 77, as right as all, in a quarter of the
#: time.
MOST_RIVALS = 20


def fit_margins(grams: Any, kinds: Any, weights: Any, likeness: Any) -> NDArray[float32]:
    """Weights of n-grams, (gram_width, kinds), by a linear support vector machine for each kind against its rivals.

    Args:
        grams: a sparse matrix with the n-grams of each row.
        kinds: the kind of each row, 0, 1, ….
        weights: how much each row counts.
        likeness: how like each kind a row is by a plainer measure, (rows, kinds); only the order in a row counts.
    """
    numpy = load_extra("numpy")
    count = likeness.shape[1]
    # An n-gram of one row tells nothing of others.
    known = numpy.flatnonzero(numpy.bincount(grams.indices, minlength=grams.shape[1]) > 1)
    found: NDArray[float32] = numpy.zeros((grams.shape[1], count), numpy.float32)
    if not len(known):
        return found
    chosen = grams[:, known]
    scale = _spreads(numpy, chosen, kinds, weights, count) ** SPREAD_POWER
    rows = chosen.multiply(scale).tocsr().astype(numpy.float64)
    length = float(numpy.sqrt(rows.multiply(rows).sum(1)).mean()) or 1.0
    rows.data /= length  # Rows were of length one: the strength means the same for all examples.
    asked = _rivals(numpy, likeness, kinds)
    model = load_extra("sklearn.svm").LinearSVC(
        C=STRENGTH, dual=True, fit_intercept=False, tol=1e-2, max_iter=10, random_state=0
    )
    for kind in range(count):
        here = numpy.flatnonzero(asked[:, kind])
        with warnings.catch_warnings():
            # Stopping at the limit of steps is meant: the last ones cost time and change no answer.
            warnings.simplefilter("ignore")
            model.fit(rows[here], kinds[here] == kind, sample_weight=weights[here])
        found[known, kind] = model.coef_[0] * scale
    return found


def _spreads(numpy: Any, grams: Any, kinds: Any, weights: Any, count: int) -> Any:
    """By how much an n-gram speaks for or against kinds: the root mean square of its log ratios."""
    sparse = load_extra("scipy.sparse")
    member = sparse.csr_matrix((weights, (kinds, numpy.arange(len(kinds)))), shape=(count, len(kinds)))
    ours = (member @ grams).toarray().astype(numpy.float64)
    others = numpy.maximum(ours.sum(0) - ours, 0) + SMOOTHING
    ours += SMOOTHING
    ratios = numpy.log(ours / ours.sum(1, keepdims=True)) - numpy.log(others / others.sum(1, keepdims=True))
    return numpy.sqrt((ratios * ratios).mean(0))


def _rivals(numpy: Any, likeness: Any, kinds: Any) -> Any:
    """Which rows each kind is learned from, (rows, kinds): its own, and those that are most like it."""
    if likeness.shape[1] <= MOST_RIVALS:
        return numpy.ones(likeness.shape, bool)
    found = numpy.zeros(likeness.shape, bool)
    numpy.put_along_axis(found, numpy.argpartition(-likeness, MOST_RIVALS, 1)[:, :MOST_RIVALS], True, 1)
    own = kinds[:, None] == numpy.arange(likeness.shape[1])
    # A kind that hardly any row of another is like is learned from all.
    found[:, (found & ~own).sum(0) < MOST_RIVALS] = True
    return found | own
