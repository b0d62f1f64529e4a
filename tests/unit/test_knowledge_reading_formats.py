"""What is read from each kind of document, in the order in which a person reads it."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from document_samples import CSV, HTML, MARKDOWN, RTF, docx, eml, every_kind, lettered_pdf, pdf, pptx, xlsx, zipped
from serdab.knowledge.normalising import normalise_text, page_of
from serdab.knowledge.reading import (
    Refusal,
    RefusedDocument,
    Source,
    TextlessDocument,
    find_mail_parts,
    find_sources,
    read_document,
    read_member,
)

MOST = 52_428_800


def text_of(data: bytes, name: str) -> str:
    return normalise_text(read_document(data, name).text).text


@pytest.mark.parametrize(
    ("data", "name", "text"),
    [
        (
            docx(), "a.docx",
            "Blue Door Ltd.\nBefore the table\nItem\tCount\tPrice\nPaper\t\t12.50\nAfter the table\n"
            "Registered in Leeds",
        ),
        (
            xlsx(), "a.xlsx",
            "Orders\nItem\tDate\tPrice\nPaper\t2024-03-05\t12.5\nInk\t2024-03-06 14:30:00\t3\n\t\t\t\tfar"
            "\fNotes\nDelivered\tTRUE",
        ),
        (
            pptx(), "a.pptx",
            "Plan of the year\nUpper box\nMonth\tSales\nMay\t40\nLower box\nNotes: Speak slowly\fSecond slide",
        ),
        (RTF, "a.rtf", "Grüße aus Köln\nItem\tPrice\nPaper\t12.50\n\fSecond page".replace("\n\f", "\f")),
        (HTML, "a.html", "Offer\nDear Ms Noor,\nItem\tPrice\nPaper\t12.50\nKind\nregards"),
        (CSV, "a.csv", "item\tcount\tprice\nPaper\t2\t12,50\nInk\t\t3"),
        (MARKDOWN, "a.md", "# Prices\n\nItem\tPrice\nPaper\t12.50\nA | B\t3\n\nKind regards"),
        (
            zipped({"b.txt": b"second", "a.csv": CSV}), "a.zip",
            "a.csv\nitem\tcount\tprice\nPaper\t2\t12,50\nInk\t\t3\fb.txt\nsecond",
        ),
    ],
)  # fmt: skip
def test_text_comes_in_reading_order_with_tabs_between_cells_and_form_feeds_between_pages(
    data: bytes, name: str, text: str
) -> None:
    assert text_of(data, name) == text


@pytest.mark.parametrize("name", sorted(every_kind()))
def test_the_content_decides_and_not_the_ending(name: str) -> None:
    data = every_kind()[name]
    if name.endswith((".pdf", ".docx", ".xlsx", ".pptx", ".rtf", ".zip")):
        assert read_document(data, "wrong.txt").text == read_document(data, name).text


LEFT = [
    "The",
    "committee",
    "met",
    "on",
    "Tuesday",
    "and",
    "spoke",
    "about",
    "the",
    "lease",
    "of",
    "the",
    "hall",
    "for",
    "the",
    "next",
    "year",
    "in",
    "full",
]
RIGHT = [
    "Nobody",
    "was",
    "against",
    "it",
    "although",
    "some",
    "would",
    "have",
    "liked",
    "a",
    "lower",
    "price",
    "for",
    "the",
    "smaller",
    "room",
    "there",
]


def column(words: list[str], x: float, y: float) -> list[tuple[float, float, str]]:
    """Lines of about 200 points."""
    return [(x, y - 14 * n, line) for n, line in enumerate(textwrap.wrap(" ".join(words), 42))]


def test_two_columns_are_read_one_after_the_other_below_the_title_across_them() -> None:
    page = [(50, 800, "A title that goes across both columns of the page " * 2)]
    for shift in (0, 5):
        data = pdf([[*page, *column(RIGHT * 2, 320, 760 - shift), *column(LEFT * 2, 50, 760)]], size=11)
        words = text_of(data, "a.pdf").split()
        assert words[20:] == LEFT * 2 + RIGHT * 2


def test_a_table_in_a_pdf_is_read_row_by_row_with_its_empty_cells() -> None:
    cells = [
        ("Item", "Count", "Price"),
        ("Paper", "2", "12.50"),
        ("Ink", "", "3.00"),
        ("Pens and pencils", "7", "9.10"),
    ]
    page = [(50 + 180 * x, 700 - 14 * y, text) for y, row in enumerate(cells) for x, text in enumerate(row) if text]
    assert text_of(pdf([page]), "a.pdf") == "\n".join("\t".join(row) for row in cells)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_turned_page_is_read_like_an_upright_one(rotate: int) -> None:
    upright = [(50, 700, "first line of the page"), (50, 680, "second line")]
    assert text_of(pdf([upright], rotate=rotate), "a.pdf") == "first line of the page\nsecond line"
    turned = [(300, 100, "first line of the page"), (320, 100, "second line")]
    assert text_of(pdf([turned], matrix="0 1 -1 0"), "a.pdf") == "first line of the page\nsecond line"


def test_lines_from_right_to_left_come_in_the_order_of_reading_however_they_were_drawn() -> None:
    text = "قهوة في المقهى"
    letters = text.replace(" ", "")
    as_seen = [(50.0, 700.0, text[::-1])]
    one_by_one = [(300 - 7.2 * place, 700.0, letter) for place, letter in enumerate(text) if letter != " "]
    for lines in (as_seen, one_by_one):
        assert text_of(lettered_pdf(lines, letters), "a.pdf") == text


def test_words_that_the_printer_broke_are_whole_and_compounds_keep_their_hyphen() -> None:
    lines = ["The agree-", "ment is self-", "contained; a self-contained one."]
    page = [(50.0, 700 - 14 * n, line) for n, line in enumerate(lines)]
    assert text_of(pdf([page]), "a.pdf").split() == [
        "The",
        "agreement",
        "is",
        "self-contained;",
        "a",
        "self-contained",
        "one.",
    ]


def test_a_place_leads_to_its_page_even_behind_an_empty_one() -> None:
    text = text_of(pdf([[], [(50, 700, "second")], [(50, 700, "third")]]), "a.pdf")
    assert [page_of(text, text.index(word)) for word in ("second", "third")] == [2, 3]


def test_a_pdf_that_does_not_open_is_told_in_our_words() -> None:
    whole = pdf([[(50, 700, "first")]])
    cut, spoiled = whole[: len(whole) // 4], b"%PDF-1.4\nnothing of a PDF\n%%EOF\n"
    for data, damage in ((cut, f"breaks off after {len(cut)} bytes"), (spoiled, "no list of pages")):
        with pytest.raises(RefusedDocument, match=rf"the PDF to be whole, got .*{damage}.*; get the file again"):
            read_document(data, "a.pdf")


def test_a_pdf_of_pictures_names_what_would_read_it() -> None:
    with pytest.raises(TextlessDocument, match=r"serdab\[ocr\]"):
        read_document(pdf([[], []]), "a.pdf")


def test_a_mail_brings_its_attachments_as_pages_and_names_the_mail_that_began_it() -> None:
    inner = eml([("inner.csv", CSV)])
    found = read_document(eml([("b.csv", CSV), ("inner.eml", inner), ("c.exe", b"MZ\x90\0")]), "a.eml")
    pages = found.text.split("\f")
    assert pages[0].startswith("From: Zoë <zoe@example.org>\nTo: desk@example.org\n")
    assert pages[1] == "Attachment: b.csv (40 bytes)\nitem\tcount\tprice\nPaper\t2\t12,50\nInk\t\t3"
    assert pages[2].startswith("Attachment: inner.eml")
    assert pages[3].startswith("Attachment: inner.csv (40 bytes)\nitem")
    assert pages[4].startswith("Attachment: c.exe")
    assert "not read" in pages[4]
    assert (found.title, found.thread) == ("Re: Grüße", "<first@example.org>")


def test_parts_of_a_mail_are_told_apart() -> None:
    text = text_of(eml(), "a.eml")
    parts = {part.kind: text[part.start : part.end].strip() for part in find_mail_parts(text)}
    assert parts == {
        "own": "Thank you.",
        "quoted": "On Monday, Desk wrote:\n> Please send the form.",
        "signature": "--\nZoë Okafor\nBlue Door Ltd.",
    }


def test_undeclared_and_wrongly_declared_charsets_of_mails_are_read() -> None:
    head = b"From: a@example.org\nSubject: Gr\xfc\xdfe an alle\n"
    body = "Schöne Grüße aus Köln, wir hören von Ihnen".encode("cp1252")
    for declared in (b"", b"Content-Type: text/plain; charset=no-such\n", b"Content-Type: text/plain; charset=utf-8\n"):
        text = text_of(head + declared + b"\n" + body, "a.eml")
        assert "Subject: Grüße an alle" in text
        assert "Schöne Grüße aus Köln" in text


def test_an_archive_is_a_folder_of_sources(tmp_path: Path) -> None:
    inner = zipped({"deep.txt": b"deep", "deeper.zip": zipped({"a.txt": b"too deep"})})
    parts = {"a.csv": CSV, "folder/b.txt": b"text", ".hidden": b"x", "__MACOSX/a": b"x", "inner.zip": inner,
             "../../etc/out.txt": b"out"}  # fmt: skip
    (tmp_path / "papers.zip").write_bytes(zipped(parts))
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04broken")
    found = list(find_sources([tmp_path], MOST))
    members = [each.member for each in found if isinstance(each, Source)]
    assert members == ["../../etc/out.txt", "a.csv", "folder/b.txt", "inner.zip#deep.txt"]
    refused = {each.name.removeprefix(f"{tmp_path}/"): each.code for each in found if isinstance(each, Refusal)}
    assert refused == {"broken.zip": "document_malformed", "papers.zip#inner.zip#deeper.zip": "document_bomb"}
    data = (tmp_path / "papers.zip").read_bytes()
    assert [read_member(data, member, MOST, "papers.zip") for member in members] == [b"out", CSV, b"text", b"deep"]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-16", "قهوة"),
        ("utf-16-le", "plain words without a mark"),
        ("cp1252", "Schöne Grüße aus Köln, wir hören von Ihnen über den Vertrag"),
        ("cp1256", "قهوة و شاي في المقهى القديم كل صباح"),
        ("cp1251", "Комитет решил во вторник продлить договор."),
        ("koi8-r", "Комитет решил во вторник продлить договор."),
        ("cp1253", "Η επιτροπή αποφάσισε να ανανεώσει"),
        ("cp1255", "הוועדה החליטה ביום שלישי"),
        ("cp1250", "Komitet zdecydował we wtorek o przedłużeniu umowy. Proszę o zapłatę"),
        ("gb18030", "委员会星期二决定将合同再延长一年。"),
        ("big5", "委員會星期二決定將合約再延長一年。"),
        ("shift_jis", "委員会は火曜日に契約を更新することを決めました。"),
        ("iso2022_jp", "委員会は火曜日に契約を更新することを決めました。"),
        ("euc_kr", "위원회는 화요일에 계약을 갱신하기로 했습니다."),
    ],
)
def test_encodings_are_told_by_the_letters_that_they_make(encoding: str, text: str) -> None:
    assert text_of(text.encode(encoding), "a.txt") == text


def test_a_web_page_is_read_in_the_encoding_that_it_names() -> None:
    page = "<html><head><meta charset='iso-8859-7'></head><body>Αθήνα</body></html>".encode("iso-8859-7")
    assert text_of(page, "a.html") == "Αθήνα"


def test_arabic_letters_in_their_shapes_are_the_letters() -> None:
    assert normalise_text("ﻣﺮﺣﺒﺎ").text == "مرحبا"


def test_tabs_that_only_indent_go_and_tabs_between_cells_stay() -> None:
    assert normalise_text("a\t\tb\n\tc\td\t\n\te\n\nx\n\tat line 3").text == "a\t\tb\n\tc\td\n\te\n\nx\nat line 3"
