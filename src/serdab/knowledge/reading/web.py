"""Web pages: what the eye sees, block after block."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from serdab.knowledge.reading.charsets import decode

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

#: Deepest nesting that is parsed; deeper tags are dropped before, because parsers take the square of it.
MOST_DEPTH = 300
#: Longest tag that is looked at, characters.
_MOST_TAG = 100_000
#: Attributes of that length are no text, and the parser compares each with every other of its tag.
_LONG_TAG = re.compile(r"<([a-zA-Z][a-zA-Z0-9:-]{0,40})[\s/][^<>]{5000,}")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,40})")
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s{0,5}=\s{0,5}[\"']?\s{0,5}([\w-]{2,30})", re.IGNORECASE)
#: Tags without an end, and those that the next one of their kind ends: they do not nest.
_FLAT = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
         "track", "wbr", "p", "li", "dt", "dd", "tr", "td", "th", "option", "tbody", "thead", "tfoot", "html",
         "head", "body"}  # fmt: skip
_SKIPPED = {"script", "style", "noscript", "template", "head", "svg", "math", "iframe", "object", "select", "datalist",
            "audio", "video", "canvas", "textarea"}  # fmt: skip
_BLOCKS = {"address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div",
           "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
           "header", "hr", "legend", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody",
           "tfoot", "thead", "tr", "ul"}  # fmt: skip
_HIDDEN_STYLE = re.compile(r"(?:display\s{0,5}:\s{0,5}none|visibility\s{0,5}:\s{0,5}hidden)", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\n\r\f]+")


def read_html(data: bytes, declared: str | None = None) -> tuple[str, str]:
    """The visible text of a web page: a line a block, a row of a table as tab-parted cells; and its title."""
    from selectolax.lexbor import LexborHTMLParser

    meta = _CHARSET.search(data[:4096])
    source = decode(data, declared or (meta[1].decode() if meta else None)).replace("\0", "")
    tree = LexborHTMLParser(_flattened(source))
    title = tree.css_first("title")
    name = " ".join(title.text(strip=True).split()) if title is not None else ""
    return _text_of(tree), name[:120]


def _flattened(source: str) -> str:
    """The page without the tags that nest too deeply; what they hold stays. Linear in the length of the page."""
    source = _LONG_TAG.sub(r"<\1 ", source)
    if source.count("<") <= MOST_DEPTH:
        return source
    kept: list[str] = []
    depth = dropped = end = 0
    for match in _TAG.finditer(source):
        if match.start() < end or match[2].lower() in _FLAT:
            continue
        if match[1]:
            is_dropped = dropped > 0
            dropped, depth = (dropped - 1, depth) if is_dropped else (dropped, max(0, depth - 1))
        else:
            is_dropped = depth >= MOST_DEPTH
            dropped, depth = (dropped + 1, depth) if is_dropped else (dropped, depth + 1)
        if is_dropped:
            kept.append(source[end : match.start()])
            close = source.find(">", match.end(), match.end() + _MOST_TAG)
            end = close + 1 if close >= 0 else match.end()
    kept.append(source[end:])
    return "".join(kept)


class _Writer:
    """Lines of text from pieces that come in order."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._is_line_open = False
        #: How many cells deep the text is; within one, blocks do not end the row.
        self.cells = 0

    def text(self, text: str) -> None:
        """A piece of running text."""
        if text.isspace() and not self._is_line_open:
            return
        self.parts.append(_SPACES.sub(" ", text))
        self._is_line_open = True

    def end_line(self) -> None:
        """A block begins or ends."""
        if self._is_line_open:
            self.parts.append(" " if self.cells else "\n")
            self._is_line_open = bool(self.cells)

    def end_cell(self, is_first: bool) -> None:
        """A cell begins: a tab stands before all but the first."""
        if not is_first:
            self.parts.append("\t")
        self._is_line_open = True


def _text_of(tree: LexborHTMLParser) -> str:
    body = tree.body
    if body is None:
        return ""
    writer = _Writer()
    node: LexborNode | None = body
    depth = 0
    while node is not None:
        inner = _enter(node, writer)
        if inner is not None:
            node, depth = inner, depth + 1
            continue
        while node is not None:
            if depth == 0:
                return "".join(writer.parts)
            following = node.next
            if following is not None:
                node = following
                break
            node, depth = node.parent, depth - 1
            if node is not None:
                _leave(node, writer)
    return "".join(writer.parts)


def _enter(node: LexborNode, writer: _Writer) -> LexborNode | None:
    """Write what a node begins with; gives its first child when that is to be read."""
    tag = node.tag
    if tag == "-text":
        writer.text(node.text_content or "")
        return None
    if tag is None or tag in _SKIPPED or tag.startswith(("-", "!")) or _is_hidden(node):
        return None
    if tag == "br":
        writer.end_line()
    elif tag in ("td", "th"):
        writer.end_cell(_is_first_cell(node))
        writer.cells += 1
    elif tag in _BLOCKS:
        writer.end_line()
    child = node.child
    if child is None:
        _leave(node, writer)
    return child


def _leave(node: LexborNode, writer: _Writer) -> None:
    if node.tag in ("td", "th"):
        writer.cells -= 1
        for _ in range(_span(node) - 1):
            writer.end_cell(is_first=False)
    elif node.tag in _BLOCKS:
        writer.end_line()


def _span(cell: LexborNode) -> int:
    """How many columns a cell takes."""
    span = cell.attributes.get("colspan") or "1"
    return int(span) if span.isdecimal() and 0 < len(span) < 3 else 1


def _is_first_cell(node: LexborNode) -> bool:
    before = node.prev
    while before is not None and before.tag not in ("td", "th"):
        before = before.prev
    return before is None


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    if not attributes:
        return False
    style = attributes.get("style")
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or bool(style and _HIDDEN_STYLE.search(style[:2000]))
    )
