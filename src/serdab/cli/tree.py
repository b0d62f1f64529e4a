"""`serdab up`, `down`, `status`, `logs`: the tree of processes of a home."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serdab.cli.interruption import Interrupted
from serdab.cli.printing import STDOUT, console, print_json, print_table, say, span
from serdab.cli.reporting import described
from serdab.cli.session import path_of, run_loop, session_of

if TYPE_CHECKING:
    from serdab.app import HomeStatus
    from serdab.core import Settings


def register(application: typer.Typer) -> None:
    """Add these commands."""
    for command in (up, down, status, logs):
        application.command()(command)


def up(
    ctx: typer.Context,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when everything is ready.")] = False,
    systemd: Annotated[
        bool, typer.Option("--systemd", help="Start nothing; print a systemd unit with the settings of now.")
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option(help="With --systemd: the file or folder to write it to, as /etc/systemd/system.", parser=path_of),
    ] = None,
    reason_to: Annotated[int, typer.Option(hidden=True)] = 0,
) -> None:
    """Bring the database, the engine and the workers up.

    What dies is started again. Ctrl-C drains: runs may go on for flow.drain_s seconds, then they are handed back;
    a second Ctrl-C hands them back now.
    """
    import sys

    from serdab.app import run_tree, start_detached
    from serdab.core import BadInput, expected, start_logging

    settings = session_of(ctx).settings
    if systemd:
        _write_unit(settings, to)
        return
    if to is not None:
        raise BadInput(expected("--to", "given together with --systemd", str(to), "add --systemd"))
    if detach:
        found = run_loop(start_detached(settings))
        say(f"up: pid {found.pid} at {found.url}; `serdab status` shows it, `serdab down` stops it")
        return
    with _telling(reason_to):
        start_logging("up", settings, sys.stderr)
        run_loop(run_tree(settings))


@contextmanager
def _telling(reason_to: int) -> Iterator[None]:
    """Tell an open file of who started this, if there is one, why the block ended: stderr may be on a full disk."""
    try:
        yield
    except Exception as error:
        if reason_to:
            with suppress(OSError):  # nobody listens any more
                os.write(reason_to, described(error)[1].encode())
        raise


def _write_unit(settings: Settings, to: Path | None) -> None:
    from serdab.app import UNIT_NAME, make_unit
    from serdab.core import BadInput, expected

    unit = make_unit(settings, Path.cwd())
    unit.prepare()
    path = to / UNIT_NAME if to is not None and to.is_dir() else to
    if path is None or path == STDOUT:
        print(unit.text, end="")
    else:
        try:
            path.write_text(unit.text, "utf-8")
            path.chmod(0o644)
        except OSError as error:
            todo = "say it with sudo, or without --to"
            raise BadInput(expected("--to", "a file that can be written", f"{path}: {error.strerror}", todo)) from error
    if unit.secrets:
        say(f"what is secret in the settings is in {unit.secrets_file}, not in the unit")
    if unit.user == "root":
        say("it will run as root, who owns the home; better give the home to a user of its own and say this again")
    where = f"/etc/systemd/system/{UNIT_NAME}"
    name = UNIT_NAME.removesuffix(".service")
    say("next:" if path is not None and path.resolve() == Path(where) else f"put it at {where}, then:")
    for line in ("systemctl daemon-reload", f"systemctl enable --now {name}", f"systemctl status {name}"):
        say(f"  sudo {line}")


def down(ctx: typer.Context) -> None:
    """Stop everything of this home.

    Workers drain, the engine and the embedded database stop, leftovers of a killed tree too.
    """
    from serdab.app import take_down

    settings = session_of(ctx).settings
    run_loop(take_down(settings, say))
    say(f"down: nothing of {settings.folder} runs")


def status(ctx: typer.Context, json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show what runs, what waits and how it ended lately. Starts nothing; exit code 1 when no work can be taken."""
    from serdab.app import home_status

    found = run_loop(home_status(session_of(ctx).settings))
    if json:
        print_json(found)
    else:
        _show(found)
    if not found.readiness.ready:
        raise typer.Exit(1)


def _show(found: HomeStatus) -> None:
    database = found.database
    kind = "embedded PostgreSQL" if database.embedded else "PostgreSQL"
    state = "up" if database.running else f"down {database.error}".strip()
    readiness = found.readiness
    console().print(f"home      {found.home}", markup=False)
    console().print(f"ready     {'yes' if readiness.ready else f'no: {readiness.missing}'}", markup=False)
    console().print(f"database  {kind}, {state}, {database.place}", markup=False)
    if found.engine is not None:
        console().print(f"engine    {found.engine.model} in {found.engine.precision}", markup=False)
    rows: list[tuple[object, ...]] = [
        (each.name, each.role, each.pid, span(each.uptime_s), each.url) for each in found.processes
    ]
    if database.pid is not None:
        address = f"127.0.0.1:{database.port}"
        rows.insert(0, ("postgres", "database", database.pid, span(database.uptime_s), address))
    if rows:
        print_table(("process", "role", ">pid", ">since", "address"), rows)
    if found.queues:
        print_table(("queue", "state", ">runs"), [(each.queue, each.state, each.runs) for each in found.queues])
    if found.ended:
        ended = ", ".join(f"{runs:,} {state}" for state, runs in found.ended.items())
        console().print(f"newest ended runs: {ended}", markup=False)


def logs(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Only of this process, such as `up` or `worker-1`.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="The records as they are: one JSON object a line.")] = False,
) -> None:
    """Show the logs of all processes in the order of time."""
    from serdab.cli.log_reading import follow_records, last_records, shown
    from serdab.core import log_folder

    folder = log_folder(session_of(ctx).settings)
    form = shown if not json else lambda record: record.line
    places, records = last_records(folder, name, lines)
    for record in records:
        print(form(record))
    if follow:
        try:
            for record in follow_records(folder, name, places):
                print(form(record), flush=True)
        except Interrupted as interrupted:
            raise typer.Exit(interrupted.exit_code) from None
