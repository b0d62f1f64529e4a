"""Workbooks: each sheet's rows as the eye sees them, values and never formulas."""

from __future__ import annotations

import datetime
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from serdab.knowledge.reading.drawings import boxed_lines
from serdab.knowledge.reading.number_formats import BUILT_IN, GENERAL, MOST_CODE, is_date_format, shown_number
from serdab.knowledge.reading.packages import main_part, open_package, parse_xml, read_part, relations_of, title_of

if TYPE_CHECKING:
    from lxml.etree import _Element

#: Most sheets, columns and filled cells that are read; what is beyond is left out.
MOST_SHEETS = 1000
MOST_COLUMNS = 1000
MOST_CELLS = 2_000_000
_TRUE = ("1", "true")
#: A character by its code; half of a pair stays as it is written.
_ESCAPED = re.compile(r"_x((?![Dd][89A-Fa-f])[0-9A-Fa-f]{4})_")


def read_xlsx(data: bytes) -> tuple[str, str]:
    """Every visible sheet: its name, then its rows as tab-parted cells; a form feed between sheets.

    Raises:
        BombDocument: it unfolds to far more than it is.
        EncryptedDocument: it needs a password.
        MalformedDocument: it is no workbook.
    """
    with open_package(data, "the workbook") as archive:
        main = main_part(archive, "the workbook", "xl/workbook.xml")
        related = relations_of(archive, main)
        by_kind = dict(related.values())
        book = parse_xml(read_part(archive, main), main)
        values = _Values(archive, by_kind, book)
        sheets = []
        for sheet in list(book.iter("{*}sheet"))[:MOST_SHEETS]:
            place = next(
                (related[value] for key, value in sheet.items() if key.endswith("}id") and value in related), None
            )
            if place and place[0] in ("worksheet", "chartsheet") and sheet.get("state", "visible") == "visible":
                rows = values.rows_of(parse_xml(read_part(archive, place[1]), place[1]))
                name = " ".join((sheet.get("name") or "").split())
                sheets.append("\n".join([name, *rows, *_beside(archive, place[1])]))
        return "\f".join(sheets), title_of(archive)


class _Values:
    """What the cells of one workbook mean."""

    def __init__(self, archive: zipfile.ZipFile, by_kind: dict[str, str], book: _Element) -> None:
        self._strings = _shared_strings(archive, by_kind.get("sharedStrings"))
        self._formats = _formats_of_styles(archive, by_kind.get("styles"))
        properties = book.find("{*}workbookPr")
        is_1904 = properties is not None and properties.get("date1904") in ("1", "true")
        self._epoch = datetime.datetime(1904, 1, 1) if is_1904 else datetime.datetime(1899, 12, 30)  # noqa: DTZ001
        self._left = MOST_CELLS

    def rows_of(self, sheet: _Element) -> Iterator[str]:
        """The rows that have something in them and are shown, or are hidden by a filter only."""
        hidden = _hidden_columns(sheet)
        is_filtered = any(sheet.find(f"{{*}}{name}") is not None for name in ("autoFilter", "tableParts"))
        for row in sheet.iter("{*}row"):
            if row.get("hidden") in _TRUE and not is_filtered:
                continue
            cells: list[str] = []
            for cell in row.iterfind("{*}c"):
                self._left -= 1
                column = _column_of(cell.get("r") or "", len(cells))
                if column >= MOST_COLUMNS or self._left < 0:
                    break
                cells += [""] * (column - len(cells))
                text = " ".join(self._text_of(cell).split())
                if column < len(cells):
                    cells[column] = text
                else:
                    cells.append(text)
            if hidden:
                cells = [text for column, text in enumerate(cells) if column not in hidden]
            if any(cells):
                yield "\t".join(cells)

    def _text_of(self, cell: _Element) -> str:
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            return _written(cell)
        value = (cell.findtext("{*}v") or "").strip()
        if kind == "s":
            number = int(value) if value.isdecimal() and len(value) < 10 else len(self._strings)
            return self._strings[number] if number < len(self._strings) else ""
        if kind == "b":
            return {"0": "FALSE", "1": "TRUE"}.get(value, value)
        if kind != "n" or not value:
            return _unescaped(value)
        code = self._formats.get(cell.get("s", "0"), GENERAL)
        return self._date(value) if is_date_format(code) else shown_number(value, code)

    def _date(self, value: str) -> str:
        try:
            moment = self._epoch + datetime.timedelta(seconds=round(float(value) * 86_400))
        except (ValueError, OverflowError):
            return value
        if float(value) < 1:
            return moment.strftime("%H:%M:%S")
        return moment.date().isoformat() if moment.time() == datetime.time() else moment.isoformat(" ")


def _beside(archive: zipfile.ZipFile, name: str) -> Iterator[str]:
    """What stands on a sheet and in no cell: text boxes, titles of charts, comments."""
    related = relations_of(archive, name).values()
    for kind, place in related:
        if kind == "drawing":
            yield from boxed_lines(archive, place)
    threads, comments = (
        [node for kind, place in related if kind == each
         for node in parse_xml(read_part(archive, place), place).iter(f"{{*}}{tag}")]
        for each, tag in (("threadedComment", "threadedComment"), ("comments", "comment"))
    )  # fmt: skip
    texts = [node.findtext("{*}text") or "" for node in threads]
    # Of a comment with answers the old form tells all of it again.
    answered = {node.get("ref") for node in threads}
    texts += [_written(node) for node in comments if node.get("ref") not in answered]
    for text in texts:
        if text.strip():
            yield f"Comment: {' '.join(text.split())}"


def _hidden_columns(sheet: _Element) -> set[int]:
    hidden: set[int] = set()
    for node in sheet.iterfind("{*}cols/{*}col"):
        first, last = (node.get(name, "")[:9] for name in ("min", "max"))
        if node.get("hidden") in _TRUE and first.isdecimal() and last.isdecimal():
            hidden.update(range(int(first) - 1, min(int(last), MOST_COLUMNS)))
    return hidden


def _column_of(reference: str, default: int) -> int:
    """`C7` → 2."""
    number = 0
    for char in reference[:3]:
        if not "A" <= char <= "Z":
            break
        number = number * 26 + ord(char) - 64
    return number - 1 if number else default


def _shared_strings(archive: zipfile.ZipFile, name: str | None) -> Sequence[str]:
    if name is None:
        return ()
    root = parse_xml(read_part(archive, name), name)
    return [_written(item) for item in root.iterfind("{*}si")]


def _written(item: _Element) -> str:
    """The text of a string; the reading aid above Japanese signs is none of its own."""
    nodes = item.iter("{*}t")
    return _unescaped("".join(each.text or "" for each in nodes if not str(each.getparent().tag).endswith("}rPh")))


def _unescaped(text: str) -> str:
    """A text with the characters that are written by their code (ECMA-376, 22.9.2.19)."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _formats_of_styles(archive: zipfile.ZipFile, name: str | None) -> Mapping[str, str]:
    """The number format of each cell style by its number."""
    if name is None:
        return {}
    root = parse_xml(read_part(archive, name), name)
    codes = dict(BUILT_IN)
    for node in root.iter("{*}numFmt"):
        codes[node.get("numFmtId") or ""] = (node.get("formatCode") or "")[:MOST_CODE]
    styles = root.find("{*}cellXfs")
    return {
        str(number): codes.get(node.get("numFmtId") or "", GENERAL)
        for number, node in enumerate(styles if styles is not None else ())
    }
