"""Tables and JSON: what a person sees, and what a script reads."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

if TYPE_CHECKING:
    from rich.console import Console


#: What stands for stdout where a file to write is named.
STDOUT = Path("-")
#: Characters of a line when nobody watches: wide enough to be cut by other programs.
WIDTH_UNWATCHED = 240
#: To which a column is cut at most, in characters, and what one of those has where others are left out for it.
LEAST_WIDTH, ENOUGH_WIDTH = 8, 16
#: Characters between two columns.
_GAP = 3
#: Signs by which a document could move the cursor, colour the terminal or turn a line around.
_ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
#: Between the name of a file that holds documents and that of one of them.
_WITHIN = re.compile(r"\.(?:zip|jsonl|ndjson)#", re.I)


def opened(to: Path, option: str) -> AbstractContextManager[BinaryIO]:
    """The file that an option names, which is there when all of it is written; for a dash stdout.

    Raises:
        BadInput: it cannot be made there.
    """
    from serdab.core import atomic_file

    return nullcontext(sys.stdout.buffer) if to == STDOUT else atomic_file(to, option)


@cache
def console(stderr: bool = False) -> Console:
    """Where people look: results go to stdout, progress and complaints to stderr."""
    from rich.console import Console

    watched = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, highlight=False, width=None if watched else WIDTH_UNWATCHED)


def print_json(value: object) -> None:
    """One JSON value on stdout."""
    print(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table.

    Args:
        columns: their names; `>name` is aligned to the right, `name~` is cut to what the terminal has room for, and
            `name?` is left out, the first of these first, where those that are cut would say nothing any more.
        rows: their cells.
    """
    from rich import box
    from rich.table import Table

    lines = [[_plain(cell) for cell in row] for row in rows]
    widths = {
        place: max([len(column.strip(">~?")), *(line[place].cell_len for line in lines)])
        for place, column in enumerate(columns)
    }
    _spare(columns, widths)
    cut = {place for place in widths if columns[place].endswith("~")}
    while cut and _width_of(widths) > console().width:
        widest = max(cut, key=lambda place: widths[place])
        if widths[widest] <= LEAST_WIDTH:
            break
        widths[widest] -= 1
    fits = bool(cut) and _width_of(widths) <= console().width
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, width in widths.items():
        table.add_column(
            columns[place].strip(">~?"),
            justify="right" if columns[place].startswith(">") else "left",
            overflow="ellipsis" if place in cut else "fold",
            no_wrap=fits or place in cut or columns[place].startswith(">"),
            width=width if fits or place in cut else None,
        )
    for line in lines:
        table.add_row(*(line[place] for place in widths))
    console().print(table)


def _spare(columns: Sequence[str], widths: dict[int, int]) -> None:
    """Take out columns that may be left out, until those that are cut have enough."""
    for place in [place for place, column in enumerate(columns) if column.endswith("?")]:
        enough = {
            each: min(widths[each], ENOUGH_WIDTH) if columns[each].endswith("~") else widths[each] for each in widths
        }
        if _width_of(enough) <= console().width:
            return
        del widths[place]


def _width_of(widths: Mapping[int, int]) -> int:
    return sum(widths.values()) + _GAP * len(widths)


def say(text: str, end: str = "\n") -> None:
    """A line for the person who waits; not part of the result."""
    console(stderr=True).print(shown(text), markup=False, end=end)


def shown(text: str) -> str:
    """A text whose signs do nothing to a terminal: those that would are written as Python writes them."""
    return _ACTING.sub(lambda sign: repr(sign[0])[1:-1], text)


def counted(number: int, noun: str) -> str:
    """A number with what it counts: `1 core`, `2 cores`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def file_name(source: str) -> str:
    """What a document is called among others: the last part of its place, after the archive that holds it."""
    return _with_folders(source, 0)


def file_names(sources: Iterable[str]) -> dict[str, str]:
    """What each of some documents is called, with the folders above it that tell it from others of the same name."""
    called: dict[str, set[str]] = {}
    for source in sources:
        called.setdefault(file_name(source), set()).add(source)
    return {source: name for alike in called.values() for source, name in _told_apart(alike).items()}


def _told_apart(sources: Set[str]) -> dict[str, str]:
    for folders in range(max(source.count("/") for source in sources) + 1):
        names = {source: _with_folders(source, folders) for source in sources}
        if len(set(names.values())) == len(sources):
            return names
    return {source: source for source in sources}


def _with_folders(source: str, folders: int) -> str:
    within = _WITHIN.search(source)
    end = within.start() if within else len(source)
    name = source[:end].split("/")[-1 - folders :]
    return ("/".join(name) + source[end:]).replace("\n", "\\n")


def span(seconds: float | None) -> str:
    """A length of time in two digits and a unit: `0.4 ms`, `3.2 s`, `5 min`, `2.1 h`, `4 d`."""
    if seconds is None:
        return ""
    for most, divisor, unit in ((1.0, 0.001, "ms"), (60.0, 1.0, "s"), (3600.0, 60.0, "min"), (86_400.0, 3600.0, "h")):
        if seconds < most:
            value = seconds / divisor
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{seconds / 86_400:.1f} d"


def certainty(confidence: float, needs_look: bool) -> str:
    """A confidence in two digits, with a question mark where a person should look."""
    return f"{confidence:.2f}{' ?' if needs_look else '  '}"


def _plain(value: object) -> Any:
    """Brackets in a value are no markup, and no sign in it acts."""
    from rich.text import Text

    return value if isinstance(value, Text) else Text(shown(str(value)))


#: The colour of each state of a run, on a terminal.
STATE_STYLES = {
    "ready": "cyan",
    "running": "blue",
    "parked": "magenta",
    "suspect": "yellow",
    "done": "green",
    "failed": "red",
    "cancelled": "yellow",
    "dead": "bold red",
}


def state_text(state: str) -> Any:
    """A state in its colour."""
    from rich.text import Text

    return Text(state, style=STATE_STYLES.get(state, ""))
