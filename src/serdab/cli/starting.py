"""`serdab run`: put documents through triage, or anything through a workflow of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from serdab.cli.printing import print_json, say
from serdab.cli.session import Session, path_of, run_loop, session_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serdab.core import Settings


def register(application: typer.Typer) -> None:
    """Add this command."""
    application.command()(run)


def run(  # noqa: PLR0913 - each argument is an option of the command line
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(help="`triage`, `module:workflow`, or the name of a workflow.")],
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH…", help="With triage: files or folders.", parser=path_of)
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", "-i", metavar="JSON", help="One argument as JSON; repeatable.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Idempotency key: the same key is the same run.")] = None,
    label_set: Annotated[str | None, typer.Option(help="With triage: the labels to classify by.")] = None,
    batch: Annotated[
        str | None, typer.Option(help="With triage: the name of this batch for results and reports.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Results as JSON.")] = False,
) -> None:
    """Start runs and wait for them.

    \b
    serdab run triage ~/inbox --batch march
    serdab run orders:order --input '["bolt", "washer"]'

    When nothing is up, a tree is brought up for as long as that takes. After Ctrl-C the same triage goes on. Exit
    code 1 when a run ends without a result.
    """
    from serdab.core import BadInput, expected

    session = session_of(ctx)
    if what == "triage":
        if not paths or inputs:
            raise BadInput(expected("`serdab run triage`", "given files or folders", inputs or "none"))
        from serdab.cli.triage import put_through

        if run_loop(put_through(session.settings, paths, label_set, batch, as_json=json)):
            raise typer.Exit(1)
    else:
        if paths:
            got = [str(path) for path in paths]
            raise BadInput(expected("the arguments of a workflow", "given by --input", got, "say --input JSON"))
        run_loop(_run_one(session, what, inputs or [], key))


async def _run_one(session: Session, what: str, inputs: Sequence[str], key: str | None) -> None:
    from serdab.app import check_known, find_workflow, some_tree
    from serdab.flow import RunFailed, Serdab

    settings = session.settings
    module = what.partition(":")[0]
    workflow: Any = what
    args: Sequence[Any] = arguments_of(inputs)
    kwargs: dict[str, Any] = {}
    if ":" in what:
        workflow = find_workflow(what)
        settings = _knowing(session, module)
        args, kwargs = workflow.arguments.decode(msgspec.json.encode(list(args)))
    async with some_tree(settings), Serdab.connect(settings) as serdab:
        if ":" in what:
            await check_known(serdab.database, workflow.name, module)
        handle = await serdab.start(workflow, *args, key=key, **kwargs)
        say(f"run {handle.id}")
        try:
            print_json(await handle.result())
        except RunFailed as error:
            raise type(error)(f"{error}; see it by `serdab runs show {handle.id}`", **error.facts) from error


def _knowing(session: Session, module: str) -> Settings:
    """The settings with a module more for the workers of a tree that is brought up for this."""
    modules = [part.strip() for part in session.settings.workers.modules.split(",") if part.strip()]
    if module not in modules:
        modules.append(module)
    return session.adding(f"workers.modules={','.join(modules)}")


def arguments_of(inputs: Sequence[str]) -> list[Any]:
    """Values from JSON texts.

    Raises:
        BadInput: one is no JSON.
    """
    from serdab.core import BadInput, expected

    values = []
    for text in inputs:
        try:
            values.append(msgspec.json.decode(text))
        except msgspec.DecodeError as error:
            todo = f"""{error}; a text needs its quotes: '"text"'"""
            raise BadInput(expected("--input", "JSON", text, todo)) from error
    return values
