"""Small documents of every kind, written by code."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage

#: (x, y, text) in points from the lower left corner.
Placed = tuple[float, float, str]


def pdf(pages: Sequence[Iterable[Placed]], *, rotate: int = 0, size: float = 10, matrix: str = "1 0 0 1") -> bytes:
    """Pages of text in Helvetica; `matrix` turns each text."""
    objects: list[bytes] = [
        b"",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    kids = []
    for page in pages:
        shown = b"".join(
            b"BT /F1 %g Tf %s %g %g Tm (%s) Tj ET\n" % (size, matrix.encode(), x, y, _escaped(text))
            for x, y, text in page
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(shown), shown))
        kids.append(b"%d 0 R" % (len(objects) + 1))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Rotate %d /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % (rotate, len(objects))
        )
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R >>"
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    return pdf_of(objects)


def lettered_pdf(lines: Iterable[Placed], letters: str) -> bytes:
    """A page whose font draws Latin shapes that stand for other letters, as its map to Unicode says."""
    codes = {letter: chr(65 + number) for number, letter in enumerate(sorted(set(letters)))}
    pairs = b" ".join(b"<%02X> <%s>" % (ord(c), u.encode("utf-16-be").hex().encode()) for u, c in codes.items())
    mapped = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange <00> <FF>"
        b" endcodespacerange %d beginbfchar %s endbfchar endcmap end end" % (len(codes), pairs)
    )
    shown = b"".join(
        b"BT /F1 12 Tf 1 0 0 1 %g %g Tm (%s) Tj ET\n" % (x, y, _escaped("".join(codes.get(c, c) for c in text)))
        for x, y, text in lines
    )
    return pdf_of([
        b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /ToUnicode 6 0 R >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R"
        b" /Resources << /Font << /F1 3 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(shown), shown),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(mapped), mapped),
    ])  # fmt: skip


def pdf_of(objects: Sequence[bytes]) -> bytes:
    """A PDF of numbered objects; the first is the catalogue."""
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out) + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


def _escaped(text: str) -> bytes:
    return text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def zipped(parts: Mapping[str, bytes | str]) -> bytes:
    """A zip archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


def rezipped(data: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """An archive with other content in its parts."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return zipped({name: change(name, archive.read(name)) for name in archive.namelist()})


def docx() -> bytes:
    """A heading, a table between two paragraphs, a header and a footer."""
    from docx import Document

    document = Document()
    document.sections[0].header.paragraphs[0].text = "Blue Door Ltd."
    document.sections[0].footer.paragraphs[0].text = "Registered in Leeds"
    document.add_paragraph("Before the table")
    table = document.add_table(rows=2, cols=3)
    for row, texts in zip(table.rows, (("Item", "Count", "Price"), ("Paper", "", "12.50")), strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    document.add_paragraph("After the table")
    made = io.BytesIO()
    document.save(made)
    return made.getvalue()


def xlsx() -> bytes:
    """Two sheets; dates, a formula without value, and cells far from each other."""
    from openpyxl import Workbook

    book = Workbook()
    first = book.worksheets[0]
    first.title = "Orders"
    first.append(["Item", "Date", "Price"])
    first.append(["Paper", datetime(2024, 3, 5), 12.5])  # noqa: DTZ001 - a workbook knows no zones
    first.append(["Ink", datetime(2024, 3, 6, 14, 30), 3])  # noqa: DTZ001
    first["C5"] = "=SUM(C2:C3)"
    first["E6"] = "far"
    book.create_sheet("Notes").append(["Delivered", True])
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def pptx() -> bytes:
    """Two slides; boxes stand in another order than they were drawn, a table, notes."""
    from pptx import Presentation
    from pptx.util import Inches

    show = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[5])
    for top, text in ((5, "Lower box"), (2, "Upper box")):
        slide.shapes.add_textbox(Inches(1), Inches(top), Inches(3), Inches(1)).text_frame.text = text
    slide.shapes.title.text = "Plan of the year"
    table = slide.shapes.add_table(2, 2, Inches(1), Inches(3), Inches(4), Inches(1)).table
    for row, column, text in ((0, 0, "Month"), (0, 1, "Sales"), (1, 0, "May"), (1, 1, "40")):
        table.cell(row, column).text = text
    slide.notes_slide.notes_text_frame.text = "Speak slowly"
    show.slides.add_slide(show.slide_layouts[5]).shapes.title.text = "Second slide"
    made = io.BytesIO()
    show.save(made)
    return made.getvalue()


RTF = (
    rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\info{\title Offer 7}}\f0 Gr\'fc\'dfe aus K\'f6ln\par "
    rb"{\trowd\cellx1000\cellx2000 Item\cell Price\cell\row Paper\cell 12.50\cell\row}\page Second page\par}"
)
HTML = (
    b"<html><head><title>An offer</title><style>p{}</style></head><body><h1>Offer</h1><p>Dear <b>Ms</b> Noor,</p>"
    b"<p style='display:none'>secret</p><table><tr><th>Item</th><th>Price</th></tr><tr><td>Paper</td><td><p>12.50</p>"
    b"</td></tr></table><div hidden>hidden</div>Kind<br>regards<script>alert(1)</script></body></html>"
)
CSV = b'item;count;price\nPaper;2;"12,50"\nInk;;3\n'
MARKDOWN = b"# Prices\n\n| Item | Price |\n|------|:-----:|\n| Paper | 12.50 |\n| A \\| B | 3 |\n\nKind regards\n"


def eml(attached: Iterable[tuple[str, bytes]] = ()) -> bytes:
    """A mail that answers another, with attachments."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Zoë <zoe@example.org>", "desk@example.org", "Re: Grüße"
    mail["Date"], mail["Message-ID"] = "Tue, 05 Mar 2024 10:00:00 +0000", "<third@example.org>"
    mail["In-Reply-To"], mail["References"] = "<second@example.org>", "<first@example.org> <second@example.org>"
    mail.set_content(
        "Thank you.\n\nOn Monday, Desk wrote:\n> Please send the form.\n\n-- \nZoë Okafor\nBlue Door Ltd.\n"
    )
    for name, data in attached:
        mail.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return mail.as_bytes()


def every_kind() -> dict[str, bytes]:
    """One document of each kind, by file name."""
    return {
        "a.pdf": pdf([[(50, 800, "Total due 80.00"), (50, 780, "Thank you")], [(50, 800, "Second page")]]),
        "a.docx": docx(),
        "a.xlsx": xlsx(),
        "a.pptx": pptx(),
        "a.rtf": RTF,
        "a.html": HTML,
        "a.csv": CSV,
        "a.md": MARKDOWN,
        "a.txt": "Grüße aus Köln, قهوة, 北京\n".encode() * 20,
        "a.eml": eml([("a.csv", CSV), ("a.pdf", pdf([[(50, 800, "Attached page")]]))]),
        "a.zip": zipped({"a.txt": b"first", "folder/b.csv": CSV}),
    }
