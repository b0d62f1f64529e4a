"""Text, markdown, tables and web pages."""

from __future__ import annotations

import codecs
import csv
import io

from serdab.core import expected
from serdab.knowledge.reading.refusals import EmptyDocument, MalformedDocument

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Bytes that are looked at to guess an encoding.
SAMPLE = 200_000
#: Share of control characters from which on text is taken for something else.
MOST_CONTROLS = 0.05


def decode(data: bytes) -> str:
    """Text of bytes: by its mark, as UTF-8, then by the best guess.

    Raises:
        MalformedDocument: no encoding makes text of it.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data.decode(name, "replace")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = _guessed(data)
    controls = sum(1 for char in text[:SAMPLE] if char < " " and char not in "\t\n\r\f\0")
    if controls > MOST_CONTROLS * min(len(text), SAMPLE) + 8:
        raise MalformedDocument(expected("the document", "text", f"{controls:,} control characters"))
    return text


def _guessed(data: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data[:SAMPLE]).best()
    if best is None:
        raise MalformedDocument(expected("the encoding", "one that makes text of the bytes", bytes(data[:16])))
    return data.decode(best.encoding, "replace")


def read_text(data: bytes) -> tuple[str, str]:
    """Text and, from a markdown heading or a short first line, its title."""
    text = decode(data)
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return text, first.lstrip("# ").strip()[:120]


def read_csv(data: bytes) -> tuple[str, str]:
    """A table as lines of `header: value`, which can be searched and read."""
    text = decode(data).replace("\0", "")
    csv.field_size_limit(10_000_000)
    try:
        dialect = csv.Sniffer().sniff(text[:8192], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    try:
        rows = [row for row in csv.reader(io.StringIO(text), dialect) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise MalformedDocument(expected("the table", "comma-separated", str(error))) from error
    if not rows:
        raise EmptyDocument(expected("the table", "rows", "none"))
    header, body = rows[0], rows[1:]
    if not body:
        return ", ".join(header), header[0][:120]
    lines = [", ".join(f"{name}: {cell}" for name, cell in zip(header, row, strict=False) if cell) for row in body]
    return "\n".join(lines), ", ".join(header)[:120]


def read_html(data: bytes) -> tuple[str, str]:
    """The visible text of a web page, a line a block."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(decode(data).replace("\0", ""))
    title = tree.css_first("title")
    name = title.text(strip=True) if title is not None else ""
    for tag in ("script", "style", "noscript", "template", "head", "svg"):
        for node in tree.css(tag):
            node.decompose()
    text = tree.body.text(separator="\n", strip=True) if tree.body is not None else ""
    return text, name[:120]
