"""Which schema a text is read by: the one that its type names, else the one whose words its head holds most of."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence, Set

import msgspec

from serdab.knowledge.extraction.schemas import Schema

#: Characters at the head by whose words the schema is chosen, and different words that it takes.
HEAD = 4_000
LEAST_WORDS = 3
#: Lines at the head of which one may say what the paper is, its most characters, and how many lines a paper has.
HEAD_LINES, LONGEST_NAME, LEAST_LINES = 16, 60, 3
#: As how many words such a line counts.
ANNOUNCED = 2
_RUN = re.compile(r"[^\W_]+")


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """The words of some schemas, each with the place of its schema, by what shows cheaply that a text may hold them."""

    #: By the run of letters and digits that a word begins with: a text without that run does not hold it.
    by_run: dict[str, list[tuple[str, int]]]
    #: Those that begin with another sign, and those of other scripts, which no text in ASCII holds.
    others: list[tuple[str, int]]
    foreign: list[tuple[str, int]]


def choose_schema(text: str, doc_type: str, schemas: Sequence[Schema]) -> tuple[Schema, float] | None:
    """The schema, and how sure it was chosen; None: the text is of none, or as much of one as of another."""
    wanted = doc_type.strip().lower()
    if wanted:
        parts = {wanted, *re.split(r"[\W_]+", wanted)}
        for names in ({wanted}, parts):
            if (named := schema_named(names, schemas)) is not None:
                return named, 1.0
    counts = _counts(text[:HEAD].lower(), schemas)
    best = sorted(range(len(counts)), key=lambda place: -counts[place])
    if not best or counts[best[0]] < LEAST_WORDS:
        return _announced(text, counts, schemas)
    first, second = counts[best[0]], counts[best[1]] if len(best) > 1 else 0
    if first == second:
        return None
    return schemas[best[0]], round(first / (first + second + 1), 4)


def schema_named(names: Set[str], schemas: Sequence[Schema]) -> Schema | None:
    """The first schema that has one of some names, which are in small letters."""
    return next((each for each in schemas if names & {name.lower() for name in (each.schema, *each.doc_types)}), None)


def _announced(text: str, counts: Sequence[int], schemas: Sequence[Schema]) -> tuple[Schema, float] | None:
    """The one schema of few words whose type a line of the head names, alone or with a number: `Invoice no. 12`."""
    lines = [line for line in (each.strip(" \t#*_") for each in text[:HEAD].lower().splitlines()) if line]
    if len(lines) < LEAST_LINES:
        return None
    short = [line for line in lines[:HEAD_LINES] if len(line) <= LONGEST_NAME]
    named = [
        place for place, schema in enumerate(schemas) if counts[place] and any(_names(line, schema) for line in short)
    ]
    if len(named) != 1:
        return None
    first, second = counts[named[0]] + ANNOUNCED, max(n for place, n in enumerate([*counts, 0]) if place != named[0])
    return schemas[named[0]], round(first / (first + second + 1), 4)


def _names(line: str, schema: Schema) -> bool:
    for name in (schema.schema.lower(), *(each.lower() for each in schema.doc_types)):
        rest = line.removeprefix(name)
        if rest != line and (not rest or (not rest[0].isalpha() and any(map(str.isdigit, rest)))):
            return True
    return False


def _counts(head: str, schemas: Sequence[Schema]) -> list[int]:
    """How many words of each schema a head holds."""
    known = _known(tuple(schemas))
    counts = [0] * len(schemas)
    for run in known.by_run.keys() & set(_RUN.findall(head)):
        for word, place in known.by_run[run]:
            counts[place] += word == run or _holds(head, word)
    for word, place in known.others if head.isascii() else (*known.others, *known.foreign):
        counts[place] += _holds(head, word)
    return counts


@functools.lru_cache(maxsize=8)
def _known(schemas: tuple[Schema, ...]) -> _Known:
    known = _Known(by_run={}, others=[], foreign=[])
    for place, schema in enumerate(schemas):
        for word in (each.lower() for group in schema.words.values() for each in group):
            run = _RUN.match(word)
            if not word.isascii():
                known.foreign.append((word, place))
            elif run is None:
                known.others.append((word, place))
            else:
                known.by_run.setdefault(run[0], []).append((word, place))
    return known


def _holds(head: str, word: str) -> bool:
    """Whether a word stands in the head; one of ASCII letters not as a part of another."""
    place = head.find(word)
    if not word.isascii():
        return place >= 0
    while place >= 0:
        end = place + len(word)
        before, after = head[place - 1 : place] if place else "", head[end : end + 1]
        if not (before.isalnum() and word[0].isalnum()) and not (after.isalnum() and word[-1].isalnum()):
            return True
        place = head.find(word, end)
    return False
