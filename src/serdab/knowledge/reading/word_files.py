"""Word documents: paragraphs and tables in place, then notes and comments."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from serdab.core import expected
from serdab.knowledge.reading.drawings import drawn_lines
from serdab.knowledge.reading.packages import (
    FORMS,
    main_part,
    open_package,
    parse_xml,
    read_part,
    relations_of,
    title_of,
)
from serdab.knowledge.reading.refusals import MalformedDocument

if TYPE_CHECKING:
    from lxml.etree import _Element

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_WRITTEN = (f"{_W}t", f"{_W}sym", f"{_MATH}t")
_TEXT = {f"{_W}tab": "\t", f"{_W}ptab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
#: Text that a reader does not see: what was taken out, and the reading aid above signs.
_HIDDEN = {f"{_W}del", f"{_W}moveFrom", f"{_W}delText", f"{_W}instrText", f"{_W}pPr", f"{_W}rPr", f"{_W}rt"}
#: Signs of fonts that have no letters, by font and code: boxes to tick, ticks, bullets, arrows.
_SIGNS = {
    "Wingdings": {0x6C: "●", 0x6E: "■", 0x6F: "□", 0x71: "❑", 0x72: "❒", 0x76: "❖", 0x78: "☒", 0xA7: "▪", 0xA8: "☐",
                  0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE8: "➔", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑"},
    "Wingdings 2": {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0xA3: "☐"},
    "Symbol": {
        **dict(zip(range(0x61, 0x7B), "αβχδεφγηιϕκλμνοπθρστυϖωξψζ", strict=True)),
        **dict(zip(range(0x41, 0x5B), "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ", strict=True)),
        0xA0: "€", 0xA3: "≤", 0xB0: "°", 0xB1: "±", 0xB3: "≥", 0xB4: "×", 0xB7: "•", 0xB8: "÷", 0xB9: "≠", 0xBB: "≈",
        0xAC: "←", 0xAE: "→", 0xA5: "∞", 0xD6: "√", 0xE5: "∑",
    },
}  # fmt: skip
#: Tables in tables are read as text of their cell from this depth on.
_MOST_DEPTH = 40
#: Where parts stand that are not in the body: (type of relation, what is written before each).
_ASIDE = (("footnotes", "Footnote: "), ("endnotes", "Endnote: "), ("comments", "Comment: "))


def read_docx(data: bytes) -> tuple[str, str]:
    """Header, body with its tables as rows of tab-parted cells, footer, notes, comments; macros are never looked at.

    Raises:
        BombDocument: it unfolds to far more than it is.
        EncryptedDocument: it needs a password.
        MalformedDocument: it is no Word document.
    """
    with open_package(data, "the docx") as archive:
        main = main_part(archive, "the docx", "word/document.xml")
        related = relations_of(archive, main)
        body = parse_xml(read_part(archive, main), "the text of the docx")
        lines = list(_aside(archive, related, "header"))
        lines += _blocks(body, 0)
        lines += drawn_lines(archive, related)
        lines += _aside(archive, related, "footer")
        for kind, before in _ASIDE:
            lines += [before + line for line in _aside(archive, related, kind)]
        return "\n".join(lines), title_of(archive)


def _aside(archive: zipfile.ZipFile, related: dict[str, tuple[str, str]], kind: str) -> Iterator[str]:
    """The lines of headers, footers or notes, each once."""
    seen = set()
    for name in dict.fromkeys(name for found, name in related.values() if found == kind):
        for line in _blocks(parse_xml(read_part(archive, name), name), 0):
            if line.strip() and line not in seen:
                seen.add(line)
                yield line


def _blocks(root: _Element, depth: int) -> Iterator[str]:
    """The lines of whatever holds paragraphs and tables."""
    waiting = [iter(root)]
    while waiting:
        node = next(waiting[-1], None)
        if node is None:
            waiting.pop()
        elif node.tag == f"{_W}p":
            yield from _paragraph(node, depth)
        elif node.tag == f"{_W}tbl":
            yield from _table(node, depth)
        elif node.tag not in _HIDDEN:
            waiting.append(iter(node[:1] if node.tag == FORMS else node))


def _paragraph(node: _Element, depth: int) -> Iterator[str]:
    parts: list[str] = []
    boxes: list[_Element] = []
    waiting = [iter(node)]
    while waiting:
        child = next(waiting[-1], None)
        if child is None:
            waiting.pop()
        elif child.tag in _WRITTEN or child.tag in _TEXT:
            parts.append(_written(child))
        elif child.tag == f"{_W}txbxContent":
            boxes.append(child)
        elif child.tag not in _HIDDEN and not _is_vanished(child):
            if child.tag == f"{_MATH}den":
                parts.append("/")
            waiting.append(iter(child[:1] if child.tag == FORMS else child))
    yield "".join(parts)
    if depth < _MOST_DEPTH:
        for box in boxes:
            yield from _blocks(box, depth + 1)


def _written(node: _Element) -> str:
    if node.tag in _TEXT:
        return "\f" if node.get(f"{_W}type") == "page" else _TEXT[node.tag]
    return _sign(node) if node.tag == f"{_W}sym" else node.text or ""


def _sign(node: _Element) -> str:
    """What a sign of a font without letters looks like; nothing where that is not known."""
    try:
        code = int(node.get(f"{_W}char", "")[:8], 16)
    except ValueError:
        return ""
    return _SIGNS.get(node.get(f"{_W}font", ""), {}).get(code - 0xF000 if code >= 0xF000 else code, "")


def _is_vanished(run: _Element) -> bool:
    """Whether a run has the format "hidden"."""
    mark = run.find(f"{_W}rPr/{_W}vanish") if run.tag == f"{_W}r" else None
    return mark is not None and mark.get(f"{_W}val", "1") not in ("0", "false", "off")


def _table(node: _Element, depth: int) -> Iterator[str]:
    if depth >= _MOST_DEPTH:
        raise MalformedDocument(expected("the tables of the docx", f"nested {_MOST_DEPTH} deep at most", "deeper"))
    for row in node.iter(f"{_W}tr"):
        if _nearest_table(row) is not node:
            continue
        before = row.find(f"{_W}trPr/{_W}gridBefore")
        cells = [""] * min(_count(before), 100)
        for cell in row.iter(f"{_W}tc"):
            if _nearest_table(cell) is node:
                cells.append(" ".join(" ".join(_blocks(cell, depth + 1)).split()))
                cells += [""] * (min(_count(cell.find(f"{_W}tcPr/{_W}gridSpan"), 1), 100) - 1)
        yield "\t".join(cells)


def _nearest_table(node: _Element) -> _Element | None:
    return next(node.iterancestors(f"{_W}tbl"), None)


def _count(columns: _Element | None, least: int = 0) -> int:
    value = columns.get(f"{_W}val", "") if columns is not None else ""
    return max(int(value), least) if value.isdecimal() and len(value) < 6 else least
