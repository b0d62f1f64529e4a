"""`serdab evaluate`: how well the house knows its documents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serdab.cli.printing import print_json, print_table, say, span
from serdab.cli.session import run_loop, session_of

if TYPE_CHECKING:
    from serdab.core import Settings
    from serdab.knowledge import Evaluation

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


def register(application: typer.Typer) -> None:
    """Add these commands."""
    application.command()(evaluate)


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
    if not file.exists():
        raise BadInput(expected("FILE", "a file or folder that exists", str(file)))
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
    if found.coverage_at_95 is not None:
        chance = f"{found.calibration_error_by_chance:.4f} by chance alone"
        rows.append(("calibration error", f"{found.calibration_error:.4f} ({chance})"))
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
    for refusal in found.refusals:
        say(f"refused {refusal.source}: {refusal.reason}")
