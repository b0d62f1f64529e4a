"""Web pages: what the eye sees, block after block."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
_SKIPPED = {"script", "style", "noscript", "template", "head", "svg", "math", "iframe", "object", "datalist",
            "audio", "video", "canvas", "progress", "meter", "rp", "rt", "rtc"}  # fmt: skip
_BLOCKS = {"address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div",
           "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
           "header", "hr", "legend", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody",
           "textarea", "tfoot", "thead", "tr", "ul"}  # fmt: skip
#: In these a line is a line.
_PREFORMATTED = ("pre", "textarea")
_SECTIONS = ("tbody", "thead", "tfoot")
#: Kinds of fields that show the text they hold.
_SHOWN_FIELDS = {"button", "date", "datetime-local", "email", "month", "number", "reset", "search", "submit", "tel",
                 "text", "time", "url", "week"}  # fmt: skip
_HIDDEN_STYLE = re.compile(r"(?:display\s{0,5}:\s{0,5}none|visibility\s{0,5}:\s{0,5}hidden)", re.IGNORECASE)
#: How mails hide the words that only their preview shows.
_NO_HEIGHT = re.compile(r"max-height\s{0,5}:\s{0,5}0(?:px)?\s{0,5}(?:[;!]|$)", re.IGNORECASE)
_CLIPPED = re.compile(r"overflow\s{0,5}:\s{0,5}hidden", re.IGNORECASE)
#: Columns of a table of which it is known how far down a cell reaches.
_MOST_REACHING = 30
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


class _Table:
    """Where the cells of a table stand."""

    def __init__(self, cells_around: int) -> None:
        self.cells_around = cells_around
        self._row = self._column = 0
        #: The last row that a cell from above takes in a column.
        self._reach: dict[int, int] = {}

    def begin_row(self) -> None:
        """A row begins."""
        self._row += 1
        self._column = 0

    def place(self, columns: int, rows: int) -> tuple[int, bool]:
        """Put the next cell: how many columns before it are taken from above, and whether it is the row's first."""
        is_first, start = self._column == 0, self._column
        while self._reach.get(self._column, 0) >= self._row > 0:
            self._column += 1
        taken = self._column - start
        if rows > 1:
            for column in range(self._column, min(self._column + columns, _MOST_REACHING)):
                self._reach[column] = self._row + rows - 1
        self._column += columns
        return taken, is_first


class _Writer:
    """Lines of text from pieces that come in order."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._is_line_open = False
        self._tables: list[_Table] = []
        #: Of the cells that are open, whether each parts a row; one alone in its row is a block like others.
        self._open_cells: list[bool] = []
        #: How many cells deep the text is; within one, blocks do not end the row.
        self._cells = 0
        #: How many elements deep the text is in which a line is a line.
        self.preformatted = 0

    def text(self, text: str) -> None:
        """A piece of running text."""
        if self.preformatted:
            for number, line in enumerate(text.split("\n")):
                if number:
                    self._is_line_open = True
                    self.end_line()
                self.parts.append(line)
                self._is_line_open = self._is_line_open or bool(line)
        elif self._is_line_open or not text.isspace():
            self.parts.append(_SPACES.sub(" ", text))
            self._is_line_open = True

    def end_line(self) -> None:
        """A block begins or ends."""
        if self._is_line_open:
            self.parts.append(" " if self._cells else "\n")
            self._is_line_open = bool(self._cells)

    def begin_table(self, node: LexborNode) -> None:
        """A table begins; in a cell of another one it is lines of its own where it has rows and columns."""
        self._tables.append(_Table(self._cells))
        if self._cells and _is_grid(node):
            self._cells = 0
        self.end_line()

    def end_table(self) -> None:
        """A table ends."""
        self.end_line()
        if self._tables:
            self._cells = self._tables.pop().cells_around

    def begin_row(self) -> None:
        """A row begins."""
        self.end_line()
        if self._tables:
            self._tables[-1].begin_row()

    def begin_cell(self, node: LexborNode) -> None:
        """A cell begins: a tab stands before all but the first, and for each that reaches down from above."""
        table = self._tables[-1] if self._tables else _Table(0)
        taken, is_first = table.place(_span(node, "colspan"), _span(node, "rowspan"))
        is_cell = taken > 0 or not is_first or not _is_alone(node)
        self._open_cells.append(is_cell)
        if is_cell:
            self._part(taken + (not is_first), is_first)
            self._cells += 1
        else:
            self.end_line()

    def end_cell(self, node: LexborNode) -> None:
        """A cell ends; one that takes several columns leaves the others empty."""
        if not self._open_cells or not self._open_cells.pop():
            self.end_line()
            return
        self._cells -= 1
        self._part(_span(node, "colspan") - 1, is_first=False)

    def _part(self, count: int, is_first: bool) -> None:
        # Behind a table within the row, its other cells are lines of their own.
        if is_first or self._is_line_open:
            self.parts.append(" " if self._cells else "\t" * count)
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
    if tag in ("input", "select"):
        writer.text(f" {_shown_value(node)} ")
        return None
    if tag in ("td", "th"):
        writer.begin_cell(node)
    elif tag == "tr":
        writer.begin_row()
    elif tag == "table":
        writer.begin_table(node)
    elif tag == "br" or tag in _BLOCKS:
        writer.end_line()
    writer.preformatted += tag in _PREFORMATTED
    child = node.child
    if child is None:
        _leave(node, writer)
    return child


def _leave(node: LexborNode, writer: _Writer) -> None:
    writer.preformatted -= node.tag in _PREFORMATTED
    if node.tag in ("td", "th"):
        writer.end_cell(node)
    elif node.tag == "table":
        writer.end_table()
    elif node.tag in _BLOCKS:
        writer.end_line()


def _shown_value(field: LexborNode) -> str:
    """What a field shows: its value, or of a choice the first that is chosen, else the first."""
    attributes = field.attributes
    if field.tag == "input":
        kind = (attributes.get("type") or "text").lower()
        return (attributes.get("value") or "") if kind in _SHOWN_FIELDS else ""
    first = ""
    for group in (field, *_children(field, "optgroup")):
        for option in _children(group, "option"):
            if "selected" in option.attributes:
                return option.text(strip=True)
            first = first or option.text(strip=True)
    return "" if "multiple" in attributes else first


def _span(cell: LexborNode, name: str) -> int:
    """How many columns or rows a cell takes."""
    span = cell.attributes.get(name) or "1"
    return int(span) if span.isdecimal() and 0 < len(span) < 3 else 1


def _is_alone(first: LexborNode) -> bool:
    """Whether a row has no other cell than its first."""
    after = first.next
    while after is not None and after.tag not in ("td", "th"):
        after = after.next
    return after is None


def _is_grid(table: LexborNode) -> bool:
    """Whether a table has several rows, one of them with several cells."""
    rows = list(_children(table, "tr"))
    for section in _children(table, *_SECTIONS):
        rows += _children(section, "tr")
    return len(rows) > 1 and any(len(list(_children(row, "td", "th"))) > 1 for row in rows)


def _children(node: LexborNode, *tags: str) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        if child.tag in tags:
            yield child
        child = child.next


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    if not attributes and node.tag != "dialog":
        return False
    style = (attributes.get("style") or "")[:2000]
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or (node.tag == "dialog" and "open" not in attributes)
        or bool(_HIDDEN_STYLE.search(style) or (_NO_HEIGHT.search(style) and _CLIPPED.search(style)))
    )
