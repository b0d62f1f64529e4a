"""`serdab labels …`: teach kinds of documents, look at the doubtful ones, see how well it goes."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from serdab.cli.printing import print_json, print_table, say
from serdab.cli.session import path_of, run_loop, session_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from serdab.core import Settings
    from serdab.engines import Embedder
    from serdab.knowledge import (
        Choice,
        Drift,
        ImportReport,
        KnownLabel,
        LabelSet,
        LanguageScore,
        Link,
        Score,
        TrainReport,
    )

labels = typer.Typer(help="Teach kinds of documents by labelled examples.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Name = Annotated[str, typer.Argument(help="The set of labels.")]
#: As `serdab.knowledge` has it, which takes long to load.
DEFAULT = "default"
T = TypeVar("T")


@labels.command("import")
def import_file(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="JSON lines or CSV with texts and their labels.", parser=path_of)],
    into: Annotated[str | None, typer.Option(help="The set of labels; `default` by default.")] = None,
    key: Annotated[str | None, typer.Option(help="Which label of a row is the kind; found by itself mostly.")] = None,
    json: Json = False,
) -> None:
    """Add labelled examples and learn from the whole set.

    \b
    serdab labels import kinds.csv --into kinds

    A second import of the same file changes nothing. CSV has the columns text and label; JSON lines the same names.
    """
    report = run_loop(import_with_bar(session_of(ctx).settings, file, into, key))
    if json:
        print_json(report)
        return
    doubles = f"{report.doubles:,} repeated in the file, " if report.doubles else ""
    say(
        f"{report.added:,} examples added to {report.label_set}, {doubles}{report.known:,} known before, "
        f"{report.left_out:,} left out (not train), {report.refused:,} refused"
    )
    for refusal in report.refusals:
        say(f"  row {refusal.row}: {refusal.reason}")
    accuracy = "" if report.held_out_accuracy is None else f"; held-out accuracy {report.held_out_accuracy:.3f}"
    say(f"{contents_of(report)} in all{accuracy}")


def contents_of(report: ImportReport | TrainReport | LabelSet) -> str:
    """What a set holds, in words."""
    counts = ((report.examples, "example"), (report.descriptions, "description"), (report.labels, "label"))
    *held, labels = [f"{count:,} {noun}{'s' * (count != 1)}" for count, noun in counts if count] or ["no examples"]
    return f"{' and '.join(held)} of {labels}" if held else labels


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
        rows = [(each.name, each.labels, each.examples, each.descriptions) for each in found]
        print_table(("set", ">labels", ">examples", ">descriptions"), rows)


@labels.command()
def train(
    ctx: typer.Context,
    name: Name = DEFAULT,
    cost_wrong: Annotated[float | None, typer.Option(help="Cost of a wrong label that nobody looked at.")] = None,
    cost_look: Annotated[float | None, typer.Option(help="Cost of a look by a person, in the same unit.")] = None,
    json: Json = False,
) -> None:
    """Learn from a set. Chooses the confidence below which a person should look."""

    async def ask(link: Link, embedder: Embedder) -> TrainReport:
        from serdab.knowledge import train_labels

        return await train_labels(link, embedder, name, wrong=cost_wrong, look=cost_look)

    report = run_loop(with_engine(session_of(ctx).settings, ask))
    if json:
        print_json(report)
        return
    if report.embedded_again:
        say(f"{report.embedded_again:,} examples were embedded again: another model or precision had made them")
    if report.threshold is None:
        say(f"{report.label_set} has {contents_of(report)}: too few examples to learn from, the nearest text tells")
        say(f"answers to `serdab labels review {shlex.quote(report.label_set)}` become examples")
        return
    say(f"learned from {contents_of(report)} of {report.label_set}")
    say(
        f"needs a look below {report.threshold:.3f}: a wrong label costs {report.costs.wrong:g}, a look "
        f"{report.costs.look:g}"
    )
    show_choices(report.choices)


@labels.command()
def show(ctx: typer.Context, name: Name = DEFAULT, json: Json = False) -> None:
    """Show the labels of a set: how many examples, and what they mean."""

    async def ask() -> Sequence[KnownLabel]:
        from serdab.knowledge import show_labels
        from serdab.store import shared_database

        async with shared_database(session_of(ctx).settings, "labels") as database:
            return await show_labels(database, name)

    found = run_loop(ask())
    if json:
        print_json(found)
    else:
        rows = [(each.label, f"{each.examples:,}", each.description or "") for each in found]
        print_table(("label", ">examples", "meaning~"), rows)
        examples, described = sum(each.examples for each in found), sum(each.description is not None for each in found)
        say(f"{len(found):,} labels, {examples:,} examples, {described:,} descriptions")


@labels.command()
def describe(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The set of labels; made when it is new.")],
    label: Annotated[str | None, typer.Argument(help="The label.")] = None,
    text: Annotated[str | None, typer.Argument(help="What it means, in a sentence or two.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="YAML or JSON that maps labels to what they mean.", parser=path_of)
    ] = None,
) -> None:
    """Say what labels mean, in a sentence or two each.

    \b
    serdab labels describe kinds invoice "A bill that asks for money."
    serdab labels describe kinds --file kinds.yaml
    """
    from serdab.core import BadInput, expected

    if (file is None) == (label is None or text is None):
        got = "both" if file is not None else "neither"
        todo = f"""say: serdab labels describe {shlex.quote(name)} LABEL "What it means." """.rstrip()
        raise BadInput(expected("describe", "given LABEL and TEXT, or --file", got, todo))

    async def ask(link: Link, embedder: Embedder) -> tuple[int, TrainReport]:
        from serdab.knowledge import describe_labels, read_descriptions, train_labels

        said = {label or "": text or ""} if file is None else read_descriptions(file)
        await describe_labels(link, embedder, name, said)
        return len(said), await train_labels(link, embedder, name)

    count, report = run_loop(with_engine(session_of(ctx).settings, ask))
    say(f"{count:,} label{'s' * (count != 1)} of {name} described; it has {contents_of(report)} now")


@labels.command("evaluate")
def evaluate_set(ctx: typer.Context, name: Name = DEFAULT, json: Json = False) -> None:
    """Measure how well a set is told, by examples that were held out."""

    async def ask(link: Link, embedder: Embedder) -> Score:
        from serdab.knowledge import score_set

        return await score_set(link, embedder, name)

    found = run_loop(with_engine(session_of(ctx).settings, ask))
    if json:
        print_json(found)
    else:
        show_score(found)


@labels.command()
def drift(
    ctx: typer.Context,
    name: Name = DEFAULT,
    days: Annotated[int, typer.Option(min=1, help="Documents that came in so many last days.")] = 7,
    json: Json = False,
) -> None:
    """Compare the documents of late with the examples. Labels, confidence and meaning; 30 documents at least."""

    async def ask() -> Drift:
        from serdab.knowledge import labels_link, measure_drift
        from serdab.store import shared_database

        async with shared_database(session_of(ctx).settings, "labels") as database, labels_link(database) as link:
            return await measure_drift(link, name, days)

    found = run_loop(ask())
    if json:
        print_json(found)
        return
    by_chance = f"by chance below {found.meaning_distance_by_chance:.4f} (95 %), p {found.meaning_chance:.3f}"
    print_table(
        ("measure", ">value", "beside"),
        [
            ("labels, stability index", f"{found.labels_psi:.3f}", "0.1 some, 0.25 strong"),
            ("confidence, stability index", f"{found.confidence_psi:.3f}", "0.1 some, 0.25 strong"),
            ("meaning, mean discrepancy", f"{found.meaning_distance:.4f}", by_chance),
        ],
    )
    moved = sorted(found.shares, key=lambda each: -abs(each.documents - each.examples))[:20]
    rows = [(each.label, f"{each.examples:.3f}", f"{each.documents:.3f}") for each in moved]
    print_table(("label", ">share of examples", ">share of documents"), rows)
    say(f"drift: {found.verdict}; {found.why} ({found.documents:,} documents, {found.examples:,} examples)")


async def with_engine(settings: Settings, ask: Callable[[Link, Embedder], Awaitable[T]]) -> T:
    """Do something with labels that needs the engine; the one of the home, or one started for this."""
    from serdab.app import some_engine
    from serdab.knowledge import labels_link
    from serdab.store import shared_database

    async with (
        shared_database(settings, "labels") as database,
        some_engine(settings) as embedder,
        labels_link(database) as link,
    ):
        return await ask(link, embedder)


def show_choices(choices: Sequence[Choice]) -> None:
    """How texts of each script are told, and how right each way was."""
    rows = [
        (
            each.script,
            f"{each.rows:,}",
            f"{each.accuracy_by_embedding:.3f}",
            f"{each.accuracy_by_grams:.3f}",
            f"{each.accuracy:.3f}",
            each.chosen,
            each.calibration,
        )
        for each in choices
    ]
    columns = ("script", ">held out", ">by embedding", ">by n-grams", ">as chosen", "chosen", "calibrated by")
    print_table(columns, rows)


def show_languages(scores: Sequence[LanguageScore]) -> None:
    """How right the texts of each language are told, by each view alone and as chosen."""
    # Of a set that an older version learned only the last is known.
    views = [
        (heading, view)
        for heading, view in ((">by embedding", "accuracy_by_embedding"), (">by n-grams", "accuracy_by_grams"))
        if all(getattr(each, view) is not None for each in scores)
    ]
    rows = [
        (
            each.lang,
            f"{each.rows:,}",
            *(f"{getattr(each, view):.3f}" for _, view in views),
            f"{each.accuracy:.3f}",
            f"{each.low:.3f} to {each.high:.3f}",
            each.chosen,
        )
        for each in scores
    ]
    columns = ("language", ">held out", *(heading for heading, _ in views), ">as chosen", "95 %", "chosen")
    print_table(columns, rows)


def show_score(found: Score) -> None:
    """Tables of how well a set is told."""
    cover, error, chance = found.coverage_at_95, found.calibration_error, found.calibration_error_by_chance
    taken = "" if found.taken_right is None else f", {found.taken_right:.3f} of them right"
    print_table(
        ("measure", "value"),
        [
            ("accuracy", f"{found.accuracy:.4f} ({found.accuracy_low:.3f} to {found.accuracy_high:.3f})"),
            ("macro F1", f"{found.macro_f1:.4f} ({found.macro_f1_low:.3f} to {found.macro_f1_high:.3f})"),
            ("rows", f"{found.rows:,}, {found.method}: told by heads that had not learned from them"),
            ("calibration error", f"{error:.4f} (by chance alone {chance:.4f}), fitted on these rows"),
            ("in 15 bins", f"{found.calibration_error_in_bins:.4f}"),
            (
                "without chance, root mean square",
                f"{found.calibration_error_debiased:.4f} (confidence minus accuracy {found.confidence_gap:+.4f})",
            ),
            ("coverage at 95 % precision", f"{cover.share:.3f}"),
            (f"taken from {found.threshold:.3f} on", f"{found.taken:.3f}{taken}"),
            ("cost of a document", f"{found.cost:.3f} (looking at all: {found.cost_of_looking:g})"),
        ],
    )
    trades = [
        (
            f"{each.costs.wrong:g}",
            f"{each.threshold:.3f}",
            f"{each.looked_at:.3f}",
            "none" if each.taken_right is None else f"{each.taken_right:.3f}",
        )
        for each in found.trades
    ]
    print_table((">looks a wrong label costs", ">threshold", ">looked at", ">others right"), trades)
    show_choices(found.choices)
    show_languages(found.langs)
    rows = [
        (each.label, f"{each.rows:,}", f"{each.precision:.3f}", f"{each.recall:.3f}", f"{each.f1:.3f}")
        for each in found.labels
    ]
    print_table(("label", ">rows", ">precision", ">recall", ">F1"), rows)
    print_table(("label", "taken for", ">rows"), [(each.label, each.found, each.rows) for each in found.confusions])
    bins = [(f"{each.confidence:.3f}", f"{each.right:.3f}", each.rows) for each in found.bins]
    print_table((">confidence", ">right", ">rows"), bins)
