"""Search over many chunks: recall of the index against exact comparison, latency, and speed beside the bare SQL.

Texts are sentences of the documents in a folder that is given; where these do not suffice, or none is given, a seeded
generator puts sentences together from our own words. A part is embedded by the real model; the others get the embedding
of one of them, turned by a seeded random vector, and a sentence of their own: their meaning is no sentence's.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import conditions, fresh_settings, percentile, publish, run
from serdab.core import load_settings
from serdab.engines import Embedder
from serdab.knowledge import Entry, Filters, Found, Index, Passage, document_id_of, search_documents
from serdab.knowledge.normalising import normalise_text
from serdab.knowledge.splitting import MOST_CHARACTERS
from serdab.models import pull_model
from serdab.store import Database, open_database

MODEL = "all-MiniLM-L6-v2"
SUBJECTS = (
    "the customer|our supplier|a tenant|the clinic|the harbour office|an insurer|the bank|our accountant|a parent|"
    "the school|the workshop|a passenger|the publisher|the farm|the city council|a reader|the laboratory|our driver"
)
VERBS = (
    "asks for|refuses|has paid for|returns|complains about|confirms|cancels|orders|inspects|insures|has lost|"
    "reports|signs for|renews|questions|translates|stores|repairs"
)
OBJECTS = (
    "the invoice|a refund|the contract|twelve pumps|the blood test|a passport|the rent|a late delivery|the warranty|"
    "the annual report|a parking place|the timetable|two containers|the server|a mortgage|the roof|the harvest|"
    "a library book|the vaccine|the tax return|a violin|the heating|a bridge|the recipe"
)
WHENS = (
    "since Monday|before the end of the quarter|without notice|for the third time|by registered letter|in advance|"
    "at the counter|after the storm|on behalf of a neighbour|because of a typing mistake|as agreed in spring|"
    "against our advice|under protest|within ten days|at a lower price|in two copies"
)
#: Where a sentence of a real document ends; shorter ones say too little.
SENTENCE = re.compile(r"\n|(?<=[.!?。！？؟])\s{0,3}(?=\S)")
LEAST_CHARACTERS = 20
#: Length of the turn that a made embedding gets, to length 1 before.
TURN = 0.35


def sentences(count: int, chance: random.Random) -> list[str]:
    """Sentences of our own, each with a number of its own."""
    parts = [text.split("|") for text in (SUBJECTS, VERBS, OBJECTS, WHENS)]
    return [
        " ".join(chance.choice(part) for part in parts) + f", case {chance.randrange(10**6)}, "
        + " ".join(chance.choice(parts[place]) for place in (0, 1, 2)) + "."
        for _ in range(count)
    ]  # fmt: skip


def texts_of(folder: Path, count: int) -> list[str]:
    """Sentences of real documents: JSON lines with a `text`, and plain text; each once."""
    if not folder.is_dir():
        raise SystemExit(f"expected --texts to be a folder with *.jsonl or *.txt, got {folder}")
    found: dict[str, None] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".txt":
            documents = [path.read_text("utf-8", "replace")]
        elif path.suffix == ".jsonl":
            lines = path.read_text("utf-8", "replace").split("\n")
            documents = [str(json.loads(line).get("text", "")) for line in lines if line.strip()]
        else:
            continue
        for document in documents:
            parts = (part.strip() for part in SENTENCE.split(normalise_text(document).text))
            found |= dict.fromkeys(part[:MOST_CHARACTERS] for part in parts if len(part) >= LEAST_CHARACTERS)
    texts = list(found)
    random.Random(4).shuffle(texts)
    return texts[:count]


def turned(vectors: NDArray[np.float32], count: int, seed: int) -> NDArray[np.float32]:
    """Embeddings near real ones."""
    chance = np.random.default_rng(seed)
    picked = vectors[chance.integers(0, len(vectors), count)]
    turns = chance.standard_normal(picked.shape).astype(np.float32)
    made = picked + TURN * turns / np.linalg.norm(turns, axis=1, keepdims=True)
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


async def fill(index: Index, texts: Sequence[str], vectors: NDArray[np.float32]) -> float:
    """Put everything into the index, in the way of the workflow; seconds."""

    async def add(number: int) -> None:
        text = texts[number]
        digest = hashlib.sha256(text.encode()).digest()
        source = f"made/{number % 100:02}/{number}"
        entry = Entry(
            document_id=document_id_of(source, digest), digest=digest, source=source, title=text[:40],
            media_type="text/plain", lang=("en", "de", "ar", "zh")[number % 4], doc_type="", characters=len(text),
            passages=[Passage(start=0, end=len(text), text=text)],
        )  # fmt: skip
        await index.add(entry, vectors[number : number + 1])

    began = time.perf_counter()
    for start in range(0, len(texts), 2_000):
        await asyncio.gather(*(add(number) for number in range(start, min(start + 2_000, len(texts)))))
    return time.perf_counter() - began


NEAREST = """select c.document_id, c.position, -(c.embedding <#> $1) as similarity,
    c.text, d.source, d.title, d.lang, d.label
from (select document_id, position, embedding, text from chunk order by embedding <#> $1 limit 10) c
join document d using (document_id) order by similarity desc"""


class Bare:
    """What somebody would write without us: asyncpg and one statement."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    @classmethod
    async def open(cls, database: Database, *settings: str) -> Bare:
        from serdab.knowledge.vectors import speak_vectors

        connection = await database.connect("bare", jit="off")
        await speak_vectors(connection)
        for setting in settings:
            await connection.execute(setting)
        return cls(connection)

    async def nearest(self, vector: NDArray[np.float32]) -> list[Any]:
        from serdab.knowledge.vectors import to_database

        return list(await self.connection.fetch(NEAREST, to_database(vector)))


async def timed(work: Callable[[int], Awaitable[object]], count: int) -> list[float]:
    """Milliseconds of each call, one after the other."""
    took = []
    for number in range(count):
        began = time.perf_counter()
        await work(number)
        took.append((time.perf_counter() - began) * 1000)
    return took


def halves(took: list[float]) -> dict[str, float]:
    """What half of the calls, and 95 of 100, do not exceed, ms."""
    return {"p50": round(percentile(took, 0.5), 2), "p95": round(percentile(took, 0.95), 2)}


async def rate(work: Callable[[int], Awaitable[object]], count: int, at_once: int) -> float:
    """Calls a second with so many at once."""
    waiting = iter(range(count))

    async def one() -> None:
        for number in waiting:
            await work(number)

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(at_once)))
    return count / (time.perf_counter() - began)


async def compare(
    index: Index, database: Database, embedder: Embedder, questions: Sequence[str], vectors: NDArray[np.float32]
) -> dict[str, Any]:
    """All figures for a filled index."""
    exact = await Bare.open(database, "set enable_indexscan = off", "set max_parallel_workers_per_gather = 0")
    width = await ef_search(index)
    bare = await Bare.open(database, f"set hnsw.ef_search = {width}", "set enable_seqscan = off")
    count = len(questions)

    async def ours(number: int) -> Sequence[Found]:
        return await index.find_nearest(vectors[number], 10)

    async def theirs(number: int) -> object:
        return await bare.nearest(vectors[number])

    hits = bare_hits = 0
    for number in range(count):
        truth = {row["document_id"] for row in await exact.nearest(vectors[number])}
        hits += len(truth & {found.document_id for found in await ours(number)})
        bare_hits += len(truth & {row["document_id"] for row in await bare.nearest(vectors[number])})
    filtered_recall = await recall_filtered(index, exact, vectors[: count // 2])
    for work in (ours, theirs):
        await timed(work, 20)
    # In turns, so that whatever else the machine does falls on both.
    pairs = [(await rate(ours, count, 1), await rate(theirs, count, 1)) for _ in range(3)]
    both = sorted(pairs, key=lambda pair: pair[0] / pair[1])[1]
    many = await rate(ours, count * 4, 16) if count * 4 <= len(vectors) else await rate(ours, count, 16)
    await exact.connection.close()
    await bare.connection.close()
    return {
        "ef_search": int(width),
        "recall_at_10": round(hits / (10 * count), 4),
        "recall_at_10_bare": round(bare_hits / (10 * count), 4),
        "recall_at_10_filtered": round(filtered_recall, 4),
        "knn_per_second": round(both[0], 1),
        "knn_per_second_bare": round(both[1], 1),
        "ratio_to_bare": round(both[0] / both[1], 3),
        "knn_per_second_16_at_once": round(many, 1),
        **await hybrid_latencies(index, database, embedder, questions),
    }


async def hybrid_latencies(
    index: Index, database: Database, embedder: Embedder, questions: Sequence[str]
) -> dict[str, dict[str, float]]:
    """What a person waits for, from the question to the marked passages."""

    async def hybrid(number: int) -> object:
        return await search_documents(index, embedder, questions[number], 10)

    async def filtered(number: int) -> object:
        return await search_documents(index, embedder, questions[number], 10, Filters(langs=["de"]))

    count = len(questions)
    for work in (hybrid, filtered):
        await timed(work, 20)
    fresh = await timed(hybrid, count)
    # As autovacuum does within a minute: what was added last is in the indexes, not in lists beside them.
    await database.pool.execute("vacuum (analyze) chunk")
    await timed(hybrid, 20)
    slow = await timed(hybrid, count)
    narrow = await timed(filtered, count)
    return {
        "hybrid_ms": halves(slow),
        "hybrid_unvacuumed_ms": halves(fresh),
        "hybrid_filtered_ms": halves(narrow),
    }


async def recall_filtered(index: Index, exact: Bare, vectors: NDArray[np.float32]) -> float:
    """Recall@10 among a quarter of the documents, by meaning alone."""
    from serdab.knowledge.vectors import to_database

    truth_sql = """select c.document_id from chunk c join document d using (document_id) where d.lang = 'ar'
        order by c.embedding <#> $1 limit 10"""
    hits = 0
    for vector in vectors:
        truth = {row[0] for row in await exact.connection.fetch(truth_sql, to_database(vector))}
        found = await index.search("", vector, 10, Filters(langs=["ar"]))
        hits += len(truth & {each.document_id for each in found})
    return hits / (10 * len(vectors))


async def ef_search(index: Index) -> str:
    """What our own session has, so that the other one has the same."""
    found: str = await index._asking.use(lambda connection: connection.fetchval("show hnsw.ef_search"))
    return found


def rows_of(figures: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("recall@10 to exact (bare SQL; a quarter by filter)",
         f"{figures['recall_at_10']} ({figures['recall_at_10_bare']}; {figures['recall_at_10_filtered']})"),
        ("k-NN a second, ours / bare SQL", f"{figures['knn_per_second']} / {figures['knn_per_second_bare']}"),
        ("ratio", str(figures["ratio_to_bare"])),
        ("k-NN a second, 16 at once", str(figures["knn_per_second_16_at_once"])),
        ("hybrid with embedding, ms, p50 / p95", f"{figures['hybrid_ms']['p50']} / {figures['hybrid_ms']['p95']}"),
        ("the same right after all was added",
         f"{figures['hybrid_unvacuumed_ms']['p50']} / {figures['hybrid_unvacuumed_ms']['p95']}"),
        ("the same with a filter",
         f"{figures['hybrid_filtered_ms']['p50']} / {figures['hybrid_filtered_ms']['p95']}"),
        ("chunks added a minute", f"{figures['chunks_added_per_minute']:,}"),
    ]  # fmt: skip


@asynccontextmanager
async def empty_index(home: str | None) -> AsyncIterator[tuple[Database, Index, Embedder]]:
    """An index in a database of its own, and an engine with the model of a home, the usual one when None."""
    models = load_settings([f"home={home}"] if home else [])
    await pull_model(MODEL, models)
    async with fresh_settings("database.memory_mb=1024") as settings:
        from serdab.app import some_engine

        async with some_engine(models) as embedder:
            database = await open_database(settings)
            try:
                async with Index(database) as index:
                    yield database, index, embedder
            finally:
                await database.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--embedded", type=int, default=50_000, help="chunks that the real model embeds")
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--texts", type=Path, help="a folder with real documents: *.jsonl with `text`, *.txt")
    parser.add_argument("--home", help="a home with the model; the usual one when absent")
    options = parser.parse_args()
    chance = random.Random(4)
    given = texts_of(options.texts, options.chunks + options.questions) if options.texts else []
    texts = given + sentences(options.chunks + options.questions - len(given), chance)
    # The questions are real texts where there are any, and so are those that the model embeds.
    questions, texts = texts[: options.questions], texts[options.questions :]
    async with empty_index(options.home) as (database, index, embedder):
        real = min(options.embedded, len(texts))
        parts = [await embedder.embed(texts[start : start + 1_000]) for start in range(0, real, 1_000)]
        embedded = np.concatenate(parts)
        asked = await embedder.embed(questions)
        vectors = np.concatenate([embedded, turned(embedded, len(texts) - real, 5)])
        took_s = await fill(index, texts, vectors)
        await database.pool.execute("analyze")
        figures = await compare(index, database, embedder, questions, asked)
    how = conditions(
        command=" ".join(["python bench/search.py", *sys.argv[1:]]).replace(str(options.texts), "FOLDER"),
        ef_search=figures.pop("ef_search"),
        chunks=f"{len(texts):,}: {max(len(given) - len(questions), 0):,} sentences of real documents, else made ones; "
        f"{real:,} embedded by {MODEL}, {len(texts) - real:,} with an embedding of these turned by a random vector of "
        f"length {TURN}",
        questions=f"{len(questions)} texts of the same kind that are not in the index, embedded by {MODEL}",
        bare="the same k-NN and join by asyncpg, one statement, the same ef_search, in turns with ours, median of 3",
    )
    result = {**figures, "chunks_added_per_minute": round(len(texts) / took_s * 60), "conditions": how}
    publish("search", result, rows_of(result), options.json)


if __name__ == "__main__":
    run(main())
