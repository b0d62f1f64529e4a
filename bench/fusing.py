"""What meaning and words find as one ranking: by scores, as search does it, by places, by each alone, by other weights.

Whole documents: rows of JSON lines. Asked are the titles of those that have one (a line above an empty one), which the
index does not hold, for the rest of them; and short rows of one kind of many, for others of their kind. Half of each,
by a hash, is there to choose a weight by, and the other half to see whether it holds.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

import msgspec
import numpy as np

from harness import conditions, publish, run
from ranking import ASKED, LEAST_BODY, LEAST_TITLE, entry_of
from ranking import fuse as fuse_places
from search import empty_index
from serdab.engines import Embedder
from serdab.knowledge import Entry, Index, asking, fusing
from serdab.knowledge.fusing import WORDS, fuse
from serdab.knowledge.normalising import normalise_text

MOST_TITLE, MOST_REQUEST = 200, 300
#: Kinds that a label of requests tells apart: fewer say little, more are hardly kinds.
LEAST_KINDS, MOST_KINDS = 10, 200
WEIGHTS = [tenths / 10 for tenths in range(7)]
HALVES = ("chosen on", "held out")

Rank = Callable[["Legs"], list[UUID]]
Figures = dict[str, float]


class Row(msgspec.Struct, frozen=True):
    """A document, by which title it may be asked for, and what its file calls its kind."""

    entry: Entry
    text: str
    title: str
    labels: dict[tuple[str, str], str]


class Question(msgspec.Struct, frozen=True):
    """What is asked, the documents that are right, and the one that asks and is left out."""

    text: str
    right: frozenset[UUID]
    itself: UUID | None = None

    @property
    def half(self) -> str:
        return HALVES[hashlib.sha256(self.text.encode()).digest()[0] % 2]


class Legs(msgspec.Struct, frozen=True):
    """What search found for a question by meaning and by words, before both are fused."""

    near: list[Any]
    worded: list[Any]
    contents: dict[UUID, bytes]
    scale: dict[str, float]

    def without(self, document: UUID | None) -> Legs:
        near, worded = ([row for row in leg if row["document_id"] != document] for leg in (self.near, self.worded))
        return msgspec.structs.replace(self, near=near, worded=worded)


def rows_of(folder: Path, most: int) -> list[Row]:
    """Documents of JSON lines with a `text`, each text once; of more than `most` those with the least hashes."""
    found: dict[str, Row] = {}
    for path in sorted(folder.rglob("*.jsonl")):
        for line in filter(str.strip, path.read_text("utf-8", "replace").split("\n")):
            row = json.loads(line)
            text = normalise_text(str(row.get("text", ""))).text.strip()
            title, _, body = text.partition("\n\n")
            titled = "\n" not in title and LEAST_TITLE <= len(title) <= MOST_TITLE and len(body) >= LEAST_BODY
            if not text or text in found:
                continue
            labels = {(path.name, key): value for key, value in (row.get("labels") or {}).items()
                      if isinstance(value, str)}  # fmt: skip
            entry = entry_of(body.strip() if titled else text, str(row.get("lang") or "en"))
            found[text] = Row(entry, text, title if titled else "", labels)
    return sorted(found.values(), key=lambda row: row.entry.digest)[:most]


def titles_of(rows: Sequence[Row], most: int) -> list[Question]:
    """Titles that one document alone has."""
    by_title: dict[str, list[UUID]] = {}
    for row in rows:
        by_title.setdefault(row.title, []).append(row.entry.document_id)
    return [Question(title, frozenset(ids)) for title, ids in by_title.items() if title and len(ids) == 1][:most]


def requests_of(rows: Sequence[Row], most: int) -> list[Question]:
    """Short rows by the label that tells most rows apart, each asking for the others of its kind."""
    kinds: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for row in rows:
        for key, value in row.labels.items():
            kinds.setdefault(key, {}).setdefault(value, []).append(row)
    several = [each for each in kinds.values() if LEAST_KINDS <= len(each) <= MOST_KINDS]
    chosen = max(several, key=lambda each: sum(map(len, each.values())), default={})
    kind_of = {row.text: frozenset(other.entry.document_id for other in same)
               for same in chosen.values() for row in same}  # fmt: skip
    asked = [row for row in rows if row.text in kind_of and len(row.text) <= MOST_REQUEST][:most]
    return [Question(row.text, kind_of[row.text], row.entry.document_id) for row in asked]


async def ask(index: Index, embedder: Embedder, questions: Sequence[Question]) -> list[Legs]:
    """What search fuses for each question, taken where it does."""
    vectors = await embedder.embed_questions([question.text for question in questions])
    heard: list[Legs] = []

    def hear(near: Any, worded: Any, most: int, contents: Any, **scale: float) -> Any:
        heard.append(Legs(list(near), list(worded), dict(contents), scale))
        return fuse(near, worded, most, contents, **scale)

    with patch.object(asking, "fuse", hear):
        for question, vector in zip(questions, vectors, strict=True):
            await index.search(question.text, vector, ASKED)
    return [legs.without(question.itself) for legs, question in zip(heard, questions, strict=True)]


def by_scores(words: float) -> Rank:
    """As search fuses, but for the weight of words."""

    def rank(legs: Legs) -> list[UUID]:
        with patch.object(fusing, "WORDS", words):
            fused = fuse(legs.near, legs.worded, ASKED, legs.contents, **legs.scale)
        return [row["document_id"] for row, _ in fused]

    return rank


def documents(leg: Sequence[Any]) -> list[UUID]:
    return list(dict.fromkeys(row["document_id"] for row in leg))


def ways() -> dict[str, Rank]:
    return {
        "ours": by_scores(WORDS),
        "places (RRF)": lambda legs: fuse_places(documents(legs.near), documents(legs.worded)),
        "meaning alone": lambda legs: documents(legs.near),
        "words alone": lambda legs: documents(legs.worded),
        **{f"words at {weight}": by_scores(weight) for weight in WEIGHTS},
    }


def measure_titles(questions: Sequence[Question], found: Sequence[list[UUID]]) -> Figures:
    places = [
        next((place for place, document in enumerate(each[:ASKED], 1) if document in question.right), 0)
        for question, each in zip(questions, found, strict=True)
    ]
    count = max(len(places), 1)
    return {
        "first": round(sum(place == 1 for place in places) / count, 4),
        "mrr": round(sum(1 / place for place in places if place) / count, 4),
        "in_10": round(sum(place > 0 for place in places) / count, 4),
    }


def measure_requests(questions: Sequence[Question], found: Sequence[list[UUID]]) -> Figures:
    shares = [len(question.right & set(each[:ASKED])) / ASKED for question, each in zip(questions, found, strict=True)]
    return {"same_kind_of_10": round(sum(shares) / max(len(shares), 1), 4)}


def compare(questions: Sequence[Question], legs: Sequence[Legs], measure: Any) -> dict[str, dict[str, Figures]]:
    """Every way for both halves."""
    figures: dict[str, dict[str, Figures]] = {}
    for half in HALVES:
        of_half = [n for n, question in enumerate(questions) if question.half == half]
        for name, rank in ways().items():
            figures.setdefault(name, {})[half] = measure(
                [questions[n] for n in of_half], [rank(legs[n]) for n in of_half]
            )
    return figures


async def fill(index: Index, embedder: Embedder, rows: Sequence[Row]) -> None:
    """A thousand documents at once: fewer leave the engine waiting."""
    for start in range(0, len(rows), 1_000):
        entries = [row.entry for row in rows[start : start + 1_000]]
        vectors = await embedder.embed([passage.text for entry in entries for passage in entry.passages])
        ends = np.cumsum([len(entry.passages) for entry in entries])[:-1]
        parts = zip(entries, np.split(vectors, ends), strict=True)
        await asyncio.gather(*(index.add(entry, part, embedder.made_by) for entry, part in parts))


def lines_of(figures: dict[str, dict[str, dict[str, Figures]]]) -> Iterator[tuple[str, str]]:
    for asked, ranked in figures.items():
        for name, halves in ranked.items():
            values = [", ".join(f"{value:.3f}" for value in halves[half].values()) for half in HALVES]
            yield f"{asked}, {name}", " | ".join(values)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--texts", type=Path, required=True, help="a folder with real documents: *.jsonl with `text`")
    parser.add_argument("--documents", type=int, default=100_000, help="at most so many of them")
    parser.add_argument("--questions", type=int, default=2_000, help="at most so many of each sort")
    parser.add_argument("--home", help="a home with the model; the usual one when absent")
    options = parser.parse_args()
    rows = rows_of(options.texts, options.documents)
    titles, requests = titles_of(rows, options.questions), requests_of(rows, options.questions)
    async with empty_index(options.home) as (database, index, embedder):
        await fill(index, embedder, rows)
        await database.pool.execute("analyze")
        figures = {
            "titles": compare(titles, await ask(index, embedder, titles), measure_titles),
            "requests": compare(requests, await ask(index, embedder, requests), measure_requests),
        }
        made_by = embedder.made_by
    halves = {name: " + ".join(str(sum(q.half == half for q in asked)) for half in HALVES)
              for name, asked in (("titles", titles), ("requests", requests))}  # fmt: skip
    command = " ".join(["python bench/fusing.py", *sys.argv[1:]]).replace(str(options.texts), "FOLDER")
    how = conditions(
        command=command.replace(str(options.home), "HOME"),
        documents=f"{len(rows):,} in {sum(len(row.entry.passages) for row in rows):,} chunks, embedded by {made_by}",
        titles=f"{halves['titles']}, each asking for the document below it",
        requests=f"{halves['requests']}, each at most {MOST_REQUEST} characters, without itself, by the label of most",
        values=f"titles: first, mean reciprocal rank, in {ASKED}; requests: share of {ASKED} of the same kind; "
        f"each {' | '.join(HALVES)}",
        legs="by meaning and by words, of each the chunks that search fuses; by places: of documents, with 60; "
        "words at 0 still set first what has all of them",
    )
    publish("fusing", {**figures, "conditions": how}, list(lines_of(figures)), options.json)


if __name__ == "__main__":
    run(main())
