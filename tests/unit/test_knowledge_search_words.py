"""Words for full text search, in several languages."""

from __future__ import annotations

from collections.abc import Container

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serdab.knowledge.snippets import snippet_of
from serdab.knowledge.words import (
    ask_for,
    ask_for_distinctive,
    asked_words,
    fold,
    light_stem,
    more_words,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Café RÉSUMÉ, 1,234.50 EUR!", "cafe resume 1 234 50 eur"),
        ("INV-4711/a_b", "inv 4711 a b"),
        ("الفَاتُورَة رقم ١٢٣", "فاتوره رقم ١٢٣"),
        ("والشركات إلى آخره", "شركات الي اخره"),
        ("机器学习", "机器 器学 学习"),
        ("用AI写信", "用 ai 写信"),
        ("猫", "猫"),
        ("한국어 문서", "한국 국어 문서"),
        ("", ""),
        ("...!?", ""),
        ("x" * 500, "x" * 64),
    ],
)
def test_words_are_folded(text: str, words: str) -> None:
    assert fold(text) == words


def query(question: str, common: Container[str] = (), **stems: list[str]) -> str:
    return ask_for(asked_words(question), stems, common)


@given(st.text(st.characters(max_codepoint=127)))
def test_words_in_ascii_are_the_same_beside_others(text: str) -> None:
    assert [*words_of(text), "e"] == list(words_of(f"{text} é"))


def test_a_question_asks_for_any_of_its_words_once() -> None:
    assert query("Stolen card, stolen CARD?") == "stolen | card"
    assert query(" ' | & ! :* ") == ""


def test_common_words_are_left_out_of_a_question_unless_there_are_no_others() -> None:
    assert query("the invoice of acme", {"the", "of", "invoice"}) == "acme"
    assert query("the invoice", {"the", "of", "invoice"}) == "(the) & (invoice)"
    assert query("", {"the"}) == ""


def test_a_question_asks_for_the_stems_of_its_words_too() -> None:
    assert query("open invoices", invoices=["invoic"]) == "open | invoices | invoic"
    assert query("open invoices", {"invoic"}, invoices=["invoic"]) == "open | invoices"
    assert query("invoices", {"invoices", "invoic"}, invoices=["invoic"]) == "(invoices | invoic)"


@pytest.mark.parametrize(
    ("forms", "stem"),
    [("شركات الشركة وشركه", "شرك"), ("معلمون المعلمين", "معلم"), ("مكتبة مكتبات", "مكتب"), ("invoice", "invoice")],
)
def test_arabic_words_lose_their_endings(forms: str, stem: str) -> None:
    assert {light_stem(word) for word in words_of(forms)} == {stem}


def test_a_single_sign_can_be_asked_for_wherever_it_stands() -> None:
    assert query("猫") == "猫:*"
    assert query("x") == "x"
    assert more_words(fold("小猫, 用AI写信 now")) == "猫 信"
    assert more_words(fold("Ab, c")) == ""


def test_a_document_is_told_by_numbers_first_and_then_by_long_words() -> None:
    text = "please pay the outstanding invoice INV-20417 of acme before 2026"
    assert ask_for_distinctive(text) == "20417 | 2026 | outstanding | invoice | please | before"


def test_a_snippet_shows_where_the_word_is() -> None:
    text = "start " * 100 + "the Stolen card " + "end " * 100
    shown = snippet_of(text, "stolen", 80).text
    assert "Stolen card" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert snippet_of("short text", "absent").text == "short text"
