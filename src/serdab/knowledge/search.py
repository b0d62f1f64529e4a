"""A person's question to the index."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from serdab.core import BadInput, Settings, expected
from serdab.engines import Embedder
from serdab.flow import call_isolated
from serdab.knowledge.asking import Found
from serdab.knowledge.duplicates import Alike
from serdab.knowledge.filters import Filters
from serdab.knowledge.index import Index
from serdab.knowledge.isolated_reading import bounded_read
from serdab.knowledge.normalising import normalise_text
from serdab.knowledge.reading import path_to_text
from serdab.knowledge.splitting import split_text
from serdab.knowledge.vectors import Vector, middle_of

#: Most documents of one answer: more would not be ranked well.
MOST_FOUND = 25
#: Passages of a file by which documents like it are found.
MOST_PASSAGES = 400


async def search_documents(
    index: Index, embedder: Embedder, question: str, k: int = 10, filters: Filters | None = None
) -> Sequence[Found]:
    """The documents that answer a question best, by meaning and by words, best first.

    Args:
        index: the documents.
        embedder: makes the meaning of the question.
        question: a text.
        k: at most so many.
        filters: what they must meet; None: nothing.

    Raises:
        BadInput: the question is empty, a filter cannot be compared, or `k` is not between 1 and `MOST_FOUND`.
        EngineUnavailable: no engine makes embeddings now.
        IndexAway: the database is not there now.
        OtherMaker: the documents were embedded by another model or in another precision.
    """
    if not question.strip():
        raise BadInput(expected("the question", "a text", question))
    if not 1 <= k <= MOST_FOUND:
        raise BadInput(expected("the number of documents", f"between 1 and {MOST_FOUND}", k))
    meaning = asyncio.ensure_future(_meaning_of(index, embedder, question))
    try:
        return await index.search(question, meaning, k, filters)
    finally:  # Where the words could not be looked for, nobody asks for it any more.
        meaning.cancel()
        await asyncio.gather(meaning, return_exceptions=True)


async def _meaning_of(index: Index, embedder: Embedder, question: str) -> Vector:
    vectors = await embedder.embed_questions([question])
    await index.check_maker(embedder.made_by)
    meaning: Vector = vectors[0]
    return meaning


async def find_alike_documents(
    index: Index, embedder: Embedder, path: Path, settings: Settings, k: int = 10
) -> Sequence[Alike]:
    """The documents that are nearly the same as a file, best first; the file itself need not be among them.

    The file is read as in `triage`: in a process of its own, under the limits of `settings.documents`.

    Raises:
        BadInput: `k` is not between 1 and `MOST_FOUND`.
        RemoteFailure: the file cannot be read; the message says why.
        OutOfMemory: reading it wanted more than `documents.read_memory_mb`.
        IsolatedTimeout: reading it took longer than `documents.read_timeout_s`.
        ChildDied: the process that read it died.
        EngineUnavailable: no engine makes embeddings now.
        IndexAway: the database is not there now.
        OtherMaker: the documents were embedded by another model or in another precision.
    """
    if not 1 <= k <= MOST_FOUND:
        raise BadInput(expected("the number of documents", f"between 1 and {MOST_FOUND}", k))
    limits = settings.documents
    reading = await call_isolated(
        bounded_read(settings), path_to_text(path.absolute()), limits.most_bytes, "", limits.ocr != "off"
    )
    text = normalise_text(reading.text).text
    passages = [text[chunk.start : chunk.end] for chunk in split_text(text, embedder.input_format)][:MOST_PASSAGES]
    if not passages:
        return []
    vectors = await embedder.embed(passages)
    await index.check_maker(embedder.made_by)
    return await index.find_alike(text, middle_of(vectors), k)
