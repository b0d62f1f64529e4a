"""What meaning and words find as one ranking: by scores, as search does it, by places, by each alone, by other weights.

Whole documents: rows of JSON lines. Asked are the titles of those that have one (a line above an empty one), which the
index does not hold, for the rest of them; short rows of one kind of many, for others of their kind; and what `kinds.py`
has. Half of each, by a hash, is there to choose a weight by, and the other half to see whether it holds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from harness import conditions, publish, run
from kinds import Row, ids_of, kinds_of, made_rows
from ranking import LEAST_BODY, LEAST_TITLE, entry_of
from ranking import fuse as fuse_places
from search import empty_index
from serdab.engines import Embedder
from serdab.knowledge import Index
from serdab.knowledge.normalising import normalise_text
from weighing import (
    ASKED,
    VALUES,
    Judge,
    Question,
    Rank,
    ask,
    by_weights,
    compare,
    count_halves,
    judge_kind,
    judge_place,
    lines_of,
)

MOST_TITLE, MOST_REQUEST = 200, 300
#: Kinds that a label of requests tells apart: fewer say little, more are hardly kinds.
LEAST_KINDS, MOST_KINDS = 10, 200


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
            found[text] = Row(entry, text, title if titled else "", labels, row.get("fields") or {})
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
    return [Question(row.text, kind_of[row.text], ids_of([row])) for row in asked]


def documents(leg: Sequence[Any]) -> list[UUID]:
    return list(dict.fromkeys(row["document_id"] for row in leg))


def ways() -> dict[str, Rank]:
    return {
        "places (RRF)": lambda legs: fuse_places(documents(legs.near), documents(legs.worded)),
        "meaning alone": lambda legs: documents(legs.near),
        "words alone": lambda legs: documents(legs.worded),
        **by_weights(),
    }


async def fill(index: Index, embedder: Embedder, rows: Sequence[Row]) -> None:
    """A thousand documents at once: fewer leave the engine waiting."""
    for start in range(0, len(rows), 1_000):
        entries = [row.entry for row in rows[start : start + 1_000]]
        vectors = await embedder.embed([passage.text for entry in entries for passage in entry.passages])
        ends = np.cumsum([len(entry.passages) for entry in entries])[:-1]
        parts = zip(entries, np.split(vectors, ends), strict=True)
        await asyncio.gather(*(index.add(entry, part, embedder.made_by) for entry, part in parts))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--texts", type=Path, required=True, help="a folder with real documents: *.jsonl with `text`")
    parser.add_argument("--documents", type=int, default=100_000, help="at most so many of them")
    parser.add_argument("--questions", type=int, default=2_000, help="at most so many of each sort")
    parser.add_argument("--home", help="a home with the model; the usual one when absent")
    options = parser.parse_args()
    rows = rows_of(options.texts, options.documents) + made_rows()
    asked: dict[str, tuple[list[Question], Judge]] = {
        "titles": (titles_of(rows, options.questions), judge_place),
        "requests": (requests_of(rows, options.questions), judge_kind),
        **{name: (questions, judge_place) for name, questions in kinds_of(rows, options.questions).items()},
    }
    async with empty_index(options.home) as (database, index, embedder):
        await fill(index, embedder, rows)
        await database.pool.execute("analyze")
        figures = {
            name: compare(questions, await ask(index, embedder, questions), judge, ways())
            for name, (questions, judge) in asked.items()
        }
        made_by = embedder.made_by
    command = " ".join(["python bench/fusing.py", *sys.argv[1:]]).replace(str(options.texts), "FOLDER")
    how = conditions(
        command=command.replace(str(options.home), "HOME"),
        documents=f"{len(rows):,} in {sum(len(row.entry.passages) for row in rows):,} chunks, embedded by {made_by}",
        questions={name: count_halves(questions) for name, (questions, _) in asked.items()},
        requests=f"each at most {MOST_REQUEST} characters, without itself, by the label of most",
        values=f"{VALUES}; requests: share of {ASKED} of the same kind",
        legs="by meaning and by words, of each the chunks that search fuses; by places: of documents, with 60; "
        "words at 0 still set first what has all of them",
    )
    lines = [(f"{name}, {way}", told) for name, ranked in figures.items() for way, told in lines_of(ranked)]
    publish("fusing", {**figures, "conditions": how}, lines, options.json)


if __name__ == "__main__":
    run(main())
