"""PDF."""

from __future__ import annotations

from serdab.core import expected
from serdab.knowledge.reading.refusals import EncryptedDocument, MalformedDocument, TextlessDocument

MOST_PAGES = 2000


def read_pdf(data: bytes) -> tuple[str, str]:
    """The text of all pages, a form feed between them.

    Raises:
        EncryptedDocument: it needs a password.
        MalformedDocument: it cannot be opened.
        TextlessDocument: its pages are pictures.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower() or b"/Encrypt" in data:
            raise EncryptedDocument(expected("the PDF", "readable without a password", "an encrypted one")) from error
        raise MalformedDocument(expected("the PDF", "whole", str(error))) from error
    with document:
        pages = min(len(document), MOST_PAGES)
        texts = [document[number].get_textpage().get_text_range() for number in range(pages)]
        title = document.get_metadata_dict().get("Title", "")
    text = "\f".join(texts)
    if not text.strip():
        raise TextlessDocument(expected("the PDF", "a text layer", f"{pages} pages of pictures", "run OCR on it first"))
    return text, title[:120]
