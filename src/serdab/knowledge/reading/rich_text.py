"""Rich text (RTF)."""

from __future__ import annotations

import re

from serdab.core import expected
from serdab.knowledge.reading.refusals import MalformedDocument, TooLargeDocument

MOST_BYTES = 20_000_000
#: Longest list of fonts that is looked at; the library's pattern for it takes the square of its length.
_MOST_FONTS = 20_000
_FONTS = re.compile(r"\{[^{}\\]{0,100}\\fonttbl")
#: What the library cannot tell from text: the end of a cell, of a page; and a link, whose pattern it tries at length.
_CELL = re.compile(r"\\(?:nest)?cell(?![a-z])")
_PAGE = re.compile(r"\\(?:page|sect)(?![a-z])")
#: Groups that it leaves out, although they are seen.
_ASIDE = re.compile(r"\\(?:header|footer)[lrf]?(?![a-z])|\\(?:footnote|shptxt)(?![a-z])")
#: What is around the text of a box, and around the number of a paragraph in old files.
_AROUND = re.compile(r"(?:\\\*)?\\(?:shpgrp|shpinst|shp|pntext)(?![a-z])")
#: The tab behind the number or the bullet of a paragraph, which parts no cells.
_NUMBERED = re.compile(r"(\\(?:list|pn)text(?![a-z])[^{}]{0,200}?)\\tab(?![a-z])")
#: Text that is hidden or deleted, which the library does not know; and what bounds it.
_UNSEEN = re.compile(r"\\(?:v|deleted)(?![a-z])")
_BOUND = re.compile(r"\\(v|deleted|plain)(-?\d{1,9})?(?![a-z\d]) ?|\\[{}\\]|[{}]")
_LINK = re.compile(r"\\field(?![a-z])")
_TITLE = re.compile(r"\{\\title ([^{}\\]{1,200})\}")
_BINARY = re.compile(r"\\bin\d{1,12}")


def read_rtf(data: bytes) -> tuple[str, str]:
    """The text with a tab after each cell and a form feed for each page that the writer began.

    Raises:
        MalformedDocument: it is no RTF, or broken.
        TooLargeDocument: it has more than `MOST_BYTES`.
    """
    from striprtf.striprtf import rtf_to_text

    if len(data) > MOST_BYTES:
        raise TooLargeDocument(expected("the RTF", f"at most {MOST_BYTES:,} bytes", f"{len(data):,}"))
    source = data.decode("latin-1")
    if not source.lstrip("\ufeff \r\n\t").startswith("{\\rtf"):
        raise MalformedDocument(expected("the RTF", "to begin with {\\rtf", source[:20]))
    fonts = _FONTS.search(source)
    if fonts is not None and source.find("}}", fonts.start(), fonts.start() + _MOST_FONTS) < 0:
        source = (
            source[: fonts.start()]
            + source[fonts.start() : fonts.end()].replace("fonttbl", "fonts")
            + source[fonts.end() :]
        )
    title = _TITLE.search(source)
    source = _AROUND.sub("", _NUMBERED.sub(r"\1\\'20", _seen(_BINARY.sub("", source))))
    source = _PAGE.sub(r"\\'0c", _CELL.sub(r"\\tab", _LINK.sub("", _ASIDE.sub(r"\\par", source))))
    try:
        text = str(rtf_to_text(source, errors="replace"))  # type: ignore[no-untyped-call]
    except (ValueError, LookupError, OverflowError, TypeError) as error:
        raise MalformedDocument(expected("the RTF", "whole", str(error)[:200])) from error
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return text, (title[1] if title else first)[:120]


def _seen(source: str) -> str:
    """The source without what is hidden or deleted."""
    if not _UNSEEN.search(source):
        return source
    kept: list[str] = []
    outer: list[frozenset[str]] = []
    unseen, start = frozenset[str](), 0
    for match in _BOUND.finditer(source):
        if not unseen:
            kept.append(source[start : match.start()])
        start, word = match.end(), match[1]
        if match[0] == "{":
            outer.append(unseen)
        elif match[0] == "}":
            unseen = outer.pop() if outer else unseen
        elif word == "plain":
            unseen = frozenset()
        elif word:
            unseen = unseen - {word} if match[2] == "0" else unseen | {word}
        if word in ("v", "deleted"):
            kept.append("{}")  # Ends the control word before it.
        elif not unseen or match[0] in "{}":
            kept.append(match[0])
    return "".join([*kept, "" if unseen else source[start:]])
