"""`serdab evaluate`: how well the house knows its documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serdab.cli.printing import print_json, print_table, say, span
from serdab.cli.session import path_of, run_loop, session_of

if TYPE_CHECKING:
    from serdab.core import Settings
    from serdab.knowledge import Evaluation, SearchEvaluation

#: Questions that a search is asked.
_QUESTIONS = 200
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


def register(application: typer.Typer) -> None:
    """Add these commands."""
    application.command()(evaluate)


def evaluate(  # noqa: PLR0913 - each argument is an option of the command line
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(help="The workflow `triage`, or `search`.")],
    file: Annotated[
        Path | None,
        typer.Argument(help="JSON lines or CSV with texts and true labels, or documents; for triage.", parser=path_of),
    ] = None,
    key: Annotated[str | None, typer.Option(help="Which label of a row is the kind.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many documents, or questions to the search (200).")
    ] = None,
    across: Annotated[
        bool, typer.Option("--across", help="Ask every labelled row by what was learned from the others.")
    ] = False,
    json: Json = False,
) -> None:
    """Measure how well documents go through, or what a search finds.

    \b
    serdab evaluate triage documents.jsonl
    serdab evaluate triage my-labels.jsonl --across
    serdab evaluate search
    """
    from serdab.core import BadInput, expected

    settings = session_of(ctx).settings
    if what == "search":
        if file is not None or key is not None or across:
            given = str(file or ("--across" if across else "--key"))
            raise BadInput(expected("`serdab evaluate search`", "given alone: it asks what is here", given))
        measured = run_loop(_evaluate_search(settings, limit or _QUESTIONS))
        if json:
            print_json(measured)
        else:
            _show_search(measured)
        return
    if what != "triage":
        raise BadInput(expected("what to evaluate", "triage or search", what))
    if file is None or not file.exists():
        raise BadInput(expected("FILE", "a file or folder that exists", "none" if file is None else str(file)))
    found = run_loop(_evaluate(settings, file, key, limit, across))
    if json:
        print_json(found)
    else:
        _show(found)


async def _evaluate(settings: Settings, file: Path, key: str | None, limit: int | None, across: bool) -> Evaluation:
    from serdab.app import check_engine, embedder_of, some_tree
    from serdab.flow import Serdab
    from serdab.knowledge import evaluate_triage

    check_engine(settings)
    async with some_tree(settings), Serdab.connect(settings) as serdab, embedder_of(settings) as embedder:
        with _bar(file.name) as on_progress:
            return await evaluate_triage(
                serdab, embedder, file, key=key, limit=limit, across=across, on_progress=on_progress
            )


async def _evaluate_search(settings: Settings, questions: int) -> SearchEvaluation:
    from serdab.knowledge import evaluate_search
    from serdab.store import shared_database

    async with shared_database(settings, "evaluate") as database:
        with _bar("search") as on_progress:
            return await evaluate_search(database, questions, on_progress)


@contextmanager
def _bar(name: str) -> Iterator[Callable[[int, int], None]]:
    from serdab.cli.following import progress_bar

    with progress_bar(name) as bar:
        task = bar.add_task(name, total=None, rate="")
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _show_search(found: SearchEvaluation) -> None:
    interval = f"{found.recall_low:.3f} to {found.recall_high:.3f}"
    rows = [
        ("passages", f"{found.chunks:,}"),
        ("recall@10 to comparing all", f"{found.recall_at_10:.4f} ({interval}) of {found.questions:,} questions"),
        ("through the index, half / 95 %", f"{found.index_p50_ms:.1f} / {found.index_p95_ms:.1f} ms"),
        ("comparing all, half / 95 %", f"{found.exact_p50_ms:.1f} / {found.exact_p95_ms:.1f} ms"),
    ]
    print_table(("measure", "value"), rows)


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
    if found.coverage_at_95 is not None:
        chance = f"{found.calibration_error_by_chance:.4f} by chance alone"
        rows.append(("calibration error", f"{found.calibration_error:.4f} ({chance})"))
        rows.append(("in 15 bins", f"{found.calibration_error_in_bins:.4f}"))
        gap = f"confidence minus accuracy {found.confidence_gap:+.4f}"
        rows.append(("without chance, root mean square", f"{found.calibration_error_debiased:.4f} ({gap})"))
        rows.append(("coverage at 95 % precision", f"{found.coverage_at_95.share:.3f}"))
        rows.append(("needs a look", f"{found.abstained:.3f}"))
    rows += [(f"accuracy, {lang or 'no language'}", f"{share:.4f}") for lang, share in found.accuracy_by_lang.items()]
    for name, figures in found.field_table.items():
        recall = f"recall {figures.recall:.3f} ({figures.recall_low:.3f} to {figures.recall_high:.3f})"
        shown = f"F1 {figures.f1:.3f}, precision {figures.precision:.3f}, {recall} of {figures.expected:,}"
        rows.append((f"field {name}", shown))
    if found.fields_f1 is not None:
        rows.append(("fields, F1 over all", f"{found.fields_f1:.4f}"))
    if found.fields_never_read:
        rows.append(("fields that no schema reads", ", ".join(found.fields_never_read)))
    print_table(("measure", "value"), rows)
    if found.labelled and not found.learned_rows:
        todo = "say --across, or give each row a split, `train` or `test`"
        say(f"no accuracy of {found.labelled:,} labels: too few rows are of the split train to learn from; {todo}")
    for refusal in found.refusals:
        say(f"refused {refusal.source}: {refusal.reason}")
