"""A linear head over two views of a text, its embedding and its character n-grams, learned in seconds.

The two heads are learned apart and their scores added. How much each counts is chosen for every script on rows that
were held out, since an embedder knows some scripts well and others not at all; the same choice calibrates confidence.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from serdab.core import BadInput, expected
from serdab.engines import load_extra

if TYPE_CHECKING:
    from numpy import float32, int8, int32, int64
    from numpy.typing import NDArray

#: Inverse strength of the penalty, for vectors of length one: the best of 3 to 100 on 10,000 queries of 77 kinds.
STRENGTH = 20.0
#: Most rows that are learned from; of more, as many of each kind.
MOST_ROWS = 50_000
#: Shares of the two heads that are tried for each script: (embedding, n-grams).
MIXES = ((1.0, 0.0), (1.0, 0.5), (1.0, 1.0), (0.5, 1.0), (0.0, 1.0))
#: Held-out rows of a script below which its share is not chosen but taken from the caller.
LEAST_HELD_OUT = 30
_MOST_HELD_OUT = 2_000
_HELD_OUT_SHARE = 0.1
#: Weight of a row whose script the caller says the embedder does not know, when the head of embeddings is learned.
_STRANGE_WEIGHT = 0.05
_TEMPERATURES = tuple(0.35 * 1.15**power for power in range(17))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearHead:
    """What was learned: scores = embedding share x (E·W + b) + n-gram share x (G·V + c), a softmax gives confidence."""

    #: (kinds, dimensions)
    embedding_weights: NDArray[float32]
    embedding_bias: NDArray[float32]
    #: (gram_width, kinds)
    gram_weights: NDArray[float32]
    gram_bias: NDArray[float32]
    #: For each script the share of both heads, temperature included.
    mixes: dict[int, tuple[float, float]]
    #: Share of held-out rows that were right before all rows were learned; None: too few rows to hold any out.
    held_out_accuracy: float | None
    held_out_rows: int


def train_head(examples: Examples, usual: Mapping[int, tuple[float, float]]) -> LinearHead:
    """Learn; blocks for seconds, holds no lock of the interpreter while it computes.

    Args:
        examples: at least two kinds with a row each.
        usual: for each script the shares to take when too few rows of it can be held out.

    Raises:
        BadInput: there are fewer than two kinds.
    """
    numpy = load_extra("numpy")
    sparse = load_extra("scipy.sparse")
    if len(numpy.unique(examples.kinds)) < 2:
        raise BadInput(expected("the examples", "of two kinds or more", "one kind"))
    shape = (len(examples.kinds), examples.gram_width)
    grams = sparse.csr_matrix((examples.gram_values, examples.gram_at, examples.starts), shape=shape)
    rows = _sample(numpy, examples.kinds)
    held = _hold_out(numpy, examples.kinds[rows])
    weights = numpy.where([usual[int(script)][0] > 0 for script in examples.scripts], 1.0, _STRANGE_WEIGHT)
    by_embedding, by_grams = _Head(150, 1e-4), _Head(80, 1e-3)
    mixes, accuracy = dict(usual), None
    if held.any():
        kept, tested = rows[~held], rows[held]
        by_embedding.fit(examples.embeddings[kept], examples.kinds[kept], weights[kept])
        by_grams.fit(grams[kept], examples.kinds[kept], None)
        scores = by_embedding.scores(examples.embeddings[tested]), by_grams.scores(grams[tested])
        mixes, accuracy = _choose(numpy, scores, examples.kinds[tested], examples.scripts[tested], usual)
    by_embedding.fit(examples.embeddings[rows], examples.kinds[rows], weights[rows])
    by_grams.fit(grams[rows], examples.kinds[rows], None)
    embedding_weights, embedding_bias = by_embedding.learned(numpy)
    gram_weights, gram_bias = by_grams.learned(numpy)
    return LinearHead(
        embedding_weights=embedding_weights,
        embedding_bias=embedding_bias,
        gram_weights=numpy.ascontiguousarray(gram_weights.T),
        gram_bias=gram_bias,
        mixes=mixes,
        held_out_accuracy=accuracy,
        held_out_rows=int(held.sum()),
    )


class _Head:
    """One logistic regression that a second `fit` goes on from."""

    def __init__(self, most_iterations: int, tolerance: float) -> None:
        linear = load_extra("sklearn.linear_model")
        self._model = linear.LogisticRegression(
            C=STRENGTH, max_iter=most_iterations, tol=tolerance, warm_start=True, solver="lbfgs"
        )

    def fit(self, rows: Any, kinds: Any, weights: Any) -> None:
        with warnings.catch_warnings():
            # Stopping at the limit of iterations is meant: the last ones cost time and change no answer.
            warnings.simplefilter("ignore")
            self._model.fit(rows, kinds, sample_weight=weights)

    def scores(self, rows: Any) -> Any:
        found = self._model.decision_function(rows)
        return found if found.ndim == 2 else load_extra("numpy").stack([0 * found, found], axis=1)

    def learned(self, numpy: Any) -> tuple[Any, Any]:
        weights, bias = self._model.coef_, self._model.intercept_
        if len(weights) == 1:  # Of two kinds only the second has a score.
            weights, bias = numpy.concatenate([0 * weights, weights]), numpy.concatenate([0 * bias, bias])
        return weights.astype(numpy.float32), bias.astype(numpy.float32)


def _sample(numpy: Any, kinds: Any) -> Any:
    """All rows, or of too many the same number of each kind as far as it has them."""
    if len(kinds) <= MOST_ROWS:
        return numpy.arange(len(kinds))
    order = numpy.random.default_rng(0).permutation(len(kinds))
    order = order[numpy.argsort(kinds[order], kind="stable")]
    counts = numpy.bincount(kinds)
    place = numpy.arange(len(kinds)) - numpy.repeat(numpy.cumsum(counts) - counts, counts)
    return numpy.sort(order[numpy.argsort(place, kind="stable")[:MOST_ROWS]])


def _hold_out(numpy: Any, kinds: Any) -> Any:
    """Marks a tenth of each kind, never its last two rows; nothing when that would be too little to learn from."""
    held = numpy.zeros(len(kinds), bool)
    order = numpy.random.default_rng(0).permutation(len(kinds))
    share = min(_HELD_OUT_SHARE, _MOST_HELD_OUT / len(kinds))
    counts = numpy.bincount(kinds)
    left = numpy.minimum(numpy.ceil(counts * share), numpy.maximum(counts - 2, 0)).astype(int)
    for row in order:
        if left[kinds[row]] > 0:
            left[kinds[row]] -= 1
            held[row] = True
    return held if held.sum() >= LEAST_HELD_OUT else numpy.zeros(len(kinds), bool)


def _choose(
    numpy: Any, scores: tuple[Any, Any], kinds: Any, scripts: Any, usual: Mapping[int, tuple[float, float]]
) -> tuple[dict[int, tuple[float, float]], float]:
    """The shares of least surprise on held-out rows, by script, and how many of these rows are right with them."""
    chosen, right = dict(usual), 0
    for script in numpy.unique(scripts):
        here = scripts == script
        ours, truth = (scores[0][here], scores[1][here]), kinds[here]
        tried = MIXES if here.sum() >= LEAST_HELD_OUT else (usual[int(script)],)
        _, mix = min(
            (_surprise(numpy, ours, truth, mix, t), (mix[0] * t, mix[1] * t)) for mix in tried for t in _TEMPERATURES
        )
        chosen[int(script)] = mix
        right += int((_mixed(ours, mix).argmax(1) == truth).sum())
    return chosen, right / len(kinds)


def _surprise(numpy: Any, scores: tuple[Any, Any], truth: Any, mix: tuple[float, float], factor: float) -> float:
    mixed = _mixed(scores, mix) * factor
    mixed = mixed - mixed.max(1, keepdims=True)
    log_sum = numpy.log(numpy.exp(mixed).sum(1))
    return float((log_sum - mixed[numpy.arange(len(truth)), truth]).mean())


def _mixed(scores: tuple[Any, Any], mix: tuple[float, float]) -> Any:
    return mix[0] * scores[0] + mix[1] * scores[1]
