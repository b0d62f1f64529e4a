"""`serdab watch`: documents come from folders and mailboxes by themselves."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from serdab.cli.printing import say
from serdab.cli.session import run_loop, session_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serdab.core import Settings
    from serdab.knowledge import MailboxSource, Watched, WatchedSource


def register(application: typer.Typer) -> None:
    """Add this command."""
    application.command()(watch)


def watch(
    ctx: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE…", help="Folders, or imaps://user@host/INBOX; else those of documents.watch."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End when all that is there now is done.")] = False,
    label_set: Annotated[str, typer.Option(help="The labels to classify by.")] = "",
    supervisor: Annotated[int, typer.Option(hidden=True)] = 0,
) -> None:
    """Take documents from folders and mailboxes, until Ctrl-C.

    Each content is taken once. When nothing is up, a tree is brought up for as long as that takes. A mailbox's
    password is the setting documents.mail_password (SERDAB_DOCUMENTS_MAIL_PASSWORD), else it is asked for.
    """
    from serdab.core import BadInput, expected, start_logging
    from serdab.knowledge import read_source, read_sources

    settings = session_of(ctx).settings
    found = [read_source(text) for text in sources or ()] or read_sources(settings.documents.watch)
    if not found:
        todo = "say `serdab watch FOLDER`, or set documents.watch"
        raise BadInput(expected("what is watched", "a folder or a mailbox", "nothing", todo))
    if not supervisor:  # one beside workers waits for a folder that is not mounted yet
        _check_folders(found)
    passwords = _passwords(settings, found)
    start_logging("watch", settings, sys.stderr if not supervisor and not once else None)
    done = run_loop(_watch(settings, found, passwords, label_set, once=once, supervisor=supervisor))
    for each in done:
        say(f"{each.taken:,} taken from {each.source}")


def _check_folders(sources: Sequence[WatchedSource]) -> None:
    """See that the folders are there, for the person who named them.

    Raises:
        BadInput: one is not.
    """
    from serdab.core import BadInput, expected
    from serdab.knowledge import FolderSource

    for source in sources:
        if isinstance(source, FolderSource) and not source.path.is_dir():
            raise BadInput(expected("what is watched", "a folder that exists", str(source.path), "make it first"))


def _passwords(settings: Settings, sources: Sequence[WatchedSource]) -> dict[str, str]:
    """The password of each mailbox by its name.

    Raises:
        BadInput: there is none, and nobody who could be asked.
    """
    from getpass import getpass

    from serdab.core import BadInput, expected
    from serdab.knowledge import MailboxSource

    found = {}
    for source in sources:
        if not isinstance(source, MailboxSource):
            continue
        given = settings.documents.mail_password
        if not given and sys.stdin.isatty():
            given = getpass(f"password of {source.user} at {source.host}: ")
        if not given:
            todo = "set SERDAB_DOCUMENTS_MAIL_PASSWORD"
            raise BadInput(expected(f"the password of {source.name}", "given", "none", todo))
        found[source.name] = given
    return found


async def _watch(
    settings: Settings,
    sources: Sequence[WatchedSource],
    passwords: dict[str, str],
    label_set: str,
    *,
    once: bool,
    supervisor: int,
) -> Sequence[Watched]:
    from contextlib import nullcontext

    from serdab.app import check_engine, run_watch, some_tree

    def password(source: MailboxSource) -> str:
        return passwords[source.name]

    if not supervisor:
        check_engine(settings)
    async with nullcontext() if supervisor else some_tree(settings):
        return await run_watch(
            settings, sources, password=password, label_set=label_set, once=once, supervisor=supervisor
        )
