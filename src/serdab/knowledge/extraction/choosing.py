"""Which schema a text is read by: the one that its type names, else the one that most speaks for.

A schema is spoken for by its words, by a title of its own at the head, and by the traits that it counts; each has a
weight, as the logarithm of odds has, and the weights are added. The best must weigh enough and more than the second.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence, Set

import msgspec

from serdab.knowledge.extraction.folding import fold, is_running
from serdab.knowledge.extraction.schema_files import shipped_schemas
from serdab.knowledge.extraction.schemas import Schema
from serdab.knowledge.extraction.titles import Titles
from serdab.knowledge.extraction.traits import LONG_CELL, traits_of

#: Characters at the head by which the schema is chosen, the least that it weighs, and by how much it leads.
HEAD = 4_000
LEAST = 3.0
LEAD = 0.5
#: How much more a schema of the house that fits counts than one that ships: it is for fewer documents.
OWN = 2
#: Weight of a word that other papers have as well, and how much less a word weighs within a sentence.
HINT = 0.4
IN_SENTENCE = 0.25
#: Most places of one word that are looked at.
_MOST_PLACES = 6
_MAIL_HEADS = ("From: ", "To: ", "Date: ", "Subject: ")
_RUN = re.compile(r"[^\W_]+")
#: What parts cells, with the mark of a list or a heading that may stand before the words of one.
_CELLS = re.compile(r"[\n\t\f|][ *]{0,9}(?:[#>•-]{1,6} )?| {2,}")
_NUMBER = re.compile(r"[.:： ]{0,3}[#№€$£¥]? ?\d")


class _Word(msgspec.Struct, frozen=True):
    text: str
    #: Of its schema.
    place: int
    #: As a label, and within a sentence.
    weight: float
    less: float


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """The words of some schemas, each with the place of its schema, by what shows cheaply that a text may hold them."""

    #: By the run of letters and digits that a word begins with: a text without that run does not hold it.
    by_run: dict[str, list[_Word]]
    #: Those that begin with another sign, and those of scripts that write on, which only a text in one holds.
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
    shipped = shipped_schemas()
    ranks = [
        weight * (OWN if weight >= LEAST and schema not in shipped else 1)
        for weight, schema in zip(weights, schemas, strict=True)
    ]
    best = sorted(range(len(ranks)), key=lambda place: -ranks[place])
    if not best or weights[best[0]] < LEAST or (len(best) > 1 and round(ranks[best[0]] - ranks[best[1]], 4) < LEAD):
        return None
    first, second = weights[best[0]], max((0.0, *(weights[place] for place in best[1:])))
    return schemas[best[0]], round(first / (first + second + 1), 4)


def schema_named(names: Set[str], schemas: Sequence[Schema]) -> Schema | None:
    """The first schema that has one of some names, which are in small letters."""
    return next((each for each in schemas if names & {name.lower() for name in (each.schema, *each.doc_types)}), None)


def weights_of(text: str, schemas: Sequence[Schema]) -> list[float]:
    """How much speaks for each schema."""
    known = _known(tuple(schemas))
    # What is attached to a mail weighs nothing: with an invoice below it would be of no type, neither mail nor invoice.
    own = text.partition("\f")[0] if text.startswith(_MAIL_HEADS) else text
    head = fold(own[:HEAD])
    cells = [cell for each in _CELLS.split(f"\n{head}") if (cell := each.strip(" *"))]
    weights = known.titles.weigh(cells)
    for word, weight in _words_in("\n".join(("", *cells, "")), known):
        weights[word.place] += weight
    if not any(weights):
        return weights
    traits = traits_of(head, cells)
    for place, schema in enumerate(schemas):
        weights[place] += sum(weight * traits[trait] for trait, weight in schema.traits.items())
    # The words come in no order, and the sum of fractions depends on it.
    return [round(weight, 4) for weight in weights]


def _words_in(text: str, known: _Known) -> Iterator[tuple[_Word, float]]:
    """The words that the cells of a text hold, one cell a line, and what each weighs where it stands best."""
    for run in known.by_run.keys() & set(_RUN.findall(text)):
        for word in known.by_run[run]:
            if (word.text == run or word.text in text) and (weight := _weight_in(text, word)):
                yield word, weight
    for word in (*known.others, *known.running) if is_running(text) else known.others:
        if word.text in text and (weight := _weight_in(text, word)):
            yield word, weight


def _weight_in(text: str, word: _Word) -> float:
    """What a word weighs; 0: it is not there, or only as part of another where spaces part them."""
    weight = 0.0
    first, last, length = word.text[0].isalnum(), word.text[-1].isalnum(), len(word.text)
    place = text.find(word.text)
    for _ in range(_MOST_PLACES):
        if place < 0 or weight == word.weight:
            break
        end = place + length
        is_part = (first and text[place - 1].isalnum()) or (last and text[end].isalnum())
        if not is_part or is_running(word.text):
            is_best = word.less == word.weight or _is_label(text, place, end)
            weight = word.weight if is_best else word.less
        place = text.find(word.text, end)
    return weight


def _is_label(text: str, start: int, end: int) -> bool:
    """Whether what stands there names a value: it begins or ends a short cell or stands before a number."""
    if text[start - 1] != "\n" and text[end] not in "\n:#(" and not _NUMBER.match(text, end):
        return False
    behind = text.find("\n", end, start + LONG_CELL)
    return behind >= 0 and text.rfind("\n", max(behind - LONG_CELL, 0), start) >= 0


@functools.lru_cache(maxsize=8)
def _known(schemas: tuple[Schema, ...]) -> _Known:
    known = _Known(by_run={}, others=[], running=[], titles=Titles(schemas))
    for place, schema in enumerate(schemas):
        told = {each: HINT for group in schema.hints.values() for each in map(fold, group)}
        # Who declares none means those that stand before its values.
        groups = [schema.words] if schema.words else [rule.words for rule in schema.fields]
        told |= {each: 1.0 for words in groups for group in words.values() for each in map(fold, group)}
        for text, weight in told.items():
            less = weight * IN_SENTENCE if schema.layout == "lines" else weight
            word, run = _Word(text, place, weight, less), _RUN.match(text)
            if is_running(text):
                known.running.append(word)
            elif run is None and text:
                known.others.append(word)
            elif run is not None:
                known.by_run.setdefault(run[0], []).append(word)
    return known
