"""How well the labels of a set are told, by examples that were not learned from."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence

import msgspec

from serdab.core import expected
from serdab.engines import Embedder
from serdab.knowledge.coalescing import Link
from serdab.knowledge.errors import BadLabels
from serdab.knowledge.features import SCRIPT_NAMES, script_of
from serdab.knowledge.heads import Choice, Heads, Told
from serdab.knowledge.intervals import wilson
from serdab.knowledge.labelling.measures import (
    Bin,
    Coverage,
    calibration_error,
    calibration_error_by_chance,
    calibration_error_debiased,
    calibration_error_in_bins,
    confidence_gap,
    coverage_at,
    macro_f1,
    macro_f1_interval,
    reliability,
)
from serdab.knowledge.labelling.thresholds import Costs, choose_threshold, cost_of
from serdab.knowledge.labelling.training import find_set, gather_material, train_set
from serdab.knowledge.languages import language_of

#: Pairs of labels that a report names.
MOST_PAIRS = 20
#: The share of verdicts taken unseen that shall be right.
PRECISION = 0.95
#: Looks that a wrong label costs, for which a report says what would be looked at.
TRADES = (3.0, 5.0, 10.0, 20.0)


class LabelScore(msgspec.Struct, frozen=True, kw_only=True):
    """How one label is told."""

    label: str
    #: Examples that have it.
    rows: int
    precision: float
    recall: float
    f1: float


class Confusion(msgspec.Struct, frozen=True, kw_only=True):
    """Examples of one label that were taken for another."""

    label: str
    found: str
    rows: int


class LanguageScore(msgspec.Struct, frozen=True, kw_only=True):
    """How right the texts of one language are told."""

    lang: str
    rows: int
    accuracy: float
    low: float
    high: float
    #: With the embedding alone and with n-grams alone; None: it was learned by a version that did not note that.
    accuracy_by_embedding: float | None
    accuracy_by_grams: float | None
    #: What tells texts of its script: `embedding`, `n-grams` or `both`.
    chosen: str


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """What would be looked at if things cost so much."""

    costs: Costs
    threshold: float
    #: Share of the documents that a person looks at, and of how many others the label is right; None: there are none.
    looked_at: float
    taken_right: float | None


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How well a set of labels is told; intervals hold the true value in 95 of 100 cases."""

    label_set: str
    #: `cross-validated` (nearly every row was asked) or `held out` (a part); confidence was fitted on these rows too,
    #: so its error is a little too good.
    method: str
    rows: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    macro_f1: float
    macro_f1_low: float
    macro_f1_high: float
    #: ECE by monotonic sweep, and what perfect calibration would show on so few rows by chance.
    calibration_error: float
    calibration_error_by_chance: float
    #: ECE over fifteen bins of equal numbers; on few rows mostly chance.
    calibration_error_in_bins: float
    #: The error without chance, as a root mean square over bins (Kumar, Liang, Ma 2019); 0: chance explains all.
    calibration_error_debiased: float
    #: Mean confidence minus accuracy: above 0 too sure.
    confidence_gap: float
    coverage_at_95: Coverage
    #: The threshold of the set, the share of verdicts above it, and how many of these are right.
    threshold: float
    taken: float
    taken_right: float | None
    #: Of a verdict on average, with the threshold, and if everything were looked at.
    cost: float
    cost_of_looking: float
    #: The same for other costs of a wrong label.
    trades: list[Trade]
    labels: list[LabelScore]
    confusions: list[Confusion]
    bins: list[Bin]
    langs: list[LanguageScore]
    choices: list[Choice]


async def score_set(link: Link, embedder: Embedder, label_set: str) -> Score:
    """How well a set is told, by its examples that were held out when it was learned.

    Raises:
        BadLabels: there is no such set, or it has too few examples to hold any out.
    """
    set_id = await find_set(link, label_set)
    trained = await train_set(link, embedder, set_id)
    if trained.heads is None or not trained.heads.told:
        todo = f"bring some more: serdab labels import FILE --into {shlex.quote(label_set)}"
        raise BadLabels(expected(f"the examples of {label_set}", "enough to hold some out", "too few", todo))
    material = await gather_material(link, embedder, set_id)
    return score_told(label_set, trained.heads, material.texts, trained.costs)


def score_told(label_set: str, heads: Heads, texts: Sequence[str], costs: Costs) -> Score:
    """The measures of what heads told about rows they had not learned from."""
    told = heads.told
    pairs = [(heads.labels[each.label], heads.labels[each.found]) for each in told]
    right = [label == found for label, found in pairs]
    sure = [each.confidence for each in told]
    low, high = wilson(sum(right), len(right))
    f1_low, f1_high = macro_f1_interval(pairs)
    taken = [ok for ok, confidence in zip(right, sure, strict=True) if confidence >= heads.threshold]
    return Score(
        label_set=label_set,
        method="cross-validated" if 2 * len(told) > len(texts) else "held out",
        rows=len(told),
        accuracy=sum(right) / len(right),
        accuracy_low=low,
        accuracy_high=high,
        macro_f1=macro_f1(pairs),
        macro_f1_low=f1_low,
        macro_f1_high=f1_high,
        calibration_error=calibration_error(sure, right),
        calibration_error_by_chance=calibration_error_by_chance(sure),
        calibration_error_in_bins=calibration_error_in_bins(sure, right),
        calibration_error_debiased=calibration_error_debiased(sure, right),
        confidence_gap=confidence_gap(sure, right),
        coverage_at_95=coverage_at(sure, right, PRECISION),
        threshold=heads.threshold,
        taken=len(taken) / len(right),
        taken_right=sum(taken) / len(taken) if taken else None,
        cost=cost_of(sure, right, heads.threshold, costs),
        cost_of_looking=costs.look,
        trades=[_trade(sure, right, Costs(wrong=wrong, look=1.0)) for wrong in TRADES],
        labels=_by_label(pairs),
        confusions=_confusions(pairs),
        bins=reliability(sure, right),
        langs=_by_language(heads, texts),
        choices=heads.choices,
    )


def _trade(sure: Sequence[float], right: Sequence[bool], costs: Costs) -> Trade:
    threshold = choose_threshold(sure, right, costs)
    taken = [ok for ok, confidence in zip(right, sure, strict=True) if confidence >= threshold]
    return Trade(
        costs=costs,
        threshold=threshold,
        looked_at=1 - len(taken) / len(right),
        taken_right=sum(taken) / len(taken) if taken else None,
    )


def _by_label(pairs: Sequence[tuple[str, str]]) -> list[LabelScore]:
    truth, found = Counter(label for label, _ in pairs), Counter(told for _, told in pairs)
    right = Counter(label for label, told in pairs if label == told)
    return [
        LabelScore(
            label=label,
            rows=rows,
            precision=right[label] / found[label] if found[label] else 0.0,
            recall=right[label] / rows,
            f1=2 * right[label] / (rows + found[label]),
        )
        for label, rows in sorted(truth.items())
    ]


def _confusions(pairs: Sequence[tuple[str, str]]) -> list[Confusion]:
    wrong = Counter(pair for pair in pairs if pair[0] != pair[1])
    return [Confusion(label=pair[0], found=pair[1], rows=rows) for pair, rows in wrong.most_common(MOST_PAIRS)]


def _by_language(heads: Heads, texts: Sequence[str]) -> list[LanguageScore]:
    chosen = {choice.script: choice.chosen for choice in heads.choices}
    of_lang: dict[str, list[Told]] = {}
    for each in heads.told:
        of_lang.setdefault(language_of(texts[each.row]), []).append(each)
    found = []
    for lang, told in sorted(of_lang.items()):
        right = sum(each.label == each.found for each in told)
        low, high = wilson(right, len(told))
        scripts = Counter(SCRIPT_NAMES[script_of(texts[each.row])] for each in told)
        score = LanguageScore(
            lang=lang,
            rows=len(told),
            accuracy=right / len(told),
            low=low,
            high=high,
            accuracy_by_embedding=_share([(each.label, each.by_embedding) for each in told]),
            accuracy_by_grams=_share([(each.label, each.by_grams) for each in told]),
            chosen=chosen.get(scripts.most_common(1)[0][0], ""),
        )
        found.append(score)
    return found


def _share(pairs: Sequence[tuple[int, int | None]]) -> float | None:
    """How many of the second are the first; None: not all are known."""
    if any(found is None for _, found in pairs):
        return None
    return sum(label == found for label, found in pairs) / len(pairs)
