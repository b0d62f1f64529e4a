"""What every command has: the settings, read once, and an event loop."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Coroutine, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import typer

from serdab.cli.interruption import Interrupted, cancelling, told_by
from serdab.cli.reporting import typed_name
from serdab.core import BadInput, Settings, expected, load_settings

T = TypeVar("T")
#: Texts of a line that may be paths, whose bytes are any.
_PATHS = frozenset({"sources", "backup", "archive"})


class Session:
    """One call of the command line."""

    def __init__(self, overrides: Sequence[str]) -> None:
        self._overrides = list(overrides)

    @cached_property
    def settings(self) -> Settings:
        """The tree of settings; read when a command first needs it, so that `--help` needs none.

        Raises:
            BadSetting: a name is unknown or a value is wrong.
        """
        return load_settings(self._overrides)

    def adding(self, *pairs: str) -> Settings:
        """The same tree with some values that the command itself sets."""
        return load_settings([*self._overrides, *pairs])


def session_of(ctx: typer.Context) -> Session:
    """The session that the root command made.

    Raises:
        BadInput: a text of the line is no UTF-8, which neither the database nor the engine takes.
    """
    for parameter in ctx.command.params:
        given = ctx.params.get(parameter.name or "")
        for text in given if isinstance(given, list) else [given]:
            if isinstance(text, str) and parameter.name not in _PATHS and not _is_utf8(text):
                todo = "see `locale`: the terminal writes another encoding"
                raise BadInput(expected(typed_name(parameter), "UTF-8", text, todo))
    found = ctx.find_object(Session)
    return found if found is not None else Session(())


def path_of(text: str | Path) -> Path:
    """A path of the line. An empty one is a variable that a script forgot to set, and not the folder where we stand.

    Raises:
        ValueError: it is empty, or longer than the system takes.
    """
    if text == "":
        raise ValueError("Input should be a path that is not empty")
    try:
        os.lstat(text)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise ValueError("Input should be a path short enough for this system") from error
    return Path(text)


def _is_utf8(text: str) -> bool:
    """Whether it is; the shell hands over other bytes as halves of pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine to its end, on the fast loop.

    Raises:
        Interrupted: Ctrl-C came; the work was cancelled, and has tidied up.
    """
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        loop = runner.get_loop()
        task = loop.create_task(work)
        with cancelling(loop, task) as ending:
            try:
                return loop.run_until_complete(task)
            except asyncio.CancelledError as error:
                raise Interrupted(told_by(error), ending.number) from error
