"""How well documents are found: the first line of each asks for the rest of it, among many sentences of others.

Beside it what somebody would write without us on the same database: nearest by meaning, full text search with
`ts_rank`, and the two fused by reciprocal rank.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from uuid import UUID

import msgspec
import numpy as np

from harness import conditions, percentile, publish, run
from search import Bare, empty_index, fill, texts_of
from serdab.engines import Embedder
from serdab.knowledge import Entry, Index, Passage, document_id_of
from serdab.knowledge.normalising import normalise_text
from serdab.knowledge.splitting import split_text
from serdab.knowledge.vectors import to_database
from serdab.store import Database
from weighing import ASKED, VALUES, by_weights, count_halves, judge_place, lines_of
from weighing import Question as Asked
from weighing import ask as hear
from weighing import compare as compare_weights

LEAST_TITLE, LEAST_BODY = 15, 100
MOST_PASSAGES = 100
#: Chunks of each ranking that are fused.
FUSED = 25
RANKED = """select document_id from (
    select document_id, ts_rank(words, query) as rank from plain,
           (select replace(plainto_tsquery('english', $1)::text, '&', '|')::tsquery as query) q
    where words @@ query
) found order by rank desc limit $2"""
NEAREST = "select document_id from chunk order by embedding <#> $1 limit $2"

Ask = Callable[[int], Awaitable[Sequence[UUID]]]


class Question(msgspec.Struct, frozen=True):
    """The first line of a document, and which document holds the rest."""

    title: str
    entry: Entry


def questions_of(folder: Path, most: int) -> list[Question]:
    """Documents of JSON lines with a `text` of which the first line says what they are about."""
    found: dict[str, Question] = {}
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.read_text("utf-8", "replace").split("\n"):
            title, _, body = str(json.loads(line).get("text", "") if line.strip() else "").partition("\n")
            title, body = title.strip(), normalise_text(body).text.strip()
            if len(title) >= LEAST_TITLE and len(body) >= LEAST_BODY:
                found.setdefault(title, Question(title, entry_of(body)))
    step = max(1, len(found) // most)
    return list(found.values())[::step][:most]


def entry_of(text: str, lang: str = "en") -> Entry:
    digest = hashlib.sha256(text.encode()).digest()
    source = f"body/{digest.hex()}"
    passages = [Passage(start=c.start, end=c.end, text=text[c.start : c.end]) for c in split_text(text)]
    return Entry(
        document_id=document_id_of(source, digest), digest=digest, source=source, title="", media_type="text/plain",
        lang=lang, doc_type="", characters=len(text), passages=passages[:MOST_PASSAGES],
    )  # fmt: skip


def fuse(*rankings: Sequence[UUID]) -> list[UUID]:
    """Reciprocal rank fusion as everybody writes it."""
    scores: dict[UUID, float] = {}
    for ranking in rankings:
        for place, document in enumerate(dict.fromkeys(ranking), 1):
            scores[document] = scores.get(document, 0.0) + 1 / (60 + place)
    return sorted(scores, key=lambda document: -scores[document])


async def measure(ask: Ask, questions: Sequence[Question]) -> dict[str, float]:
    places, took = [], []
    for number, question in enumerate(questions):
        began = time.perf_counter()
        found = list(dict.fromkeys(await ask(number)))[:ASKED]
        took.append((time.perf_counter() - began) * 1000)
        places.append(found.index(question.entry.document_id) + 1 if question.entry.document_id in found else 0)
    return {
        "found_in_10": round(sum(place > 0 for place in places) / len(places), 4),
        "found_first": round(sum(place == 1 for place in places) / len(places), 4),
        "mean_reciprocal_rank": round(sum(1 / place for place in places if place) / len(places), 4),
        "p50_ms": round(percentile(took, 0.5), 2),
        "p95_ms": round(percentile(took, 0.95), 2),
    }


async def compare(
    index: Index, database: Database, embedder: Embedder, questions: Sequence[Question]
) -> dict[str, dict[str, float]]:
    """All ways for the same questions; embedding a question is in no time."""
    vectors = await embedder.embed_questions([question.title for question in questions])
    bare = await Bare.open(database, "set hnsw.ef_search = 200", "set enable_seqscan = off")
    await bare.connection.execute(
        "create temporary table plain as select document_id, to_tsvector('english', text) as words from chunk"
    )
    await bare.connection.execute("create index on plain using gin (words)")
    await bare.connection.execute("analyze plain")

    async def meaning(number: int) -> list[UUID]:
        return [row[0] for row in await bare.connection.fetch(NEAREST, to_database(vectors[number]), FUSED)]

    async def words(number: int) -> list[UUID]:
        return [row[0] for row in await bare.connection.fetch(RANKED, questions[number].title, FUSED)]

    async def both(number: int) -> list[UUID]:
        return fuse(await meaning(number), await words(number))

    async def ours(number: int) -> list[UUID]:
        found = await index.search(questions[number].title, vectors[number], ASKED)
        return [each.document_id for each in found]

    ways: dict[str, Ask] = {"meaning, bare SQL": meaning, "ts_rank, bare SQL": words, "both, bare SQL": both,
                            "serdab search": ours}  # fmt: skip
    figures = {}
    for name, ask in ways.items():
        for number in range(20):
            await ask(number)
        figures[name] = await measure(ask, questions)
    await bare.connection.close()
    return figures


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--texts", type=Path, required=True, help="a folder with real documents: *.jsonl with `text`")
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--others", type=int, default=90_000, help="sentences of the folder's documents beside them")
    parser.add_argument("--weights", action="store_true", help="weights of words, instead of other ways; no times")
    parser.add_argument("--home", help="a home with the model; the usual one when absent")
    options = parser.parse_args()
    questions = questions_of(options.texts, options.questions)
    titles = {question.title for question in questions}
    others = [text for text in texts_of(options.texts, options.others) if text not in titles]
    async with empty_index(options.home) as (database, index, embedder):

        async def add(question: Question) -> None:
            vectors = await embedder.embed([passage.text for passage in question.entry.passages])
            await index.add(question.entry, vectors)

        for start in range(0, len(questions), 64):
            await asyncio.gather(*map(add, questions[start : start + 64]))
        parts = [await embedder.embed(others[at : at + 1_000]) for at in range(0, len(others), 1_000)]
        await fill(index, others, np.concatenate(parts))
        await database.pool.execute("analyze")
        if options.weights:
            asked = [Asked(question.title, frozenset([question.entry.document_id])) for question in questions]
            weights = compare_weights(asked, await hear(index, embedder, asked), judge_place, by_weights())
        else:
            figures = await compare(index, database, embedder, questions)
    command = " ".join(["python bench/ranking.py", *sys.argv[1:]]).replace(str(options.texts), "FOLDER")
    how = conditions(
        command=command.replace(str(options.home), "HOME"),
        questions=f"first lines of {len(questions)} documents; the rest of each is to be found, in "
        f"{sum(len(question.entry.passages) for question in questions):,} chunks",
        others=f"{len(others):,} sentences of the same folder, without these first lines",
    )
    if options.weights:
        how |= {"halves": count_halves(asked), "values": VALUES}
        publish("ranking_weights", {**weights, "conditions": how}, list(lines_of(weights)), options.json)
        return
    how["bare"] = f"one statement each by asyncpg; {FUSED} chunks of each ranking, fused with 60"
    rows = [
        (f"{name}: in the first 10, first; p50, p95 ms",
         f"{each['found_in_10']}, {each['found_first']}; {each['p50_ms']}, {each['p95_ms']}")
        for name, each in figures.items()
    ]  # fmt: skip
    publish("ranking", {**figures, "conditions": how}, rows, options.json)


if __name__ == "__main__":
    run(main())
