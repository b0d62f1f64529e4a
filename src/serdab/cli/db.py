"""`serdab db …`: the life of the database: backups, coming back from them, another version, and what must hold."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serdab.cli.interruption import stopped
from serdab.cli.printing import print_json, print_table, say
from serdab.cli.session import path_of, run_loop, session_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from serdab.core import Settings
    from serdab.flow import Invariant
    from serdab.store import Restored, Upgraded

application = typer.Typer(help="Back up, restore, upgrade and check the database.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Which = Annotated[str, typer.Argument(metavar="BACKUP", help="Its name, its folder, or `newest`.")]


@application.command()
def backup(
    ctx: typer.Context,
    into: Annotated[
        Path | None, typer.Option(help="Folder for backups; backup.folder by default.", parser=path_of)
    ] = None,
) -> None:
    """Back up the database and large payloads. Work goes on meanwhile."""
    from serdab.store import backup_folder, make_backup

    settings = session_of(ctx).settings

    async def make() -> Path:
        with stopped(lambda: "no backup was made and nothing of it is left; say it again"), _bar() as tell:
            return await make_backup(settings, into.absolute() if into else backup_folder(settings), tell)

    path = run_loop(make())
    say(f"{path}: try it by `serdab db verify {path.name if into is None else path}`")
    print(path)


@application.command()
def backups(ctx: typer.Context, json: Json = False) -> None:
    """List the backups of this home, the newest first."""
    from serdab.store import all_backups, backup_folder

    found = all_backups(backup_folder(session_of(ctx).settings))
    if json:
        print_json([{"path": str(path), "backup": each} for path, each in found.items()])
        return
    print_table(
        ("backup", "made", ">database", ">payloads", "PostgreSQL"),
        [
            (path.name, f"{each.ended_at.astimezone():%Y-%m-%d %H:%M:%S}", _size(each.database_bytes),
             f"{each.blobs:,}, {_size(each.blob_bytes)}", each.major)
            for path, each in found.items()
        ],
    )  # fmt: skip


@application.command()
def verify(
    ctx: typer.Context,
    backup: Which = "newest",
    quick: Annotated[bool, typer.Option("--quick", help="Compare digests only; start no server from a copy.")] = False,
    json: Json = False,
) -> None:
    """Prove that a backup can be used.

    Compares each file with its digest, starts a server from a copy, and checks what must hold there.
    """
    found = run_loop(_verify(session_of(ctx).settings, backup, quick))
    _show_invariants(found, json)


@application.command()
def restore(  # noqa: PLR0913 - one option each
    ctx: typer.Context,
    backup: Which = "newest",
    into: Annotated[Path | None, typer.Option(help="Another home; this one by default.", parser=path_of)] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Go on to this moment by the archived log: 2026-03-01T14:30:00Z.")
    ] = None,
    archive: Annotated[str, typer.Option(help="Folder of the archived log; backup.wal_archive by default.")] = "",
    over: Annotated[bool, typer.Option("--over", help="Even if the home has data; that is kept aside.")] = False,
    json: Json = False,
) -> None:
    """Bring a backup back into a home whose database is down."""
    done = run_loop(_restore(session_of(ctx).settings, backup, (into, at, archive), over=over))
    if json:
        print_json(done)
        return
    upto = f", up to {done.upto.astimezone():%Y-%m-%d %H:%M:%S}" if done.upto else ""
    say(f"restored into {done.home}{upto}")
    if done.kept:
        say(f"what was there is kept in {done.kept}; remove it when all is well")


@application.command()
def upgrade(
    ctx: typer.Context,
    old_bin: Annotated[
        Path | None, typer.Option(help="The bin folder of the old PostgreSQL, if we do not bring it.", parser=path_of)
    ] = None,
    json: Json = False,
) -> None:
    """Bring the data to the PostgreSQL that this Serdab uses. The old data is kept aside."""
    done = run_loop(_upgrade(session_of(ctx).settings, old_bin))
    if json:
        print_json(done)
    elif done is None:
        say("the data is of the version that we use: nothing to do")
    else:
        say(f"PostgreSQL {done.before} → {done.now}, {done.rows:,} rows; the old data is kept in {done.kept}")


@application.command()
def check(ctx: typer.Context, json: Json = False) -> None:
    """Check what must hold in the database. It may be at work meanwhile; exit code 1 when something does not hold."""

    async def look() -> list[Invariant]:
        from serdab.flow import check_invariants
        from serdab.store import shared_database

        async with shared_database(session_of(ctx).settings, "check") as database:
            return await check_invariants(database)

    _show_invariants(run_loop(look()), json)


async def _verify(settings: Settings, what: str, quick: bool) -> list[Invariant]:
    from serdab.flow import check_invariants
    from serdab.store import Database, check_backup, find_backup, trial

    path = find_backup(settings, what)
    with _bar() as tell:
        backup = await check_backup(settings, path, tell)
        say(f"{path}: {_size(backup.database_bytes)} and {backup.blobs:,} payloads are as they were made")
        if quick:
            return []
        async with trial(settings, path, tell) as address:
            database = Database(address.dsn())
            await database.open()
            try:
                return await check_invariants(database)
            finally:
                await database.close()


async def _restore(
    settings: Settings, what: str, target: tuple[Path | None, str | None, str], *, over: bool
) -> Restored:
    import msgspec

    from serdab.store import find_backup, restore

    into, at, archive = target
    path = find_backup(settings, what)
    home = msgspec.structs.replace(settings, home=str(into.absolute())) if into else settings
    with _bar() as tell:
        return await restore(
            home, path, tell, at=_moment(at) if at else None, over=over, archive=archive or _archive_of(settings)
        )


def _archive_of(settings: Settings) -> str:
    return str(settings.folder / settings.backup.wal_archive) if settings.backup.wal_archive else ""


async def _upgrade(settings: Settings, old_bin: Path | None) -> Upgraded | None:
    from serdab.store import upgrade

    with _bar() as tell:
        return await upgrade(settings, tell, old_bin)


def _moment(text: str) -> datetime:
    """A moment with its offset; without one it is of this machine's zone.

    Raises:
        BadInput: it is none.
    """
    from serdab.core import BadInput, expected

    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise BadInput(expected("--at", "a time like 2026-03-01T14:30:00Z", text)) from error


def _show_invariants(found: list[Invariant], json: bool) -> None:
    if json:
        print_json(found)
    elif found:
        print_table(
            ("check", ">violations", "what must not be~", "some runs~"),
            [(each.name, each.violations, each.meaning, " ".join(map(str, each.examples))) for each in found],
        )
    if any(each.violations for each in found):
        raise typer.Exit(1)


@contextmanager
def _bar() -> Iterator[Callable[[str, float], None]]:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    from serdab.cli.printing import console

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("…", total=1.0)
        yield lambda what, done: bar.update(task, description=what, completed=done)


def _size(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
