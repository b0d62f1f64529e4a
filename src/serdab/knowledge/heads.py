"""What was learned from a set of labels: kept as bytes in the database, asked in microseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy
from numpy.typing import NDArray

from serdab.knowledge.features import (
    FEATURES_VERSION,
    GRAM_BITS,
    SCRIPT_NAMES,
    Grams,
    grams_of,
    join_grams,
    script_of,
)
from serdab.knowledge.makers import strange_scripts
from serdab.knowledge.vectors import Vector, Vectors
from serdab.models import Calibration, Examples, HeldOut, LinearHead, train_head

#: Examples that a script needs, and of every label two, to get a head of its own.
LEAST_OWN = 50
#: Share of the embedding, as a part of that of n-grams, below which examples that are near tell a reader nothing.
LITTLE = 0.05
#: Labels above which n-grams are hashed into a quarter of the space: a head stays below some 30 MB for 1,000 labels.
MANY_LABELS = 100
_FEWER_BITS = 2


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """One linear head, its numbers as bytes."""

    embedding_weights: bytes
    embedding_bias: bytes
    #: Half precision, one number for each place and label.
    gram_weights: bytes
    #: Bits of the places of n-grams that are left out.
    gram_shift: int
    calibrations: dict[int, Calibration]
    rows: int


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """How texts of a script are told, and how right each way was on rows that it had not learned from."""

    script: str
    rows: int
    accuracy_by_embedding: float
    accuracy_by_grams: float
    #: With both, each as much as it is worth.
    accuracy: float
    #: Shares of the embedding and of n-grams in the scores.
    embedding_share: float
    gram_share: float
    #: As `Calibration.method` tells it.
    calibration: str

    @property
    def chosen(self) -> str:
        """What tells: `embedding`, `n-grams` or `both`."""
        return "n-grams" if not self.embedding_share else "embedding" if not self.gram_share else "both"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An example as it was told by a head that had not learned from it."""

    #: Its place in the examples.
    row: int
    #: Places in `labels`: the right one, the one that was told, and what each view alone would have told.
    label: int
    found: int
    by_embedding: int | None = None
    by_grams: int | None = None
    confidence: float


class Heads(msgspec.Struct, frozen=True, kw_only=True):
    """Everything learned from one set of labels."""

    labels: list[str]
    heads: list[Head]
    #: The head of each script.
    of_script: dict[int, int]
    #: Other features than those of this version give other n-grams: learn again.
    features: int = 1
    #: What made the embeddings, as `Embedder.made_by` says it; empty: not known.
    made_by: str = ""
    #: Below this confidence a person should look.
    threshold: float = 0.0
    choices: list[Choice] = []
    told: list[Told] = []
    #: The scripts of the examples; None: it was learned by a version that did not note that.
    scripts: list[int] | None = None

    @property
    def held_out_accuracy(self) -> float | None:
        """Share of the held-out examples that were told rightly; None when none could be held out."""
        return sum(each.label == each.found for each in self.told) / len(self.told) if self.told else None

    @property
    def is_current(self) -> bool:
        """Whether it can be asked by this version of Serdab."""
        return self.features == FEATURES_VERSION


class Guess(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of a head."""

    label: str
    confidence: float
    runner_up: str
    #: Confidence of the label minus that of the runner-up.
    margin: float
    #: Whether n-grams alone decided, since the embedder does not know the script.
    by_grams_only: bool


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """Heads with what is only known while they are made: the scores of rows that were held out."""

    heads: Heads
    #: Of each head: its examples as places in all, and its held-out rows.
    held_out: list[tuple[Any, HeldOut | None]]


class Judge:
    """Heads ready to be asked."""

    def __init__(self, heads: Heads) -> None:
        self.labels = heads.labels
        self.is_current = heads.is_current
        self.made_by = heads.made_by
        self.threshold = heads.threshold
        count = len(heads.labels)
        self._of_script = heads.of_script
        known = heads.of_script if heads.scripts is None else heads.scripts
        #: Scripts without an example, to which an embedder of many languages alone could carry what others teach.
        self._unread = set(SCRIPT_NAMES) - set(known) if strange_scripts(heads.made_by) else set()
        self._heads = [_Ready(head, count) for head in heads.heads]

    def guess(self, text: str, embedding: Vector) -> Guess:
        """The most probable label of a text."""
        chances, script = self.chances(text, embedding)
        second, first = numpy.argsort(chances)[-2:]
        by_embedding, by_grams = self._heads[self._of_script[script]].calibrations[script].shares
        return Guess(
            label=self.labels[first],
            confidence=float(chances[first]),
            runner_up=self.labels[second],
            margin=float(chances[first] - chances[second]),
            by_grams_only=by_embedding < LITTLE * by_grams,
        )

    def chances(self, text: str, embedding: Vector) -> tuple[NDArray[numpy.float64], int]:
        """The chance of each label, and the script of the text; all are alike in a script of which nothing is known."""
        script = script_of(text)
        if script in self._unread:
            return numpy.full(len(self.labels), 1 / len(self.labels)), script
        head = self._heads[self._of_script[script]]
        return head.chances(script, embedding, grams_of(text, script)), script

    def telling_words(self, text: str, label: str, most: int = 3) -> list[str]:
        """The words of a text whose n-grams speak most for a label."""
        script = script_of(text)
        head = self._heads[self._of_script[script]]
        place = self.labels.index(label)
        words = dict.fromkeys(word for word in text[:2000].split() if len(word) <= 40)
        scored = [(head.speaks(grams_of(word, script), place), word) for word in words]
        return [word for score, word in sorted(scored, reverse=True)[:most] if score > 0]


class _Ready:
    """The numbers of a head, not copied."""

    def __init__(self, head: Head, labels: int) -> None:
        self._bias = numpy.frombuffer(head.embedding_bias, "<f4")
        self._weights = numpy.frombuffer(head.embedding_weights, "<f4").reshape(labels, -1)
        self._gram_weights = numpy.frombuffer(head.gram_weights, "<f2").reshape(-1, labels)
        self._shift = head.gram_shift
        self.calibrations = head.calibrations

    def chances(self, script: int, embedding: Vector, grams: Grams) -> NDArray[numpy.float64]:
        calibration = self.calibrations[script]
        by_embedding = self._weights @ embedding + self._bias
        by_grams = grams.values @ self._gram_weights[grams.at >> self._shift].astype("f4")
        return calibration.chances((by_embedding, by_grams))

    def speaks(self, grams: Grams, label: int) -> float:
        rows = self._gram_weights[grams.at >> self._shift].astype("f4")
        return float(grams.values @ (rows[:, label] - rows.mean(1)))


def learn(
    texts: Sequence[str],
    labels: Sequence[str],
    embeddings: Vectors,
    weights: Sequence[float] | None = None,
    made_by: str = "",
) -> Learned:
    """Learn from examples of two labels or more; blocks for seconds.

    A script with enough examples of every label gets a head of its own: one language's rows only blur another's. The
    rest learns together with the script that has most.

    Args:
        texts: the examples.
        labels: of each text.
        embeddings: of each text.
        weights: how much each counts; one that counts more or less than 1 is a description, which is never held out.
        made_by: model and precision of the embeddings, as `Embedder.made_by` has it.
    """
    names = sorted(set(labels))
    number = {name: at for at, name in enumerate(names)}
    kinds = numpy.array([number[label] for label in labels], numpy.int64)
    scripts = numpy.array([script_of(text) for text in texts], numpy.int8)
    shift = _FEWER_BITS if len(names) > MANY_LABELS else 0
    grams = [grams_of(text, int(script)) for text, script in zip(texts, scripts, strict=True)]
    counts = numpy.ones(len(texts), numpy.float32) if weights is None else numpy.asarray(weights, numpy.float32)
    heads, of_script, held, choices = [], {}, [], []
    fixed = counts != 1
    groups = _group(kinds[~fixed], scripts[~fixed], len(names)) if not fixed.all() else [list(SCRIPT_NAMES)]
    for at, group in enumerate(groups):
        chosen = numpy.flatnonzero(numpy.isin(scripts, group))
        columns = {"embeddings": embeddings, "kinds": kinds, "scripts": scripts, "weights": counts, "fixed": fixed}
        examples = _examples(chosen, [grams[row] for row in chosen], shift, columns)
        trained = train_head(examples, group, strange_scripts(made_by))
        heads.append(_store(trained, len(chosen), shift))
        held.append((chosen, trained.held_out))
        choices += _choices(trained, examples)
        of_script.update(dict.fromkeys(group, at))
    told = [each for chosen, out in held if out is not None for each in _told(chosen, kinds, out)]
    made = Heads(
        labels=names,
        heads=heads,
        of_script=of_script,
        features=FEATURES_VERSION,
        made_by=made_by,
        choices=choices,
        told=told,
        scripts=sorted(set(scripts.tolist())),
    )
    return Learned(heads=made, held_out=held)


def _examples(chosen: NDArray[numpy.int64], grams: Sequence[Grams], shift: int, columns: Mapping[str, Any]) -> Examples:
    """Some of the rows, with their n-grams."""
    places, values, starts = join_grams(grams)
    return Examples(
        gram_at=places >> shift,
        gram_values=values,
        starts=starts,
        gram_width=1 << (GRAM_BITS - shift),
        **{name: column[chosen] for name, column in columns.items()},
    )


def _told(chosen: NDArray[numpy.int64], kinds: NDArray[numpy.int64], out: HeldOut) -> list[Told]:
    best = [scores.argmax(1).tolist() for scores in (out.chances, out.by_embedding, out.by_grams)]
    return [
        Told(
            row=int(chosen[row]),
            label=int(kinds[chosen[row]]),
            found=found,
            by_embedding=by_embedding,
            by_grams=by_grams,
            confidence=round(float(chances[found]), 6),
        )
        for row, chances, found, by_embedding, by_grams in zip(out.rows, out.chances, *best, strict=True)
    ]


def _choices(trained: LinearHead, examples: Examples) -> list[Choice]:
    """What was chosen for each script that had rows to choose by."""
    out, found = trained.held_out, []
    if out is None:
        return []
    scripts, truth = examples.scripts[out.rows], examples.kinds[out.rows]
    for script in map(int, numpy.unique(scripts)):
        here, calibration = scripts == script, trained.calibrations[script]
        found.append(
            Choice(
                script=SCRIPT_NAMES[script],
                rows=int(here.sum()),
                accuracy_by_embedding=_accuracy(out.by_embedding[here], truth[here]),
                accuracy_by_grams=_accuracy(out.by_grams[here], truth[here]),
                accuracy=_accuracy(out.chances[here], truth[here]),
                embedding_share=calibration.shares[0],
                gram_share=calibration.shares[1],
                calibration=calibration.method,
            )
        )
    return found


def _accuracy(scores: NDArray[Any], truth: NDArray[numpy.int64]) -> float:
    return float((scores.argmax(1) == truth).mean())


def _group(kinds: NDArray[numpy.int64], scripts: NDArray[numpy.int8], labels: int) -> list[list[int]]:
    """Scripts that learn together; every script is in one group."""
    every = list(SCRIPT_NAMES)
    rows = {script: int((scripts == script).sum()) for script in every}
    main = max(every, key=rows.__getitem__)
    groups = [[main]]
    for script in every:
        if script == main:
            continue
        counts = numpy.bincount(kinds[scripts == script], minlength=labels)
        if rows[script] >= LEAST_OWN and counts.min() >= 2:
            groups.append([script])
        else:
            groups[0].append(script)
    complete = all(len(numpy.unique(kinds[numpy.isin(scripts, group)])) == labels for group in groups)
    return groups if complete else [every]


def _store(head: LinearHead, rows: int, shift: int) -> Head:
    return Head(
        embedding_weights=head.embedding_weights.astype("<f4").tobytes(),
        embedding_bias=head.embedding_bias.astype("<f4").tobytes(),
        gram_weights=head.gram_weights.astype("<f2").tobytes(),
        gram_shift=shift,
        calibrations=head.calibrations,
        rows=rows,
    )
