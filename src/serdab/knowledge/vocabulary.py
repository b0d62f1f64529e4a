"""What the words of an index are like: how many chunks have them, and how its languages bend them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from itertools import chain, combinations, compress

import msgspec

from serdab.knowledge.words import STEMMERS, any_of, asked_words, distinctive_words, forms_of, light_stem
from serdab.store import Connection, load_statements

_SQL = load_statements("serdab.knowledge")

#: How often it is learned again, seconds.
LEARN_EVERY_S = 60.0
#: How common a word is that the statistics do not have, beside the least common one that they have (the thousandth).
_UNSEEN = 1 / 3
#: Chunks that are counted for one question at most.
MOST_COUNTED = 1_000
#: The same where there are no statistics yet.
_UNKNOWN_SHARE = 0.001
#: Groups that are looked for where no word is rare, and of how many of the rarest words they are made.
_MOST_GROUPS, _GROUPED = 12, 8
#: What makes a number that is sought: digits, and the share of chunks that may have it, or how many. The other words of
#: its question then tell so much of what it tells, together: what has the number has nearly all that matters.
_LEAST_DIGITS, _RARE, _FEW, _LITTLE = 4, 0.001, 3, 0.1


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The words of a question as queries of full text search."""

    #: By which chunks are found; empty: by none.
    finding: str = ""
    #: By which these are ranked, each with how much it tells: the square of the logarithm of the inverse of its share,
    #: which counts once for the question and once for the document (Salton and Buckley, "Term-weighting approaches in
    #: automatic text retrieval", 1988); beside rare numbers other words tell little.
    terms: Sequence[str] = ()
    weights: Sequence[float] = ()
    #: What the words are reduced to in the languages of the documents.
    stems: frozenset[str] = frozenset()

    @property
    def whole(self) -> float:
        """The rank of a chunk that has every word."""
        return sum(self.weights)


class Vocabulary:
    """What is known of the words of an index; learned again from time to time."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._shares: Mapping[str, float] = {}
        #: Of terms that were asked for and are rarer than all of these.
        self._counted: dict[str, float] = {}
        self._unseen = _UNKNOWN_SHARE
        self._chunks = 0.0
        self._dictionaries: list[str] = []
        self._due = 0.0

    async def learn(self, connection: Connection) -> None:
        """Learn what is due from the planner's statistics."""
        now = asyncio.get_running_loop().time()
        if now < self._due:
            return
        rows = await connection.fetch(_SQL["shares_of_words"])
        self._shares, self._counted = {row["word"]: row["share"] for row in rows}, {}
        self._unseen = min(self._shares.values()) * _UNSEEN if rows else _UNKNOWN_SHARE
        self._chunks = await connection.fetchval(_SQL["guess_chunks"])
        langs = await connection.fetch(_SQL["known_languages"])
        self._dictionaries = [f"{STEMMERS[row['lang']]}_stem" for row in langs if row["lang"] in STEMMERS]
        self._due = now + LEARN_EVERY_S  # Only now: else what failed would be put off.

    async def ask(self, connection: Connection, question: str, most_chunks: int) -> Asked:
        """The queries for a question: its words, and what they are reduced to in any language that is there.

        Args:
            connection: to the database of the chunks.
            question: a text.
            most_chunks: about so many are found, those with the rarest words.
        """
        await self.learn(connection)
        words = asked_words(question)
        rows = await connection.fetch(_SQL["stems_of"], words, self._dictionaries) if words else []
        stems = {word: [light_stem(word)] for word in words if light_stem(word) != word}
        for row in rows:
            stems.setdefault(row["word"], []).extend(row["stems"])
        forms = forms_of(words, stems)
        await self._count(connection, forms)
        return self._ask(forms, most_chunks, frozenset(chain.from_iterable(stems.values())))

    def ask_for_alike(self, text: str, most_chunks: int) -> Asked:
        """The queries for documents that are like a text, by its rarest words; `most_chunks` as of `ask`."""
        return self._ask([[word] for word in distinctive_words(text, self._share)], most_chunks)

    async def _count(self, connection: Connection, words: Sequence[Sequence[str]]) -> None:
        """Count the chunks of words that the statistics do not have: of these some are in hundreds, some in one."""
        if self._chunks <= 0:
            return
        terms = [any_of(forms) for forms in words if self._shares.keys().isdisjoint(forms)]
        unknown = [term for term in terms if term not in self._counted]
        if not unknown:
            return
        rows = await connection.fetch(_SQL["count_chunks_with"], unknown, " | ".join(unknown), MOST_COUNTED)
        found = {row["term"]: row["chunks"] for row in rows}
        self._counted |= {term: min(1.0, found.get(term, 1) / self._chunks) for term in unknown}

    def _share(self, word: str) -> float:
        return self._shares.get(word, self._unseen)

    def _ask(self, words: Sequence[Sequence[str]], most_chunks: int, stems: frozenset[str] = frozenset()) -> Asked:
        """The queries for some words, each with its forms."""
        terms = [any_of(forms) for forms in words]
        shares = [
            self._counted.get(term) or max(map(self._share, forms)) for term, forms in zip(terms, words, strict=True)
        ]
        ordered = sorted(zip(shares, terms, strict=True))
        return Asked(
            finding=finding_query(ordered, most_chunks / self._chunks if self._chunks else math.inf),
            terms=terms,
            weights=self._weights(words, shares),
            stems=stems,
        )

    def _weights(self, words: Sequence[Sequence[str]], shares: Sequence[float]) -> list[float]:
        weights = [math.log(share) ** 2 for share in shares]
        rare = max(_RARE, _FEW / self._chunks) if self._chunks else _RARE
        is_sought = [
            share <= rare and sum(map(str.isdigit, forms[0])) >= _LEAST_DIGITS
            for forms, share in zip(words, shares, strict=True)
        ]
        sought = sum(compress(weights, is_sought))
        others = sum(weights) - sought
        scale = min(1.0, _LITTLE * sought / others) if sought and others else 1.0
        return [weight if is_one else weight * scale for weight, is_one in zip(weights, is_sought, strict=True)]


def finding_query(ordered: Sequence[tuple[float, str]], most: float) -> str:
    """A query by which about a share of all chunks is found: any rare word, or enough common ones together.

    All chunks with a common word would be too many to rank, and an arbitrary part of them would hide the best. Where no
    word is rare, several groups of words are looked for, the rarest first: among a million chunks for most questions,
    as the statistics know no share below some thousandths.

    Args:
        ordered: terms with their shares, the rarest first.
        most: share of all chunks, as if words came independently of each other.
    """
    rare: list[str] = []
    for share, term in ordered:
        if share > most:
            break
        rare.append(term)
        most -= share
    rest = ordered[len(rare) :]
    size = next((n for n in range(1, len(rest) + 1) if _chance(rest[:n]) <= most), 0 if rare else len(rest))
    groups = sorted(combinations(rest[: max(size, _GROUPED)], size), key=_chance) if size else []
    for place, group in enumerate(groups[: 1 if rare else _MOST_GROUPS]):
        if place and _chance(group) > most:
            break
        rare.append(" & ".join(f"({term})" for _, term in group))
        most -= _chance(group)
    return " | ".join(rare)


def _chance(terms: Sequence[tuple[float, str]]) -> float:
    """The share of chunks that have all of these terms, as if they came independently of each other."""
    return math.prod(share for share, _ in terms)
