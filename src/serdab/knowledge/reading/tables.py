"""Tables in plain text: comma-separated and the like."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from serdab.core import expected
from serdab.knowledge.reading.charsets import decode
from serdab.knowledge.reading.refusals import EmptyDocument, MalformedDocument

#: Longest cell, characters.
MOST_CELL = 10_000_000
#: Those before the comma are preferred to it, for it stands in numbers and sentences too.
_DELIMITERS = "\t;|,"
#: By that first line a spreadsheet is told the delimiter, and it is not shown.
_TOLD = re.compile(r"sep=([,;|\t])\r?\n", re.IGNORECASE)
_SAMPLE_LINES = 20
_SAMPLE = 20_000


def read_csv(data: bytes) -> tuple[str, str]:
    """Rows as tab-parted cells, the header first.

    Raises:
        EmptyDocument: it has no rows.
        MalformedDocument: it cannot be parted into cells.
    """
    text = decode(data).replace("\0", "")
    told = _TOLD.match(text)
    if told:
        text = text[told.end() :]
    csv.field_size_limit(MOST_CELL)
    try:
        rows = list(_rows(text, told[1] if told else _delimiter_of(text)))
    except csv.Error as error:
        raise MalformedDocument(expected("the table", "comma-separated", str(error))) from error
    if not rows:
        raise EmptyDocument(expected("the table", "rows", "none"))
    return "\n".join(rows), rows[0].replace("\t", ", ")[:120]


def _rows(text: str, delimiter: str) -> Iterator[str]:
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True):
        cells = [" ".join(cell.split()) for cell in row]
        if any(cells):
            yield "\t".join(cells)


def _delimiter_of(text: str) -> str:
    """The one by which the first lines have the same number of cells, most of them."""
    lines = text[:_SAMPLE].splitlines()[:_SAMPLE_LINES]
    best, delimiter = (0, False, 0), ","
    for each in _DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=each) if row]
        except csv.Error:
            continue
        usual = max(set(widths), key=widths.count, default=1)
        # A comma inside of sentences parts them now and then; a real one does so in each row.
        score = (widths.count(usual), each != ",", usual) if usual > 1 else (0, False, 0)
        if score > best:
            best, delimiter = score, each
    return delimiter
