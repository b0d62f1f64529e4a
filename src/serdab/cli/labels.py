"""`serdab labels …`: teach kinds of documents, look at the doubtful ones, see how well it goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serdab.cli.printing import print_json, print_table, say
from serdab.cli.session import run_loop, session_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serdab.core import Settings
    from serdab.knowledge import ImportReport, LabelSet

labels = typer.Typer(help="Teach kinds of documents by labelled examples.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


@labels.command("import")
def import_file(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="JSON lines or CSV with texts and their labels.")],
    into: Annotated[str | None, typer.Option(help="The set of labels; `default` by default.")] = None,
    key: Annotated[str | None, typer.Option(help="Which label of a row is the kind; found by itself mostly.")] = None,
    json: Json = False,
) -> None:
    """Add labelled examples and learn from the whole set. A second import of the same file changes nothing."""
    report = run_loop(import_with_bar(session_of(ctx).settings, file, into, key))
    if json:
        print_json(report)
        return
    say(
        f"{report.added:,} examples added to {report.label_set}, {report.known:,} known before, "
        f"{report.left_out:,} left out (not train), {report.refused:,} refused"
    )
    for refusal in report.refusals:
        say(f"  row {refusal.row}: {refusal.reason}")
    accuracy = "" if report.held_out_accuracy is None else f"; held-out accuracy {report.held_out_accuracy:.3f}"
    say(f"{report.examples:,} examples of {report.labels:,} labels in all{accuracy}")


async def import_with_bar(settings: Settings, file: Path, into: str | None, key: str | None) -> ImportReport:
    """Import labels with a count of the rows; the engine of the home is used, or one started for this."""
    from serdab.app import some_engine
    from serdab.cli.printing import console
    from serdab.knowledge import DEFAULT_SET, import_labels
    from serdab.store import shared_database

    with console(stderr=True).status(f"learning from {file.name}") as shown:
        async with shared_database(settings, "labels") as database, some_engine(settings) as embedder:
            return await import_labels(
                database,
                embedder,
                file,
                label_set=into or DEFAULT_SET,
                key=key,
                on_progress=lambda rows: shown.update(f"learning from {file.name}: {rows:,} rows"),
            )


@labels.command("list")
def list_sets(ctx: typer.Context, json: Json = False) -> None:
    """List the sets of labels."""

    async def ask() -> Sequence[LabelSet]:
        from serdab.knowledge import list_label_sets
        from serdab.store import shared_database

        async with shared_database(session_of(ctx).settings, "labels") as database:
            return await list_label_sets(database)

    found = run_loop(ask())
    if json:
        print_json(found)
    else:
        print_table(("set", ">examples", ">labels"), [(each.name, each.examples, each.labels) for each in found])
