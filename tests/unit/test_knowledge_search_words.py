"""Words for full text search, in several languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serdab.knowledge.snippets import snippet_of
from serdab.knowledge.words import (
    any_of,
    asked_words,
    distinctive_words,
    fold,
    forms_of,
    light_stem,
    more_words,
    plain_form,
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


def query(question: str, **stems: list[str]) -> list[str]:
    return [any_of(forms) for forms in forms_of(asked_words(question), stems)]


@given(st.text(st.characters(max_codepoint=127)))
def test_words_in_ascii_are_the_same_beside_others(text: str) -> None:
    assert [*words_of(text), "e"] == list(words_of(f"{text} é"))


def test_a_question_asks_for_each_of_its_words_once() -> None:
    assert query("Stolen card, stolen CARD?") == ["stolen", "card"]
    assert query(" ' | & ! :* ") == []


def test_a_question_asks_for_the_stems_of_its_words_too() -> None:
    assert query("open invoices", invoices=["invoic"]) == ["open", "invoices | invoic"]


@pytest.mark.parametrize(
    ("forms", "stem"),
    [("شركات الشركة وشركه", "شرك"), ("معلمون المعلمين", "معلم"), ("مكتبة مكتبات", "مكتب"), ("invoice", "invoice")],
)
def test_arabic_words_lose_their_endings(forms: str, stem: str) -> None:
    assert {light_stem(word) for word in words_of(forms)} == {stem}


@pytest.mark.parametrize(
    ("forms", "stem"),
    [("חשבונית והחשבונית חשבוניות", "חשבונ"), ("תשלום לתשלומים", "תשלומ"), ("בנק הבנק", "בנק"), ("מספר", "מספר")],
)
def test_hebrew_words_lose_what_stands_before_them_and_their_endings(forms: str, stem: str) -> None:
    assert {light_stem(word) for word in words_of(forms)} == {stem}


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("ışıklı IŞIKLI Iğdır", "isikli isikli igdir"),
        ("Łódź Øresund Đà Nẵng Ħamrun Sørensen", "lodz oresund da nang hamrun sorensen"),
        ("Ægir, Œuvre, Straße, Þór", "aegir oeuvre strasse thor"),
        ("Əliyev Timișoara Timişoara", "eliyev timisoara timisoara"),
        ("ΟΔΟΣ οδός", "οδοσ οδοσ"),
        ("فاتورة ۱۲۳ ١٢٣ १२३ １２３", "فاتوره 123 123 123 123"),
        ("ہے کتابیں گی", "هي كتابين گي"),
    ],
)
def test_letters_and_digits_have_a_plain_form(written: str, plain: str) -> None:
    assert plain_form(fold(written)) == plain


def test_a_document_has_its_words_in_both_forms_and_a_question_asks_for_both() -> None:
    assert more_words(fold("Işık, no. ١٢")) == "isik 12"
    assert more_words(fold("Café")) == ""
    assert query("ışık") == ["ısık | isik"]


def test_a_single_sign_can_be_asked_for_wherever_it_stands() -> None:
    assert query("猫") == ["猫:*"]
    assert query("x") == ["x"]
    assert more_words(fold("小猫, 用AI写信 now")) == "猫 信"
    assert more_words(fold("Ab, c")) == ""


def test_a_document_is_told_by_its_rarest_words_then_by_numbers_and_then_by_long_words() -> None:
    text = "please pay the outstanding invoice INV-20417 of acme before 2026"
    assert distinctive_words(text, lambda _: 0.001) == ["20417", "2026", "outstanding", "invoice", "please", "before"]
    shares = {"invoice": 0.4, "please": 0.5, "outstanding": 0.2, "2026": 0.3}
    found = distinctive_words(text, lambda word: shares.get(word, 0.001))
    assert found == ["20417", "before", "acme", "outstanding", "2026", "invoice"]


def test_a_snippet_shows_where_the_word_is() -> None:
    text = "start " * 100 + "the Stolen card " + "end " * 100
    shown = snippet_of(text, "stolen", 80).text
    assert "Stolen card" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert snippet_of("short text", "absent").text == "short text"
