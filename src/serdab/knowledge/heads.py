"""What was learned from a set of labels: kept as bytes in the database, asked in microseconds."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy
from numpy.typing import NDArray

from serdab.knowledge.features import (
    GRAM_WIDTH,
    LATIN,
    OTHER,
    USUAL_MIXES,
    Grams,
    grams_of,
    join_grams,
    script_of,
)
from serdab.knowledge.vectors import Vector, Vectors
from serdab.models import Examples, LinearHead, train_head

#: Examples that a script needs, and of every label two, to get a head of its own.
LEAST_OWN = 50


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """One linear head, its numbers as bytes."""

    embedding_weights: bytes
    embedding_bias: bytes
    #: Half precision: 16,384 rows of one number for each label.
    gram_weights: bytes
    gram_bias: bytes
    mixes: dict[int, tuple[float, float]]
    rows: int
    held_out_rows: int
    held_out_accuracy: float | None


class Heads(msgspec.Struct, frozen=True, kw_only=True):
    """Everything learned from one set of labels."""

    labels: list[str]
    heads: list[Head]
    #: The head of each script.
    of_script: dict[int, int]

    @property
    def held_out_accuracy(self) -> float | None:
        """Share of the held-out examples that were told rightly; None when none could be held out."""
        rows = sum(head.held_out_rows for head in self.heads)
        right = sum(head.held_out_rows * (head.held_out_accuracy or 0) for head in self.heads)
        return right / rows if rows else None


class Guess(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of a head."""

    label: str
    confidence: float
    runner_up: str
    #: Confidence of the label minus that of the runner-up.
    margin: float
    #: Whether n-grams alone decided, since the embedder does not know the script.
    by_grams_only: bool


class Judge:
    """Heads ready to be asked."""

    def __init__(self, heads: Heads) -> None:
        self.labels = heads.labels
        count = len(heads.labels)
        self._of_script = heads.of_script
        self._heads = [_Ready(head, count) for head in heads.heads]

    def guess(self, text: str, embedding: Vector) -> Guess:
        """The most probable label of a text."""
        script = script_of(text)
        head = self._heads[self._of_script[script]]
        chances = head.chances(script, embedding, grams_of(text))
        second, first = numpy.argsort(chances)[-2:]
        return Guess(
            label=self.labels[first],
            confidence=float(chances[first]),
            runner_up=self.labels[second],
            margin=float(chances[first] - chances[second]),
            by_grams_only=head.mixes[script][0] == 0,
        )

    def telling_words(self, text: str, label: str, most: int = 3) -> list[str]:
        """The words of a text whose n-grams speak most for a label."""
        head = self._heads[self._of_script[script_of(text)]]
        at = self.labels.index(label)
        said = {word: head.speaks(grams_of(word), at) for word in dict.fromkeys(text[:4000].split()[:300])}
        best = sorted(said, key=said.__getitem__, reverse=True)[:most]
        return [word for word in best if said[word] > 0]


class _Ready:
    def __init__(self, head: Head, labels: int) -> None:
        self.mixes = head.mixes
        self._weights = numpy.frombuffer(head.embedding_weights, "<f4").reshape(labels, -1)
        self._bias = numpy.frombuffer(head.embedding_bias, "<f4")
        self._gram_weights = numpy.frombuffer(head.gram_weights, "<f2").reshape(GRAM_WIDTH, labels)
        self._gram_bias = numpy.frombuffer(head.gram_bias, "<f4")

    def chances(self, script: int, embedding: Vector, grams: Grams) -> NDArray[numpy.float32]:
        by_embedding, by_grams = self.mixes[script]
        scores = by_embedding * (self._weights @ embedding + self._bias)
        if by_grams:
            scores = scores + by_grams * (grams.values @ self._gram_weights[grams.at].astype("f4") + self._gram_bias)
        raised: NDArray[numpy.float32] = numpy.exp(scores - scores.max())
        chances: NDArray[numpy.float32] = raised / raised.sum()
        return chances

    def speaks(self, grams: Grams, label: int) -> float:
        rows = self._gram_weights[grams.at].astype("f4")
        return float(grams.values @ (rows[:, label] - rows.mean(1)))


def learn(texts: Sequence[str], labels: Sequence[str], embeddings: Vectors) -> Heads:
    """Learn from examples of two labels or more; blocks for seconds.

    A script with enough examples of every label gets a head of its own: one language's rows only blur another's. The
    rest learns together with the script that has most.
    """
    names = sorted(set(labels))
    number = {name: at for at, name in enumerate(names)}
    kinds = numpy.array([number[label] for label in labels], numpy.int64)
    scripts = numpy.array([script_of(text) for text in texts], numpy.int8)
    grams = [grams_of(text) for text in texts]
    groups = _group(kinds, scripts, len(names))
    heads, of_script = [], {}
    for at, group in enumerate(groups):
        chosen = numpy.flatnonzero(numpy.isin(scripts, group))
        places, values, starts = join_grams([grams[row] for row in chosen])
        examples = Examples(
            embeddings=embeddings[chosen],
            gram_at=places,
            gram_values=values,
            starts=starts,
            gram_width=GRAM_WIDTH,
            kinds=kinds[chosen],
            scripts=scripts[chosen],
        )
        heads.append(_store(train_head(examples, USUAL_MIXES), len(chosen)))
        of_script.update(dict.fromkeys(group, at))
    return Heads(labels=names, heads=heads, of_script=of_script)


def _group(kinds: NDArray[numpy.int64], scripts: NDArray[numpy.int8], labels: int) -> list[list[int]]:
    """Scripts that learn together; every script is in one group."""
    every = range(LATIN, OTHER + 1)
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
    return groups if complete else [list(every)]


def _store(head: LinearHead, rows: int) -> Head:
    return Head(
        embedding_weights=head.embedding_weights.astype("<f4").tobytes(),
        embedding_bias=head.embedding_bias.astype("<f4").tobytes(),
        gram_weights=head.gram_weights.astype("<f2").tobytes(),
        gram_bias=head.gram_bias.astype("<f4").tobytes(),
        mixes=head.mixes,
        rows=rows,
        held_out_rows=head.held_out_rows,
        held_out_accuracy=head.held_out_accuracy,
    )
