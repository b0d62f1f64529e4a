"""Sets of labelled examples: importing them, and learning from them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy

from serdab.core import expected
from serdab.engines import Embedder
from serdab.knowledge.classification import DEFAULT_SET
from serdab.knowledge.coalescing import Link
from serdab.knowledge.errors import BadLabels
from serdab.knowledge.features import FEATURES_VERSION
from serdab.knowledge.heads import Heads, learn
from serdab.knowledge.label_files import MOST_LABEL, LabelledText, LeftOut, RefusedRow, read_labels
from serdab.knowledge.vectors import Vector, from_database, middle_of, to_database
from serdab.store import Database, load_statements

_SQL = load_statements("serdab.knowledge")

#: Examples that are embedded and stored together; a crash loses no more than that.
BATCH = 512
#: Most examples of a set that are learned from.
MOST_LEARNED = 200_000
#: Refused rows that a report names; all are counted.
MOST_NAMED = 100
#: Length and number of the parts of a long example that are embedded, characters.
PART = 1_000
MOST_PARTS = 8

#: Hears how many rows were read so far.
OnProgress = Callable[[int], None]


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file of labels."""

    label_set: str
    #: Rows that were taken now.
    added: int
    #: Rows whose text was there already with the same label.
    known: int
    #: Rows of another split than `train`.
    left_out: int
    refused: int
    #: The first `MOST_NAMED` of them.
    refusals: list[RefusedRow]
    #: Size of the whole set now.
    examples: int
    labels: int
    #: Share of held-out examples that were told rightly; None when there were too few to hold any out.
    held_out_accuracy: float | None


class LabelSet(msgspec.Struct, frozen=True, kw_only=True):
    """A set and its size."""

    name: str
    examples: int
    labels: int


async def import_labels(
    database: Database,
    embedder: Embedder,
    path: Path,
    *,
    label_set: str = DEFAULT_SET,
    key: str | None = None,
    on_progress: OnProgress | None = None,
) -> ImportReport:
    """Add the rows of a file to a set of labels and learn from the whole set.

    Rows are stored as they go: after a crash the same call goes on where it was, and a second one changes nothing.

    Args:
        database: where the set is kept.
        embedder: makes the embeddings.
        path: JSON lines or CSV, see `read_labels`.
        label_set: name of the set; made when it is new.
        key: which label of a row is the kind.
        on_progress: hears how many rows were read.

    Raises:
        BadLabels: the file cannot be read, or none of its rows could be taken.
        EngineUnavailable: no engine makes embeddings now.
        IndexAway: the database is not there now.
    """
    if not label_set.strip() or len(label_set) > MOST_LABEL:
        raise BadLabels(expected("the name of the set", f"1 to {MOST_LABEL} characters", label_set))
    link = Link(database, "labels")
    try:
        work = _Import(link, embedder, label_set)
        await work.open()
        for item in read_labels(path, key):
            await work.take(item)
            if on_progress is not None and work.read % BATCH == 0:
                on_progress(work.read)
        await work.flush()
        if on_progress is not None:
            on_progress(work.read)
        if not work.added and not work.known:
            raise BadLabels(work.complaint(path))
        accuracy = await _learn(link, work.set_id)
        return await work.report(accuracy)
    finally:
        await link.close()


async def list_label_sets(database: Database) -> Sequence[LabelSet]:
    """All sets of labels by name."""
    rows = await database.pool.fetch(_SQL["list_label_sets"])
    return [LabelSet(name=row["name"], examples=row["examples"], labels=row["labels"]) for row in rows]


class _Import:
    """One file on its way into a set."""

    def __init__(self, link: Link, embedder: Embedder, label_set: str) -> None:
        self._link = link
        self._embedder = embedder
        self._label_set = label_set
        self._batch: dict[bytes, LabelledText] = {}
        self._refusals: list[RefusedRow] = []
        self._refused = self._left_out = 0
        self.set_id = 0
        self.read = self.added = self.known = 0

    async def open(self) -> None:
        self.set_id = await self._link.use(lambda c: c.fetchval(_SQL["make_label_set"], self._label_set))

    async def take(self, item: LabelledText | RefusedRow | LeftOut) -> None:
        self.read += 1
        if isinstance(item, LeftOut):
            self._left_out += 1
        elif isinstance(item, RefusedRow):
            self._refuse(item)
        else:
            before = self._batch.setdefault(item.digest, item)
            if before is not item:
                self._compare(item, before.label, f"row {before.row}")
            if len(self._batch) >= BATCH:
                await self.flush()

    async def flush(self) -> None:
        batch, self._batch = self._batch, {}
        if not batch:
            return
        rows = await self._link.use(lambda c: c.fetch(_SQL["known_examples"], self.set_id, list(batch)))
        for row in rows:
            self._compare(batch.pop(row["digest"]), row["label"], "the set")
        if not batch:
            return
        items = list(batch.values())
        vectors = await embed_wholes(self._embedder, [item.text for item in items])
        columns = (
            [item.digest for item in items],
            [item.label for item in items],
            [item.text for item in items],
            [to_database(vector) for vector in vectors],
        )
        await self._link.use(lambda c: c.execute(_SQL["add_examples"], self.set_id, *columns))
        self.added += len(items)

    async def report(self, accuracy: float | None) -> ImportReport:
        size = await self._link.use(lambda c: c.fetchrow(_SQL["count_examples"], self.set_id))
        return ImportReport(
            label_set=self._label_set,
            added=self.added,
            known=self.known,
            left_out=self._left_out,
            refused=self._refused,
            refusals=self._refusals,
            examples=size["examples"],
            labels=size["labels"],
            held_out_accuracy=accuracy,
        )

    def complaint(self, path: Path) -> str:
        why = (
            f"; the first refused is row {self._refusals[0].row}: {self._refusals[0].reason}" if self._refusals else ""
        )
        got = f"{self._refused} refused and {self._left_out} of other splits"
        return expected(f"{path.name}", "a file with labelled texts to learn from", got) + why

    def _compare(self, item: LabelledText, label: str, place: str) -> None:
        if item.label == label:
            self.known += 1
        else:
            reason = expected("the label of this text", f"{label!r}, as in {place}", item.label)
            self._refuse(RefusedRow(row=item.row, reason=reason))

    def _refuse(self, item: RefusedRow) -> None:
        self._refused += 1
        if len(self._refusals) < MOST_NAMED:
            self._refusals.append(item)


async def embed_wholes(embedder: Embedder, texts: Sequence[str]) -> list[Vector]:
    """One vector for each text; of a long one the middle of its first parts."""
    parts = [[text[at : at + PART] for at in range(0, min(len(text), PART * MOST_PARTS), PART)] for text in texts]
    vectors = await embedder.embed([part for each in parts for part in each])
    found, at = [], 0
    for each in parts:
        found.append(middle_of(vectors[at : at + len(each)]))
        at += len(each)
    return found


async def _learn(link: Link, set_id: int) -> float | None:
    """Learn from a set unless that was done with the same examples; the accuracy on held-out rows."""
    rows = await link.use(lambda c: c.fetch(_SQL["all_examples"], set_id, MOST_LEARNED))
    digest = hashlib.sha256(bytes([FEATURES_VERSION]))
    for row in rows:
        digest.update(row["digest"] + row["label"].encode() + b"\0")
    kept = await link.use(lambda c: c.fetchrow(_SQL["get_head"], set_id))
    if kept is not None and kept["digest"] == digest.digest():
        return msgspec.msgpack.decode(kept["head"], type=Heads).held_out_accuracy
    labels = [row["label"] for row in rows]
    kinds = len(set(labels))
    if kinds < 2 or len(rows) < 2 * kinds:
        return None  # The nearest examples tell more than what little could be learned.
    learned = await asyncio.to_thread(
        learn, [row["text"] for row in rows], labels, numpy.stack([from_database(row["embedding"]) for row in rows])
    )
    data = msgspec.msgpack.encode(learned)
    await link.use(lambda c: c.execute(_SQL["put_head"], set_id, digest.digest(), data))
    return learned.held_out_accuracy
