"""What the words of an index are like: which of them most documents have, and how its languages bend them."""

from __future__ import annotations

import asyncio

import msgspec

from serdab.knowledge.words import STEMMERS, ask_for, asked_words, light_stem
from serdab.store import Connection, load_statements

_SQL = load_statements("serdab.knowledge")

#: Share of chunks from which on a word tells nothing, and how often that is looked up, seconds.
COMMON = 0.02
LEARN_EVERY_S = 60.0


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The words of a question as queries of full text search."""

    #: By which chunks are found, and by which these are ranked.
    finding: str = ""
    ranking: str = ""
    #: What the words are reduced to in the languages of the documents.
    stems: frozenset[str] = frozenset()


class Vocabulary:
    """What is known of the words of an index; learned again from time to time."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.common: frozenset[str] = frozenset()
        self._dictionaries: list[str] = []
        self._due = 0.0

    async def learn(self, connection: Connection) -> None:
        """Learn what is due: the planner's statistics know which words a large part of all chunks has."""
        now = asyncio.get_running_loop().time()
        if now < self._due:
            return
        self._due = now + LEARN_EVERY_S
        rows = await connection.fetch(_SQL["common_words"], COMMON)
        self.common = frozenset(row["word"] for row in rows)
        langs = await connection.fetch(_SQL["known_languages"])
        self._dictionaries = [f"{STEMMERS[row['lang']]}_stem" for row in langs if row["lang"] in STEMMERS]

    async def ask(self, connection: Connection, question: str) -> Asked:
        """The queries for a question: each of its words, and what they are reduced to in any language that is there."""
        await self.learn(connection)
        words = asked_words(question)
        rows = await connection.fetch(_SQL["stems_of"], words, self._dictionaries) if words else []
        stems = {word: [light_stem(word)] for word in words if light_stem(word) != word}
        for row in rows:
            stems.setdefault(row["word"], []).extend(row["stems"])
        return Asked(
            finding=ask_for(words, stems, self.common),
            ranking=ask_for(words, stems),
            stems=frozenset(stem for each in stems.values() for stem in each),
        )
