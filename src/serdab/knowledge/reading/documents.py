"""One document's bytes to its text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from serdab.core import expected
from serdab.knowledge.reading import kinds
from serdab.knowledge.reading.archives import read_zip
from serdab.knowledge.reading.einvoices import read_einvoice
from serdab.knowledge.reading.mails import read_eml
from serdab.knowledge.reading.outlook_parcels import read_parcel
from serdab.knowledge.reading.pages import read_pdf
from serdab.knowledge.reading.plain import read_markdown, read_text
from serdab.knowledge.reading.recognition import Recogniser, recogniser_for
from serdab.knowledge.reading.refusals import (
    AGAIN,
    EmptyDocument,
    MalformedDocument,
    RefusedDocument,
    UnsupportedDocument,
)
from serdab.knowledge.reading.rich_text import read_rtf
from serdab.knowledge.reading.slides import read_pptx
from serdab.knowledge.reading.tables import read_csv
from serdab.knowledge.reading.web import read_html
from serdab.knowledge.reading.word_files import read_docx
from serdab.knowledge.reading.workbooks import read_xlsx

#: Most characters of text that a document may have; the rest is left out.
MOST_CHARACTERS = 20_000_000
#: Documents within documents: how deep, how many in all, and how large each.
MOST_DEPTH = 3
MOST_INNER = 200
MOST_INNER_BYTES = 50_000_000
#: What libraries raise that meet something they did not expect; each becomes a refusal with its reason.
_SURPRISES = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, OSError, EOFError,
              RecursionError, NotImplementedError, RuntimeError)  # fmt: skip
#: Titles that a program wrote where nobody gave one, and what a printer driver writes around the name of a file.
_PLACEHOLDER = re.compile(r"\(?(?:anonymous|untitled(?: document)?)\)?(?:[ -]?\d{1,4})?", re.I)
_PRINTED = re.compile(r"Microsoft (?:Word|Excel|PowerPoint) - (.*)", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDocument:
    """What a document says."""

    #: In reading order; a form feed between pages, slides and sheets, a tab between the cells of a row.
    text: str
    title: str
    media_type: str
    #: For a mail the id of the one that began the conversation; else empty.
    thread: str = ""
    #: From which page on the text is an electronic invoice, as a program wrote it; 0: it is none and brings none.
    electronic_page: int = 0


_READERS: dict[str, Callable[[bytes], tuple[str, str]]] = {
    kinds.CSV: read_csv,
    kinds.DOCX: read_docx,
    kinds.HTML: read_html,
    kinds.MARKDOWN: read_markdown,
    kinds.PPTX: read_pptx,
    kinds.RTF: read_rtf,
    kinds.TEXT: read_text,
    kinds.XLSX: read_xlsx,
    kinds.XML: read_einvoice,
}


def read_document(data: bytes, name: str, *, ocr: bool = False) -> ReadDocument:
    """Read one document; meant for a process that can be killed.

    Args:
        data: the whole file.
        name: its file name, for its ending and as a title of last resort.
        ocr: whether pictures and scanned pages are read by optical character recognition; needs the extra `ocr`.

    Raises:
        RefusedDocument: it cannot be read; the class says why.
    """
    return _Reading(recogniser_for(ocr)).read(data, name, 0)


class _Reading:
    """The reading of one document and of all that is within it."""

    def __init__(self, recogniser: Recogniser | None) -> None:
        self._recogniser = recogniser
        self._inner = 0

    def read(self, data: bytes, name: str, depth: int) -> ReadDocument:
        """Read a document that stands `depth` deep in others.

        Raises:
            RefusedDocument: it cannot be read.
        """
        if not data.strip(b" \t\r\n\0"):
            what = f"{len(data):,} empty bytes"
            raise EmptyDocument(expected(f"the document {name}", "a file with something in it", what))
        media_type = kinds.media_type_of(data, name)
        try:
            text, title, thread, page = self._read_as(media_type, data, depth)
        except RefusedDocument:
            raise
        except _SURPRISES as error:
            got = f"{type(error).__name__}: {str(error)[:200]}"
            raise MalformedDocument(expected(f"the document {name}", "whole", got, AGAIN)) from error
        # Half of a pair is no character, and neither travels nor can be stored.
        text = text[:MOST_CHARACTERS].encode("utf-8", "replace").decode()
        title = _said_title(title.encode("utf-8", "replace").decode()) or PurePath(name).stem
        return ReadDocument(text=text, title=title, media_type=media_type, thread=thread, electronic_page=page)

    def _read_as(self, media_type: str, data: bytes, depth: int) -> tuple[str, str, str, int]:
        if media_type == kinds.MAIL:
            mail = read_eml(data, lambda inner, name: self._read_inner(inner, name, depth))
            return mail.text, mail.title, mail.thread, 0
        if media_type == kinds.ZIP:
            return *read_zip(data, MOST_INNER_BYTES, lambda inner, name: self._read_inner(inner, name, depth)), "", 0
        if media_type == kinds.PARCEL:
            return *read_parcel(data, lambda inner, name: self._read_inner(inner, name, depth)), "", 0
        if media_type == kinds.PDF:
            text, title, page = read_pdf(data, self._recogniser)
            return text, title, "", page
        if media_type in kinds.IMAGES:
            if self._recogniser is None:
                todo = "pip install 'serdab[ocr]' and leave documents.ocr at auto"
                raise UnsupportedDocument(expected("the document", "text, mail, pdf or office", media_type, todo))
            return self._recogniser.read_image(data), "", "", 0
        return *_READERS[media_type](data), "", int(media_type == kinds.XML)

    def _read_inner(self, data: bytes, name: str, depth: int) -> str:
        self._inner += 1
        if depth + 1 > MOST_DEPTH or self._inner > MOST_INNER:
            limit = f"at most {MOST_INNER} and {MOST_DEPTH} deep"
            raise MalformedDocument(expected("documents within the document", limit, "more"))
        # A form feed parts this document's own pages only where the outer one has pages: here too.
        return self.read(data, name, depth + 1).text


def _said_title(title: str) -> str:
    """A title without what programs write; empty: nobody gave one."""
    printed = _PRINTED.fullmatch(title.strip())
    said = printed[1] if printed else title
    return "" if _PLACEHOLDER.fullmatch(said.strip()) else said
