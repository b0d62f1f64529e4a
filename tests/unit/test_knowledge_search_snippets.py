"""Snippets with their hits, sketches of texts, and values in the ways in which they are compared."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy
import pytest

from serdab.knowledge.facts import facts_of
from serdab.knowledge.sketches import bands_of, from_bytes, likeness, sketch_of, to_bytes
from serdab.knowledge.snippets import snippet_of
from serdab.knowledge.words import light_stem, words_of


@pytest.mark.parametrize(
    ("text", "question", "marked"),
    [
        ("the Stolen card and another stolen one", "stolen", ["Stolen", "stolen"]),
        ("die Überweisung ist da", "uberweisung", ["Überweisung"]),
        ("هذه فَاتُورَةُ الشَّرِكَةِ", "فاتورة شركة", ["فَاتُورَةُ", "الشَّرِكَةِ"]),
        ("我们研究机器学习的方法", "机器学习", ["机器学习"]),
        ("小猫, 一只猫在家", "猫", ["猫", "猫"]),
        ("ISPARTA, Isparta ve ısparta", "ısparta", ["ISPARTA", "Isparta", "ısparta"]),
        ("רשימת החשבוניות", "חשבונית", ["החשבוניות"]),
        ("رقم ١٢٣ في", "123", ["١٢٣"]),
        ("nothing of it", "absent", []),
        ("signs only", "?!", []),
    ],
)
def test_hits_are_marked_in_any_language(text: str, question: str, marked: list[str]) -> None:
    stems = frozenset(map(light_stem, words_of(question))) - {*words_of(question)}
    found = snippet_of(text, question, stems=stems)
    assert [found.text[start:end] for start, end in found.marks] == marked


def test_other_forms_of_a_word_are_marked_by_its_stem() -> None:
    text = "two invoices, one invoice; an invoicelike paper"
    found = snippet_of(text, "invoice", stems=frozenset({"invoic"}))
    assert [found.text[start:end] for start, end in found.marks] == ["invoices", "invoice"]


def test_marks_are_right_behind_an_ellipsis_and_folded_spaces() -> None:
    found = snippet_of("start " * 100 + "\n\n the   stolen   card " + "end " * 100, "stolen", 80)
    assert [found.text[start:end] for start, end in found.marks] == ["stolen"]
    assert found.text.startswith("… ")


def test_a_sketch_tells_how_much_two_texts_share() -> None:
    random = numpy.random.default_rng(1)
    words = [f"w{n}" for n in range(5_000)]
    for changed in (0, 5, 20, 200):
        one = [str(word) for word in random.choice(words, 300)]
        other = one.copy()
        for place in random.choice(300, min(changed, 300), replace=False):
            other[place] = "new"
        shingles = [{tuple(text[at : at + 3]) for at in range(298)} for text in (one, other)]
        true = len(shingles[0] & shingles[1]) / len(shingles[0] | shingles[1])
        first, second = sketch_of(" ".join(one)), sketch_of(" ".join(other))
        assert first is not None
        assert second is not None
        assert abs(likeness(first, second) - true) < 0.25
        if not changed:
            assert true == likeness(first, second) == 1


def test_a_sketch_survives_the_database_and_its_bands_fit_there() -> None:
    sketch = sketch_of("one two three four five")
    assert sketch is not None
    assert (from_bytes(to_bytes(sketch)) == sketch).all()
    assert all(-(1 << 31) <= band < 1 << 31 for band in bands_of(sketch))
    assert len(bands_of(sketch)) == 16
    assert sketch_of("") is None
    assert sketch_of("word") is not None


def test_a_sketch_stays_the_same_for_ever() -> None:
    sketch = sketch_of("invoice of acme for twelve pumps")
    assert sketch is not None
    assert sketch[:3].tolist() == [815959634, 265148623, 792005477]


def test_values_are_numbers_and_days_where_they_can_be() -> None:
    facts = facts_of(
        {"total": "EUR 12.50", "date": "2026-02-30", "party": ["Ä GmbH", "B"], "none": None, "day": "2026-02-28"}
    )
    assert [(fact.name, fact.folded, fact.number, fact.day) for fact in facts] == [
        ("total", "eur 12 50", Decimal("12.50"), None),
        ("date", "2026 02 30", None, None),
        ("party", "a gmbh", None, None),
        ("party", "b", None, None),
        ("day", "2026 02 28", None, datetime.date(2026, 2, 28)),
    ]
