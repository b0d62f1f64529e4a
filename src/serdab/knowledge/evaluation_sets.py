"""What an evaluation learns from, and by which set of labels each document is asked."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy

from serdab.core import expected
from serdab.engines import Embedder, load_extra
from serdab.knowledge.classification import DEFAULT_SET
from serdab.knowledge.errors import BadEvaluation
from serdab.knowledge.features import GRAM_WIDTH, grams_of, join_grams
from serdab.knowledge.label_files import TRAIN, USUAL_KEYS, plain_text
from serdab.knowledge.labels import import_labels
from serdab.knowledge.reading import Source
from serdab.models import fold_rows
from serdab.store import Database

#: Train rows for each label below which a file is not learned from, and all its rows are run.
LEAST_LEARNED = 5
#: Share of the other rows whose label must be among those of the train rows, for the same.
LEAST_KNOWN = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """Documents to run, with what they are told by."""

    #: Each with the set of labels that tells it.
    asked: Sequence[tuple[Source, str]]
    #: Examples that were learned from, their labels, and seconds that it took; 0: nothing was learned.
    rows: int = 0
    labels: int = 0
    seconds: float = 0.0


async def sets_of_split(
    database: Database, embedder: Embedder, path: Path, key: str | None, sources: Sequence[Source]
) -> Sets:
    """Learn from the rows of the split `train`, where these suffice, and ask the others.

    Of the others only those of the split `test`, if there are any. Where they do not suffice, all rows are asked, and
    by what the house knows. The set stays, for the next time that the same rows are learned from.
    """
    if not worth_learning(sources, key):
        return Sets(asked=[(source, DEFAULT_SET) for source in sources])
    name = "/".join(["evaluation", path.stem, *([key] if key else []), _digest_of_train(sources, key)])
    began = asyncio.get_running_loop().time()
    report = await import_labels(database, embedder, path, label_set=name, key=key)
    took = asyncio.get_running_loop().time() - began
    others = [source for source in sources if source.split != TRAIN]
    others = [source for source in others if source.split == "test"] or others
    return Sets(asked=[(source, name) for source in others], rows=report.examples, labels=report.labels, seconds=took)


def _digest_of_train(sources: Sequence[Source], key: str | None) -> str:
    """Tells what a set was learned from: with rows of another file of this name it would know what it is asked."""
    digest = hashlib.sha256()
    for source in sources:
        if source.split == TRAIN:
            digest.update(repr((source.text, label_of(source, key))).encode())
    return digest.hexdigest()[:8]


async def sets_across(
    database: Database, embedder: Embedder, folder: Path, key: str | None, sources: Sequence[Source]
) -> Sets:
    """Ask every labelled row by what was learned from the others, near copies together; splits do not count.

    Args:
        database: where sets of labels are kept.
        embedder: makes the embeddings of the labels.
        folder: names the sets, and is where the rows of each are written.
        key: which label of a row is the kind.
        sources: the rows.

    Raises:
        BadEvaluation: too few rows have a label.
    """
    rows = [(source, label) for source in sources if source.text and (label := label_of(source, key)) is not None]
    folds = await asyncio.to_thread(fold_texts, [source.text or "" for source, _ in rows], [label for _, label in rows])
    if max(folds, default=-1) < 0:
        todo = "bring rows with a text and a label each, and more of each label"
        raise BadEvaluation(expected("the rows with a label", "enough to hold some out", len(rows), todo))
    began = asyncio.get_running_loop().time()
    asked: list[tuple[Source, str]] = []
    for fold in sorted(set(folds) - {-1}):
        name = f"{folder.name}/{fold}"
        kept = [row for row, at in zip(rows, folds, strict=True) if at != fold]
        await asyncio.to_thread(_write_rows, folder / f"{fold}.jsonl", kept)
        await import_labels(database, embedder, folder / f"{fold}.jsonl", label_set=name)
        asked += [(source, name) for (source, _), at in zip(rows, folds, strict=True) if at == fold]
    took = asyncio.get_running_loop().time() - began
    return Sets(asked=asked, rows=len(rows), labels=len({label for _, label in rows}), seconds=took)


def fold_texts(texts: Sequence[str], labels: Sequence[str]) -> list[int]:
    """The part of the rows that each is asked with; -1: it is only learned from."""
    if not texts:
        return []
    number = {label: at for at, label in enumerate(sorted(set(labels)))}
    at, values, starts = join_grams([grams_of(text) for text in texts])
    grams = load_extra("scipy.sparse").csr_matrix((values, at, starts), shape=(len(texts), GRAM_WIDTH))
    kinds = numpy.array([number[label] for label in labels], numpy.int64)
    found: list[int] = fold_rows(kinds, numpy.zeros(len(texts), bool), grams).tolist()
    return found


def _write_rows(path: Path, rows: Sequence[tuple[Source, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(_lines(rows)))


def _lines(rows: Sequence[tuple[Source, str]]) -> Iterator[bytes]:
    for source, label in rows:
        yield msgspec.json.encode({"text": source.text, "label": label})


def worth_learning(sources: Sequence[Source], key: str | None) -> bool:
    """Whether the train rows are enough to learn from, and know nearly all labels of the others."""
    labels = [label for row in sources if row.split == TRAIN and (label := label_of(row, key)) is not None]
    asked = [label for row in sources if row.split != TRAIN and (label := label_of(row, key)) is not None]
    kinds = set(labels)
    known = sum(label in kinds for label in asked)
    return (
        bool(asked)
        and known >= LEAST_KNOWN * len(asked)
        and len(kinds) >= 2
        and len(labels) >= LEAST_LEARNED * len(kinds)
    )


def label_of(row: Source, key: str | None) -> str | None:
    """The label of a row, in the form in which labels are imported."""
    for each in (key,) if key else USUAL_KEYS:
        label = row.labels.get(each)
        if isinstance(label, str | int | float) and not isinstance(label, bool):
            return plain_text(str(label)) or None
    return None
