"""The meaning of a whole text in one vector, the same way for examples and for documents."""

from __future__ import annotations

from collections.abc import Sequence

from serdab.engines import Embedder
from serdab.knowledge.splitting import split_text
from serdab.knowledge.vectors import Vector, middle_of

#: Most parts of a long text that are embedded.
MOST_PARTS = 8
_SOME_TEXT = "Who made this?"


async def embed_wholes(embedder: Embedder, texts: Sequence[str]) -> list[Vector]:
    """One vector for each text; of a long one the middle of its first parts."""
    input_format = embedder.input_format
    parts = [[text[part.start : part.end] for part in split_text(text, input_format)[:MOST_PARTS]] for text in texts]
    vectors = await embedder.embed([part for each in parts for part in each])
    found, at = [], 0
    for each in parts:
        found.append(middle_of(vectors[at : at + len(each)]))
        at += len(each)
    return found


async def maker_of(embedder: Embedder) -> str:
    """Model and precision of the engine that answers now."""
    if not embedder.made_by:
        await embedder.embed([_SOME_TEXT])
    return embedder.made_by
