"""The root of the command line: its options, its commands, and what becomes of errors."""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from serdab import __version__
from serdab.cli import (
    db,
    documents,
    home,
    labels,
    models,
    plan,
    processes,
    removing,
    results,
    reviewing,
    runs,
    searching,
    starting,
    tree,
    watching,
)
from serdab.cli.interruption import ENDING, Interrupted, catch_interrupts
from serdab.cli.reporting import FAILED, report
from serdab.cli.session import Session
from serdab.core import without_passwords

#: Options of the root that may stand anywhere on the line.
ANYWHERE = ("--set", "--debug")

application = typer.Typer(
    name="serdab",
    help="Run AI in your own house: durable steps on PostgreSQL, and documents through them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@application.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Set a setting for this call; repeatable.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Run AI in your own house: durable steps on PostgreSQL, and documents through them.

    --set and --debug may stand anywhere on the line.
    """
    del debug  # read by `main`, which handles errors
    if version:
        print(__version__)
        raise typer.Exit
    ctx.obj = Session(overrides or ())


for group in (tree, starting, documents, searching, results, watching, processes, home):
    group.register(application)
application.add_typer(runs.application, name="runs")
for command in (reviewing.review, removing.remove):
    labels.labels.command()(command)
application.add_typer(labels.labels, name="labels")
application.add_typer(models.application, name="models")
application.add_typer(plan.application, name="plan")
application.add_typer(db.application, name="db")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and leave with its exit code."""
    os.umask(0o077)  # what we write is for its owner alone
    words = list(sys.argv[1:] if arguments is None else arguments)
    catch_interrupts()
    spell_out_unknown_letters()
    try:
        sys.exit(application(args=arranged(words), prog_name="serdab", standalone_mode=False))
    except Interrupted as interrupted:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        print(f"interrupted: {interrupted}", file=sys.stderr)
        sys.exit(interrupted.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except typer.Abort:
        print("aborted", file=sys.stderr)
        sys.exit(FAILED)
    except Exception as error:  # noqa: BLE001 - the last place; it is told, with its traceback when asked
        if "--debug" in words:
            print(without_passwords(traceback.format_exc()), file=sys.stderr)
        sys.exit(report(error, as_json="--json" in words))


def spell_out_unknown_letters() -> None:
    """Let results have letters that the terminal's encoding lacks, as `\\u05d0`; stderr does so already."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def arranged(words: Sequence[str]) -> list[str]:
    """The line with the root's options at its front; everything after `--` belongs to the command."""
    marked = list(_marked(words))
    return [word for word, ours in marked if ours] + [word for word, ours in marked if not ours]


def _marked(words: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Each word with whether it belongs to an option of the root."""
    value_next = False
    ended = False
    for word in words:
        ended = ended or word == "--"
        ours = not ended and (value_next or word in ANYWHERE or word.startswith("--set="))
        value_next = ours and not value_next and word == "--set"
        yield word, ours
