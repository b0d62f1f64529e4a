"""`serdab labels`, `evaluate`: what the house knows, and how well it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serdab.cli.printing import print_json, print_table, say, span
from serdab.cli.session import run_loop, session_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serdab.core import Settings
    from serdab.knowledge import Evaluation, ImportReport, LabelSet

labels = typer.Typer(help="Teach kinds of documents by labelled examples.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


def register(application: typer.Typer) -> None:
    """Add these commands."""
    application.command()(evaluate)


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


def evaluate(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(help="The workflow: `triage`.")],
    file: Annotated[Path, typer.Argument(help="JSON lines with texts and true labels, or a folder of documents.")],
    key: Annotated[str | None, typer.Option(help="Which label of a row is the kind.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many documents.")] = None,
    json: Json = False,
) -> None:
    """Measure how well and how fast documents go through."""
    from serdab.core import BadInput, expected

    if what != "triage":
        raise BadInput(expected("the workflow to evaluate", "triage", what))
    found = run_loop(_evaluate(session_of(ctx).settings, file, key, limit))
    if json:
        print_json(found)
    else:
        _show(found)


async def _evaluate(settings: Settings, file: Path, key: str | None, limit: int | None) -> Evaluation:
    from serdab.app import check_engine, embedder_of, some_tree
    from serdab.cli.following import progress_bar
    from serdab.flow import Serdab
    from serdab.knowledge import evaluate_triage

    check_engine(settings)
    async with some_tree(settings), Serdab.connect(settings) as serdab, embedder_of(settings) as embedder:
        with progress_bar(file.name) as bar:
            task = bar.add_task(file.name, total=None, rate="")
            return await evaluate_triage(
                serdab,
                embedder,
                file,
                key=key,
                limit=limit,
                on_progress=lambda done, total: bar.update(task, completed=done, total=total),
            )


def _show(found: Evaluation) -> None:
    rows: list[tuple[str, object]] = [
        ("documents", f"{found.documents:,}: {found.recorded:,} recorded, {found.refused:,} refused"),
        ("documents a minute", f"{found.documents_per_minute:,.0f} ({span(found.seconds)})"),
    ]
    if found.learned_rows:
        learned = f"{found.learned_rows:,} examples of {found.learned_labels:,} labels in {span(found.learn_seconds)}"
        rows.append(("learned from", learned))
    if found.accuracy is not None:
        interval = f"{found.accuracy_low:.3f} to {found.accuracy_high:.3f}"
        rows.append(("accuracy", f"{found.accuracy:.4f} ({interval}) of {found.compared:,}"))
        rows.append(("macro F1", f"{found.macro_f1:.4f}"))
    rows += [(f"accuracy, {lang or 'no language'}", f"{share:.4f}") for lang, share in found.accuracy_by_lang.items()]
    for name, figures in found.field_table.items():
        recall = f"recall {figures.recall:.3f} ({figures.recall_low:.3f} to {figures.recall_high:.3f})"
        shown = f"F1 {figures.f1:.3f}, precision {figures.precision:.3f}, {recall} of {figures.expected:,}"
        rows.append((f"field {name}", shown))
    if found.fields_f1 is not None:
        rows.append(("fields, F1 over all", f"{found.fields_f1:.4f}"))
    print_table(("measure", "value"), rows)
    for refusal in found.refusals:
        say(f"refused {refusal.source}: {refusal.reason}")
