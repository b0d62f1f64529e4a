"""`serdab labels remove`: a set of labels goes, after a question."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from serdab.cli.labels import Json, contents_of
from serdab.cli.printing import print_json, say
from serdab.cli.reviewing import asked
from serdab.cli.session import run_loop, session_of

if TYPE_CHECKING:
    from serdab.core import Settings
    from serdab.knowledge import LabelSet


def remove(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="SET", help="The set of labels.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    json: Json = False,
) -> None:
    """Remove a set and all that hangs on it. Documents keep their labels."""
    from serdab.core import BadInput, expected

    if not (yes or sys.stdin.isatty()):
        raise BadInput(expected("the standard input of remove", "a terminal", "none", "without one say --yes"))
    gone = run_loop(_remove(session_of(ctx).settings, name, yes))
    if gone is None:
        say(f"{name} stays as it is")
        raise typer.Exit(1)
    if json:
        print_json(gone)
    else:
        say(f"{name} is removed, with {contents_of(gone)}")


async def _remove(settings: Settings, name: str, yes: bool) -> LabelSet | None:
    """What was removed; None: the person does not want it."""
    from serdab.knowledge import list_label_sets, remove_label_set
    from serdab.store import shared_database

    async with shared_database(settings, "labels") as database:
        held = {each.name: each for each in await list_label_sets(database)}.get(name)
        if held and not yes and await asked(f"remove {name} with {contents_of(held)}? y/n ") != "y":
            return None
        return await remove_label_set(database, name)
