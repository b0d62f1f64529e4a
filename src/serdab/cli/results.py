"""`serdab results` and `serdab report`: what became of documents, as a table, a file or a page."""

from __future__ import annotations

import datetime
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serdab.cli.printing import STDOUT, certainty, file_names, opened, print_json, print_table, say
from serdab.cli.session import path_of, run_loop, session_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serdab.core import BadInput, Settings
    from serdab.knowledge import BatchInfo, Kept, Selection
    from serdab.store import Database

#: Receipts that the table on a terminal shows.
MOST_SHOWN = 200
_AGO = re.compile(r"([0-9]{1,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

Batch = Annotated[
    str | None, typer.Option(help="Only the documents of this batch; `serdab results --batches` lists them.")
]
Since = Annotated[str | None, typer.Option(help="Only receipts since then: 2026-03-31, 2026-03-31T08:00, 2h, 7d.")]


def register(application: typer.Typer) -> None:
    """Add these commands."""
    for command in (results, report):
        application.command()(command)


def results(  # noqa: PLR0913 - each argument is an option of the command line
    ctx: typer.Context,
    batch: Batch = None,
    since: Since = None,
    label: Annotated[str | None, typer.Option(help="Only documents with this label.")] = None,
    doc_type: Annotated[str | None, typer.Option("--type", help="Only of this type, given or found.")] = None,
    form: Annotated[str, typer.Option("--format", "-f", help="table, csv, jsonl or parquet.")] = "table",
    to: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file to write; else, or with -, stdout.", parser=path_of)
    ] = None,
    batches: Annotated[bool, typer.Option("--batches", help="List the batches instead.")] = False,
) -> None:
    """Show or write what was found out about documents.

    \b
    serdab results --batch march --format csv -o march.csv
    serdab results --since 7d --type invoice --format jsonl

    The last receipt of each document counts. Receipts are kept beside the index: they stay when the history of the
    runs is dropped.
    """
    from serdab.core import BadInput, expected

    settings = session_of(ctx).settings
    if batches:
        rows = [
            (each.batch, f"{each.documents:,}", f"{each.last_at.astimezone():%Y-%m-%d %H:%M}")
            for each in run_loop(_batches(settings))
        ]
        print_table(("batch", ">documents", "last receipt"), rows)
        return
    selection = selection_of(batch, since, label, doc_type)
    file = None if to == STDOUT else to
    if form == "table":
        if file is not None:
            raise BadInput(expected("--format", "csv, jsonl or parquet with --output", form))
        _show(run_loop(_first(settings, selection)))
        return
    if form == "parquet" and (to is None or (file is None and sys.stdout.isatty())):
        got = "none" if to is None else "- at a terminal"
        raise BadInput(expected("--output", "given with --format parquet", got, "say -o FILE"))
    count = run_loop(_write(settings, selection, form, file))
    if file is not None:
        say(f"{count:,} receipts in {file}")


def report(
    ctx: typer.Context,
    to: Annotated[Path, typer.Option("-o", "--output", help="The HTML file to write; - is stdout.", parser=path_of)],
    batch: Batch = None,
    since: Since = None,
    json: Annotated[bool, typer.Option("--json", help="The same in JSON, on stdout, beside the file.")] = False,
) -> None:
    """Write a page about a batch for people.

    It tells counts, failures, time, confidence, and what needs a look, with its place. The page is one file that
    loads nothing. Failures and times are told as long as the history is kept.
    """
    from serdab.core import BadInput, expected
    from serdab.flow import Serdab
    from serdab.knowledge import Report, sum_up, write_report

    settings = session_of(ctx).settings
    if json and to == STDOUT:
        raise BadInput(expected("--output", "a file with --json, which takes stdout", str(to), "say -o FILE"))
    selection = selection_of(batch, since)

    async def ask() -> Report:
        async with Serdab.connect(settings) as serdab:
            return await sum_up(serdab, selection, f"Report: {batch or 'all documents'}")

    found = run_loop(ask())
    if batch is not None and not (found.recorded or found.failed or since):
        raise _unknown_batch(batch)
    with opened(to, "--output") as out:
        out.write(write_report(found).encode())
    if json:
        print_json(found)
    where = "" if to == STDOUT else f": {to}"
    say(f"{found.recorded:,} recorded, {len(found.failed):,} failed, {found.needing:,} need a look{where}")


def selection_of(
    batch: str | None, since: str | None, label: str | None = None, doc_type: str | None = None
) -> Selection:
    """What the options mean.

    Raises:
        BadInput: the time is none.
    """
    from serdab.knowledge import Selection

    return Selection(batch=batch, since=None if since is None else time_of(since), label=label, doc_type=doc_type)


def time_of(text: str) -> datetime.datetime:
    """A point in time: a day or a time (of this machine's zone, when it names none), or so long ago.

    Raises:
        BadInput: it is neither.
    """
    from serdab.core import BadInput, expected, steady_now

    ago = _AGO.fullmatch(text)
    if ago is not None:
        now = datetime.datetime.fromtimestamp(steady_now(), datetime.UTC)
        return now - datetime.timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        return datetime.datetime.fromisoformat(text).astimezone()
    except ValueError as error:
        raise BadInput(expected("--since", "like 2026-03-31, 2026-03-31T08:00, 2h or 7d", text)) from error


async def _batches(settings: Settings) -> Sequence[BatchInfo]:
    from serdab.knowledge import list_batches
    from serdab.store import shared_database

    async with shared_database(settings, "results") as database:
        return await list_batches(database)


async def _first(settings: Settings, selection: Selection) -> list[Kept]:
    from serdab.knowledge import kept_receipts
    from serdab.store import shared_database

    found: list[Kept] = []
    async with shared_database(settings, "results") as database:
        await _check_batch(database, selection)
        async for kept in kept_receipts(database, selection):
            found.append(kept)
            if len(found) > MOST_SHOWN:
                break
    return found


async def _write(settings: Settings, selection: Selection, form: str, to: Path | None) -> int:
    from serdab.knowledge import write_results
    from serdab.store import shared_database

    async with shared_database(settings, "results") as database:
        await _check_batch(database, selection)
        with opened(to or STDOUT, "--output") as out:
            return await write_results(database, selection, form, out)


async def _check_batch(database: Database, selection: Selection) -> None:
    from serdab.knowledge import Selection, kept_receipts

    if selection.batch is not None:
        async for _ in kept_receipts(database, Selection(batch=selection.batch)):
            return
        raise _unknown_batch(selection.batch)


def _unknown_batch(batch: str) -> BadInput:
    from serdab.core import BadInput, expected

    return BadInput(expected("--batch", "one that has documents", batch, "`serdab results --batches` lists them"))


def _show(found: Sequence[Kept]) -> None:
    rows = []
    names = file_names(kept.receipt.source for kept in found[:MOST_SHOWN])
    for kept in found[:MOST_SHOWN]:
        receipt = kept.receipt
        values = ", ".join(f"{name} {value}" for name, value in receipt.summary.items() if value)
        sure = certainty(receipt.confidence, receipt.abstained) if receipt.label else ""
        rows.append((names[receipt.source], receipt.label or "", sure, receipt.lang, values))
    if not found:
        say("no receipts; put documents through: serdab run triage PATH; or ask for more of them")
        return
    print_table(("document~", "kind", ">sure", "lang", "values~"), rows)
    if len(found) > MOST_SHOWN:
        say(f"these are the first {MOST_SHOWN}; --format csv -o FILE writes all")
