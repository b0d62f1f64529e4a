"""What kind of document it is: a label with confidence and reasons, from examples that people labelled."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from typing import Any, Self

import msgspec
import numpy

from serdab.core import expected
from serdab.knowledge.coalescing import Coalescer, Link
from serdab.knowledge.heads import Guess, Heads, Judge
from serdab.knowledge.labelling import Costs, threshold_by_belief
from serdab.knowledge.neighbours import MOST_COMPARED, Example, Neighbours
from serdab.knowledge.vectors import Vector, to_database
from serdab.store import Connection, Database, load_statements

_SQL = load_statements("serdab.knowledge")

#: Name of the set of labels that is used when nothing else is said.
DEFAULT_SET = "default"
#: How long a worker goes on with what it knows of a set before it looks whether that changed, seconds.
FRESH_S = 2.0
#: How long it keeps a set that no document asks for, seconds: what was learned takes 10 MB for 77 labels.
KEPT_S = 300.0
#: Examples named as reasons.
EXAMPLES_SHOWN = 2
_QUESTIONS_PER_BATCH = 256
_MOST_SHOWN = 120


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A label, or None with the reason why there is none."""

    label: str | None
    #: Calibrated on held-out examples: of verdicts with 0.9, about nine in ten are right.
    confidence: float
    #: By how much the label is ahead of the next one.
    margin: float
    #: For a person: what speaks for it, and why it needs a look.
    reasons: list[str]
    #: A person should look: errors at this confidence cost more than looks.
    abstained: bool = False


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker keeps of a set."""

    #: None: there is no such set.
    set_id: int | None
    #: Changes with what was learned.
    mark: tuple[Any, ...]
    judge: Any
    #: Below this confidence a person should look.
    threshold: float
    compared: Neighbours | None
    looked_at: float


class _Wanted(msgspec.Struct, frozen=True, kw_only=True):
    set_id: int
    label: str
    embedding: bytes


class Classifier:
    """Tells kinds of documents; `async with` it, or `close` it."""

    def __init__(self, database: Database) -> None:
        """Nothing is opened yet."""
        self._link = Link(database, "classifier", _SQL["tune_search"])
        self._nearest = Coalescer(self._find_nearest, _QUESTIONS_PER_BATCH)
        self._known: dict[str, _Known] = {}
        self._looking = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; a second call does nothing."""
        await self._nearest.close()
        await self._link.close()

    async def classify(self, text: str, embedding: Vector, label_set: str = DEFAULT_SET, made_by: str = "") -> Verdict:
        """The most probable label of a text.

        Args:
            text: all of it, or as much as there is.
            embedding: of the whole.
            label_set: whose labels.
            made_by: model and precision of the embedding, as `Embedder.made_by` has it; empty: not known.

        Raises:
            IndexAway: the database is not there now.
        """
        known = await self._look(label_set)
        if known.set_id is None:
            return _none(f"no labels are known in the set {label_set}; {_todo(label_set)}")
        if why := _misfit(known.judge or known.compared, made_by):
            return _none(f"{why}; say: serdab labels train {shlex.quote(label_set)}")
        if known.judge is not None:
            return _weigh(await self._by_head(known, text, embedding), known.threshold)
        if known.compared is not None:
            return _weigh(_by_neighbours(known.compared, text, embedding), known.threshold)
        return _none(f"the set {label_set} has no examples; {_todo(label_set)}")

    async def _by_head(self, known: _Known, text: str, embedding: Vector) -> Verdict:
        guess: Guess = known.judge.guess(text, embedding)
        reasons = []
        if guess.by_grams_only:
            if words := known.judge.telling_words(text, guess.label):
                reasons.append("words that speak for it: " + ", ".join(words))
        elif known.set_id is not None:
            wanted = _Wanted(set_id=known.set_id, label=guess.label, embedding=to_database(embedding))
            reasons += [_like(example) for example in await self._nearest(wanted)]
        reasons.append(f"ahead of {guess.runner_up} by {guess.margin:.2f}")
        return Verdict(label=guess.label, confidence=guess.confidence, margin=guess.margin, reasons=reasons)

    async def _look(self, label_set: str) -> _Known:
        now = asyncio.get_running_loop().time()
        known = self._known.get(label_set)
        if known is not None and now - known.looked_at < FRESH_S:
            return known
        async with self._looking:
            known = self._known.get(label_set)
            if known is not None and now - known.looked_at < FRESH_S:
                return known
            found = await self._link.use(lambda connection: _load(connection, label_set, known))
            asked_for = {name: each for name, each in self._known.items() if now - each.looked_at < KEPT_S}
            self._known = asked_for | {label_set: found}
            return found

    async def _find_nearest(self, wanted: Sequence[_Wanted]) -> Sequence[Sequence[Example]]:
        rows = await self._link.use(
            lambda connection: connection.fetch(
                _SQL["nearest_examples"],
                list(range(len(wanted))),
                [each.set_id for each in wanted],
                [each.label for each in wanted],
                [each.embedding for each in wanted],
                EXAMPLES_SHOWN,
            )
        )
        found: list[list[Example]] = [[] for _ in wanted]
        for row in rows:
            found[row["n"]].append(Example(text=row["text"], label=row["label"], similarity=float(row["similarity"])))
        return found


async def _load(connection: Connection, label_set: str, before: _Known | None) -> _Known:
    now = asyncio.get_running_loop().time()
    row = await connection.fetchrow(_SQL["find_label_set"], label_set)
    if row is None:
        return _Known(set_id=None, mark=(), judge=None, threshold=0.0, compared=None, looked_at=now)
    set_id, mark = row["set_id"], tuple(row.values())
    if before is not None and row["digest"] is not None and before.mark == mark:
        return msgspec.structs.replace(before, looked_at=now)
    judge, compared = None, None
    threshold = threshold_by_belief(Costs(wrong=row["cost_wrong"], look=row["cost_look"]))
    if row["digest"] is not None:
        kept = await connection.fetchrow(_SQL["get_head"], set_id)
        if kept is None:  # Removed between the two looks, or too small now to be learned from.
            return await _load(connection, label_set, None)
        judge = _judge_of(kept["head"])
        threshold = judge.threshold
    else:
        compared = Neighbours.of_rows(await connection.fetch(_SQL["compared_examples"], set_id, MOST_COMPARED))
    return _Known(set_id=set_id, mark=mark, judge=judge, threshold=threshold, compared=compared, looked_at=now)


def _judge_of(data: bytes) -> Judge:
    try:
        heads = msgspec.msgpack.decode(data, type=Heads)
    except msgspec.ValidationError:  # What an earlier version had learned.
        heads = Heads(labels=[], heads=[], of_script={}, features=0)
    return Judge(heads)


def _misfit(judge: Judge | Neighbours | None, made_by: str) -> str:
    """Why what is known of labels cannot be asked about an embedding; empty when it can."""
    if isinstance(judge, Judge) and not judge.is_current:
        return "expected labels that this version had learned, got those of an earlier one"
    if judge is not None and made_by and judge.made_by and made_by != judge.made_by:
        return expected("the embedding of the document", f"made by {judge.made_by}, as those of the labels", made_by)
    return ""


def _weigh(verdict: Verdict, threshold: float) -> Verdict:
    """The same verdict, marked when a look costs less than its errors would."""
    if verdict.confidence >= threshold:
        return verdict
    why = f"needs a look: confidence {verdict.confidence:.2f} is below {threshold:.2f}, where looks cost less"
    return msgspec.structs.replace(verdict, abstained=True, reasons=[*verdict.reasons, why])


def _by_neighbours(compared: Neighbours, text: str, embedding: Vector) -> Verdict:
    chances, _ = compared.chances(text, embedding)
    first = int(chances.argmax())
    label, confidence = compared.labels[first], float(chances[first])
    second = float(numpy.delete(chances, first).max(initial=0.0))
    reasons = [_like(example) for example in compared.nearest(text, embedding, label, EXAMPLES_SHOWN)]
    reasons.append("too few examples to learn from: told by the nearest ones")
    return Verdict(label=label, confidence=confidence, margin=confidence - second, reasons=reasons)


def _like(example: Example) -> str:
    shown = example.text if len(example.text) <= _MOST_SHOWN else example.text[: _MOST_SHOWN - 1] + "…"
    return f"like the example “{shown}” of {example.label}, similarity {example.similarity:.2f}"


def _todo(label_set: str) -> str:
    return f"import some: serdab labels import FILE --into {shlex.quote(label_set)}, or name another set by --label-set"


def _none(reason: str) -> Verdict:
    return Verdict(label=None, confidence=0.0, margin=0.0, reasons=[reason], abstained=True)
