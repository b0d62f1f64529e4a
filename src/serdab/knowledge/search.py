"""A person's question to the index."""

from __future__ import annotations

from collections.abc import Sequence

from serdab.core import BadInput, expected
from serdab.engines import Embedder
from serdab.knowledge.index import Found, Index

#: Most documents of one answer: more would not be ranked well.
MOST_FOUND = 25


async def search_documents(index: Index, embedder: Embedder, question: str, k: int = 10) -> Sequence[Found]:
    """The documents that answer a question best, by meaning and by words, best first.

    Raises:
        BadInput: the question is empty or `k` is not between 1 and `MOST_FOUND`.
        EngineUnavailable: no engine makes embeddings now.
        IndexAway: the database is not there now.
    """
    if not question.strip():
        raise BadInput(expected("the question", "a text", question))
    if not 1 <= k <= MOST_FOUND:
        raise BadInput(expected("the number of documents", f"between 1 and {MOST_FOUND}", k))
    vectors = await embedder.embed([question])
    return await index.search(question, vectors[0], k)
