"""What is drawn in office documents and has words: text boxes, diagrams, charts."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from serdab.knowledge.reading.packages import FORMS, parse_xml, read_part, relations_of

if TYPE_CHECKING:
    from lxml.etree import _Element

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_D = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"


def paragraphs_of(body: _Element) -> Iterator[str]:
    """The paragraphs of some text, empty ones too."""
    for paragraph in body.iter(f"{_A}p"):
        nodes = paragraph.iter(f"{_A}t", f"{_A}br")
        yield "".join(node.text or "" if node.tag == f"{_A}t" else "\n" for node in nodes)


def drawn_lines(
    archive: zipfile.ZipFile, related: Mapping[str, tuple[str, str]], *, has_data: bool = False
) -> Iterator[str]:
    """The words of the diagrams and charts that a part refers to.

    Args:
        archive: the document.
        related: what the part refers to.
        has_data: whether the document shows elsewhere what its charts are made of; then their titles are read alone.
    """
    for kind, place in related.values():
        if kind == "diagramData":
            for body in parse_xml(read_part(archive, place), place).iter(f"{_D}t"):
                yield from paragraphs_of(body)
        elif kind == "chart":
            yield from _chart_lines(parse_xml(read_part(archive, place), place), has_data)


def boxed_lines(archive: zipfile.ZipFile, place: str) -> Iterator[str]:
    """The words of a drawing on a sheet: its text boxes, then the rest."""
    waiting = [iter(parse_xml(read_part(archive, place), place))]
    while waiting:
        node = next(waiting[-1], None)
        if node is None:
            waiting.pop()
        elif str(node.tag).endswith("}txBody"):
            yield from filter(str.strip, paragraphs_of(node))
        else:
            waiting.append(iter(node[:1] if node.tag == FORMS else node))
    yield from drawn_lines(archive, relations_of(archive, place), has_data=True)


def _chart_lines(chart: _Element, has_data: bool) -> Iterator[str]:
    """Titles of a chart and its axes, then the names of what it shows, each once."""
    lines = [line for title in chart.iter(f"{_C}title") for line in paragraphs_of(title)]
    roots = chart.iter(f"{_C}title") if has_data else (chart,)
    lines += [
        value.text or "" for root in roots for cache in root.iter(f"{_C}strCache") for value in cache.iter(f"{_C}v")
    ]
    yield from dict.fromkeys(line for line in lines if line.strip())
