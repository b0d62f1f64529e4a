"""Plain text and markdown."""

from __future__ import annotations

import re

from serdab.knowledge.reading.charsets import decode

#: The line under a table's header in markdown.
_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-*:?[ \t]*)*")
_CELLS = re.compile(r"(?<!\\)\|")


def read_text(data: bytes) -> tuple[str, str]:
    """Text and, from a short first line, its title."""
    text = decode(data)
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


def _row(line: str) -> str:
    inner = line.strip().removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    return "\t".join(" ".join(cell.replace("\\|", "|").split()) for cell in _CELLS.split(inner))
