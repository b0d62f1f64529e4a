"""What is read from each kind of document, in the order in which a person reads it."""

from __future__ import annotations

import io
import re
import textwrap
import zipfile
from pathlib import Path

import pytest

from document_samples import (
    CSV,
    HTML,
    MARKDOWN,
    RTF,
    docx,
    every_kind,
    lettered_pdf,
    pdf,
    pdf_of,
    pptx,
    rezipped,
    xlsx,
    zipped,
)
from serdab.knowledge.normalising import normalise_text, page_of
from serdab.knowledge.reading import (
    Refusal,
    RefusedDocument,
    Source,
    TextlessDocument,
    UnsupportedDocument,
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


def test_a_table_of_close_columns_with_long_names_is_one_table_and_not_two_columns() -> None:
    cells = [
        ("Item", "Qty", "Unit price", "Amount"),
        ("Surgical gloves in boxes", "40", "£7.25", "£290.00"),
        ("Face masks in a big box", "12", "£11.90", "£142.80"),
        ("Delivery to the back door", "1", "£35.00", "£35.00"),
        ("", "", "Subtotal", "£467.80"),
        ("", "", "VAT 20%", "£93.56"),
        ("", "", "Total due", "£561.36"),
    ]
    places = (176, 305, 335, 394)  # 12 points between the widest cells, as writers of reports leave by default.
    page = [(x, 700 - 18 * y, text) for y, row in enumerate(cells) for x, text in zip(places, row, strict=True) if text]
    assert text_of(pdf([page]), "a.pdf") == "\n".join("\t".join(row) for row in cells)


def test_two_numbers_beside_each_other_are_cells_and_not_one_number() -> None:
    row = [(50, 700, "Paper"), (300, 700, "10"), (321, 700, "125,00 EUR"), (50, 686, "Total 10 125,00 EUR")]
    assert text_of(pdf([row]), "a.pdf") == "Paper\t10\t125,00 EUR\nTotal 10 125,00 EUR"


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


def test_names_in_an_archive_are_those_that_their_writer_meant(tmp_path: Path) -> None:
    names = ("März/Übersicht.txt".encode(), "Köln.txt".encode("cp437"))
    placeholders = {"M" * len(names[0]): b"first", "K" * len(names[1]): b"second"}
    data = zipped(placeholders)
    for placeholder, name in zip(placeholders, names, strict=True):
        data = data.replace(placeholder.encode(), name)
    (tmp_path / "a.zip").write_bytes(data)
    members = [each.member for each in find_sources([tmp_path], MOST) if isinstance(each, Source)]
    assert sorted(members) == ["Köln.txt", "März/Übersicht.txt"]
    assert [read_member(data, member, MOST, "a.zip") for member in sorted(members)] == [b"second", b"first"]


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("sep=;\r\nday;paid\r\n1;2,50\r\n", "day\tpaid\n1\t2,50"),
        ("950,00;1.234,50;12,00\n1,00;2,00;3,00\n", "950,00\t1.234,50\t12,00\n1,00\t2,00\t3,00"),
        ("name,note\nA,one; two\nB,three\n", "name\tnote\nA\tone; two\nB\tthree"),
        ("day\tpaid\n1\t2,50\n", "day\tpaid\n1\t2,50"),
    ],
)
def test_commas_in_numbers_and_sentences_part_no_cells(text: str, cells: str) -> None:
    assert text_of(text.encode("utf-16"), "a.csv") == cells


@pytest.mark.parametrize("has_drawings", [True, False])
def test_what_was_filled_into_a_form_stands_where_the_form_asks_for_it(has_drawings: bool) -> None:
    drawn = b"/AP << /N 7 0 R >>" if has_drawings else b""
    needs = b"" if has_drawings else b"/NeedAppearances true"
    fonts = b"/Resources << /Font << /F1 3 0 R >> >>"
    asked, given = b"BT /F1 10 Tf 50 700 Td (Name:) Tj ET", b"/Tx BMC BT /F1 10 Tf 2 5 Td (Miriam Haddad) Tj ET EMC"
    data = pdf_of([
        b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R] /DA (/F1 10 Tf) %s"
        b" /DR << /Font << /F1 3 0 R >> >> >> >>" % needs,
        b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Annots [6 0 R] %s >>" % fonts,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(asked), asked),
        b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (Miriam Haddad) /Rect [200 695 400 715] /F 4"
        b" /DA (/F1 10 Tf) /P 4 0 R %s >>" % drawn,
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 200 20] %s /Length %d >>\nstream\n%s\nendstream"
        % (fonts, len(given), given),
    ])  # fmt: skip
    assert text_of(data, "a.pdf") == "Name:\tMiriam Haddad"


def test_a_word_that_was_drawn_backwards_keeps_the_sign_behind_it() -> None:
    word = "التاريخ"
    assert text_of(lettered_pdf([(60.0, 700.0, word[::-1]), (52.8, 700.0, ":")], word), "a.pdf") == f"{word}:"


def test_header_and_footer_of_rich_text_are_read() -> None:
    data = rb"{\rtf1\ansi{\header\pard Blue Door Ltd.\par}The text\par{\footerr Registered in Leeds\par}}"
    assert [line for line in text_of(data, "a.rtf").split("\n") if line] == [
        "Blue Door Ltd.",
        "The text",
        "Registered in Leeds",
    ]


def test_a_docx_of_the_strict_kind_is_read_and_hidden_words_are_not() -> None:
    def as_strict(name: str, content: bytes) -> bytes:
        content = content.replace(b"After the table", b"After</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>unseen")
        return re.sub(rb"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
                      b"http://purl.oclc.org/ooxml/wordprocessingml/main", content)  # fmt: skip

    text = text_of(rezipped(docx(), as_strict), "a.docx")
    assert text == "Blue Door Ltd.\nBefore the table\nItem\tCount\tPrice\nPaper\t\t12.50\nAfter\nRegistered in Leeds"


def test_a_cell_of_a_web_page_that_takes_two_columns_leaves_one_empty() -> None:
    page = b"<table><tr><th>Item<th>Count<th>Price</tr><tr><td colspan=2>Total</td><td>12.50</td></tr></table>"
    assert text_of(page, "a.html") == "Item\tCount\tPrice\nTotal\t\t12.50"


def test_the_words_of_a_diagram_stand_on_its_slide() -> None:
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    names = "http://schemas.openxmlformats.org/drawingml/2006"
    link = f'<Relationship Id="rId99" Type="{kinds}/diagramData" Target="../diagrams/data1.xml"/></Relationships>'
    diagram = (
        f'<d:dataModel xmlns:d="{names}/diagram" xmlns:a="{names}/main"><d:ptLst><d:pt><d:t><a:p><a:r>'
        "<a:t>Step one</a:t></a:r></a:p></d:t></d:pt></d:ptLst></d:dataModel>"
    )

    with zipfile.ZipFile(io.BytesIO(pptx())) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    slide = "ppt/slides/_rels/slide1.xml.rels"
    parts[slide] = parts[slide].replace(b"</Relationships>", link.encode())
    assert "Lower box\nStep one\nNotes" in text_of(
        zipped({**parts, "ppt/diagrams/data1.xml": diagram.encode()}), "a.pptx"
    )


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "__substg1.0_0037001F".encode("utf-16-le"), "an Outlook message"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an office file of before 2007"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.text", "an OpenDocument file"),
    ],
)
def test_what_is_not_read_is_called_what_it_is(data: bytes, what: str) -> None:
    with pytest.raises(UnsupportedDocument, match=rf"got '{what}.*; save it as"):
        read_document(data, "a.doc")


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
