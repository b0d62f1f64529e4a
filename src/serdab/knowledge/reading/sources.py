"""Which documents there are: files, folders, zip archives, lines of JSON; one that cannot be had stops no other."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

import msgspec

from serdab.core import expected
from serdab.knowledge.reading.archives import WITHIN, find_members
from serdab.knowledge.reading.paths import shown_path
from serdab.knowledge.reading.refusals import EmptyDocument, RefusedDocument

ARCHIVES = (".zip",)
LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A document to read: a file, or a text that stands in a line of JSON."""

    #: For people: the path, with the line's id or number behind a `#`.
    name: str
    path: Path | None = None
    #: The document in the archive at `path`; empty: the file itself.
    member: str = ""
    text: str | None = None
    lang: str = ""
    doc_type: str = ""
    labels: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    split: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A document that cannot be had, and why."""

    name: str
    code: str
    reason: str


class _Line(msgspec.Struct):
    text: str
    id: str | int | None = None
    lang: str | None = None
    doc_type: str | None = None
    #: What a row says that has one label only, as files of labels may.
    label: str | int | float | None = None
    labels: dict[str, Any] = msgspec.field(default_factory=dict)
    fields: dict[str, Any] = msgspec.field(default_factory=dict)
    split: str = ""


_LINE = msgspec.json.Decoder(_Line)


def find_sources(paths: Sequence[Path], most_bytes: int) -> Iterator[Source | Refusal]:
    """Every document below some paths, folders in order of names, hidden files left out.

    Args:
        paths: files or folders.
        most_bytes: larger files are refused; files of JSON lines are read line by line and may be larger.
    """
    # A document is known by its place, which is not to depend on where somebody stands.
    for path in map(Path, map(os.path.abspath, paths)):
        if path.is_dir():
            yield from _folder(path, most_bytes)
        else:
            yield from _file(path, most_bytes)


def _folder(folder: Path, most_bytes: int) -> Iterator[Source | Refusal]:
    problems: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=problems.append, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in files if not name.startswith(".")):
            yield from _file(Path(place) / name, most_bytes)
    for problem in problems:
        reason = expected("the folder", "one that may be listed", problem.strerror, "change its permissions")
        yield Refusal(name=shown_path(Path(problem.filename)), code="document_unreachable", reason=reason)


def _file(path: Path, most_bytes: int) -> Iterator[Source | Refusal]:
    try:
        size = path.stat().st_size
        if not os.access(path, os.R_OK):
            raise PermissionError(13, "no permission to read it")
        if not path.is_file():
            raise OSError(22, "neither a file nor a folder")
    except OSError as error:
        yield _unreachable(path, error)
        return
    if refusal := too_large(path, size, most_bytes):
        yield refusal
    elif path.suffix.lower() in LINES:
        yield from _lines(path, most_bytes)
    elif path.suffix.lower() in ARCHIVES:
        yield from _archive(path, most_bytes)
    else:
        yield Source(name=shown_path(path), path=path)


def too_large(path: Path, size: int, most_bytes: int) -> Refusal | None:
    """The refusal of a file for its size; None: it may be read. JSON is read line by line, of files of any size."""
    if size <= most_bytes or path.suffix.lower() in LINES:
        return None
    reason = expected(shown_path(path), f"at most {most_bytes:,} bytes", f"{size:,}", "raise documents.most_bytes")
    return Refusal(name=shown_path(path), code="document_too_large", reason=reason)


def _archive(path: Path, most_bytes: int) -> Iterator[Source | Refusal]:
    """The documents of an archive, each a source: what is in them is read later, in a process of its own."""
    place = shown_path(path)
    try:
        for found in find_members(path.read_bytes(), most_bytes, PurePath(place).name):
            if isinstance(found, str):
                yield Source(name=f"{place}{WITHIN}{found}", path=path, member=found)
            else:
                yield _refused(f"{place}{WITHIN}{found[0]}", found[1])
    except RefusedDocument as refused:
        yield _refused(place, refused)
    except OSError as error:
        yield _unreachable(path, error)


def _unreachable(path: Path, error: OSError) -> Refusal:
    reason = expected(shown_path(path), "a file that can be read", error.strerror)
    return Refusal(name=shown_path(path), code="document_unreachable", reason=reason)


def _refused(name: str, error: RefusedDocument) -> Refusal:
    return Refusal(name=name, code=error.code, reason=str(error))


def _lines(path: Path, most_bytes: int) -> Iterator[Source | Refusal]:
    names: set[str] = set()
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(most_bytes + 1):
                number += 1
                if number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8)
                if line.strip():
                    found = _line(line, number, shown_path(path))
                    if found.name in names:  # Two documents, and not one and its newer version.
                        found = replace(found, name=f"{found.name} (line {number})")
                    names.add(found.name)
                    yield found
    except OSError as error:  # It went since somebody looked.
        yield _unreachable(path, error)
    else:
        if not names:
            what = expected(f"the document {shown_path(path)}", "lines of JSON", "none")
            yield _refused(shown_path(path), EmptyDocument(what))


def _line(line: bytes, number: int, place: str) -> Source | Refusal:
    try:
        row = _LINE.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        reason = expected(f"line {number}", "a JSON object with text", str(error))
        return Refusal(name=f"{place}#{number}", code="document_malformed", reason=reason)
    return Source(
        name=f"{place}#{number if row.id in (None, '') else row.id}",
        text=row.text,
        lang=row.lang or "",
        doc_type=row.doc_type or "",
        labels=row.labels or ({} if row.label is None else {"label": row.label}),
        fields=row.fields,
        split=row.split,
    )
