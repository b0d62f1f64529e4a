"""PDF: the words of each page with their places, and from them the lines in reading order."""

from __future__ import annotations

import ctypes
import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from serdab.core import expected
from serdab.knowledge.reading.annotations import comments_of, kinds_of_annotations
from serdab.knowledge.reading.einvoices import is_einvoice, read_einvoice
from serdab.knowledge.reading.layout import RIGHT_TO_LEFT, Word, lines_of
from serdab.knowledge.reading.letters import Letter, are_one_word, words_of
from serdab.knowledge.reading.refusals import AGAIN, MalformedDocument, RefusedDocument, TextlessDocument, encrypted

if TYPE_CHECKING:
    from serdab.knowledge.reading.recognition import Recogniser

#: Most pages that are read; characters of a page of which the places count, and of all pages together.
MOST_PAGES = 2000
MOST_PLACED = 100_000
MOST_CHARACTERS = 20_000_000
#: Most embedded files that are looked at for an electronic invoice.
MOST_EMBEDDED = 20
#: Most pages of a document that are recognised from their pictures.
MOST_RECOGNISED = 20
#: Words that a scanner or an archive stamps on a picture of a page, and the share of the page that such a picture has.
_MOST_STAMPED, _LEAST_COVERED = 12, 0.5
#: Seconds after which no further page of a document is recognised; a step has a minute.
_RECOGNISE_S = 30.0
#: Largest side of a page that is recognised from its picture, points.
_MOST_SIDE = 14_400
_SCANNED = "pip install 'serdab[ocr]' and leave documents.ocr at auto"
_ANOTHER = f"{AGAIN}, or print it to a new PDF"
#: What the last bytes of every PDF hold, and how many of them a reader looks at (ISO 32000-1, annex H.3.18).
_END = b"%%EOF"
_TAIL = 1024
#: What the library makes of a hyphen at the end of a line; the rest of the word follows at once.
_BROKEN = "\x02\ufffe"
#: Where the library ends a line; share of a page's words that it may part so from what they touch.
_BREAKS = ("\r\n", "\n")
_MOST_TORN = 0.1
_WORD = re.compile(f"[^\\s\0{_BROKEN}]*[{_BROKEN}]|[^\\s\0{_BROKEN}]+")
#: Characters by which the direction of a page's text is told.
_ANGLES = 40


def read_pdf(data: bytes, recogniser: Recogniser | None = None) -> tuple[str, str, int]:
    """The text of all pages in reading order, a form feed between them, the title, and the page of what is embedded.

    An electronic invoice within (Factur-X, ZUGFeRD) is the last page; 0: there is none.

    Raises:
        EncryptedDocument: it needs a password.
        MalformedDocument: it cannot be opened, or has no page that can be.
        TextlessDocument: its pages are pictures, and OCR is off or finds nothing.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower() or b"/Encrypt" in data:
            raise encrypted("the PDF") from error
        raise MalformedDocument(expected("the PDF", "whole", _damage(data), _ANOTHER)) from error
    with document:
        document.init_forms()  # Draws what was filled in; does nothing where there is no form.
        texts = list(_texts(document, recogniser))
        title = document.get_metadata_dict().get("Title", "")
        invoice = _embedded(document)
    text = "\f".join(texts)
    if not text.strip() and not invoice:
        pictures = f"{len(texts):,} page{'' if len(texts) == 1 else 's'} of pictures"
        if recogniser is not None:
            raise TextlessDocument(expected("the PDF", "one with text on it", f"{pictures} without any"))
        raise TextlessDocument(expected("the PDF", "one with a text layer", pictures, _SCANNED))
    if invoice:
        return "\f".join([*texts, invoice]), title[:120], len(texts) + 1
    return text, title[:120], 0


def _embedded(document: Any) -> str:
    """The electronic invoice that is embedded, or why it was not read; empty: there is none."""
    import pypdfium2

    for number in range(min(document.count_attachments(), MOST_EMBEDDED)):
        try:
            file = document.get_attachment(number)
            name = " ".join(file.get_name().split())[:200]
            data = bytes(file.get_data()) if name.lower().endswith(".xml") else b""
        except pypdfium2.PdfiumError:
            continue
        if is_einvoice(data):
            heading = f"Embedded: {name} ({len(data):,} bytes)"
            try:
                return f"{heading}\n{read_einvoice(data)[0]}"
            except RefusedDocument as refused:
                return f"{heading}: not read, {refused}"
    return ""


def _damage(data: bytes) -> str:
    """What is wrong with a file that does not open, in words for whoever sent it."""
    if _END not in data[-_TAIL:]:
        return f"one that breaks off after {len(data):,} bytes"
    return "one in which no list of pages is found"


def _texts(document: Any, recogniser: Recogniser | None) -> Iterator[str]:
    import pypdfium2

    left, recognised, broken = MOST_CHARACTERS, 0, 0
    ends = time.monotonic() + _RECOGNISE_S
    pages = min(len(document), MOST_PAGES)
    for number in range(pages):
        try:
            page, comments = _page(document, number)
        except pypdfium2.PdfiumError:
            broken += 1
            if broken > 100 and broken == number + 1:
                break
            yield ""
            continue
        text = _text_of(page)
        if recogniser is not None and _may_go_on(recognised, ends) and (not text or _is_stamped_scan(page, text)):
            recognised += 1
            text = max(text, _recognised(page, recogniser), key=len)
        page.close()
        if text and comments:
            # Some programs note beside a mark what it marks.
            whole = " ".join(text.split())
            text = "\n".join([text, *(each for each in comments if each.removeprefix("Comment: ") not in whole)])
        yield text[:left]
        left -= len(text)
        if left <= 0:
            break
    if pages and broken == pages:
        raise MalformedDocument(expected("the PDF", "pages that can be opened", f"{pages:,} broken ones", _ANOTHER))


def _page(document: Any, number: int) -> tuple[Any, list[str]]:
    """A page, of which what was filled in, typed or stamped on it is part; and the comments on it."""
    import pypdfium2.raw as pdfium

    page = document[number]
    comments = list(comments_of(page))
    drawn = (pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_FREETEXT, pdfium.FPDF_ANNOT_STAMP)
    if not any(kind in drawn for kind in kinds_of_annotations(page)):
        return page, comments
    pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY)
    page.close()
    return document[number], comments


def _may_go_on(recognised: int, ends: float) -> bool:
    return recognised < MOST_RECOGNISED and (recognised == 0 or time.monotonic() < ends)


def _is_stamped_scan(page: Any, text: str) -> bool:
    """Whether a page is a picture on which a scanner or an archive wrote a few words."""
    import pypdfium2.raw as pdfium

    if len(text.split()) > _MOST_STAMPED:
        return False
    width, height = page.get_size()
    for picture in page.get_objects(filter=(pdfium.FPDF_PAGEOBJ_IMAGE,), max_depth=3):
        left, bottom, right, top = picture.get_bounds()
        if (right - left) * (top - bottom) >= _LEAST_COVERED * width * height:
            return True
    return False


def _text_of(page: Any) -> str:
    textpage = page.get_textpage()
    try:
        count = textpage.count_chars()
        if count <= 0:
            return ""
        text = textpage.get_text_range()
        if count > MOST_PLACED:
            return "\n".join(text.splitlines())
        if len(text) != count:
            text = _characters(textpage.raw, count)
        upright, turned = _words(_Box(textpage.raw, page.get_bbox()), text)
        if not upright and not turned:  # Not the text is off the page: the size of the page is wrong.
            upright, turned = _words(_Box(textpage.raw, _EVERYWHERE), text)
        lines = lines_of(upright)
        return "\n".join([*lines, "", *lines_of(turned)] if turned else lines).strip("\n")
    finally:
        textpage.close()


def _characters(raw: Any, count: int) -> str:
    import pypdfium2.raw as pdfium

    codes = (pdfium.FPDFText_GetUnicode(raw, number) for number in range(count))
    return "".join(chr(code) if 0 < code < 0x110000 else " " for code in codes)


def _words(box: _Box, text: str) -> tuple[list[Word], list[Word]]:
    """The words that run as most of the page does, turned upright, and those that run otherwise."""
    import pypdfium2.raw as pdfium

    raw, places = box.raw, list(_spans(text))
    step = max(1, len(places) // _ANGLES)
    angles = {place[0]: _quarter(pdfium.FPDFText_GetCharAngle(raw, place[0])) for place in places[::step]}
    usual = Counter(angles.values()).most_common(1)[0][0] if angles else 0
    if RIGHT_TO_LEFT.search(text):
        return _words_by_letter(box, text, usual)
    is_mixed = len(set(angles.values())) > 1
    upright: list[Word] = []
    turned: list[Word] = []
    before = torn = 0
    for start, end in places:
        first, last = box.of(start), box.of(end - 1)
        if first is None or last is None or not (box.shows(first) or box.shows(last)):
            continue
        quarter = _quarter(pdfium.FPDFText_GetCharAngle(raw, start)) if is_mixed else usual
        a, b = _turn(first, quarter), _turn(last, quarter)
        placed = Word(
            text=_unbroken(text[start:end]),
            left=min(a[0], b[0]), bottom=min(a[1], b[1]), right=max(a[2], b[2]), top=max(a[3], b[3]),
        )  # fmt: skip
        words = upright if quarter == usual else turned
        torn += bool(words and text[before:start] in _BREAKS and are_one_word(words[-1], placed))
        words.append(placed)
        before = end
    return _words_by_letter(box, text, usual) if torn > _MOST_TORN * len(places) else (upright, turned)


def _unbroken(word: str) -> str:
    return word.replace("\x02", "-").replace("\ufffe", "-")


def _words_by_letter(box: _Box, text: str, usual: int) -> tuple[list[Word], list[Word]]:
    """The same from each letter's own place; nothing that the library thought up."""
    import pypdfium2.raw as pdfium

    letters: dict[int, list[Letter]] = defaultdict(list)
    raw, x, y = box.raw, ctypes.c_double(), ctypes.c_double()
    for place, char in enumerate(text):
        corners = None if char == "\0" or pdfium.FPDFText_IsGenerated(raw, place) else box.of(place)
        if corners is None or not box.shows(corners):
            continue
        quarter = _quarter(pdfium.FPDFText_GetCharAngle(raw, place))
        pdfium.FPDFText_GetCharOrigin(raw, place, x, y)
        left, bottom, right, top = _turn(corners, quarter)
        baseline = _turn((x.value, y.value, x.value, y.value), quarter)[1]
        letter = Letter(text=_unbroken(char), left=left, bottom=bottom, right=right, top=top, baseline=baseline)
        letters[quarter].append(letter)
    others = (words_of(those) for quarter, those in letters.items() if quarter != usual)
    return words_of(letters[usual]), [word for words in others for word in words]


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the words are."""
    return (match.span() for match in _WORD.finditer(text))


_Corners = tuple[float, float, float, float]


_EVERYWHERE = (-math.inf, -math.inf, math.inf, math.inf)


class _Box:
    """Asks for places of characters, over and over into the same memory."""

    def __init__(self, raw: Any, page: _Corners) -> None:
        import pypdfium2.raw as pdfium

        self.raw = raw
        self._page = page
        self._ask = pdfium.FPDFText_GetLooseCharBox
        self._rect = pdfium.FS_RECTF()
        self._pointer = ctypes.byref(self._rect)

    def of(self, number: int) -> _Corners | None:
        """Left, bottom, right, top of a character; None when it has no place."""
        if not self._ask(self.raw, number, self._pointer):
            return None
        rect = self._rect
        bottom, top = rect.bottom, rect.top
        return (rect.left, bottom, rect.right, top) if bottom <= top else (rect.left, top, rect.right, bottom)

    def shows(self, corners: _Corners) -> bool:
        """Whether a character stands on the page that is shown, and not on what is cut off."""
        left, bottom, right, top = self._page
        x, y = (corners[0] + corners[2]) / 2, (corners[1] + corners[3]) / 2
        return left <= x <= right and bottom <= y <= top


def _quarter(angle: float) -> int:
    """Quarter turns against the clock; the library counts with it, and gives -1 for what it does not know."""
    return 0 if angle < 0 else -round(angle / (math.pi / 2)) % 4


def _turn(box: _Corners, quarter: int) -> _Corners:
    """A place as it is when the text runs from left to right."""
    left, bottom, right, top = box
    if quarter == 1:
        return bottom, -right, top, -left
    if quarter == 2:
        return -right, -top, -left, -bottom
    return (-top, left, -bottom, right) if quarter == 3 else box


def _recognised(page: Any, recogniser: Recogniser) -> str:
    """The text of a page's picture; nothing when the page is larger than any paper."""
    longer = max(page.get_size())
    if not 1 <= longer <= _MOST_SIDE:
        return ""
    bitmap = page.render(scale=recogniser.longer_side / longer)
    try:
        return recogniser.read_pixels(bitmap.to_numpy()[:, :, :3])
    finally:
        bitmap.close()
