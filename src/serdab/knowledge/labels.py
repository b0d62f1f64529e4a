"""Sets of labelled examples: importing them, and learning from them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec

from serdab.core import expected
from serdab.engines import Embedder
from serdab.knowledge.classification import DEFAULT_SET
from serdab.knowledge.coalescing import Link
from serdab.knowledge.errors import REMOVED, BadLabels
from serdab.knowledge.heads import Choice
from serdab.knowledge.label_files import MOST_LABEL, LabelledText, LeftOut, RefusedRow, read_labels
from serdab.knowledge.labelling import Costs, Trained, costs_of, embed_wholes, find_set, train_set
from serdab.knowledge.vectors import to_database
from serdab.store import Database, load_statements

_SQL = load_statements("serdab.knowledge")
_OURS = load_statements("serdab.knowledge.labelling")

#: Examples that are embedded and stored together; a crash loses no more than that.
BATCH = 512
#: Refused rows that a report names; all are counted.
MOST_NAMED = 100
#: Hears how many rows were read so far.
OnProgress = Callable[[int], None]


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file of labels."""

    label_set: str
    #: Rows that were taken now.
    added: int
    #: Rows whose text was in the set before, with the same label.
    known: int
    #: Rows of another split than `train`.
    left_out: int
    refused: int
    #: The first `MOST_NAMED` of them.
    refusals: list[RefusedRow]
    #: Size of the whole set now; a label may have examples, a description, or both.
    examples: int
    descriptions: int
    labels: int
    #: Share of held-out examples that were told rightly; None when there were too few to hold any out.
    held_out_accuracy: float | None
    #: Examples that were embedded anew, because another model or precision had made their embeddings.
    embedded_again: int = 0
    #: Below this confidence a person should look; None: too few examples to learn from.
    threshold: float | None = None
    #: How texts of each script are told.
    choices: list[Choice] = []
    #: Rows whose text stands earlier in the file, with the same label.
    doubles: int = 0


class TrainReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came of learning from a set."""

    label_set: str
    #: Size of the set, as in `ImportReport`.
    examples: int
    descriptions: int
    labels: int
    held_out_accuracy: float | None
    embedded_again: int
    threshold: float | None
    choices: list[Choice]
    costs: Costs


class LabelSet(msgspec.Struct, frozen=True, kw_only=True):
    """A set and its size."""

    name: str
    examples: int
    #: Labels of which is said in words what they mean.
    descriptions: int
    #: Labels with examples, a description, or both.
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
        rows = read_labels(path, key)
        first = list(islice(rows, 1))  # A file that cannot be read leaves no empty set behind.
        await work.open()
        for item in chain(first, rows):
            await work.take(item)
            if on_progress is not None and work.read % BATCH == 0:
                on_progress(work.read)
        await work.flush()
        if on_progress is not None:
            on_progress(work.read)
        if not work.added and not work.known:
            raise BadLabels(work.complaint(path))
        trained = await train_set(link, embedder, work.set_id)
        return await work.report(trained)
    finally:
        await link.close()


async def train_labels(
    link: Link,
    embedder: Embedder,
    label_set: str = DEFAULT_SET,
    *,
    wrong: float | None = None,
    look: float | None = None,
) -> TrainReport:
    """Learn from a set and choose the confidence below which a person should look.

    Args:
        link: to where the set is kept.
        embedder: embeds what another engine had embedded.
        label_set: name of the set.
        wrong: cost of a wrong label that nobody looked at, kept with the set; None: as it was.
        look: cost of a look by a person, in the same unit.

    Raises:
        BadLabels: there is no such set, or a cost is not positive.
        EngineUnavailable: no engine makes embeddings now.
        IndexAway: the database is not there now.
    """
    set_id = await find_set(link, label_set)
    known = await costs_of(link, set_id)
    costs = Costs(wrong=known.wrong if wrong is None else wrong, look=known.look if look is None else look)
    trained = await train_set(link, embedder, set_id, costs)
    return TrainReport(costs=trained.costs, **_told_of(await _size_of(link, label_set), trained))


@contextlib.asynccontextmanager
async def labels_link(database: Database) -> AsyncIterator[Link]:
    """A connection for what is done with labels, closed at the end."""
    link = Link(database, "labels")
    try:
        yield link
    finally:
        await link.close()


async def show_labels(database: Database, label_set: str = DEFAULT_SET) -> Sequence[KnownLabel]:
    """The labels of a set, by name.

    Raises:
        BadLabels: there is no such set.
    """
    async with labels_link(database) as link:
        return await show_labels_of(link, label_set)


async def show_labels_of(link: Link, label_set: str) -> Sequence[KnownLabel]:
    """The same over a connection that is there."""
    set_id = await find_set(link, label_set)
    rows = await link.use(lambda c: c.fetch(_OURS["labels_of_set"], set_id))
    return [KnownLabel(label=row["label"], examples=row["examples"], description=row["description"]) for row in rows]


async def list_label_sets(database: Database) -> Sequence[LabelSet]:
    """All sets of labels by name."""
    rows = await database.pool.fetch(_SQL["sizes_of_label_sets"], None)
    return [msgspec.convert(dict(row), LabelSet) for row in rows]


async def remove_label_set(database: Database, label_set: str) -> LabelSet:
    """Remove a set with all that hangs on it: examples, descriptions, answers, what was learned. What it held.

    Documents keep the labels that were found for them.

    Raises:
        BadLabels: there is no such set.
    """
    async with labels_link(database) as link:
        await find_set(link, label_set)
        size = await _size_of(link, label_set)
        await link.use(lambda c: c.execute(_SQL["remove_label_set"], label_set))
        return size


async def _size_of(link: Link, label_set: str) -> LabelSet:
    row = await link.use(lambda c: c.fetchrow(_SQL["sizes_of_label_sets"], label_set))
    if row is None:
        raise BadLabels(REMOVED)
    return msgspec.convert(dict(row), LabelSet)


def _told_of(size: LabelSet, trained: Trained) -> dict[str, Any]:
    """What reports tell of a set and of what was learned from it."""
    heads = trained.heads
    return {
        "label_set": size.name,
        "examples": size.examples,
        "descriptions": size.descriptions,
        "labels": size.labels,
        "embedded_again": trained.embedded_again,
        "held_out_accuracy": None if heads is None else heads.held_out_accuracy,
        "threshold": None if heads is None else heads.threshold,
        "choices": [] if heads is None else heads.choices,
    }


class KnownLabel(msgspec.Struct, frozen=True, kw_only=True):
    """A label of a set."""

    label: str
    examples: int
    #: What it means; None: nobody said.
    description: str | None


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
        self.read = self.added = self.known = self._doubles = 0
        #: The first row of each text, by its digest.
        self._first: dict[bytes, int] = {}

    async def open(self) -> None:
        self.set_id = await self._link.use(lambda c: c.fetchval(_SQL["make_label_set"], self._label_set))

    async def take(self, item: LabelledText | RefusedRow | LeftOut) -> None:
        self.read += 1
        if isinstance(item, LeftOut):
            self._left_out += 1
        elif isinstance(item, RefusedRow):
            self._refuse(item)
        else:
            self._first.setdefault(item.digest, item.row)
            before = self._batch.setdefault(item.digest, item)
            if before is not item:
                self._compare(item, before.label, f"row {before.row}")
            if len(self._batch) >= BATCH:
                await self.flush()

    async def flush(self) -> None:
        batch, self._batch = self._batch, {}
        items = await self._new_among(batch)
        if not items:
            return
        vectors = await embed_wholes(self._embedder, [item.text for item in items])
        columns = (
            [item.digest for item in items],
            [item.label for item in items],
            [item.text for item in items],
            [to_database(vector) for vector in vectors],
            self._embedder.made_by,
        )
        rows = await self._link.use(lambda c: c.fetch(_SQL["add_examples"], self.set_id, *columns))
        self.added += len(rows)
        for row in rows:
            del batch[row["digest"]]
        await self._new_among(batch)

    async def _new_among(self, batch: dict[bytes, LabelledText]) -> Sequence[LabelledText]:
        """What of a batch the set does not have, left in it; the others are compared with the set and go."""
        if not batch:
            return []
        rows = await self._link.use(lambda c: c.fetch(_SQL["known_examples"], self.set_id, list(batch)))
        for row in rows:
            self._compare(batch.pop(row["digest"]), row["label"], "the set")
        return list(batch.values())

    async def report(self, trained: Trained) -> ImportReport:
        return ImportReport(
            added=self.added,
            known=self.known,
            left_out=self._left_out,
            refused=self._refused,
            refusals=self._refusals,
            doubles=self._doubles,
            **_told_of(await _size_of(self._link, self._label_set), trained),
        )

    def complaint(self, path: Path) -> str:
        why = "; give each row a text and a label"
        if self._refusals:
            why = f"; the first refused is row {self._refusals[0].row}: {self._refusals[0].reason}"
        got = f"{self._refused} refused and {self._left_out} of other splits"
        return expected(f"{path.name}", "a file with labelled texts to learn from", got) + why

    def _compare(self, item: LabelledText, label: str, place: str) -> None:
        if item.label == label and item.row != self._first[item.digest]:
            self._doubles += 1
        elif item.label == label:
            self.known += 1
        else:
            reason = expected("the label of this text", f"{label!r}, as in {place}", item.label)
            self._refuse(RefusedRow(row=item.row, reason=reason))

    def _refuse(self, item: RefusedRow) -> None:
        self._refused += 1
        if len(self._refusals) < MOST_NAMED:
            self._refusals.append(item)
