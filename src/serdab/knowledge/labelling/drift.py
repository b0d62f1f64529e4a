"""Whether the documents of late are still like the examples: labels, confidence, and meaning."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import msgspec
import numpy
from numpy.typing import NDArray

from serdab.core import expected
from serdab.knowledge.coalescing import Link
from serdab.knowledge.errors import BadLabels
from serdab.knowledge.heads import Heads
from serdab.knowledge.labelling.documents import judge_of_set, see_documents
from serdab.knowledge.labelling.training import find_set
from serdab.knowledge.vectors import Vectors, from_database
from serdab.store import load_statements

_SQL = load_statements("serdab.knowledge")

#: From which population stability index on a distribution has moved: the usual marks of the field.
SOME, STRONG = 0.1, 0.25
#: Chance below which a distance between meanings is no accident.
UNLIKELY = 0.01
#: Documents without which nothing can be said.
LEAST = 30
MOST_DOCUMENTS = 2_000
_MOST_COMPARED = 500
_DRAWS = 200
_CONFIDENCES = (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


class LabelShare(msgspec.Struct, frozen=True, kw_only=True):
    """How frequent a label is."""

    label: str
    examples: float
    documents: float


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """What became different since the examples."""

    label_set: str
    days: int
    examples: int
    documents: int
    #: Population stability index of labels as told, and of confidence: 0 is the same, above 0.25 another population.
    labels_psi: float
    confidence_psi: float
    #: Squared maximum mean discrepancy of embeddings, the value that 95 in 100 shuffles stay below, and the chance of
    #: one so large if nothing had changed.
    meaning_distance: float
    meaning_distance_by_chance: float
    meaning_chance: float
    shares: list[LabelShare]
    #: `none`, `some` or `strong`, with what it means.
    verdict: str
    why: str


async def measure_drift(link: Link, label_set: str, days: int) -> Drift:
    """Compare the examples of a set with the documents of the last days.

    Raises:
        BadLabels: there is no such set, nothing was learned from it, or fewer than `LEAST` documents came.
    """
    set_id = await find_set(link, label_set)
    kept = await link.use(lambda c: c.fetchrow(_SQL["get_head"], set_id))
    if kept is None:
        todo = f"answer for some documents first: serdab labels review {shlex.quote(label_set)}"
        what = expected(f"the set {label_set}", "learned from examples, to compare documents with", "too few", todo)
        raise BadLabels(what)
    judge = await judge_of_set(link, set_id, label_set)
    seen = await see_documents(link, label_set, judge, MOST_DOCUMENTS, days=days)
    if len(seen) < LEAST:
        todo = "take more days: --days"
        raise BadLabels(expected(f"the documents of the last {days} days", f"at least {LEAST}", len(seen), todo))
    heads = msgspec.msgpack.decode(kept["head"], type=Heads)
    rows = await link.use(lambda c: c.fetch(_SQL["all_examples"], set_id, MOST_DOCUMENTS * 10))
    told = numpy.array([each.chances.argmax() for each in seen])
    number = {label: at for at, label in enumerate(heads.labels)}
    known = numpy.array([number[row["label"]] for row in rows if row["label"] in number])
    live = numpy.stack([each.embedding for each in seen])
    taught = numpy.stack([from_database(row["embedding"]) for row in rows])
    distance, by_chance, chance = discrepancy(_some(taught), _some(live))
    before = _shares(known, len(heads.labels))
    after = _shares(told, len(heads.labels))
    labels_psi = stability_index(before, after, len(seen))
    confidence_psi = _confidence_psi(heads, [float(each.chances.max()) for each in seen])
    verdict, why = judge_drift(labels_psi, confidence_psi, chance)
    return Drift(
        label_set=label_set,
        days=days,
        examples=len(rows),
        documents=len(seen),
        labels_psi=labels_psi,
        confidence_psi=confidence_psi,
        meaning_distance=distance,
        meaning_distance_by_chance=by_chance,
        meaning_chance=chance,
        shares=[
            LabelShare(label=label, examples=float(before[at]), documents=float(after[at]))
            for at, label in enumerate(heads.labels)
        ],
        verdict=verdict,
        why=why,
    )


def stability_index(before: NDArray[numpy.float64], after: NDArray[numpy.float64], rows: int) -> float:
    """The population stability index of two distributions over the same bins; never negative.

    Args:
        before: shares of the bins.
        after: shares of the bins later.
        rows: how many the second was counted from: an empty bin counts as half a row.
    """
    least = 0.5 / max(1, rows)
    first, second = numpy.maximum(before, least), numpy.maximum(after, least)
    first, second = first / first.sum(), second / second.sum()
    return float(((second - first) * numpy.log(second / first)).sum())


def discrepancy(first: Vectors, second: Vectors) -> tuple[float, float, float]:
    """The squared maximum mean discrepancy of two samples, its 95 % bound by chance, and the chance of so much.

    The kernel is Gaussian with the median distance as its width; chance is what shuffling the two samples gives.
    """
    joined = numpy.concatenate([first, second]).astype(numpy.float64)
    squares = numpy.maximum(0.0, 2 - 2 * joined @ joined.T)
    kernel = numpy.exp(-squares / max(float(numpy.median(squares)), 1e-9))
    numpy.fill_diagonal(kernel, 0.0)
    found = _discrepancy(kernel, numpy.arange(len(joined)), len(first))
    draw = numpy.random.default_rng(0)
    shuffled = [_discrepancy(kernel, draw.permutation(len(joined)), len(first)) for _ in range(_DRAWS)]
    chance = (1 + sum(each >= found for each in shuffled)) / (1 + _DRAWS)
    return found, float(numpy.quantile(shuffled, 0.95)), chance


def judge_drift(labels_psi: float, confidence_psi: float, meaning_chance: float) -> tuple[str, str]:
    """One word for three measures, and what to do about it."""
    strong = max(labels_psi, confidence_psi) >= STRONG
    some = max(labels_psi, confidence_psi) >= SOME or meaning_chance < UNLIKELY
    if strong:
        return "strong", "label some documents of late: serdab labels review"
    if some:
        return "some", "the documents of late differ from the examples; look at the confusion of new examples"
    return "none", "the documents of late are like the examples"


def _discrepancy(kernel: NDArray[numpy.float64], order: NDArray[numpy.int64], count: int) -> float:
    one, two = order[:count], order[count:]
    within = kernel[numpy.ix_(one, one)].sum() / (len(one) * (len(one) - 1))
    others = kernel[numpy.ix_(two, two)].sum() / (len(two) * (len(two) - 1))
    return float(within + others - 2 * kernel[numpy.ix_(one, two)].mean())


def _shares(places: NDArray[numpy.int64], labels: int) -> NDArray[numpy.float64]:
    return numpy.bincount(places, minlength=labels) / max(1, len(places))


def _confidence_psi(heads: Heads, live: Sequence[float]) -> float:
    told = [each.confidence for each in heads.told]
    if len(told) < LEAST:
        return 0.0
    before, after = (numpy.histogram(each, _CONFIDENCES)[0] / len(each) for each in (told, live))
    return stability_index(before, after, min(len(told), len(live)))


def _some(vectors: Vectors) -> Vectors:
    if len(vectors) <= _MOST_COMPARED:
        return vectors
    chosen: Vectors = vectors[numpy.random.default_rng(0).permutation(len(vectors))[:_MOST_COMPARED]]
    return chosen
