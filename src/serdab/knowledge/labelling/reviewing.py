"""Asking people: the documents whose labels are least certain, and what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
import numpy

from serdab.core import expected
from serdab.engines import Embedder
from serdab.knowledge.coalescing import Link
from serdab.knowledge.errors import BadLabels
from serdab.knowledge.heads import Judge
from serdab.knowledge.label_files import MOST_LABEL, MOST_TEXT, digest_of, plain_text
from serdab.knowledge.labelling.documents import MOST_PASSAGES, Seen, judge_of_set, see_documents
from serdab.knowledge.labelling.embedding import embed_wholes
from serdab.knowledge.labelling.training import find_set
from serdab.knowledge.neighbours import Neighbours
from serdab.knowledge.vectors import to_database
from serdab.store import Connection, load_statements

_OURS = load_statements("serdab.knowledge.labelling")

#: Newest documents among which the most uncertain are looked for.
MOST_LOOKED_AT = 5_000
#: Labels that are offered for each.
OFFERED = 3
_MOST_SHOWN = 600


class Doubtful(msgspec.Struct, frozen=True, kw_only=True):
    """A document to look at."""

    document_id: UUID
    source: str
    title: str
    #: The beginning of the text.
    shown: str
    guess: str
    confidence: float
    margin: float
    #: The most probable labels, the guess first.
    offered: list[str]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said about a document."""

    document_id: UUID
    #: None: skipped.
    label: str | None
    told_by: str
    guess: str | None = None
    confidence: float | None = None


async def find_doubtful(link: Link, label_set: str, count: int) -> list[Doubtful]:
    """The documents that teach most when they are labelled: uncertain ones that differ from each other.

    Documents that somebody answered for, or skipped, are left out.

    Raises:
        BadLabels: there is no such set, it has fewer than two labels, or another version learned from it.
    """
    set_id = await find_set(link, label_set)
    judge = await judge_of_set(link, set_id, label_set)
    seen = await see_documents(link, label_set, judge, MOST_LOOKED_AT, not_answered=set_id)
    return [_doubtful(seen[at], judge) for at in choose_diverse(seen, count)]


def choose_diverse(seen: Sequence[Seen], count: int) -> list[int]:
    """Places of documents with small margins, each unlike those before it, the most telling first."""
    if not seen:
        return []
    ranked = numpy.sort(numpy.stack([each.chances for each in seen]), axis=1)
    doubt = 1.0 - (ranked[:, -1] - ranked[:, -2])
    vectors = numpy.stack([each.embedding for each in seen])
    likeness = numpy.zeros(len(seen))
    chosen: list[int] = []
    for _ in range(min(count, len(seen))):
        worth = doubt * (1.0 - numpy.clip(likeness, 0.0, 1.0))
        worth[chosen] = -1.0
        best = int(worth.argmax())
        chosen.append(best)
        likeness = numpy.maximum(likeness, vectors @ vectors[best])
    return chosen


async def take_answers(link: Link, embedder: Embedder, label_set: str, answers: Sequence[Answer]) -> int:
    """Keep answers, and add the labelled documents to the examples of a set; how many examples were told.

    Raises:
        BadLabels: there is no such set, or an answer names a document that is not known.
        EngineUnavailable: no engine makes embeddings now; nothing was kept.
    """
    set_id = await find_set(link, label_set)
    for answer in answers:
        if answer.label is not None and not 0 < len(answer.label.strip()) <= MOST_LABEL:
            raise BadLabels(expected("the label", f"1 to {MOST_LABEL} characters", answer.label))
    ids = [answer.document_id for answer in answers]
    rows = await link.use(lambda c: c.fetch(_OURS["documents_by_id"], ids, MOST_PASSAGES))
    texts = {row["document_id"]: plain_text(row["text"])[:MOST_TEXT] for row in rows}
    if missing := [str(each) for each in ids if each not in texts]:
        raise BadLabels(expected("the documents of the answers", "in the index", missing[:3]))
    told = [(answer, plain_text(answer.label)) for answer in answers if answer.label is not None]
    # Rows are locked in one order, else two who answer for the same documents wait for each other.
    told.sort(key=lambda each: digest_of(texts[each[0].document_id]))
    vectors = await embed_wholes(embedder, [texts[answer.document_id] for answer, _ in told])
    examples = [
        (
            set_id,
            digest_of(texts[a.document_id]),
            label,
            texts[a.document_id],
            to_database(v),
            a.told_by,
            embedder.made_by,
        )
        for (a, label), v in zip(told, vectors, strict=True)
    ]
    kept = [(set_id, a.document_id, a.told_by, a.guess, a.confidence, a.label) for a in answers]

    async def keep(connection: Connection) -> None:
        async with connection.transaction():  # A document of which one half was kept would be asked for again.
            await connection.executemany(_OURS["tell_example"], examples)
            await connection.executemany(_OURS["add_answer"], kept)

    await link.use(keep)
    return len(told)


def _doubtful(seen: Seen, judge: Judge | Neighbours) -> Doubtful:
    order = numpy.argsort(-seen.chances)[: max(2, OFFERED)]
    shown = " ".join(seen.text.split())
    return Doubtful(
        document_id=seen.document_id,
        source=seen.source,
        title=seen.title,
        shown=shown if len(shown) <= _MOST_SHOWN else shown[: _MOST_SHOWN - 1] + "…",
        guess=judge.labels[order[0]],
        confidence=round(float(seen.chances[order[0]]), 4),
        margin=round(float(seen.chances[order[0]] - seen.chances[order[1]]), 4),
        offered=[judge.labels[at] for at in order[:OFFERED]],
    )
