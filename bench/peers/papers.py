"""Papers to be read, made by the libraries that others make them with, and what a person would read in them.

Called as `papers.py FOLDER` by the peers' own Python: a file a paper, and `truth.json` with its words in reading order
and the rows of its tables.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from html import escape
from pathlib import Path
from typing import Any

from docx import Document
from openpyxl import Workbook
from pptx import Presentation
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Paragraph, SimpleDocTemplate, Spacer, Table

#: What is in a paper: paragraphs, and tables as rows of cells.
Content = Sequence[str | list[list[str]]]

WORDS = re.split(
    r"\s+",
    """pump valve delivery notice tenant insurer surgery harbour invoice letter morning repair order copper price winter
    contract partner request signature machine doctor patient bearing freight customs permit audit account interest
    storage garden school violin bridge timber bakery signal engine window carpet ledger budget report quarter""",
)
NAMES = ("Bergmann & Sohn GmbH", "Okafor Medical Ltd", "Lindqvist Bygg AB", "Moreau et Fils SARL", "Tanaka Optics Inc")
STREETS = ("14 Harbour Road", "Lindenallee 8", "3 rue des Tanneurs", "77 Mill Lane", "Storgatan 21")
PLACES = ("Leeds LS1 4AP", "20095 Hamburg", "69001 Lyon", "Boston MA 02110", "111 22 Stockholm")
STYLES = getSampleStyleSheet()
GRID = [("GRID", (0, 0), (-1, -1), 0.5, colors.black)]
BARE: list[Any] = []


def sentence(source: random.Random) -> str:
    words = [source.choice(WORDS) for _ in range(source.randrange(7, 18))]
    return f"{' '.join(words).capitalize()} {source.randrange(10, 9999)}."


def paragraphs(source: random.Random, count: int) -> list[str]:
    return [" ".join(sentence(source) for _ in range(source.randrange(3, 7))) for _ in range(count)]


def item_rows(source: random.Random, count: int) -> list[list[str]]:
    """A table of an invoice: heads, then items."""
    rows = [["Pos", "Description", "Qty", "Unit price", "Amount"]]
    for number in range(1, count + 1):
        quantity, cents = source.randrange(1, 40), source.randrange(100, 90_000)
        what = " ".join(source.choice(WORDS) for _ in range(source.randrange(1, 4)))
        rows.append([str(number), what, str(quantity), f"{cents / 100:,.2f}", f"{quantity * cents / 100:,.2f}"])
    return rows


def flowables(content: Content, style: list[Any]) -> list[Any]:
    made: list[Any] = []
    for each in content:
        made += [Paragraph(escape(each), STYLES["BodyText"]) if isinstance(each, str) else Table(each, style=style)]
        made.append(Spacer(1, 6))
    return made


def write_page(path: Path, content: Content, style: list[Any] = GRID) -> None:
    SimpleDocTemplate(str(path), pagesize=A4, invariant=1).build(flowables(content, style))


def write_columns(path: Path, content: Content, columns: int) -> None:
    width, height = A4
    each = (width - 100 - 20 * (columns - 1)) / columns
    frames = [Frame(50 + place * (each + 20), 60, each, height - 120) for place in range(columns)]
    document = BaseDocTemplate(str(path), pagesize=A4, invariant=1)
    document.addPageTemplates(PageTemplate(frames=frames))
    document.build(flowables(content, GRID))


def write_invoice(path: Path, source: random.Random, style: list[Any]) -> Content:
    """Two addresses beside each other, a table, sums; what a person reads, the left address first."""
    left, right = (
        [source.choice(each) for each in (NAMES, STREETS, PLACES)] + [f"VAT {source.randrange(10**8, 10**9)}"]
        for _ in range(2)
    )
    number, rows = f"Invoice {source.randrange(1000, 99999)}", item_rows(source, source.randrange(3, 12))
    total = f"Total due {source.randrange(100, 99999)}.50 EUR"
    blocks = [[Paragraph("<br/>".join(map(escape, lines)), STYLES["BodyText"]) for lines in (left, right)]]
    closing = paragraphs(source, 1)
    SimpleDocTemplate(str(path), pagesize=A4, invariant=1).build(
        [Table(blocks), Spacer(1, 12), *flowables([number, rows, total, *closing], style)]
    )
    return [*left, *right, number, rows, total, *closing]


def write_blocks(path: Path, source: random.Random) -> Content:
    """Two blocks beside each other, each letter by itself, as browsers print them; the left one is read first."""
    blocks = [[source.choice(each) for each in (NAMES, STREETS, PLACES)] + [sentence(source)[:30]] for _ in range(2)]
    page = Canvas(str(path), pagesize=A4, invariant=1)
    for left, lines in zip((40, 320), blocks, strict=True):
        for number, line in enumerate(lines):
            x = float(left)
            for char in line:
                page.drawString(x, 800 - 14 * number, char)
                x += stringWidth(char, "Helvetica", 12)
    page.save()
    return [line for lines in blocks for line in lines]


def write_across(path: Path, content: Sequence[str]) -> None:
    """Two columns whose lines were written from left to right across both, as scanners' software does."""
    lines = simpleSplit(" ".join(content), "Helvetica", 9, 230)
    page = Canvas(str(path), pagesize=A4, invariant=1)
    for start in range(0, len(lines), 120):
        page.setFont("Helvetica", 9)
        for number in range(60):
            for left, column in ((50, lines[start : start + 60]), (310, lines[start + 60 : start + 120])):
                page.drawString(left, 790 - 12 * number, column[number] if number < len(column) else "")
        page.showPage()
    page.save()


def write_docx(path: Path, content: Content) -> None:
    document = Document()
    for each in content:
        if isinstance(each, str):
            document.add_paragraph(each)
            continue
        table = document.add_table(len(each), len(each[0]))
        for row, cells in zip(table.rows, each, strict=True):
            for cell, text in zip(row.cells, cells, strict=True):
                cell.text = text
    document.save(str(path))


def write_xlsx(path: Path, rows: list[list[str]]) -> None:
    book = Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(
            [float(cell.replace(",", "")) if row is not rows[0] and at > 2 else cell for at, cell in enumerate(row)]
        )
    for row in sheet.iter_rows(min_row=2, min_col=4, max_col=5):
        for cell in row:
            cell.number_format = "#,##0.00"
    book.save(path)


def write_pptx(path: Path, content: Sequence[str]) -> None:
    deck = Presentation()
    for title, body in zip(content[::2], content[1::2], strict=True):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = title, body
    deck.save(str(path))


def html_of(content: Content) -> str:
    parts = []
    for each in content:
        if isinstance(each, str):
            parts.append(f"<p>{escape(each)}</p>")
        else:
            rows = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in each)
            parts.append("<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>")
    style = "<style>p { margin: 1em }</style><script>var hidden = 'not for people';</script>"
    return f"<!doctype html><meta charset=utf-8>{style}<body>{''.join(parts)}</body>"


def write_mail(path: Path, content: Content) -> Content:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = str(content[0]), "a@example.com", "b@example.com"
    plain = [each for each in content[1:] if isinstance(each, str)]
    mail.set_content("\n\n".join(plain), cte="quoted-printable")
    mail.add_alternative(html_of(plain), subtype="html")
    path.write_bytes(mail.as_bytes())
    return [*(f"{name}: {mail[name]}" for name in ("From", "To", "Subject")), *plain]


def truth_of(content: Content) -> dict[str, Any]:
    words = [each if isinstance(each, str) else " ".join(" ".join(row) for row in each) for each in content]
    return {"text": "\n".join(words), "rows": [row for each in content if not isinstance(each, str) for row in each]}


def main(folder: Path) -> None:
    source = random.Random(7)
    truth: dict[str, dict[str, Any]] = {}

    def keep(kind: str, ending: str, write: Callable[[Path], Content]) -> None:
        path = folder / f"{kind}-{len(truth)}.{ending}"
        truth[path.name] = {"kind": kind, **truth_of(write(path))}

    def given(write: Callable[..., None], content: Content, *more: Any) -> Callable[[Path], Content]:
        return lambda path: (write(path, content, *more), content)[1]

    for _ in range(4):
        keep("running text", "pdf", given(write_page, paragraphs(source, 40)))
        keep("two columns", "pdf", given(write_columns, paragraphs(source, 40), 2))
        keep("three columns", "pdf", given(write_columns, paragraphs(source, 40), 3))
        keep("two columns, written across", "pdf", given(write_across, paragraphs(source, 40)))
        keep("short, letter by letter", "pdf", lambda path: write_blocks(path, source))
        keep("invoice, ruled table", "pdf", lambda path: write_invoice(path, source, GRID))
        keep("invoice, no rules", "pdf", lambda path: write_invoice(path, source, BARE))
        mixed = [*paragraphs(source, 5), item_rows(source, 12), *paragraphs(source, 5)]
        keep("docx", "docx", given(write_docx, mixed))
        keep("html", "html", given(lambda path, content: path.write_text(html_of(content), "utf-8"), mixed))
        keep("eml", "eml", lambda path: write_mail(path, [sentence(source), *paragraphs(source, 5)]))
        keep("pptx", "pptx", given(write_pptx, [sentence(source) for _ in range(12)]))
        rows = item_rows(source, 60)
        keep("xlsx", "xlsx", lambda path, rows=rows: (write_xlsx(path, rows), [rows])[1])
    (folder / "truth.json").write_text(json.dumps(truth), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
