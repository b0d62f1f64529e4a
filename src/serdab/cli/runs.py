"""`serdab runs …`: what became of runs, why they wait, and how to stop or repeat them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from serdab.cli.printing import file_name, print_json, print_table, say, span, state_text
from serdab.cli.session import run_loop, session_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from serdab.core import Settings
    from serdab.flow import RunDetail, RunInfo, Serdab

application = typer.Typer(help="List, show, watch, cancel and redrive runs.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Its id, or its first or last characters if unique.")]


@application.command("list")
def list_runs(
    ctx: typer.Context,
    state: Annotated[
        str | None,
        typer.Option(help="ready, running, parked, suspect, done, failed, cancelled or dead."),
    ] = None,
    queue: Annotated[str | None, typer.Option(help="Only of this queue.")] = None,
    workflow: Annotated[str | None, typer.Option(help="Only of this workflow.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="The newest so many.")] = 20,
    json: Json = False,
) -> None:
    """List the newest runs."""

    async def ask() -> tuple[list[RunInfo], dict[UUID, str]]:
        from serdab.app import subjects_of
        from serdab.flow import Serdab

        async with Serdab.connect(session_of(ctx).settings) as serdab:
            found = await serdab.runs(state=state, queue=queue, workflow=workflow, limit=limit)
            return found, await subjects_of(serdab.database, [each.id for each in found])

    found, subjects = run_loop(ask())
    if json:
        print_json([msgspec.to_builtins(each) | {"about": subjects.get(each.id, "")} for each in found])
        return
    print_table(
        ("run", "state", "workflow?", "about~", "queue?", "started?", ">took?", "progress or error~"),
        [
            (
                each.id,
                state_text(each.state),
                each.workflow,
                file_name(subjects.get(each.id, "")),
                each.queue,
                f"{each.started_at.astimezone():%m-%d %H:%M:%S}",
                span((each.ended_at - each.started_at).total_seconds()) if each.ended_at else "",
                each.error.partition("\n")[0] or _progress(each),
            )
            for each in found
        ],
    )


@application.command()
def show(ctx: typer.Context, run: RunId, json: Json = False) -> None:
    """Draw the timeline of a run.

    Steps, attempts, waits, errors with their traceback, and why it waits.
    """

    async def ask() -> RunDetail:
        from serdab.flow import Serdab

        async with Serdab.connect(session_of(ctx).settings) as serdab:
            return await serdab.show(await full_id(serdab, run))

    detail = run_loop(ask())
    if json:
        print_json(detail)
        return
    from serdab.cli.timeline import draw_run

    draw_run(detail)


@application.command()
def watch(
    ctx: typer.Context,
    run: RunId,
    every: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between looks.")] = 0.5,
) -> None:
    """Watch a run until it ends. Exit code 1 when it ends without a result."""
    state = run_loop(_watch(session_of(ctx).settings, run, every))
    if state != "done":
        raise typer.Exit(1)


@application.command()
def cancel(
    ctx: typer.Context,
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Ids of runs.")],
    reason: Annotated[str, typer.Option(help="Kept with the run.")] = "cancelled on request",
    json: Json = False,
) -> None:
    """Cancel runs and their children. What runs now stops at its next step."""

    async def ask() -> dict[str, str]:
        from serdab.flow import Serdab

        async with Serdab.connect(session_of(ctx).settings) as serdab:
            ids = [await full_id(serdab, each) for each in runs]
            return {str(run_id): answer for run_id, answer in (await serdab.cancel(ids, reason)).items()}

    answers = run_loop(ask())
    if json:
        print_json(answers)
    else:
        print_table(("run", "answer"), answers.items())


@application.command()
def redrive(
    ctx: typer.Context,
    runs: Annotated[list[str] | None, typer.Argument(metavar="RUN…", help="Ids of runs.")] = None,
    state: Annotated[
        str | None, typer.Option(help="Those of this state that were not tried again yet: failed, cancelled or dead.")
    ] = None,
    queue: Annotated[str | None, typer.Option(help="With --state: only of this queue.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="With --state: at most so many, newest first.")] = 100,
    json: Json = False,
) -> None:
    """Try runs again that ended without a result.

    \b
    serdab runs redrive --state failed --queue documents

    Recorded steps that went well are kept.
    """
    from serdab.core import BadInput, expected

    if bool(runs) == bool(state):
        raise BadInput(expected("what to redrive", "ids of runs, or --state", runs or state))
    answers, before = run_loop(_redrive(session_of(ctx).settings, runs or [], (state, queue, limit)))
    if json:
        print_json(answers)
    else:
        rows = [(run, again, "before" if run in before else "now") for run, again in answers.items()]
        print_table(("run", "tried again as", "when"), rows)
        say(f"{len(answers) - len(before)} tried again" + (f", {len(before)} had been before" if before else ""))
        if state and len(answers) == limit:
            say("there may be more; the same command takes the next")


async def _redrive(
    settings: Settings, runs: Sequence[str], chosen: tuple[str | None, str | None, int]
) -> tuple[dict[str, str], set[str]]:
    """As what each run was tried again, and which of them had been before."""
    from serdab.app import redriven_among, runs_to_redrive
    from serdab.flow import Serdab

    state, queue, limit = chosen
    async with Serdab.connect(settings) as serdab:
        ids = [(await serdab.show(await full_id(serdab, each))).info.id for each in runs]
        if state:
            ids = await runs_to_redrive(serdab.database, state, queue=queue, limit=limit)
        before = await redriven_among(serdab.database, ids)
        answers = {str(each): str((await serdab.redrive(each)).id) for each in ids}
    return answers, {str(each) for each in before}


async def _watch(settings: Settings, run: str, every_s: float) -> str:
    import asyncio

    from rich.live import Live

    from serdab.cli.printing import console
    from serdab.cli.timeline import drawing_of
    from serdab.flow import Serdab

    async with Serdab.connect(settings) as serdab:
        run_id = await full_id(serdab, run)
        detail = await serdab.show(run_id)
        with Live(drawing_of(detail), console=console(), auto_refresh=False, vertical_overflow="visible") as live:
            while detail.info.ended_at is None:
                await asyncio.sleep(every_s)
                detail = await serdab.show(run_id)
                live.update(drawing_of(detail), refresh=True)
        return detail.info.state


async def full_id(serdab: Serdab, run: str) -> str:
    """A whole id, from one or from its first or last characters if only one of the newest runs has them.

    Runs of one batch begin with the same time: their last characters tell them apart.

    Raises:
        UnknownRun: none of them does, or several do.
    """
    from serdab.core import expected
    from serdab.flow import UnknownRun

    if len(run) >= 32:
        return run
    ids = [str(each.id) for each in await serdab.runs(limit=10_000)]
    found = [each for each in ids if each.startswith(run.lower()) or each.endswith(run.lower())]
    if len(found) != 1:
        got = f"{run}, with which {len(found)} of the newest runs begin or end"
        raise UnknownRun(expected("the run", "the id of one", got, "see `serdab runs list`"))
    return found[0]


def _progress(run: RunInfo) -> str:
    return "" if run.progress is None or run.ended_at else f"{run.progress:.0%} {run.message}".strip()
