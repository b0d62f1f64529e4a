"""`serdab labels review`: the most uncertain documents first, each answer kept at once."""

from __future__ import annotations

import asyncio
import csv
import getpass
import io
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serdab.cli.interruption import stopped
from serdab.cli.labels import DEFAULT, Json, Name, contents_of, with_engine
from serdab.cli.printing import STDOUT, opened, print_json, say
from serdab.cli.session import path_of, run_loop, session_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serdab.engines import Embedder
    from serdab.knowledge import Answer, Doubtful, Link

#: Answers that are no labels.
SKIP, QUIT = "s", "q"
#: Bytes of a line that is typed; terminals have no longer ones.
MOST_TYPED = 4096
#: Columns of a spreadsheet; people fill in the last.
COLUMNS = ("document_id", "source", "text", "guess", "confidence", "label")


def review(  # noqa: PLR0913 - the options of a command
    ctx: typer.Context,
    name: Name = DEFAULT,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=10_000, help="At most so many documents.")] = 20,
    by: Annotated[str | None, typer.Option(help="Who answers; your account by default.")] = None,
    export: Annotated[
        Path | None,
        typer.Option(help="Write them to this CSV file instead, to be filled in; - is stdout.", parser=path_of),
    ] = None,
    from_file: Annotated[
        Path | None, typer.Option("--import", help="Take the answers of a filled-in CSV file.", parser=path_of)
    ] = None,
    json: Json = False,
) -> None:
    """Look at the documents whose labels are least certain. Each answer is kept at once."""
    from serdab.core import BadInput, expected

    settings, who = session_of(ctx).settings, by or getpass.getuser()
    if from_file is not None:
        answers = read_answers(from_file, who)
        run_loop(with_engine(settings, lambda link, embedder: _take(link, embedder, name, answers)))
        return
    if not (json or export or sys.stdin.isatty()):
        todo = "without one say --export FILE, fill it in, and then --import FILE; or --json"
        raise BadInput(expected("the standard input of review", "a terminal", "none", todo))

    async def ask(link: Link, embedder: Embedder) -> None:
        from serdab.knowledge import find_doubtful

        found = await find_doubtful(link, name, count)
        if json:
            print_json(found)
        elif export is not None:
            write_sheet(export, found)
            where, file = ("", "FILE") if export == STDOUT else (f" in {export}", shlex.quote(str(export)))
            say(f"{len(found):,} documents{where}; fill in the column label, then say:")
            say(f"serdab labels review {shlex.quote(name)} --import {file}")
        else:
            await _interview(link, embedder, name, found, who)

    run_loop(with_engine(settings, ask))


def write_sheet(path: Path, found: Sequence[Doubtful]) -> None:
    """Documents as rows of a CSV file; a text that a spreadsheet would compute is marked as text."""
    from serdab.knowledge import safe_cell

    with io.StringIO(newline="") as file, opened(path, "--export") as out:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for each in found:
            cells = (each.document_id, each.source, each.shown, each.guess, each.confidence, "")
            writer.writerow(map(safe_cell, cells))
        out.write(file.getvalue().encode("utf-8-sig"))


def read_answers(path: Path, who: str) -> list[Answer]:
    """The rows of a sheet that have a label.

    Raises:
        BadLabels: the file cannot be read, or is no such sheet.
    """
    from serdab.core import expected
    from serdab.knowledge import BadLabels, read_sheet

    try:
        rows = [row for row in read_sheet(path, ("document_id", "label")) if (row["label"] or "").strip()]
    except OSError as error:
        todo = "--export writes one"
        raise BadLabels(expected("the sheet", "a file that can be read", f"{path}: {error.strerror}", todo)) from error
    except csv.Error as error:
        raise BadLabels(expected(f"the sheet {path.name}", "a CSV file", str(error))) from error
    return [_answer_of(row, who, path) for row in rows]


def chosen_label(said: str, each: Doubtful, known: Sequence[str]) -> str | None:
    """What an answer means: empty accepts, a number picks an offered label, a beginning picks a known one.

    None: it means nothing known; the whole answer may be a new label.
    """
    if not said:
        return each.guess
    if said.isdecimal() and 1 <= int(said) <= len(each.offered):
        return each.offered[int(said) - 1]
    if said in known:
        return said
    begun = [label for label in known if label.startswith(said)]
    return begun[0] if len(begun) == 1 else None


def _answer_of(row: dict[str, Any], who: str, path: Path) -> Answer:
    from uuid import UUID

    from serdab.core import expected
    from serdab.knowledge import Answer, BadLabels, plain_cell

    try:
        document_id = UUID(row["document_id"].strip())
    except ValueError as error:
        raise BadLabels(expected(f"document_id in {path.name}", "an id of a document", row["document_id"])) from error
    label, guess = plain_cell(row["label"].strip()), plain_cell(row.get("guess") or "")
    return Answer(document_id=document_id, label=label, told_by=who, guess=guess or None)


async def _take(link: Link, embedder: Embedder, name: str, answers: Sequence[Answer]) -> None:
    from serdab.knowledge import take_answers, train_labels

    told = await take_answers(link, embedder, name, answers)
    report = await train_labels(link, embedder, name)
    say(f"{told:,} answers taken; {report.label_set} has {contents_of(report)}")


async def _interview(link: Link, embedder: Embedder, name: str, found: Sequence[Doubtful], who: str) -> None:
    """Ask about one document after the other; each answer is kept at once, and all are learned from at the end."""
    from serdab.knowledge import Answer, show_labels_of, take_answers, train_labels

    if not found:
        say("nothing to look at: no documents that nobody answered for; put some through: serdab run triage PATH")
    known = [each.label for each in await show_labels_of(link, name)]
    told = 0
    with stopped(lambda: f"{told:,} answers are kept; `serdab labels train {shlex.quote(name)}` learns from them"):
        for place, each in enumerate(found, 1):
            say(f"\n[{place}/{len(found)}] {each.title or each.source}\n{each.shown}")
            said = await _asked_label(each, known)
            if said == QUIT:
                break
            answer = Answer(
                document_id=each.document_id,
                label=None if said == SKIP else said,
                told_by=who,
                guess=each.guess,
                confidence=each.confidence,
            )
            told += await take_answers(link, embedder, name, [answer])
        if told:
            report = await train_labels(link, embedder, name)
            say(f"{told:,} answers taken; {report.label_set} has {contents_of(report)} now")


async def _asked_label(each: Doubtful, known: list[str]) -> str:
    """A label, `s` or `q`; asked again until the answer is one of them. A new label is known from then on."""
    offers = "  ".join(f"{number} {label}" for number, label in enumerate(each.offered, 1))
    while True:
        say(f"{offers}   (Enter: {each.guess}, {each.confidence:.2f}; a label; s skips, q ends)")
        said = await asked("> ")
        if said in (None, QUIT):
            return QUIT
        label = SKIP if said == SKIP else chosen_label(said or "", each, known)
        if label is None and await asked(f"a new label {said}? y/n ") == "y":
            label = said or ""
            known.append(label)
        if label is not None:
            return label


async def asked(prompt: str) -> str | None:
    """A line from the terminal; None when it is closed. No thread waits for it, so Ctrl-C need not either."""
    say(prompt, end="")
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    line = os.read(sys.stdin.fileno(), MOST_TYPED)
    return line.decode("utf-8", "replace").strip() if line else None
