"""Plain text and markdown."""

from __future__ import annotations

import re

from serdab.knowledge.reading.charsets import decode

#: Between columns that only their alignment parts; how many a table has at least, and the longest line of one.
_WIDE = re.compile(r" {2,}")
_LEAST_COLUMNS = 3
_MOST_LINE = 1_000
#: The line under a table's header in markdown.
_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-*:?[ \t]*)*")
_CELLS = re.compile(r"(?<!\\)\|")


def read_text(data: bytes) -> tuple[str, str]:
    """Text and, from a short first line, its title; rows of aligned tables are tab-parted cells."""
    text = _with_cells(decode(data))
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return text, first.lstrip("# ").strip()[:120]


def read_markdown(data: bytes) -> tuple[str, str]:
    """Markdown as it is written, but for tables: their rows are tab-parted cells."""
    text, title = read_text(data)
    if "|" not in text:
        return text, title
    lines = text.splitlines()
    is_rule = ["|" in line and "-" in line and len(line) < 10_000 and bool(_RULE.fullmatch(line)) for line in lines]
    found, in_table = [], False
    for number, line in enumerate(lines):
        if is_rule[number] and (in_table or (number and "|" in lines[number - 1])):
            in_table = True
            continue
        begins = number + 1 < len(lines) and is_rule[number + 1]
        in_table = "|" in line and (in_table or begins)
        found.append(_row(line) if in_table else line)
    return "\n".join(found), title


def _with_cells(text: str) -> str:
    """The rows below a head that are aligned by spaces as tab-parted cells, and the head.

    A head has no digits; a row has as many cells, and a digit in the last one. An empty line behind rows ends a table.
    """
    lines = text.split("\n")
    head, columns = None, 0
    for number, line in enumerate(lines):
        if head is None and not line.strip():
            columns = 0
        cells = _WIDE.split(line.strip(" \r")) if "  " in line and len(line) <= _MOST_LINE else []
        if len(cells) < _LEAST_COLUMNS or "\t" in line:
            continue
        if len(cells) == columns and any(map(str.isdigit, cells[-1])):
            if head is not None:
                lines[head] = "\t".join(_WIDE.split(lines[head].strip(" \r")))
                head = None
            lines[number] = "\t".join(cells)
        elif all(any(map(str.isalpha, cell)) for cell in cells) and not any(map(str.isdigit, line)):
            head, columns = number, len(cells)
    return "\n".join(lines)


def _row(line: str) -> str:
    inner = line.strip().removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    return "\t".join(" ".join(cell.replace("\\|", "|").split()) for cell in _CELLS.split(inner))
