"""Which words of a question find chunks, and how much each tells."""

from __future__ import annotations

import math

import pytest

from serdab.knowledge.vocabulary import finding_query


@pytest.mark.parametrize(
    ("shares", "most", "query"),
    [
        ({}, 0.01, ""),
        ({"acme": 0.001, "invoice": 0.2, "the": 0.9}, 0.01, "acme"),
        ({"acme": 0.001, "pump": 0.002, "valve": 0.01}, 0.01, "acme | pump"),
        ({"acme": 0.001, "pump": 0.002, "invoice": 0.2}, math.inf, "acme | pump | invoice"),
        # No word is rare: as many together as make few chunks, else all of them.
        ({"annual": 0.05, "report": 0.1, "the": 0.9}, 0.01, "(annual) & (report)"),
        ({"annual": 0.05, "report": 0.3, "the": 0.9}, 0.001, "(annual) & (report) & (the)"),
        ({"the": 0.9}, 0.001, "(the)"),
        # No share is known below 0.002: two of the words will do, whichever these are.
        (
            {"acme": 0.002, "pump": 0.002, "valve": 0.002, "the": 0.9},
            0.001,
            "(acme) & (pump) | (acme) & (valve) | (pump) & (valve)",
        ),
        # A word that nobody wrote hides none of the others.
        ({"reprot": 0.001, "annual": 0.05, "board": 0.05}, 0.01, "reprot | (annual) & (board)"),
    ],
)
def test_rare_words_find_chunks_and_common_ones_only_together(
    shares: dict[str, float], most: float, query: str
) -> None:
    assert finding_query([(share, word) for word, share in shares.items()], most) == query
