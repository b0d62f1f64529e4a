"""`serdab worker`, `keeper`, `engine`: the parts of the tree, each alone."""

from __future__ import annotations

from typing import Annotated

import typer

from serdab.cli.session import run_loop, session_of


def register(application: typer.Typer) -> None:
    """Add these commands."""
    for command in (worker, keeper, engine):
        application.command()(command)


def worker(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Option(help="Its name in logs, metrics and `serdab status`; worker-PID by default.")
    ] = None,
    alone: Annotated[bool, typer.Option("--alone", help="Run suspects only, one at a time, then end.")] = False,
    supervisor: Annotated[int, typer.Option(hidden=True)] = 0,
) -> None:
    """Run one worker process. SIGTERM drains it, a second one means now."""
    import os
    import sys

    from serdab.app import WorkerOptions, run_worker
    from serdab.core import start_logging

    settings = session_of(ctx).settings
    name = name or f"worker-{os.getpid()}"
    start_logging(name, settings, None if supervisor or alone else sys.stderr)
    run_loop(run_worker(settings, WorkerOptions(name=name, alone=alone, supervisor=supervisor)))


def keeper(ctx: typer.Context) -> None:
    """Keep house alone: rescue, timers, partitions. Every worker does it too; this is for a tree without any."""
    import sys

    from serdab.app import run_keeper
    from serdab.core import start_logging

    settings = session_of(ctx).settings
    start_logging("keeper", settings, sys.stderr)
    run_loop(run_keeper(settings))


def engine(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The model, such as all-MiniLM-L6-v2.")],
) -> None:
    """Run one embedding engine. It answers OpenAI's /v1/embeddings on loopback."""
    import sys

    from serdab.app import run_engine
    from serdab.core import start_logging

    settings = session_of(ctx).adding(f"models.embedder={name}")
    start_logging("engine", settings, sys.stderr)
    run_loop(run_engine(settings))
