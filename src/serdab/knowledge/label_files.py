"""Files of labelled texts: JSON lines or CSV, each row checked, each refused row named."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from serdab.core import expected
from serdab.knowledge.errors import BadLabels
from serdab.knowledge.reading import Refusal, RefusedDocument, Source, decode, shown_path

#: Endings of files of labels that are sheets, in small letters; all others are JSON lines.
SHEETS = (".csv", ".tsv")
#: Longest text and longest label that is taken, characters.
MOST_TEXT = 200_000
MOST_LABEL = 200
#: The split that is learned from, where rows name one.
TRAIN = "train"
#: Keys of `labels` that name the kind when the caller names none, the best first.
USUAL_KEYS = ("category", "label", "topic", "type")
_MOST_LINE = 16_777_216


class LabelledText(msgspec.Struct, frozen=True, kw_only=True):
    """One good row."""

    row: int
    text: str
    label: str
    #: What tells two texts apart: 16 bytes.
    digest: bytes


class RefusedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was not taken."""

    #: As an editor counts: the first line is 1.
    row: int
    reason: str


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A row of another split, left out on purpose."""

    row: int


def read_labels(path: Path, key: str | None = None) -> Iterator[LabelledText | RefusedRow | LeftOut]:
    """The rows of a file, one after the other.

    JSON lines hold `{"text", "label"}`, or `{"text", "labels": {key: label}, "split"}`, where only the split `train`
    is taken; CSV has the columns `text` and `label`.

    Args:
        path: a sheet by its ending, or else JSON lines.
        key: which of `labels` (or which column) is the kind; the first of `USUAL_KEYS` that a row has by default.

    Raises:
        BadLabels: the file cannot be read, or its columns are others.
    """
    with _readable(path):
        if path.suffix.lower() in SHEETS:
            yield from _read_csv(path, key)
        else:
            yield from _read_lines(path, key)


def find_rows(path: Path, key: str | None = None) -> Iterator[Source | Refusal]:
    """The rows of a sheet as documents, whatever their split and also without a label.

    Args:
        path: a file with the columns `text` and `label`; `lang` and `split` are heard too.
        key: which column is the kind, instead of `label`.

    Raises:
        BadLabels: the file cannot be read, or its columns are others.
    """
    place, kind = shown_path(path), key or "label"
    with _readable(path):
        reader = read_sheet(path, ("text", kind))
        for record in _records(reader):
            if isinstance(record, RefusedRow):
                yield Refusal(name=f"{place}#{record.row}", code="document_malformed", reason=record.reason)
                continue
            cells = {name: record.get(name) or "" for name in ("text", "lang", "split", kind)}
            name, labels = f"{place}#{reader.line_num}", {kind: cells[kind]}
            yield Source(name=name, text=cells["text"], lang=cells["lang"], labels=labels, split=cells["split"])


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        todo = "name a CSV or JSON lines file with a text and its label in each row"
        got = f"{path}: {error.strerror}"
        raise BadLabels(expected("the file of labels", "a file that can be read", got, todo)) from error


def read_sheet(path: Path, needed: Sequence[str]) -> csv.DictReader[str]:
    """The rows of a CSV file by the names of its columns, as spreadsheets of any country save it.

    These part cells by commas, semicolons or tabs, and some save no UTF-8.

    Raises:
        OSError: the file cannot be read.
        BadLabels: a needed column is missing, or it is no text.
    """
    try:
        text = decode(path.read_bytes())
    except RefusedDocument as error:
        raise BadLabels(expected(path.name, "a CSV file", "no text", "save it as CSV")) from error
    head = text.partition("\n")[0].rstrip("\r")
    csv.field_size_limit(_MOST_LINE)  # The module's own is less than the longest text, and ends the file.
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count))
    if not set(needed) <= set(reader.fieldnames or ()):
        todo = f"begin the file with a line that names them, such as {','.join(needed)}"
        raise BadLabels(expected(f"the first line of {path.name}", f"the columns {' and '.join(needed)}", head, todo))
    return reader


def plain_text(text: str) -> str:
    """A text as it is stored and learned from: spaces at most single, no NUL."""
    return " ".join(text.replace("\0", " ").split())


def digest_of(text: str) -> bytes:
    """Sixteen bytes that tell texts apart, spacing aside."""
    return hashlib.sha256(plain_text(text).encode("utf-8", "surrogatepass")).digest()[:16]


def _read_lines(path: Path, key: str | None) -> Iterator[LabelledText | RefusedRow | LeftOut]:
    with path.open("rb") as file:
        row = 0
        while line := file.readline(_MOST_LINE):
            row += 1
            if row == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if len(line) == _MOST_LINE:
                raise BadLabels(expected(f"line {row}", f"shorter than {_MOST_LINE:,} bytes", "a longer one"))
            if not line.strip():
                continue
            try:
                value = msgspec.json.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                yield RefusedRow(row=row, reason=f"expected the line to be JSON, got {error}")
                continue
            if isinstance(value, dict):
                yield _check(row, value, key)
            else:
                yield RefusedRow(row=row, reason=expected("the line", "a JSON object", value))


def _read_csv(path: Path, key: str | None) -> Iterator[LabelledText | RefusedRow | LeftOut]:
    wanted = key or "label"
    reader = read_sheet(path, ("text", wanted))
    for record in _records(reader):
        if isinstance(record, RefusedRow):
            yield record
            return
        yield _check(reader.line_num, {**record, "label": record[wanted]}, None)


def _records(reader: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any] | RefusedRow]:
    try:
        yield from reader
    except csv.Error as error:
        line = getattr(reader, "line_num", 0)
        yield RefusedRow(row=line, reason=f"expected the rest of the file to be CSV, got {error}")


def _check(row: int, value: Mapping[str, Any], key: str | None) -> LabelledText | RefusedRow | LeftOut:
    split = value.get("split")
    if split not in (None, "", TRAIN):
        return LeftOut(row=row)
    text, label = value.get("text"), _label(value, key)
    if not isinstance(text, str):
        return RefusedRow(row=row, reason=expected("text", "a text", text))
    if isinstance(label, int | float) and not isinstance(label, bool):
        label = str(label)
    if not isinstance(label, str) or not label.strip():
        return RefusedRow(row=row, reason=expected(f"the label {key or ''}".strip(), "a text", label))
    plain, label = plain_text(text), plain_text(label)
    if not plain or len(plain) > MOST_TEXT:
        return RefusedRow(row=row, reason=expected("text", f"1 to {MOST_TEXT:,} characters", len(plain)))
    if len(label) > MOST_LABEL:
        return RefusedRow(row=row, reason=expected("the label", f"at most {MOST_LABEL} characters", label))
    if not _is_unicode(plain + label):
        return RefusedRow(row=row, reason="expected text and label to be Unicode, got half of a surrogate pair")
    return LabelledText(row=row, text=plain, label=label, digest=digest_of(plain))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _label(value: Mapping[str, Any], key: str | None) -> Any:
    labels = value.get("labels")
    if isinstance(labels, Mapping):
        for each in (key,) if key else USUAL_KEYS:
            if each in labels:
                return labels[each]
        return None
    return value.get(key or "label")
