"""Every text that a person sees in a document is read once, and nothing that nobody sees."""

from __future__ import annotations

import base64
import io
import re

import pytest

from document_samples import docx, pdf, pdf_of, pptx, rezipped, xlsx
from serdab.knowledge.normalising import normalise_text
from serdab.knowledge.reading import read_document

FORMS = "http://schemas.openxmlformats.org/markup-compatibility/2006"
MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"


def text_of(data: bytes, name: str) -> str:
    return normalise_text(read_document(data, name).text).text


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ('Total: <input value="12.50"> <input type=hidden value=no> <input type=checkbox value=on>', "Total: 12.50"),
        ("Paid by <select><option>cash<option selected>card</select>", "Paid by card"),
        ("<textarea>one\ntwo</textarea>", "one\ntwo"),
        ("<pre>Item  Price\n\nPaper 12.50\n</pre>after", "Item Price\n\nPaper 12.50\nafter"),
        ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp>字<rt>ji</rt></ruby>", "漢字"),
        ("<dialog>closed</dialog><dialog open>open</dialog>", "open"),
        ('<div style="max-height:0px;overflow:hidden">preview</div>seen', "seen"),
        ('<div style="max-height:0.5em;overflow:hidden">seen</div>', "seen"),
    ],
)
def test_what_a_web_page_shows_is_read(page: str, text: str) -> None:
    assert text_of(f"<!doctype html><meta charset=utf-8>{page}".encode(), "a.html") == text


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("<tr><td rowspan=2>Paper<td>A4<td>2<tr><td>A5<td>3", "Paper\tA4\t2\n\tA5\t3"),
        (
            "<tr><td rowspan=2 colspan=2>Paper<td>2<tr><td>3<tr><td>Ink<td>black<td>1",
            "Paper\t\t2\n\t\t3\nInk\tblack\t1",
        ),
        ("<tr><td><p>Dear Ms Noor,<p>thank you.", "Dear Ms Noor,\nthank you."),
        ("<tr><td>for:<table><tr><td>Ink<td>3<tr><td>Paper<td>2</table>", "for:\nInk\t3\nPaper\t2"),
        ("<tr><td><table><tr><td>Ink<tr><td>black</table><td>2<td>3.50", "Ink black\t2\t3.50"),
        ("<tr><td>left<td><table><tr><td>Ink<td>3<tr><td>Paper<td>2</table><td>right", "left\nInk\t3\nPaper\t2\nright"),
    ],
)
def test_cells_stand_in_their_columns_and_tables_that_only_place_things_part_none(table: str, text: str) -> None:
    assert text_of(f"<!doctype html><table>{table}</table>".encode(), "a.html") == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            '<mc:AlternateContent><mc:Choice Requires="wps"><w:p><w:r><w:t>once</w:t></w:r></w:p></mc:Choice>'
            "<mc:Fallback><w:p><w:r><w:t>once</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent>",
            "once",
        ),
        (
            '<w:p><w:r><w:sym w:font="Wingdings" w:char="F0FE"/><w:t xml:space="preserve"> 5 </w:t>'
            '<w:sym w:font="Symbol" w:char="F06D"/><w:sym w:font="Nobody" w:char="x"/><w:t>m</w:t></w:r></w:p>',
            "☑ 5 μm",
        ),
        ("<w:p><w:r><w:t>Total</w:t><w:ptab/><w:t>12.50</w:t></w:r></w:p>", "Total\t12.50"),
        (
            "<w:p><w:r><w:t>E=</w:t></w:r><m:oMath><m:f><m:num><m:r><m:t>m</m:t></m:r></m:num>"
            "<m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath></w:p>",
            "E=m/2",
        ),
        (
            "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>Paper</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>2</w:t></w:r></w:p>"
            '</w:tc></w:tr><w:tr><w:trPr><w:gridBefore w:val="1"/></w:trPr><w:tc><w:p><w:r><w:t>3</w:t></w:r></w:p>'
            "</w:tc></w:tr></w:tbl>",
            "Paper\t2\n\t3",
        ),
    ],
)
def test_what_a_word_document_shows_is_read_once(body: str, text: str) -> None:
    def with_body(name: str, content: bytes) -> bytes:
        if name != "word/document.xml":
            return content
        names = f'<w:body xmlns:mc="{FORMS}" xmlns:m="{MATH}">'
        return re.sub(rb"<w:body>.*?(?=<w:sectPr)", lambda _: (names + body).encode(), content, flags=re.DOTALL)

    assert text_of(rezipped(docx(), with_body), "a.docx") == f"Blue Door Ltd.\n{text}\nRegistered in Leeds"


def test_rows_and_columns_that_are_hidden_are_not_read_and_what_lies_on_a_sheet_is() -> None:
    from openpyxl import Workbook
    from openpyxl.chart import BarChart, Reference
    from openpyxl.comments import Comment

    book = Workbook()
    sheet = book.worksheets[0]
    for row in (["Item", "Cost", "Price"], ["Ink", 1, 3], ["Pens", 1, 2]):
        sheet.append(row)
    sheet.column_dimensions["B"].hidden = True
    sheet.row_dimensions[3].hidden = True
    sheet["C2"].comment = Comment("Ask\nagain", "Zoë")
    for place in (sheet, book.create_chartsheet("Drawn")):
        chart = BarChart()
        chart.title = "Prices"
        chart.add_data(Reference(sheet, min_col=3, min_row=1, max_row=2), titles_from_data=True)
        place.add_chart(chart)
    made = io.BytesIO()
    book.save(made)
    assert text_of(made.getvalue(), "a.xlsx") == (
        "Sheet\nItem\tPrice\nInk\t3\nPrices\nComment: Ask again\fDrawn\nPrices"
    )


def test_rows_that_only_a_filter_hides_are_read() -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.worksheets[0]
    for row in (["Item", "Price"], ["Ink", 3], ["Pens", 2]):
        sheet.append(row)
    sheet.auto_filter.ref = "A1:B3"
    sheet.auto_filter.add_filter_column(0, ["Ink"])
    sheet.row_dimensions[3].hidden = True
    made = io.BytesIO()
    book.save(made)
    assert text_of(made.getvalue(), "a.xlsx") == "Sheet\nItem\tPrice\nInk\t3\nPens\t2"


def test_strings_of_a_workbook_are_read_without_their_codes_and_reading_aids() -> None:
    def changed(name: str, content: bytes) -> bytes:
        content = content.replace(b"<t>Delivered</t>", b"<t>two_x000D_\nlines_x005F_x_xD83D_</t>")
        aided = b'<c r="C1" t="inlineStr"><is><t>\xe6\xbc\xa2</t><rPh><t>kan</t></rPh></is></c>'
        return content.replace(b"</row>", aided + b"</row>") if name.endswith("sheet2.xml") else content

    assert text_of(rezipped(xlsx(), changed), "a.xlsx").endswith("Notes\ntwo lines_x_xD83D_\tTRUE\t漢")


def test_the_best_form_of_a_shape_and_the_words_of_a_chart_stand_on_their_slide() -> None:
    from pptx import Presentation
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches

    show = Presentation(io.BytesIO(pptx()))
    data = CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = ["East", "West"]
    data.add_series("Sales", (19, 21))  # type: ignore[no-untyped-call]
    place = (Inches(1), Inches(6), Inches(3), Inches(1))
    chart = show.slides[0].shapes.add_chart(XL_CHART_TYPE.PIE, *place, data).chart
    chart.chart_title.text_frame.text = "By region"
    made = io.BytesIO()
    show.save(made)

    def changed(name: str, content: bytes) -> bytes:
        shape = re.search(rb"<p:sp>(?:(?!<p:sp>).)*?Upper box.*?</p:sp>", content, re.DOTALL)
        if name != "ppt/slides/slide1.xml" or shape is None:
            return content
        hidden = shape[0].replace(b"Upper box", b"unseen").replace(b"<p:cNvPr ", b'<p:cNvPr hidden="1" ')
        forms = (
            b'<mc:AlternateContent xmlns:mc="%s"><mc:Choice Requires="a14">%s</mc:Choice><mc:Fallback>%s</mc:Fallback>'
        )
        both = forms % (FORMS.encode(), shape[0], shape[0]) + b"</mc:AlternateContent>"
        return content.replace(shape[0], both + hidden)

    assert text_of(rezipped(made.getvalue(), changed), "a.pptx").partition("\f")[0] == (
        "Plan of the year\nUpper box\nMonth\tSales\nMay\t40\nLower box\nBy region\nSales\nEast\nWest\n"
        "Notes: Speak slowly"
    )


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (rb"seen\b\v unseen\v0  on {\v gone {\b too}} end", "seen on end"),
        (rb"{\deleted old}new {\v a\plain b} \\v c", "new b \\v c"),
        (
            rb"{\shp{\*\shpinst{\sp{\sn x}{\sv 1}}{\shptxt boxed\par}}{\shprslt{\*\do twice}}}after",
            "boxed\nafter",
        ),
        (rb"{\pntext\f0 1.\tab}one\par{\listtext\pard 2.\tab}two", "1. one\n2. two"),
    ],
)
def test_what_rich_text_hides_is_not_read_and_its_boxes_and_numbers_are(source: bytes, text: str) -> None:
    assert text_of(rb"{\rtf1\ansi " + source + b"}", "a.rtf").strip() == text


def test_what_is_cut_off_a_page_of_a_pdf_is_not_read() -> None:
    data = pdf([[(300, 700, "seen"), (50, 700, "left page"), (300, 820, "cut mark"), (300, -20, "below")]])
    cropped = data.replace(b"/Rotate 0", b"/CropBox [250 0 595 800] /Rotate 90")
    assert text_of(cropped, "a.pdf") == "seen"


def test_comments_on_a_page_of_a_pdf_are_read_below_it() -> None:
    shown = b"BT /F1 10 Tf 50 700 Td (The rent is 900) Tj ET"
    notes = [
        b"/Subtype /Text /Contents (Ask\nagain)", b"/Subtype /Highlight /Contents (is 900)",
        b"/Subtype /FreeText /Contents (Typed here)", b"/Subtype /Text /Contents (hidden) /F 2",
        b"/Subtype /Text /StateModel (Review) /Contents (Accepted)", b"/Subtype /Link /Contents (a link)",
    ]  # fmt: skip
    data = pdf_of([
        b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [4 0 R] /Count 1 /MediaBox [0 0 595 842] >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots [6 0 R 7 0 R 8 0 R 9 0 R 10 0 R 11 0 R]"
        b" /Resources << /Font << /F1 3 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(shown), shown),
        *(b"<< /Type /Annot /Rect [50 690 80 710] %s >>" % note for note in notes),
    ])  # fmt: skip
    assert text_of(data, "a.pdf") == "The rent is 900\nComment: Ask again\nTyped here"


def test_a_mail_within_a_mail_is_read_though_it_is_encoded() -> None:
    inner = base64.b64encode(b"From: b@example.org\nSubject: inner\n\nwithin")
    data = (
        b"From: a@example.org\nSubject: outer\nMIME-Version: 1.0\nContent-Type: message/rfc822\n"
        b"Content-Transfer-Encoding: base64\n\n"
    )
    assert text_of(data + inner, "a.eml").endswith("From: b@example.org\nSubject: inner\n\nwithin")
