"""How much words should count beside meaning: every weight for the same questions, of which half is held out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID

import msgspec
import numpy as np

from serdab.engines import Embedder
from serdab.knowledge import Index, asking, fusing
from serdab.knowledge.fusing import WORDS, fuse

#: Documents of an answer.
ASKED = 10
WEIGHTS = (0.0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5)
HALVES = ("chosen on", "held out")
#: Resamples of the questions by which a difference gets its interval.
RESAMPLES = 4_000

Rank = Callable[["Legs"], list[UUID]]
Figures = dict[str, float]


class Question(msgspec.Struct, frozen=True):
    """What is asked, the documents that are right, and those that are left out: what it was taken from."""

    text: str
    right: frozenset[UUID]
    itself: frozenset[UUID] = frozenset()

    @property
    def half(self) -> str:
        return HALVES[hashlib.sha256(self.text.encode()).digest()[0] % 2]


#: How good an answer is to a question.
Judge = Callable[[Question, list[UUID]], Figures]


class Legs(msgspec.Struct, frozen=True):
    """What search found for a question by meaning and by words, before both are fused."""

    near: list[Any]
    worded: list[Any]
    contents: dict[UUID, bytes]
    scale: dict[str, float]

    def without(self, itself: frozenset[UUID]) -> Legs:
        near, worded = ([row for row in leg if row["document_id"] not in itself] for leg in (self.near, self.worded))
        return msgspec.structs.replace(self, near=near, worded=worded)


async def ask(index: Index, embedder: Embedder, questions: Sequence[Question]) -> list[Legs]:
    """What search fuses for each question, taken where it does."""
    vectors = await embedder.embed_questions([question.text for question in questions])
    with hearing() as heard:
        for question, vector in zip(questions, vectors, strict=True):
            await index.search(question.text, vector, ASKED)
    return [legs.without(question.itself) for legs, question in zip(heard, questions, strict=True)]


@contextmanager
def hearing() -> Iterator[list[Legs]]:
    heard: list[Legs] = []

    def hear(near: Any, worded: Any, most: int, contents: Any, **scale: float) -> Any:
        heard.append(Legs(list(near), list(worded), dict(contents), scale))
        return fuse(near, worded, most, contents, **scale)

    with patch.object(asking, "fuse", hear):
        yield heard


def by_scores(words: float) -> Rank:
    """As search fuses, but for the weight of words."""

    def rank(legs: Legs) -> list[UUID]:
        with patch.object(fusing, "WORDS", words):
            fused = fuse(legs.near, legs.worded, ASKED, legs.contents, **legs.scale)
        return [row["document_id"] for row, _ in fused]

    return rank


def by_weights() -> dict[str, Rank]:
    """Every weight; the one that search has is among them."""
    return {f"words at {weight}": by_scores(weight) for weight in sorted({*WEIGHTS, WORDS})}


def judge_place(question: Question, found: list[UUID]) -> Figures:
    """The place of the first right document."""
    place = next((place for place, each in enumerate(found[:ASKED], 1) if each in question.right), 0)
    return {"first": float(place == 1), "mrr": 1 / place if place else 0.0, "in_10": float(place > 0)}


def judge_kind(question: Question, found: list[UUID]) -> Figures:
    """How many of ten are right."""
    return {"same_kind_of_10": len(question.right & set(found[:ASKED])) / ASKED}


def compare(
    questions: Sequence[Question], legs: Sequence[Legs], judge: Judge, ways: dict[str, Rank]
) -> dict[str, dict[str, Any]]:
    """Each way for both halves, with the interval in which its difference to the weight of now is.

    The interval holds 95 of 100 means of questions drawn again, the same ones for both (paired bootstrap).
    """
    figures: dict[str, dict[str, Any]] = {name: {} for name in ways}
    for half in HALVES:
        of_half = [n for n, question in enumerate(questions) if question.half == half]
        judged = {
            name: [judge(questions[n], rank(legs[n])) for n in of_half]
            for name, rank in {**ways, "now": by_scores(WORDS)}.items()
        }
        drawn = np.random.default_rng(14).integers(0, max(len(of_half), 1), (RESAMPLES, len(of_half)))
        for name in ways if of_half else ():
            told = figures[name][half] = {}
            for figure in judged[name][0]:
                values = np.array([each[figure] for each in judged[name]])
                apart = values - np.array([each[figure] for each in judged["now"]])
                told[figure] = round(float(values.mean()), 4)
                low, high = np.quantile(apart[drawn].mean(axis=1), (0.025, 0.975))
                told[f"{figure} beside now"] = f"{low:+.4f} to {high:+.4f}"
    return figures


def lines_of(figures: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """The means of each way for both halves; the intervals are in the results file."""
    for name, halves in figures.items():
        means = [", ".join(f"{v:.3f}" for v in told.values() if isinstance(v, float)) for told in halves.values()]
        yield name, " | ".join(means)


def count_halves(questions: Sequence[Question]) -> str:
    return " + ".join(str(sum(question.half == half for question in questions)) for half in HALVES)


#: What the figures of `compare` are.
VALUES = (
    f"first, mean reciprocal rank, in {ASKED}, each {' | '.join(HALVES)}; beside now: 95 % of the differences to "
    f"words at {WORDS}, paired bootstrap"
)
