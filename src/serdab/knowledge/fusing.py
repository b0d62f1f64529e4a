"""What is near by meaning and what has the words become one ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

#: How much words count beside meaning. Less finds more of the same kind, more what has a rare word and means something
#: else; bug reports are found by their titles as well by 0.2 as by 0.4, numbers in a sentence only by more
#: (docs/adr/0014-rare-words-find.md).
WORDS = 0.3
#: A passage that has this share of what the words of a question tell has all that matter: "the" may be missing.
WHOLE = 0.9


def fuse(
    near: Sequence[Any],
    worded: Sequence[Any],
    most: int,
    contents: Mapping[UUID, bytes],
    *,
    whole: float,
    unrelated: float = 0.0,
) -> list[tuple[Any, float]]:
    """The best passage of each content with its score, the best first.

    The score of a passage is a mean of its cosine and of the share of the words' weight that it has: such sums rank
    better than sums of inverse places, which know no distances (Bruch, Gai and Ingber, "An Analysis of Fusion Functions
    for Hybrid Retrieval", 2023). What has every word of the question stands before what has not.

    Args:
        near: passages by meaning.
        worded: passages by words, with their rank.
        most: contents that are given.
        contents: what each document holds, by its digest; documents with the same content are one.
        whole: the rank by words of a passage that has every word of the question.
        unrelated: the cosine of texts that have nothing to do with each other.
    """
    best: dict[bytes, tuple[float, float, Any]] = {}
    for by_words, rows in ((False, near), (True, worded)):
        for row in rows:
            share = row["rank"] / whole if by_words and whole else 0.0
            meaning = (row["similarity"] - unrelated) / (1 - unrelated)
            score = (share >= WHOLE) + WORDS * share + (1 - WORDS) * meaning
            content = contents.get(row["document_id"], row["document_id"].bytes)
            if content not in best or score > best[content][0]:
                best[content] = (score, row["similarity"], row)
    order = sorted(best.values(), key=lambda each: (-each[0], -each[1], each[2]["document_id"]))
    return [(row, score) for score, _, row in order[:most]]
