"""Kinds of questions that people ask beside titles: identifiers, names, rare words, typing errors, another language."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from ranking import entry_of
from search import sentences
from serdab.knowledge import Entry
from weighing import Question

#: A run of letters and digits of which several are digits, with hyphens in it or not.
IDENTIFIER = re.compile(r"(?<![\w./-])(?=(?:[A-Za-z-]*\d){5})[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*(?![\w/-]|\.\w)")
DATE = re.compile(r"\d{1,4}-\d{1,2}-\d{1,4}")
LONGEST_IDENTIFIER = 24
RARE = re.compile(r"(?<!\w)[A-Za-z]{6,14}(?!\w)")
#: Asked among words that many documents have, and that the right one need not have.
WITH_NUMBERS = (
    "where is the document with the number {}?",
    "please send me again what we got under {} last year",
    "who is asking about {} and has it been paid?",
)
WITH_NAMES = ("what did we get from {} and when?", "is there anything about {} that we have signed or paid?")
WITH_WORDS = ("what do we know about {}?", "which of our documents say something about {}?")
#: Letters of the shortest word that gets a typing error.
LEAST_MISTYPED = 5
MADE = 300


class Row(msgspec.Struct, frozen=True):
    """A document, by which title it may be asked for, what its file calls its kind, and its values."""

    entry: Entry
    text: str
    title: str
    labels: dict[tuple[str, str], str]
    fields: dict[str, Any]


def made_rows() -> list[Row]:
    """Orders that are alike but for a reference and an IBAN."""
    chance = random.Random(14)
    rows = []
    for number, about in enumerate(sentences(MADE, chance)):
        digits = "".join(chance.choices("0123456789", k=20))
        iban = " ".join(f"DE{digits}"[at : at + 4] for at in range(0, 22, 4))
        reference = f"WX-{number:05}"
        text = f"Order {reference}: {about}\nPlease pay within ten days to {iban}."
        rows.append(Row(entry_of(text), text, "", {}, {"reference": reference, "iban": iban}))
    return rows


def kinds_of(rows: Sequence[Row], most: int) -> dict[str, list[Question]]:
    """Every kind by its name, each with at most so many questions."""
    identifiers, made = unique_of(rows, _identifiers), [row for row in rows if "iban" in row.fields]
    kinds = {
        "identifiers": [_ask(told, row) for told, row in identifiers],
        "identifiers in a sentence": _within(WITH_NUMBERS, identifiers),
        "references of made orders": [_ask(row.fields["reference"], row) for row in made],
        "the same in a sentence": _within(WITH_NUMBERS, [(row.fields["reference"], row) for row in made]),
        "IBANs of made orders": [_ask(row.fields["iban"], row) for row in made],
        "IBANs in a sentence": _within(WITH_NUMBERS, [(row.fields["iban"], row) for row in made]),
        "names in a sentence": names_of(rows),
        "rare words in a sentence": _within(WITH_WORDS, unique_of(rows, lambda text: set(RARE.findall(text)))),
        "titles with a typing error": mistyped(rows),
        "in another language": translated(rows, lambda lang: lang.partition("-")[0]),
        "in another dialect or script": translated(rows, str, lambda lang: lang.partition("-")[0]),
        "questions about mails and tables": [
            _ask(row.fields["question"].removeprefix("Q: "), row) for row in rows if row.fields.get("question")
        ],
    }
    return {name: asked[:most] for name, asked in kinds.items()}


def unique_of(rows: Sequence[Row], tokens: Callable[[str], set[str]]) -> list[tuple[str, Row]]:
    """A token of each document that no other has, where there is one."""
    words = re.compile(r"\w+")
    common = Counter(word for row in rows for word in set(words.findall(row.text.lower())))
    found = []
    for row in rows:
        own = [t for t in sorted(tokens(_body(row))) if any(common[w] == 1 for w in words.findall(t.lower()))]
        if own and "iban" not in row.fields:
            found.append((random.Random(row.text).choice(own), row))
    return found


def _body(row: Row) -> str:
    """What the index holds of it."""
    return "\n".join(passage.text for passage in row.entry.passages)


def _identifiers(text: str) -> set[str]:
    return {t for t in IDENTIFIER.findall(text) if len(t) <= LONGEST_IDENTIFIER and not DATE.fullmatch(t)}


def names_of(rows: Sequence[Row]) -> list[Question]:
    """Companies of receipts and parties of contracts: any document of theirs is right."""
    named: dict[str, set[UUID]] = {}
    for row in rows:
        parties = row.fields.get("party") or row.fields.get("company") or []
        for name in [parties] if isinstance(parties, str) else parties:
            named.setdefault(str(name), set()).add(row.entry.document_id)
    return [Question(WITH_NAMES[n % len(WITH_NAMES)].format(name), frozenset(ids))
            for n, (name, ids) in enumerate(named.items())]  # fmt: skip


def mistyped(rows: Sequence[Row]) -> list[Question]:
    """Titles, two neighbouring letters of the longest word exchanged."""
    asked = []
    counts = Counter(row.title for row in rows)
    for row in rows:
        longest = max(re.findall(r"[A-Za-z]+", row.title), key=len, default="")
        if counts[row.title] == 1 and len(longest) >= LEAST_MISTYPED:
            at = random.Random(row.title).randrange(1, len(longest) - 1)
            wrong = longest[:at] + longest[at + 1] + longest[at] + longest[at + 2 :]
            asked.append(_ask(row.title.replace(longest, wrong, 1), row))
    return asked


def translated(
    rows: Sequence[Row], apart: Callable[[str], str], alike: Callable[[str], str] = lambda _: ""
) -> list[Question]:
    """Sentences for the same in a language of which something is apart and something is alike; others are left out."""
    same: dict[str, list[Row]] = {}
    for row in rows:
        if row.fields.get("parallel_id"):
            same.setdefault(row.fields["parallel_id"], []).append(row)
    asked = []
    for part in same.values():
        for row in part:
            mine = row.entry.lang
            right = [other for other in part
                     if apart(other.entry.lang) != apart(mine) and alike(other.entry.lang) == alike(mine)]  # fmt: skip
            if right:
                asked.append(Question(row.text, ids_of(right), ids_of(part) - ids_of(right)))
    return asked


def ids_of(rows: Sequence[Row]) -> frozenset[UUID]:
    return frozenset(row.entry.document_id for row in rows)


def _ask(text: str, row: Row) -> Question:
    return Question(text, ids_of([row]))


def _within(frames: Sequence[str], told: Sequence[tuple[str, Row]]) -> list[Question]:
    return [_ask(frames[n % len(frames)].format(text), row) for n, (text, row) in enumerate(told)]
