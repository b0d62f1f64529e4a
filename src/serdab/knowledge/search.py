"""A person's question to the index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from serdab.core import BadInput, expected
from serdab.engines import Embedder
from serdab.knowledge.duplicates import Alike
from serdab.knowledge.filters import Filters
from serdab.knowledge.index import Found, Index
from serdab.knowledge.normalising import normalise_text
from serdab.knowledge.reading import read_document
from serdab.knowledge.splitting import split_text
from serdab.knowledge.vectors import middle_of

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
    """
    if not question.strip():
        raise BadInput(expected("the question", "a text", question))
    if not 1 <= k <= MOST_FOUND:
        raise BadInput(expected("the number of documents", f"between 1 and {MOST_FOUND}", k))
    vectors = await embedder.embed([question])
    return await index.search(question, vectors[0], k, filters)


async def find_alike_documents(
    index: Index, embedder: Embedder, path: Path, k: int = 10, most_bytes: int = 52_428_800
) -> Sequence[Alike]:
    """The documents that are nearly the same as a file, best first; the file itself need not be among them.

    Raises:
        BadInput: `k` is not between 1 and `MOST_FOUND`, or the file cannot be read.
        EngineUnavailable: no engine makes embeddings now.
        IndexAway: the database is not there now.
    """
    if not 1 <= k <= MOST_FOUND:
        raise BadInput(expected("the number of documents", f"between 1 and {MOST_FOUND}", k))
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= most_bytes else b""
    except OSError as error:
        raise BadInput(expected(f"{path}", "a file that can be read", error.strerror)) from error
    if size > most_bytes:
        raise BadInput(expected(f"{path}", f"at most {most_bytes:,} bytes", size, "raise documents.most_bytes"))
    text = normalise_text(read_document(data, path.name).text).text
    passages = [text[chunk.start : chunk.end] for chunk in split_text(text)][:MOST_PASSAGES]
    if not passages:
        return []
    return await index.find_alike(text, middle_of(await embedder.embed(passages)), k)
