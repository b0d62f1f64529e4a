"""What kind of document it is: a label with confidence and reasons, from examples that people labelled."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Self

import msgspec
import numpy

from serdab.core import expected
from serdab.knowledge.coalescing import Coalescer, Link
from serdab.knowledge.features import STRANGE, grams_of, script_of
from serdab.knowledge.heads import Guess, Heads, Judge
from serdab.knowledge.labelling import Costs, threshold_by_belief
from serdab.knowledge.vectors import Vector, Vectors, from_database, to_database
from serdab.store import Connection, Database, load_statements

_SQL = load_statements("serdab.knowledge")

#: Name of the set of labels that is used when nothing else is said.
DEFAULT_SET = "default"
#: How long a worker goes on with what it knows of a set before it looks whether that changed, seconds.
FRESH_S = 2.0
#: Examples that are looked at one by one when there are too few to learn from.
MOST_COMPARED = 5_000
#: Examples named as reasons.
EXAMPLES_SHOWN = 2
_QUESTIONS_PER_BATCH = 256
_NEIGHBOURS = 5
#: How fast the vote of a neighbour falls with its similarity.
_SHARPNESS = 12.0
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


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled text that is like the one in question."""

    text: str
    label: str
    similarity: float


class _Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A set too small to learn from."""

    texts: list[str]
    labels: list[str]
    embeddings: Any


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker keeps of a set."""

    #: None: there is no such set.
    set_id: int | None
    #: Changes with what was learned.
    mark: tuple[Any, ...]
    judge: Any
    #: Below this confidence a person should look.
    threshold: float
    compared: _Compared | None
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
            return _none(f"no labels are known in the set {label_set}; import some: serdab labels import FILE")
        if known.judge is not None:
            if why := _misfit(known.judge, made_by):
                return _none(f"{why}; say: serdab labels train {label_set}")
            return _weigh(await self._by_head(known, text, embedding), known.threshold)
        if known.compared is not None and known.compared.labels:
            return _weigh(_by_neighbours(known.compared, text, embedding), known.threshold)
        return _none(f"the set {label_set} has no examples; import some: serdab labels import FILE")

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
            self._known[label_set] = found
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
        judge = _judge_of(kept["head"])
        threshold = judge.threshold
    else:
        compared = await _load_compared(connection, set_id)
    return _Known(set_id=set_id, mark=mark, judge=judge, threshold=threshold, compared=compared, looked_at=now)


def _judge_of(data: bytes) -> Judge:
    try:
        heads = msgspec.msgpack.decode(data, type=Heads)
    except msgspec.ValidationError:  # What an earlier version had learned.
        heads = Heads(labels=[], heads=[], of_script={}, features=0)
    return Judge(heads)


def _misfit(judge: Judge, made_by: str) -> str:
    """Why what was learned cannot be asked about an embedding; empty when it can."""
    if not judge.is_current:
        return "expected labels that this version had learned, got those of an earlier one"
    if made_by and judge.made_by and made_by != judge.made_by:
        return expected("the embedding of the document", f"made by {judge.made_by}, as those of the labels", made_by)
    return ""


def _weigh(verdict: Verdict, threshold: float) -> Verdict:
    """The same verdict, marked when a look costs less than its errors would."""
    if verdict.confidence >= threshold:
        return verdict
    why = f"needs a look: confidence {verdict.confidence:.2f} is below {threshold:.2f}, where looks cost less"
    return msgspec.structs.replace(verdict, abstained=True, reasons=[*verdict.reasons, why])


async def _load_compared(connection: Connection, set_id: int) -> _Compared:
    rows = await connection.fetch(_SQL["compared_examples"], set_id, MOST_COMPARED)
    vectors = [from_database(row["embedding"]) for row in rows]
    return _Compared(
        texts=[row["text"] for row in rows],
        labels=[row["label"] for row in rows],
        embeddings=numpy.stack(vectors) if vectors else None,
    )


def _by_neighbours(compared: _Compared, text: str, embedding: Vector) -> Verdict:
    """A vote of the nearest examples: by meaning, or by n-grams in a script that the embedder does not know."""
    if script_of(text) in STRANGE:
        similarities = _gram_similarities(compared.texts, text)
    else:
        similarities = compared.embeddings @ embedding
    order = numpy.argsort(-similarities)[:_NEIGHBOURS]
    votes: dict[str, float] = dict.fromkeys((compared.labels[at] for at in order), 0.0)
    for at in order:
        votes[compared.labels[at]] += float(numpy.exp(_SHARPNESS * (similarities[at] - similarities[order[0]])))
    ranked = sorted(votes.items(), key=lambda vote: -vote[1])
    total = sum(votes.values())
    second = ranked[1][1] / total if len(ranked) > 1 else 0.0
    label, first = ranked[0][0], ranked[0][1] / total
    # A vote among few says little when even the nearest is far away.
    trust = max(0.0, min(1.0, float(similarities[order[0]])))
    examples = [
        Example(text=compared.texts[at], label=label, similarity=float(similarities[at]))
        for at in order
        if compared.labels[at] == label
    ][:EXAMPLES_SHOWN]
    reasons = [_like(example) for example in examples]
    reasons.append("too few examples to learn from: told by the nearest ones")
    return Verdict(label=label, confidence=first * trust, margin=(first - second) * trust, reasons=reasons)


def _gram_similarities(texts: Sequence[str], text: str) -> Vectors:
    asked = grams_of(text)
    place = {int(at): float(value) for at, value in zip(asked.at, asked.values, strict=True)}
    found = []
    for each in texts:
        grams = grams_of(each)
        found.append(sum(place.get(int(at), 0.0) * float(v) for at, v in zip(grams.at, grams.values, strict=True)))
    return numpy.array(found, numpy.float32)


def _like(example: Example) -> str:
    shown = example.text if len(example.text) <= _MOST_SHOWN else example.text[: _MOST_SHOWN - 1] + "…"
    return f"like the example “{shown}” of {example.label}, similarity {example.similarity:.2f}"


def _none(reason: str) -> Verdict:
    return Verdict(label=None, confidence=0.0, margin=0.0, reasons=[reason], abstained=True)
