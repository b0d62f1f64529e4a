"""Words with places on a page to lines in reading order: column after column, rows of tables with tabs.

Words make rows. Where many rows below each other leave the same gap free and running text stands on both sides, the
gap parts two columns, and each is read by itself. Where what stands there is short, it is a table, read row by row.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from itertools import islice, pairwise, takewhile
from operator import attrgetter
from statistics import median

import msgspec

#: Rows that a gap must pass to part columns of running text, and how much of a column's width its lines fill.
_LEAST_ROWS = 4
_LEAST_FILLED = 0.6
_LEAST_WORDS = 2.5
#: Gaps in heights of a line: one that may part columns, one that parts cells, one that parts two numbers of which the
#: second is not the rest of the first (a space is up to 0.55 wide, in Courier), and one that parts paragraphs.
_GUTTER = 0.9
_CELL = 1.8
_NUMBERS = 0.65
_PARAGRAPH = 0.9
#: Columns within columns.
_MOST_DEPTH = 4
#: A page with more words is read row by row: no one lays out that much in columns.
_MOST_WORDS = 20_000
#: What stands in a column of amounts: 7.25, 1.045,00, £290.00.
_AMOUNT = re.compile(r"\d[.,]\d\d\D?$")
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
#: Brackets that stand the wrong way round: of some programs the shape is told, of others the meaning.
_OPENS = re.compile(r"(?<!\S)[)\]}»]+(?=[^\s.,:;!?])")
_CLOSES = re.compile(r"(?<=\S)[(\[{«]+(?![^\s.,:;!?)\]}])")
_TURNED = str.maketrans("([{«)]}»", ")]}»([{«")
_HYPHENS = ("-", "\u00ad", "\u2010")


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """A word as it stands, from left to right whatever the script, and its place in points, y upwards."""

    text: str
    left: float
    bottom: float
    right: float
    top: float

    @property
    def middle(self) -> float:
        """Half way up."""
        return (self.bottom + self.top) / 2


_Row = list[Word]
_Gap = tuple[float, float]


def lines_of(words: Sequence[Word]) -> list[str]:
    """The lines of a page in reading order; an empty one between paragraphs."""
    return _joined(_blocks(list(words), 0, _is_right_to_left(words)))


def _blocks(words: list[Word], depth: int, is_leftwards: bool) -> list[str]:
    """The lines of a part of a page, which reads from right to left or not."""
    rows = _rows_of(words)
    if depth >= _MOST_DEPTH or len(words) > _MOST_WORDS:
        return _table_lines(rows, is_leftwards)
    lines: list[str] = []
    start = 0
    for first, last, gap in _column_regions(rows):
        lines += _table_lines(rows[start:first], is_leftwards)
        region = [word for row in rows[first:last] for word in row]
        middle = (gap[0] + gap[1]) / 2
        sides = [[w for w in region if w.right <= middle], [w for w in region if w.right > middle]]
        if _is_right_to_left(region):
            sides.reverse()
        for side in sides:
            lines += ["", *_blocks(side, depth + 1, is_leftwards), ""]
        start = last
    return lines + _table_lines(rows[start:], is_leftwards)


def _rows_of(words: list[Word]) -> list[_Row]:
    """Words that stand on one line, from left to right; lines from top to bottom."""
    rows: list[_Row] = []
    middle = height = 0.0
    for word in sorted(words, key=lambda each: -each.middle):
        tall = word.top - word.bottom
        if rows and middle - word.middle < 0.5 * max(min(height, tall), 1.0):
            rows[-1].append(word)
        else:
            rows.append([word])
            middle, height = word.middle, tall
    for row in rows:
        row.sort(key=attrgetter("left"))
    return rows


def _height_of(row: _Row) -> float:
    heights = sorted([word.top - word.bottom for word in row])
    return max((heights[len(heights) // 2] + heights[(len(heights) - 1) // 2]) / 2, 1.0)


def _gaps_of(row: _Row, least: float, least_of_numbers: float = math.inf) -> list[_Gap]:
    """The gaps between words, and those between two numbers, that are at least so many heights wide."""
    height = _height_of(row)
    gaps, right = [], row[0].right
    for before, word in pairwise(row):
        are_numbers = before.text[-1].isdigit() and word.text[0].isdigit()
        if word.left - right >= height * (min(least, least_of_numbers) if are_numbers else least):
            gaps.append((right, word.left))
        right = max(right, word.right)
    return gaps


def _cell_gaps_of(row: _Row) -> list[_Gap]:
    return _gaps_of(row, _CELL, _NUMBERS)


def _column_regions(rows: list[_Row]) -> list[tuple[int, int, _Gap]]:
    """(first row, row behind the last, gap) of what stands in columns of running text."""
    gaps = [_gaps_of(row, _GUTTER) for row in rows]
    regions: list[tuple[int, int, _Gap]] = []
    at = 0
    while at < len(rows):
        best: tuple[int, int, _Gap] | None = None
        for gap in gaps[at][:6]:
            found = _extended(rows, at, gap, regions[-1][1] if regions else 0)
            if found and (best is None or found[1] > best[1]) and _is_running_text(rows[found[0] : found[1]], found[2]):
                best = found
        if best:
            regions.append(best)
        at = best[1] if best else at + 1
    return regions


def _extended(rows: list[_Row], at: int, gap: _Gap, floor: int) -> tuple[int, int, _Gap] | None:
    """How far up and down a gap stays free."""
    last = at + 1
    while last < len(rows) and (narrowed := _narrowed(rows[last], gap)):
        gap, last = narrowed, last + 1
    first = at
    while first > floor and last - first < 500 and (narrowed := _narrowed(rows[first - 1], gap)):
        gap, first = narrowed, first - 1
    return (first, last, gap) if last - first >= _LEAST_ROWS else None


def _narrowed(row: _Row, gap: _Gap) -> _Gap | None:
    """What a row leaves free of a gap; None when too little."""
    low, high = gap
    for word in row:
        if word.right <= low or word.left >= high:
            continue
        # A word that reaches in from one side makes it narrower; one that crosses the middle closes it.
        middle = (low + high) / 2
        if word.right <= middle:
            low = word.right
        elif word.left >= middle:
            high = word.left
        else:
            return None
    return (low, high) if high - low >= 0.5 * _height_of(row) else None


def _is_running_text(rows: list[_Row], gap: _Gap) -> bool:
    """Whether both sides are lines of text, and not cells."""
    for side in (
        [[w for w in row if w.right <= gap[0]] for row in rows],
        [[w for w in row if w.left >= gap[1]] for row in rows],
    ):
        lines = [row for row in side if row]
        amounts = sum(any(_AMOUNT.search(word.text) for word in line) for line in lines)
        if len(lines) < _LEAST_ROWS or 2 * amounts >= len(lines):
            return False
        left, right = min(row[0].left for row in lines), max(row[-1].right for row in lines)
        filled = median((row[-1].right - row[0].left) / max(right - left, 1.0) for row in lines)
        signs = any("\u3040" <= row[0].text[0] <= "\ud7af" for row in lines)
        words = sum(len(row) for row in lines) / len(lines)
        if filled < _LEAST_FILLED or (words < _LEAST_WORDS and not signs):
            return False
    return True


def _table_lines(rows: list[_Row], is_leftwards: bool) -> list[str]:
    """Rows read one after the other, with tabs where cells are parted and empty cells where a row lacks one."""
    lines: list[str] = []
    gaps = [_cell_gaps_of(row) for row in rows]
    at = 0
    while at < len(rows):
        if at and _is_apart(rows[at - 1], rows[at]):
            lines.append("")
        last, free = at, gaps[at]
        while free and last + 1 < len(rows) and (common := _common(free, rows, at, last + 1)):
            last, free = last + 1, common
        if last == at:
            free = gaps[at]
        lines += [_cells(row, free, is_leftwards) for row in rows[at : last + 1]]
        at = last + 1
    return lines


def _is_apart(above: _Row, below: _Row) -> bool:
    space = min(word.bottom for word in above) - max(word.top for word in below)
    return space > _PARAGRAPH * min(_height_of(above), _height_of(below))


def _common(free: list[_Gap], rows: list[_Row], first: int, last: int) -> list[_Gap]:
    """The gaps of rows from the first that the last leaves free as well; none when it does not, or reaches none.

    A gap of its own is one of all when it parts the others too, where their columns stand close.
    """
    row = rows[last]
    found = [left for gap in free if (left := _left_free(row, gap))]
    if len(found) < len(free) or (row[-1].right <= free[0][1] and row[0].left < free[0][0]):
        return []
    for own in _cell_gaps_of(row):
        if any(own[0] < gap[1] and gap[0] < own[1] for gap in found):
            continue
        parting: _Gap | None = own
        for other in islice(rows, first, last):
            parting = parting and _left_free(other, parting)
            if parting is None or not other[0].left < parting[0] < parting[1] < other[-1].right:
                return []
        found.append(parting or own)
    return sorted(found)


def _left_free(row: _Row, gap: _Gap) -> _Gap | None:
    """The widest part of a gap in which a row has no word; None when that is hardly more than a space."""
    parts, low = [], gap[0]
    for word in row:
        if word.right > low and word.left < gap[1]:
            parts.append((low, word.left))
            low = word.right
    widest = max([*parts, (low, gap[1])], key=lambda part: part[1] - part[0])
    return widest if widest[1] - widest[0] >= 0.5 * _height_of(row) else None


def _cells(row: _Row, free: list[_Gap], is_leftwards: bool) -> str:
    cells: list[_Row] = [[] for _ in range(len(free) + 1)] if free else [row]
    for word in row if free else ():
        middle = (word.left + word.right) / 2
        cells[sum(1 for gap in free if middle > gap[0])].append(word)
    if is_leftwards:
        cells.reverse()
    return "\t".join(_line(cell, is_leftwards) for cell in cells)


def _line(words: _Row, is_leftwards: bool) -> str:
    """Words of one line, from left to right, in the order in which they are read; the page decides a line of both."""
    line = " ".join(word.text for word in words)
    if line.isascii() or not RIGHT_TO_LEFT.search(line):
        return line
    from bidi import get_display

    # What the rules of Unicode (UAX 9) make of text to show it, they make of what is shown to read it.
    read = str(get_display(line, base_dir="R" if is_leftwards or _is_right_to_left(words) else "L"))
    return _CLOSES.sub(_turned, _OPENS.sub(_turned, read))


def _turned(bracket: re.Match[str]) -> str:
    return bracket[0].translate(_TURNED)


def _direction(text: str) -> str:
    for char in text[:8]:
        kind = unicodedata.bidirectional(char)
        if kind in ("R", "AL"):
            return "R"
        if kind == "L":
            return "L"
    return "N"


def _is_right_to_left(words: Sequence[Word]) -> bool:
    if all(word.text.isascii() for word in words):
        return False
    directions = [_direction(word.text) for word in words]
    return directions.count("R") > directions.count("L")


def _joined(lines: list[str]) -> list[str]:
    """Lines without the hyphens at which the printer broke words, and with one empty line at most between them."""
    whole = " ".join(lines)
    found: list[str] = []
    for line in lines:
        before = found[-1] if found else ""
        if not line:
            if before:
                found.append("")
        elif len(before) > 2 and before[-1] in _HYPHENS and before[-2].isalpha() and line[0].islower():
            head, _, tail = line.partition(" ")
            start = before[:-1].rpartition(" ")[2].rpartition("\t")[2]
            # A compound that also stands somewhere unbroken keeps its hyphen.
            rest = "".join(takewhile(str.isalpha, head))
            hyphen = "-" if before[-1] == "-" and f"{start}-{rest}" in whole else ""
            found[-1] = before[:-1] + hyphen + head
            if tail:
                found.append(tail)
        else:
            found.append(line)
    return found
