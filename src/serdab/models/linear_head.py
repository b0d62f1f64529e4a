"""A linear head over two views of a text, its embedding and its character n-grams, learned in seconds.

Embeddings are weighed by a logistic regression, n-grams by a linear support vector machine or by a complement naive
Bayes, which needs fewer examples than anything that is fitted by steps. Each row is told once by heads that did not
learn from it; these answers say how n-grams are weighed, for every script how much each view counts, and how sure the
sum may be.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from serdab.core import BadInput, expected
from serdab.engines import load_extra
from serdab.models.calibration import Calibration, calibrate, log_loss
from serdab.models.folding import LEAST_HELD_OUT, MOST_FOLDED, fold_rows
from serdab.models.margins import fit_margins

if TYPE_CHECKING:
    from numpy import bool_, float32, float64, int8, int32, int64
    from numpy.typing import NDArray

#: Inverse strength of the penalty, for vectors of length one: the best of 3 to 100 on 10,000 queries of 77 kinds.
STRENGTH = 20.0
#: Ways to weigh n-grams, of which the one of least log loss is taken: by counts, with what every n-gram counts for
#: every kind before any was seen; or by margin, which takes longer.
BY_COUNTS = {"counts/0.1": 0.1, "counts/0.03": 0.03, "counts/0.01": 0.01}
MARGIN = "margin"
WAYS = (*BY_COUNTS, MARGIN)
USUAL_WAY = "counts/0.03"
#: Smoothing of the counts that say which kinds a row is like.
LIKENESS_SMOOTHING = 0.1
#: What may count: both views, the embedding alone, n-grams alone.
VIEWS = ((True, True), (True, False), (False, True))
#: Rows times kinds up to which n-grams are weighed by margin.
MOST_BY_MARGIN = 1_000_000
#: Steps of the regression that begins with nothing, and of one that begins where another ended: on 10,000 queries
#: of 77 kinds 150 steps are hardly righter (0.915, not 0.9135) and take five times as long.
MOST_STEPS, MOST_STEPS_ON = 25, 15
#: Most rows that are learned from; of more, as many of each kind.
MOST_ROWS = 50_000
#: Shares of (embedding, n-grams) when nothing was held out: for scripts that the embedder knows, and for others.
USUAL_SHARES, STRANGE_SHARES = (1.0, 1.0), (0.0, 4.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """What a head is learned from; all arrays have one entry a row, in the same order."""

    #: (rows, dimensions), each of length one.
    embeddings: NDArray[float32]
    #: Character n-grams of row i: `gram_at[starts[i]:starts[i+1]]` with their values, below `gram_width`.
    gram_at: NDArray[int32]
    gram_values: NDArray[float32]
    starts: NDArray[int64]
    gram_width: int
    #: The kind of each row, 0, 1, …, without gaps.
    kinds: NDArray[int64]
    #: The script of each row.
    scripts: NDArray[int8]
    #: How much each row counts.
    weights: NDArray[float32]
    #: Rows that are never asked to tell how good the head is: descriptions.
    fixed: NDArray[bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Rows as they were told by heads that did not learn from them."""

    #: Places in the examples.
    rows: NDArray[int64]
    #: The scores by embedding and by n-grams, each (rows, kinds), and the chances that came of them.
    by_embedding: NDArray[float32]
    by_grams: NDArray[float32]
    chances: NDArray[float64]
    #: Whether every row was asked (`cross-validated`), or only a part of them was held out.
    crossed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearHead:
    """What was learned: scores by embedding E·W + b and by n-grams G·V, which a calibration makes chances."""

    #: (kinds, dimensions)
    embedding_weights: NDArray[float32]
    embedding_bias: NDArray[float32]
    #: (gram_width, kinds)
    gram_weights: NDArray[float32]
    #: For each script.
    calibrations: dict[int, Calibration]
    #: None: too few rows to hold any out.
    held_out: HeldOut | None


def train_head(examples: Examples, scripts: Collection[int], strange: Collection[int] = ()) -> LinearHead:
    """Learn; blocks for seconds, holds no lock of the interpreter while it computes.

    Args:
        examples: at least two kinds with a row each.
        scripts: those that need a calibration.
        strange: scripts of which the embedder is taken to know nothing, until held-out rows tell.

    Raises:
        BadInput: there are fewer than two kinds.
    """
    if len(set(examples.kinds.tolist())) < 2:
        raise BadInput(expected("the examples", "of two kinds or more", "one kind"))
    # The products are small: threads would wait for each other longer than they compute.
    with load_extra("threadpoolctl").threadpool_limits(1):
        return _train(examples, scripts, strange)


def _train(examples: Examples, scripts: Collection[int], strange: Collection[int]) -> LinearHead:
    numpy = load_extra("numpy")
    sparse = load_extra("scipy.sparse")
    shape = (len(examples.kinds), examples.gram_width)
    grams = sparse.csr_matrix((examples.gram_values, examples.gram_at, examples.starts), shape=shape)
    rows = _sample(numpy, examples.kinds)
    folds = fold_rows(examples.kinds[rows], examples.fixed[rows], grams[rows])
    told = _tell(numpy, examples, grams, (rows, folds)) if folds.max() >= 0 else None
    by_embedding, way = (told.by_embedding, told.way) if told is not None else (_Logistic(), USUAL_WAY)
    by_embedding.fit(examples.embeddings[rows], examples.kinds[rows], examples.weights[rows])
    by_grams = _gram_weights(numpy, grams[rows], examples.kinds[rows], examples.weights[rows], [way])[way]
    calibrations = {s: Calibration(shares=STRANGE_SHARES if s in strange else USUAL_SHARES) for s in scripts}
    held = None
    if told is not None:
        truth, of = examples.kinds[told.rows], examples.scripts[told.rows]
        calibrations |= _calibrate(numpy, told.scores, truth, of, set(scripts) - set(strange))
        held = HeldOut(
            rows=told.rows,
            by_embedding=told.scores[0].astype(numpy.float32),
            by_grams=told.scores[1].astype(numpy.float32),
            chances=_chances(numpy, calibrations, told.scores, of),
            crossed=len(rows) <= MOST_FOLDED,
        )
    weights, bias = by_embedding.learned(numpy)
    return LinearHead(
        embedding_weights=weights,
        embedding_bias=bias,
        gram_weights=by_grams,
        calibrations=calibrations,
        held_out=held,
    )


class _Logistic:
    """One logistic regression; a second `fit` goes on from the first."""

    def __init__(self) -> None:
        linear = load_extra("sklearn.linear_model")
        self._model = linear.LogisticRegression(C=STRENGTH, max_iter=MOST_STEPS, warm_start=True)

    def fit(self, rows: Any, kinds: Any, weights: Any) -> None:
        with warnings.catch_warnings():
            # Stopping at the limit of steps is meant: the last ones cost time and change no answer.
            warnings.simplefilter("ignore")
            self._model.fit(rows, kinds, sample_weight=weights)
        self._model.max_iter = MOST_STEPS_ON

    def scores(self, numpy: Any, rows: Any) -> Any:
        weights, bias = self.learned(numpy)
        return rows @ weights.T + bias

    def learned(self, numpy: Any) -> tuple[Any, Any]:
        weights, bias = self._model.coef_, self._model.intercept_[:, None]
        return _of_both(numpy, weights).astype(numpy.float32), _of_both(numpy, bias)[:, 0].astype(numpy.float32)


class _Complement:
    """Counts of n-grams by kind: what speaks against a kind is what the rows of all others have."""

    def __init__(self, numpy: Any, grams: Any, kinds: Any, weights: Any) -> None:
        self._numpy = numpy
        member = load_extra("scipy.sparse").csr_matrix(
            (weights.astype(numpy.float32), (kinds, numpy.arange(len(kinds)))), shape=(kinds.max() + 1, len(kinds))
        )
        counts = (member @ grams).toarray()
        self._others = counts.sum(0) - counts
        self._grams = grams

    def weights(self, smoothing: float) -> Any:
        """(gram_width, kinds), in a unit in which the scores of the examples have a standard deviation of one."""
        numpy = self._numpy
        found = self._others + numpy.float32(smoothing)
        numpy.maximum(found, numpy.float32(smoothing), out=found)  # Rounding may leave less than nothing.
        found = numpy.log(found.sum(1, keepdims=True)) - numpy.log(found)
        found -= found.mean(0)
        turned = numpy.ascontiguousarray(found.T)
        spread = float((self._grams @ turned).std())
        return turned / spread if spread > 0 else turned


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """What heads said about rows that they had not learned from."""

    rows: Any
    #: By embedding and by n-grams, each (rows, kinds).
    scores: tuple[Any, Any]
    #: The way of n-grams of least log loss.
    way: str
    #: The last regression, for another to go on from.
    by_embedding: _Logistic


def _tell(numpy: Any, examples: Examples, grams: Any, parts: tuple[Any, Any]) -> _Answers:
    rows, folds = parts
    tested, first = [], []
    others: dict[str, list[Any]] = {}
    for fold in numpy.unique(folds[folds >= 0]):
        kept, out = rows[folds != fold], rows[folds == fold]
        tested.append(out)
        by_embedding = _Logistic()  # A fresh one: what began from another fold had seen these rows.
        by_embedding.fit(examples.embeddings[kept], examples.kinds[kept], examples.weights[kept])
        first.append(by_embedding.scores(numpy, examples.embeddings[out]))
        ways = _gram_weights(numpy, grams[kept], examples.kinds[kept], examples.weights[kept], WAYS)
        for way, weights in ways.items():
            others.setdefault(way, []).append(grams[out] @ weights)
    places = numpy.concatenate(tested)
    truth, known = examples.kinds[places], numpy.concatenate(first)
    joined = {way: numpy.concatenate(found) for way, found in others.items()}
    best = max(joined, key=lambda way: _worth(numpy, (known, joined[way]), truth, (True, True))[::-1])
    return _Answers(rows=places, scores=(known, joined[best]), way=best, by_embedding=by_embedding)


def _gram_weights(numpy: Any, grams: Any, kinds: Any, weights: Any, ways: Collection[str]) -> dict[str, Any]:
    """Weights of n-grams, (gram_width, kinds), by the way they were learned."""
    counted = _Complement(numpy, grams, kinds, weights)
    found = {way: counted.weights(smoothing) for way, smoothing in BY_COUNTS.items() if way in ways}
    if MARGIN in ways and len(kinds) * (kinds.max() + 1) <= MOST_BY_MARGIN:
        fitted = fit_margins(grams, kinds, weights, grams @ counted.weights(LIKENESS_SMOOTHING))
        found[MARGIN] = fitted / (float((grams @ fitted).std()) or 1.0)
    return found


def _of_both(numpy: Any, found: Any) -> Any:
    """A row for each kind; of two kinds only the second has one."""
    return numpy.concatenate([0 * found, found]) if len(found) == 1 else found


def _worth(numpy: Any, scores: tuple[Any, Any], truth: Any, views: tuple[bool, bool]) -> tuple[float, float]:
    """How right the views that count are together, and of equally right ones how little surprised."""
    found = _shares(numpy, scores, truth, views, 1).chances(scores)
    return float((found.argmax(1) == truth).mean()), -log_loss(found, truth)


def _shares(numpy: Any, scores: tuple[Any, Any], truth: Any, views: tuple[bool, bool], forms: int) -> Calibration:
    """A calibration in which a view that does not count has no share."""
    found = calibrate([view for view, counts in zip(scores, views, strict=True) if counts], truth, forms=forms)
    turn = iter(found.shares)
    return replace(found, shares=tuple(next(turn) if counts else 0.0 for counts in views))


def _chosen(numpy: Any, scores: tuple[Any, Any], truth: Any) -> Calibration:
    """The views that are most right together, calibrated."""
    views = max(VIEWS, key=lambda views: _worth(numpy, scores, truth, views))
    return _shares(numpy, scores, truth, views, 3)


def _calibrate(numpy: Any, scores: tuple[Any, Any], truth: Any, of: Any, alike: Collection[int]) -> dict[int, Any]:
    """A calibration for each script with rows enough; that of all rows together for those of `alike` without."""
    found: dict[int, Any] = dict.fromkeys(alike, _chosen(numpy, scores, truth))
    for script in numpy.unique(of):
        here = of == script
        if here.sum() >= LEAST_HELD_OUT or here.all():
            found[int(script)] = _chosen(numpy, (scores[0][here], scores[1][here]), truth[here])
    return found


def _chances(numpy: Any, calibrations: dict[int, Calibration], scores: tuple[Any, Any], of: Any) -> Any:
    found = numpy.zeros(scores[0].shape)
    for script in numpy.unique(of):
        here = of == script
        found[here] = calibrations[int(script)].chances([view[here] for view in scores])
    return found


def _sample(numpy: Any, kinds: Any) -> Any:
    """All rows, or of too many the same number of each kind as far as it has them."""
    if len(kinds) <= MOST_ROWS:
        return numpy.arange(len(kinds))
    order = numpy.random.default_rng(0).permutation(len(kinds))
    order = order[numpy.argsort(kinds[order], kind="stable")]
    counts = numpy.bincount(kinds)
    place = numpy.arange(len(kinds)) - numpy.repeat(numpy.cumsum(counts) - counts, counts)
    return numpy.sort(order[numpy.argsort(place, kind="stable")[:MOST_ROWS]])
