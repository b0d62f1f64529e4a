"""What a document is called."""

from __future__ import annotations

import pytest

from document_samples import pdf_of
from serdab.knowledge.reading import read_document


def titled_pdf(title: str) -> bytes:
    shown = b"BT /F1 10 Tf 50 700 Td (A letter) Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
        b"<< /Title (%s) >>" % title.encode(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R"
        b" /Resources << /Font << /F1 6 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(shown), shown),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    return pdf_of(objects).replace(b"/Root 1 0 R", b"/Root 1 0 R /Info 3 0 R")


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ("(anonymous)", "march"),
        ("Untitled", "march"),
        ("UNTITLED DOCUMENT", "march"),
        ("untitled-1", "march"),
        ("Microsoft Word - Untitled", "march"),
        ("Microsoft Word - offer.docx", "offer.docx"),
        ("The anonymous letter", "The anonymous letter"),
    ],
)
def test_a_title_that_nobody_gave_is_none(given: str, title: str) -> None:
    assert read_document(titled_pdf(given), "march.pdf").title == title
