"""The text around a place of a report: whole words, and a mark where it is cut."""

from __future__ import annotations

from serdab.knowledge.outcomes.summing import AROUND, before_place, behind_place


def test_a_short_text_is_shown_whole() -> None:
    text = "Total due: 300 EUR. Thank you."
    assert before_place(text, 11) == "Total due: "
    assert behind_place(text, 18) == ". Thank you."


def test_a_cut_is_between_words_and_marked() -> None:
    text = "word " * 100 + "PLACE" + " word" * 100
    start = text.index("PLACE")
    before, behind = before_place(text, start), behind_place(text, start + 5)
    assert before.startswith("… word ")
    assert before.endswith("word ")
    assert behind.startswith(" word")
    assert behind.endswith("word …")
    assert max(len(before), len(behind)) <= AROUND + 2


def test_a_script_without_spaces_is_cut_where_it_must() -> None:
    text = "文" * 500
    assert before_place(text, 300) == "… " + "文" * AROUND
    assert behind_place(text, 300).endswith("文 …")
