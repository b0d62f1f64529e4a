"""Documents of this house as a head sees them now."""

from __future__ import annotations

import shlex
from datetime import datetime
from uuid import UUID

import msgspec
import numpy
from numpy.typing import NDArray

from serdab.core import expected
from serdab.knowledge.coalescing import Link
from serdab.knowledge.errors import BadLabels
from serdab.knowledge.heads import Heads, Judge
from serdab.knowledge.makers import check_maker
from serdab.knowledge.neighbours import MOST_COMPARED, Neighbours
from serdab.knowledge.vectors import Vector, from_database
from serdab.store import load_statements

_SQL = load_statements("serdab.knowledge")
_OURS = load_statements("serdab.knowledge.labelling")

#: Passages of a document that are looked at.
MOST_PASSAGES = 8
#: Labels without which there is nothing to choose.
LEAST_LABELS = 2


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A document with what a head makes of it."""

    document_id: UUID
    source: str
    title: str
    lang: str
    added_at: datetime
    text: str
    embedding: Vector
    #: The chance of each label.
    chances: NDArray[numpy.float64]


async def judge_of_set(link: Link, set_id: int, label_set: str) -> Judge | Neighbours:
    """What was learned from a set; of one too small to learn from its examples and descriptions.

    Raises:
        BadLabels: it was learned by another version, or there are fewer than two labels.
    """
    kept = await link.use(lambda c: c.fetchrow(_SQL["get_head"], set_id))
    todo = f"say: serdab labels train {shlex.quote(label_set)}"
    if kept is None:
        rows = await link.use(lambda c: c.fetch(_SQL["compared_examples"], set_id, MOST_COMPARED))
        found = Neighbours.of_rows(rows)
        if found is None or len(found.labels) < LEAST_LABELS:
            got = found.labels if found is not None else []
            more = f"say what others mean: serdab labels describe {shlex.quote(label_set)} LABEL TEXT"
            raise BadLabels(expected(f"the labels of the set {label_set}", f"at least {LEAST_LABELS}", got, more))
        return found
    try:
        heads = msgspec.msgpack.decode(kept["head"], type=Heads)
    except msgspec.ValidationError as error:
        raise BadLabels(f"expected the set {label_set} to be learned by this version, got another; {todo}") from error
    if not heads.is_current:
        raise BadLabels(f"expected the set {label_set} to be learned by this version, got another; {todo}")
    return Judge(heads)


async def see_documents(
    link: Link,
    label_set: str,
    judge: Judge | Neighbours,
    most: int,
    *,
    not_answered: int | None = None,
    days: int | None = None,
) -> list[Seen]:
    """The newest documents, judged now.

    Args:
        link: the database.
        label_set: the name of a set.
        judge: what was learned from a set.
        most: at most so many.
        not_answered: the number of a set; documents that a person answered for in it are left out.
        days: only documents that came in so many last days.

    Raises:
        OtherMaker: another model or precision made the embeddings that the judge learned from.
    """
    learn_anew = f"say: serdab labels train {shlex.quote(label_set)}; if that does not help, "
    await link.use(lambda c: check_maker(c, judge.made_by, learn_anew))
    since = None if days is None else await link.use(lambda c: c.fetchval(_OURS["days_ago"], days))
    rows = await link.use(lambda c: c.fetch(_OURS["documents_to_look_at"], not_answered, since, most, MOST_PASSAGES))
    found = []
    for row in rows:
        vector = from_database(row["embedding"])
        length = float(numpy.linalg.norm(vector))
        vector = vector / length if length else vector
        found.append(
            Seen(
                document_id=row["document_id"],
                source=row["source"],
                title=row["title"],
                lang=row["lang"],
                added_at=row["added_at"],
                text=row["text"],
                embedding=vector,
                chances=judge.chances(row["text"], vector)[0],
            )
        )
    return found
