"""Reads the log files of a home, all of them as one stream in the order of time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from serdab.core import BadInput, expected

#: Seconds between looks for new lines.
LOOK_EVERY_S = 0.25
#: Bytes of the end of a file that are looked at for its last lines.
TAIL_BYTES = 1 << 20
_USUAL = {"time", "level", "process", "pid", "action", "message", "traceback"}


class Record(NamedTuple):
    """One line of a log."""

    time: str
    line: str
    fields: dict[str, Any]


def last_records(folder: Path, name: str | None, count: int) -> tuple[dict[Path, int], list[Record]]:
    """The newest records, oldest first, and how far each file has been read.

    Raises:
        BadInput: there is no log of that name.
    """
    places: dict[Path, int] = {}
    records: list[Record] = []
    for path in _files(folder, name):
        with suppress(FileNotFoundError), path.open("rb") as file:  # It may be turned over at this moment.
            start = max(os.fstat(file.fileno()).st_size - TAIL_BYTES, 0)
            file.seek(start)
            data = file.read(TAIL_BYTES)
            places[path] = start + len(data)
            records += list(_records(data, path))[-count:] if count else []
    if name is not None and not places:
        names = ", ".join(path.stem for path in _files(folder, None)) or "none yet"
        raise BadInput(expected("the name of a log", f"one of those in {folder}", name, f"there are: {names}"))
    return places, sorted(records, key=_when)[-count:] if count else []


def follow_records(folder: Path, name: str | None, places: dict[Path, int]) -> Iterator[Record]:
    """What is appended from now on, for ever."""
    while True:
        fresh: list[Record] = []
        for path in _files(folder, name):
            with suppress(FileNotFoundError), path.open("rb") as file:
                start = places.get(path, 0)
                start = 0 if os.fstat(file.fileno()).st_size < start else start  # turned over
                file.seek(start)
                data = file.read()
                whole = data[: data.rfind(b"\n") + 1]
                places[path] = start + len(whole)
                fresh += _records(whole, path)
        yield from sorted(fresh, key=_when)
        time.sleep(LOOK_EVERY_S)


def shown(record: Record) -> str:
    """A record for people."""
    fields = record.fields
    level = fields.get("level", "info")
    facts = "".join(f"  {key}={value}" for key, value in fields.items() if key not in _USUAL)
    mark = "" if level in ("info", "debug") else f"{level}: "
    clock = record.time.partition("T")[2].rstrip("Z") or record.time
    line = f"{clock}  {fields.get('process', ''):<12}  {mark}{fields.get('message', record.line)}{facts}"
    trace = fields.get("traceback")
    return f"{line}\n{trace}" if trace else line


def _when(record: Record) -> str:
    return record.time


def _files(folder: Path, name: str | None) -> list[Path]:
    return sorted(path for path in folder.glob("*.log") if name is None or path.stem == name)


def _records(data: bytes, path: Path) -> Iterator[Record]:
    previous = ""
    for raw in data.decode("utf-8", "replace").splitlines():
        try:
            fields = msgspec.json.decode(raw)
            previous = str(fields["time"])
        except (msgspec.DecodeError, KeyError, TypeError):
            fields = {"process": path.stem, "message": raw}  # an engine's own words
        yield Record(previous, raw, fields)
