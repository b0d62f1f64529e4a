"""Receipts as a table: CSV, JSON lines, Parquet."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from serdab.core import BadInput, atomic_file, expected
from serdab.engines import load_extra
from serdab.knowledge.outcomes.looking import looks_of
from serdab.knowledge.outcomes.receipts import Kept, Selection, kept_receipts, names_of_values
from serdab.store import Database

#: What can be written, beside a table for a terminal.
FORMATS = ("csv", "jsonl", "parquet")
#: Columns that every receipt has; the values that were extracted follow, each by its name.
COLUMNS = (
    "document_id", "noted_at", "batch", "source", "places", "title", "media_type", "lang", "doc_type", "read_as",
    "label", "confidence", "looks", "characters", "chunks", "similar_source", "similarity", "delivered_to", "run_id",
)  # fmt: skip
_NUMBERS = {"confidence": "float64", "similarity": "float64", "characters": "int64", "chunks": "int64"}
_ROWS_PER_GROUP = 5_000
#: Cells that a spreadsheet would take for a formula; a plain number is none.
_FORMULA = re.compile(r"[\s\x00-\x1f]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]|[\t\r\n]")
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9][0-9.,]{0,40}")


async def columns_of(database: Database, selection: Selection) -> list[str]:
    """The columns of a selection: those of every receipt, then the values that any of its documents has."""
    return [*COLUMNS, *(name for name in await names_of_values(database, selection) if name not in COLUMNS)]


def row_of(kept: Kept, columns: Sequence[str]) -> dict[str, Any]:
    """A receipt as a flat row; several values of one name are put together with `; `."""
    receipt = kept.receipt
    best = receipt.similar[0] if receipt.similar else None
    known = {
        "document_id": str(receipt.document_id),
        "noted_at": kept.noted_at,
        "looks": "; ".join(look.reason for look in looks_of(receipt)),
        "similar_source": None if best is None else best.source,
        "similarity": None if best is None else best.similarity,
        "run_id": str(kept.run_id),
        "places": "; ".join(kept.places),
    }
    row: dict[str, Any] = {}
    for name in columns:
        if name in known:
            row[name] = known[name]
        elif name in COLUMNS:
            row[name] = getattr(receipt, name)
        else:
            value = receipt.summary.get(name)
            row[name] = "; ".join(map(str, value)) if isinstance(value, list) else value
    return row


async def write_results(database: Database, selection: Selection, form: str, to: Path | BinaryIO) -> int:
    """Write the receipts of a selection; how many there were.

    Args:
        database: where they are.
        selection: which.
        form: one of `FORMATS`.
        to: a file, which is replaced as a whole at the end, or an open one.

    Raises:
        BadInput: there is no such form, or the file cannot be written.
        MissingExtra: the extra `parquet` is not installed.
    """
    if form not in FORMATS:
        raise BadInput(expected("the format", f"one of table, {', '.join(FORMATS)}", form))
    arrow = load_extra("pyarrow", "parquet") if form == "parquet" else None
    receipts = kept_receipts(database, selection)
    with atomic_file(to) if isinstance(to, Path) else nullcontext(to) as out:
        if form == "jsonl":
            return await _write_lines(receipts, out)
        columns = await columns_of(database, selection)
        if arrow is not None:
            return await _write_parquet(receipts, columns, out, arrow)
        return await _write_csv(receipts, columns, out)


def safe_cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    if isinstance(value, str) and _FORMULA.match(value) and not _PLAIN_NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def plain_cell(cell: str) -> str:
    """What `safe_cell` was given for a cell."""
    return cell[1:] if cell.startswith("'") and safe_cell(cell[1:]) == cell else cell


async def _write_lines(receipts: AsyncIterator[Kept], out: BinaryIO) -> int:
    count = 0
    async for kept in receipts:
        out.write(kept.body + b"\n")
        count += 1
    return count


async def _write_csv(receipts: AsyncIterator[Kept], columns: Sequence[str], out: BinaryIO) -> int:
    # Without the mark spreadsheets take UTF-8 for the code page of the country.
    out.write(codecs.BOM_UTF8)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([safe_cell(name) for name in columns])
    count = 0
    async for kept in receipts:
        row = row_of(kept, columns)
        cells = [value.isoformat() if name == "noted_at" else value for name, value in row.items()]
        writer.writerow([safe_cell(cell) for cell in cells])
        out.write(text.getvalue().encode("utf-8", "replace"))
        text.seek(0)
        text.truncate()
        count += 1
    if count == 0:
        out.write(text.getvalue().encode())
    return count


async def _write_parquet(receipts: AsyncIterator[Kept], columns: Sequence[str], out: BinaryIO, arrow: Any) -> int:
    types = {"noted_at": arrow.timestamp("us", tz="UTC")} | {
        name: getattr(arrow, kind)() for name, kind in _NUMBERS.items()
    }
    schema = arrow.schema([(name, types.get(name, arrow.string())) for name in columns])
    count = 0
    rows: list[dict[str, Any]] = []
    with load_extra("pyarrow.parquet", "parquet").ParquetWriter(out, schema) as writer:
        async for kept in receipts:
            rows.append(row_of(kept, columns))
            count += 1
            if len(rows) == _ROWS_PER_GROUP:
                writer.write_table(arrow.Table.from_pylist(rows, schema))
                rows = []
        if rows or not count:
            writer.write_table(arrow.Table.from_pylist(rows, schema))
    return count
