"""What every command has: the settings, read once, and an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from functools import cached_property
from typing import Any, TypeVar

import typer

from serdab.cli.interruption import Interrupted, cancelling, told_by
from serdab.core import Settings, load_settings

T = TypeVar("T")


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
    """The session that the root command made."""
    found = ctx.find_object(Session)
    return found if found is not None else Session(())


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
