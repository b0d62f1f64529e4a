"""Sets of labels too small to learn from: what is nearest to a text tells, examples and descriptions alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import msgspec
import numpy
from numpy.typing import NDArray

from serdab.knowledge.features import grams_of, script_of
from serdab.knowledge.makers import strange_scripts, unrelated_cosine
from serdab.knowledge.vectors import Vector, Vectors, from_database

#: Examples that are looked at one by one when there are too few to learn from.
MOST_COMPARED = 5_000
_NEIGHBOURS = 5
#: How fast the vote of a neighbour falls with its similarity.
_SHARPNESS = 12.0


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled text that is like the one in question."""

    text: str
    label: str
    similarity: float


class Neighbours:
    """What a small set knows, asked like a `Judge`."""

    def __init__(self, texts: Sequence[str], labels: Sequence[str], embeddings: Vectors, made_by: str = "") -> None:
        #: Each label once, sorted.
        self.labels = sorted(set(labels))
        #: Model and precision of the embeddings; empty: not known. Of several all: no vector is of that kind.
        self.made_by = made_by
        self._strange = strange_scripts(made_by)
        self._unrelated = unrelated_cosine(made_by)
        self._texts, self._embeddings = texts, embeddings
        place = {label: at for at, label in enumerate(self.labels)}
        self._kinds = [place[label] for label in labels]

    @classmethod
    def of_rows(cls, rows: Sequence[Any]) -> Self | None:
        """From rows of `compared_examples`; None: there are none."""
        if not rows:
            return None
        columns = [row["text"] for row in rows], [row["label"] for row in rows]
        makers = sorted({row["made_by"] for row in rows if row["made_by"]})
        return cls(*columns, numpy.stack([from_database(row["embedding"]) for row in rows]), " and ".join(makers))

    def chances(self, text: str, embedding: Vector) -> tuple[NDArray[numpy.float64], int]:
        """What the vote of the nearest gives each label, together at most 1, and the script of the text."""
        similarities = self._similarities(text, embedding)
        order = numpy.argsort(-similarities)[:_NEIGHBOURS]
        votes = numpy.zeros(len(self.labels))
        for at in order:
            votes[self._kinds[at]] += float(numpy.exp(_SHARPNESS * (similarities[at] - similarities[order[0]])))
        # A vote among few says little when even the nearest is far away.
        trust = max(0.0, min(1.0, float(similarities[order[0]])))
        return votes / votes.sum() * trust, script_of(text)

    def nearest(self, text: str, embedding: Vector, label: str, most: int) -> list[Example]:
        """The nearest of a label among those that vote, at most `most`."""
        similarities = self._similarities(text, embedding)
        kind = self.labels.index(label)
        found = [at for at in numpy.argsort(-similarities)[:_NEIGHBOURS] if self._kinds[at] == kind]
        return [Example(text=self._texts[at], label=label, similarity=float(similarities[at])) for at in found[:most]]

    def _similarities(self, text: str, embedding: Vector) -> Vectors:
        """By meaning, or by n-grams in a script that the embedder does not know: 0 is unrelated, 1 the same."""
        if script_of(text) not in self._strange:
            found: Vectors = (self._embeddings @ embedding - self._unrelated) / (1 - self._unrelated)
            return found
        asked = grams_of(text)
        place = {int(at): float(value) for at, value in zip(asked.at, asked.values, strict=True)}
        sums = []
        for each in self._texts:
            grams = grams_of(each)
            sums.append(sum(place.get(int(at), 0.0) * float(v) for at, v in zip(grams.at, grams.values, strict=True)))
        return numpy.array(sums, numpy.float32)
