"""Presentations: each slide from top to bottom, then its diagrams and charts, then its notes."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from serdab.knowledge.reading.drawings import drawn_lines, paragraphs_of
from serdab.knowledge.reading.packages import (
    FORMS,
    main_part,
    open_package,
    parse_xml,
    read_part,
    relations_of,
    title_of,
)

if TYPE_CHECKING:
    from lxml.etree import _Element

MOST_SLIDES = 2000
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
#: Groups in groups are left out from this depth on.
_MOST_DEPTH = 40
#: Shapes that lie within that distance of each other from above are read from left to right, EMU (a quarter inch).
_LINE = 228_600
_FIRST = ("title", "ctrTitle")
_OMITTED = ("dt", "ftr", "sldNum", "sldImg")

_Place = tuple[int, int]


def read_pptx(data: bytes) -> tuple[str, str]:
    """The text of all slides with a form feed between them; a table's cells are tab-parted, notes come last.

    Raises:
        BombDocument: it unfolds to far more than it is.
        EncryptedDocument: it needs a password.
        MalformedDocument: it is no presentation.
    """
    with open_package(data, "the presentation") as archive:
        main = main_part(archive, "the presentation", "ppt/presentation.xml")
        related = relations_of(archive, main)
        slides = []
        for node in list(parse_xml(read_part(archive, main), main).iter(f"{_P}sldId"))[:MOST_SLIDES]:
            place = next(
                (related[value] for key, value in node.items() if key.endswith("}id") and value in related), None
            )
            if place and place[0] == "slide":
                slides.append(_slide(archive, place[1]))
        return "\f".join(slides), title_of(archive)


def _slide(archive: zipfile.ZipFile, name: str) -> str:
    root = parse_xml(read_part(archive, name), name)
    links = relations_of(archive, name)
    related = links.values()
    layout = next((place for kind, place in related if kind == "slideLayout"), None)
    places = _places_of_layout(archive, layout) if layout else {}
    lines = list(_shapes(root.find(f"{_P}cSld/{_P}spTree"), places, 0))
    lines += drawn_lines(archive, links)
    for kind, place in related:
        if kind == "notesSlide":
            tree = parse_xml(read_part(archive, place), place).find(f"{_P}cSld/{_P}spTree")
            notes = [line for line in _shapes(tree, {}, 0) if line]
            lines += ["Notes: " + notes[0], *notes[1:]] if notes else []
    return "\n".join(lines)


def _places_of_layout(archive: zipfile.ZipFile, name: str) -> dict[tuple[str, str], _Place]:
    """Where a layout puts what a slide does not place itself, by (type, index) of the placeholder."""
    places = {}
    for shape in parse_xml(read_part(archive, name), name).iter(f"{_P}sp"):
        key, place = _placeholder(shape), _offset(shape)
        if key and place:
            places[key] = place
    return places


def _shapes(tree: _Element | None, places: dict[tuple[str, str], _Place], depth: int) -> Iterator[str]:
    if tree is None or depth > _MOST_DEPTH:
        return
    ordered = []
    for number, shape in enumerate(_best_forms(tree)):
        key = _placeholder(shape)
        if (key and key[0] in _OMITTED) or _is_hidden(shape):
            continue
        top, left = _offset(shape) or (places.get(key) if key else None) or (0, 0)
        is_first = bool(key and key[0] in _FIRST)
        ordered.append((not is_first, top // _LINE, left, number, shape))
    for *_, shape in sorted(ordered, key=lambda each: each[:4]):
        if shape.tag == f"{_P}grpSp":
            yield from _shapes(shape, places, depth + 1)
            continue
        for row in shape.iter(f"{_A}tr"):
            yield "\t".join(" ".join(" ".join(paragraphs_of(cell)).split()) for cell in row.iterfind(f"{_A}tc"))
        for body in shape.iterfind(f"{_P}txBody"):
            yield from paragraphs_of(body)


def _best_forms(tree: _Element) -> Iterator[_Element]:
    for shape in tree:
        yield from shape[0] if shape.tag == FORMS and len(shape) else (shape,)


def _is_hidden(shape: _Element) -> bool:
    properties = shape.find(f"*/{_P}cNvPr")
    return properties is not None and properties.get("hidden") in ("1", "true")


def _placeholder(shape: _Element) -> tuple[str, str] | None:
    node = next(shape.iterfind(f"*/{_P}nvPr/{_P}ph"), None)
    return None if node is None else (node.get("type", "body"), node.get("idx", "0"))


def _offset(shape: _Element) -> _Place | None:
    for node in (shape.find(f"*/{_A}xfrm/{_A}off"), shape.find(f"{_P}xfrm/{_A}off")):
        if node is not None:
            try:
                return int(node.get("y", "0")[:12]), int(node.get("x", "0")[:12])
            except ValueError:
                return None
    return None
