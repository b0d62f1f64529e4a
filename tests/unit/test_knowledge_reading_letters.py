"""Short pages whose letters stand each by itself, as browsers print them: PDFium takes them for written downwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from document_samples import Placed, lettered_pdf
from serdab.knowledge.reading import read_document

#: Advance of the font, Courier in 12 points.
WIDTH = 7.2


def by_letter(lines: Iterable[Placed]) -> Iterator[Placed]:
    return ((x + place * WIDTH, y, char) for x, y, text in lines for place, char in enumerate(text) if char != " ")


def text_of(lines: Iterable[Placed]) -> str:
    placed = list(by_letter(lines))
    letters = "".join(char for _, _, char in placed if not char.isascii()) or "~"
    return read_document(lettered_pdf(placed, letters), "short.pdf").text


def test_two_blocks_beside_each_other_keep_their_words() -> None:
    page = [
        (50, 800, "Bluefin Paper Ltd"),
        (330, 800, "Invoice BF-26"),
        (50, 780, "Leeds"),
        (330, 780, "Total 1,250.00"),
    ]
    assert text_of(page) == "Bluefin Paper Ltd\tInvoice BF-26\nLeeds\tTotal 1,250.00"


@pytest.mark.parametrize(
    ("written", "read"),
    [('1,250.00 כ"הס', 'סה"כ 1,250.00'), ("4711 תינובשח", "חשבונית 4711"), ("00/00 ליבא", "אביל 00/00")],
)
def test_right_to_left_letters_are_read_from_the_right_and_numbers_from_the_left(written: str, read: str) -> None:
    page = [(330, 800, "ןולא תרבח"), (50, 800, written), (330, 780, "12 לצרה"), (50, 780, "לארשי")]
    assert text_of(page) == f"חברת אלון\t{read}\nהרצל 12\tישראל"


def test_a_mark_above_the_line_is_a_word_of_its_own() -> None:
    page = [(50, 800, "Net"), (330, 800, "Total"), (50, 780, "100"), (330, 780, "119"), (50 + 3 * WIDTH, 784, "2")]
    assert text_of(page) == "Net\tTotal\n100 2\t119"


def test_letters_that_were_painted_twice_count_once() -> None:
    page = [(50, 800, "Total"), (330, 800, "Books"), (50, 780, "Ink"), (330, 780, "12"), (50.4, 800, "Total")]
    assert text_of(page) == "Total\tBooks\nInk\t12"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('("רכושה" :ןלהל) םולש', 'שלום (להלן: "השוכר")'),
        ('.a@b.com ל"אוד', 'דוא"ל a@b.com.'),
        (",15/01/2026 םוימ", "מיום 15/01/2026,"),
        ("3-ב 2.5% ךרע", "ערך 2.5% ב-3"),
        ("xy62 0108 00 ןובשח", "חשבון xy62 0108 00"),
        ("xyz (ltd) תרבח", "חברת xyz (ltd)"),
    ],
)
def test_signs_and_latin_words_within_right_to_left_script_stand_where_they_are_read(written: str, read: str) -> None:
    assert text_of([(50, 800, "תוריכש הזוח"), (50, 780, written)]) == f"חוזה שכירות\n{read}"


def test_a_hebrew_name_on_a_latin_page_is_read_from_its_right() -> None:
    assert text_of([(50, 800, "Letter of thanks"), (50, 780, "Name: דוד")]) == "Letter of thanks\nName: דוד"


def test_rows_of_a_page_that_reads_leftwards_are_read_leftwards_whatever_is_in_them() -> None:
    heads = [(400, 800, "רואית"), (200, 800, "תומכ"), (50, 800, "ריחמ")]
    rows = [
        (400, 780, "cable"),
        (200, 780, "40"),
        (50, 780, "22.00"),
        (400, 760, "הבית"),
        (200, 760, "5"),
        (50, 760, "18.00"),
    ]
    assert text_of([*heads, *rows]) == "תיאור\tכמות\tמחיר\ncable\t40\t22.00\nתיבה\t5\t18.00"
