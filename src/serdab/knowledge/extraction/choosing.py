"""Which schema a text is read by: the one that its type names, else the one that most speaks for.

A schema is spoken for by its words, by a title of its own at the head, and by the traits that it counts; each has a
weight, as the logarithm of odds has, and the weights are added. The best must weigh enough and more than the second.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Sequence, Set

import msgspec

from serdab.knowledge.extraction.schemas import Schema
from serdab.knowledge.extraction.titles import Titles
from serdab.knowledge.extraction.traits import LONG_CELL, traits_of

#: Characters at the head by which the schema is chosen, the least that it weighs, and by how much it leads.
HEAD = 4_000
LEAST = 3.0
LEAD = 0.5
#: Weight of a word that other papers have as well, and how much less a word weighs within a sentence.
HINT = 0.4
IN_SENTENCE = 0.25
#: Most places of one word that are looked at.
_MOST_PLACES = 6
_RUN = re.compile(r"[^\W_]+")
_MARKS = re.compile(r"[\u0300-\u036f]")
#: Scripts that write words without spaces between them, or with an article before them.
_RUNNING = re.compile(r"[\u0590-\u06ff\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
#: What may stand between the beginning of a cell and a word that names its value, and what follows such a word.
_BEFORE = re.compile(r"(?:^|[\n\t\f|]|  |[\n\t\f|][#*>•-]+ )\Z")
_AFTER = re.compile(r" ?(?:[:：#№=\n\t\f|(]|  |\d|\.\s?[:\d]|[€$£¥]|$)")
_CELL_END = re.compile(r"[\n\t\f|]|  |$")


class _Word(msgspec.Struct, frozen=True):
    text: str
    weight: float
    place: int


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """The words of some schemas, each with the place of its schema, by what shows cheaply that a text may hold them."""

    #: By the run of letters and digits that a word begins with: a text without that run does not hold it.
    by_run: dict[str, list[_Word]]
    #: Those that begin with another sign, and those of scripts that write on, which no text in ASCII holds.
    others: list[_Word]
    running: list[_Word]
    titles: Titles


def choose_schema(text: str, doc_type: str, schemas: Sequence[Schema]) -> tuple[Schema, float] | None:
    """The schema, and how sure it was chosen; None: the text is of none, or as much of one as of another."""
    wanted = doc_type.strip().lower()
    if wanted:
        parts = {wanted, *re.split(r"[\W_]+", wanted)}
        for names in ({wanted}, parts):
            if (named := schema_named(names, schemas)) is not None:
                return named, 1.0
    weights = weights_of(text, schemas)
    best = sorted(range(len(weights)), key=lambda place: -weights[place])
    if not best or weights[best[0]] < LEAST:
        return None
    first, second = weights[best[0]], max(weights[best[1]], 0.0) if len(best) > 1 else 0.0
    if first - second < LEAD:
        return None
    return schemas[best[0]], round(first / (first + second + 1), 4)


def schema_named(names: Set[str], schemas: Sequence[Schema]) -> Schema | None:
    """The first schema that has one of some names, which are in small letters."""
    return next((each for each in schemas if names & {name.lower() for name in (each.schema, *each.doc_types)}), None)


def weights_of(text: str, schemas: Sequence[Schema]) -> list[float]:
    """How much speaks for each schema."""
    head = _folded(text[:HEAD])
    known = _known(tuple(schemas))
    weights = known.titles.weigh(head)
    told = False
    for word, is_label in _words_in(head, known):
        told = True
        is_less = schemas[word.place].layout == "lines" and not is_label
        weights[word.place] += word.weight * (IN_SENTENCE if is_less else 1.0)
    if not told and not any(weights):
        return weights
    traits = traits_of(head)
    for place, schema in enumerate(schemas):
        weights[place] += sum(weight * traits[trait] for trait, weight in schema.traits.items())
    return weights


def _words_in(head: str, known: _Known) -> Iterator[tuple[_Word, bool]]:
    """The words that a head holds, and whether one of their places is that of a label."""
    for run in known.by_run.keys() & set(_RUN.findall(head)):
        for word in known.by_run[run]:
            if (found := _standing(head, word.text)) is not None:
                yield word, found
    for word in known.others if head.isascii() else (*known.others, *known.running):
        if word.text in head and (found := _standing(head, word.text)) is not None:
            yield word, found


@functools.lru_cache(maxsize=8)
def _known(schemas: tuple[Schema, ...]) -> _Known:
    known = _Known(by_run={}, others=[], running=[], titles=Titles(schemas, _folded))
    for place, schema in enumerate(schemas):
        told = {each: HINT for group in schema.hints.values() for each in map(_folded, group)}
        told |= {each: 1.0 for group in schema.words.values() for each in map(_folded, group)}
        for text, weight in told.items():
            word, run = _Word(text, weight, place), _RUN.match(text)
            if _RUNNING.search(text):
                known.running.append(word)
            elif run is None:
                known.others.append(word)
            else:
                known.by_run.setdefault(run[0], []).append(word)
    return known


def _folded(text: str) -> str:
    """In small letters without accents: capitals are often written without, and readers of scans lose them."""
    if text.isascii():
        return text.lower()
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", text.lower()))
    return unicodedata.normalize("NFC", plain).replace("ı", "i").replace("ς", "σ")


def _standing(head: str, word: str) -> bool | None:
    """Whether a word stands in the head as a label; None: not at all. It is not part of another where spaces part."""
    found: bool | None = None
    running = _RUNNING.search(word) is not None
    place = head.find(word)
    for _ in range(_MOST_PLACES):
        if place < 0:
            break
        end = place + len(word)
        before, after = head[place - 1 : place] if place else "", head[end : end + 1]
        if running or (
            not (before.isalnum() and word[0].isalnum()) and not (after.isalnum() and word[-1].isalnum())
        ):
            found = False
            if _is_label(head, place, end):
                return True
        place = head.find(word, end)
    return found


def _is_label(head: str, start: int, end: int) -> bool:
    """Whether what stands there names a value: at an edge of a cell, or before a number, in a cell that is short."""
    until = _CELL_END.search(head, end, end + LONG_CELL)
    if until is None:
        return False
    since = max(head.rfind(sign, max(start - LONG_CELL, 0), start) for sign in ("\n", "\t", "|", "  "))
    if until.start() - max(since, 0) > LONG_CELL or (since < 0 and start > LONG_CELL):
        return False
    begins = _BEFORE.search(head, max(start - 6, 0), start) is not None or start == 0
    return begins or _AFTER.match(head, end) is not None
