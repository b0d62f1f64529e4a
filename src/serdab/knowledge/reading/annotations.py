"""What was written on a page of a PDF and is not drawn on it: comments, and boxes of text without an appearance."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_ushort
from typing import Any

#: Most annotations of a page that are drawn, which takes the square of their number; of more, none is.
MOST_ANNOTATIONS = 2000
#: Most comments of a page that are read, and characters of each.
MOST_COMMENTS = 200
MOST_COMMENT = 10_000
#: Flag of what is neither shown nor printed (ISO 32000-1, table 165).
_IS_HIDDEN = 2


def kinds_of_annotations(page: Any) -> Iterator[int]:
    """The kinds of the annotations of a page; none when they are too many."""
    import pypdfium2.raw as pdfium

    count = pdfium.FPDFPage_GetAnnotCount(page)
    for number in range(count if count <= MOST_ANNOTATIONS else 0):
        with _annotation(page, number) as annotation:
            if annotation:
                yield pdfium.FPDFAnnot_GetSubtype(annotation)


def comments_of(page: Any) -> Iterator[str]:
    """What people wrote on a page beside its text, a line each; to be asked for before the page is flattened."""
    import pypdfium2.raw as pdfium

    commented = (
        pdfium.FPDF_ANNOT_TEXT, pdfium.FPDF_ANNOT_HIGHLIGHT, pdfium.FPDF_ANNOT_UNDERLINE, pdfium.FPDF_ANNOT_SQUIGGLY,
        pdfium.FPDF_ANNOT_STRIKEOUT, pdfium.FPDF_ANNOT_CARET, pdfium.FPDF_ANNOT_INK, pdfium.FPDF_ANNOT_SQUARE,
        pdfium.FPDF_ANNOT_CIRCLE,
    )  # fmt: skip
    left = MOST_COMMENTS
    for number, kind in enumerate(kinds_of_annotations(page)):
        # The appearance of a box of text is part of the page.
        if kind not in commented and kind != pdfium.FPDF_ANNOT_FREETEXT:
            continue
        with _annotation(page, number) as annotation:
            is_drawn = kind == pdfium.FPDF_ANNOT_FREETEXT and pdfium.FPDFAnnot_HasKey(annotation, b"AP")
            # An answer with a state says only that somebody accepted or rejected.
            if is_drawn or _is_hidden(annotation) or pdfium.FPDFAnnot_HasKey(annotation, b"StateModel"):
                continue
            text = " ".join(_contents(annotation).split())
        if text:
            yield text if kind == pdfium.FPDF_ANNOT_FREETEXT else f"Comment: {text}"
            left -= 1
        if not left:
            return


@contextmanager
def _annotation(page: Any, number: int) -> Iterator[Any]:
    import pypdfium2.raw as pdfium

    annotation = pdfium.FPDFPage_GetAnnot(page, number)
    try:
        yield annotation
    finally:
        if annotation:
            pdfium.FPDFPage_CloseAnnot(annotation)


def _is_hidden(annotation: Any) -> bool:
    import pypdfium2.raw as pdfium

    return bool(pdfium.FPDFAnnot_GetFlags(annotation) & _IS_HIDDEN)


def _contents(annotation: Any) -> str:
    import pypdfium2.raw as pdfium

    size = pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", None, 0)
    if not 2 < size <= 2 * MOST_COMMENT:
        return ""
    buffer = (c_ushort * (size // 2))()
    pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", buffer, size)
    return bytes(buffer).decode("utf-16-le", "replace").rstrip("\0")
