"""`serdab settings`, `doctor` and `demo`: to look around."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from serdab.cli.printing import print_json, print_table
from serdab.cli.reporting import FAILED, WARNINGS
from serdab.cli.session import run_loop, session_of
from serdab.core import without_passwords


def register(application: typer.Typer) -> None:
    """Add these commands."""
    for command in (settings, doctor, demo):
        application.command()(command)


def settings(ctx: typer.Context, json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show every setting: its value now, its default, what it means."""
    from serdab.core import SECRET_SETTINGS, Settings, setting_names, values_of

    values = {
        name: "…" if name in SECRET_SETTINGS and value else without_passwords(str(value))
        for name, value in values_of(session_of(ctx).settings)
    }
    defaults = {name: str(value) for name, value in values_of(Settings())}
    meanings = {name: meaning_of(field) for name, field in setting_names()}
    if json:
        print_json(
            {
                name: {"value": value, "default": defaults[name], "meaning": meanings[name]}
                for name, value in values.items()
            }
        )
        return
    print_table(
        ("setting", "value", "default", "meaning"),
        [
            (name, value or '""', "" if value == defaults[name] else defaults[name] or '""', meanings[name])
            for name, value in values.items()
        ],
    )


def meaning_of(field: msgspec.structs.FieldInfo) -> str:
    """The sentence of a setting."""
    shape = msgspec.inspect.type_info(field.type)
    extra = shape.extra_json_schema if isinstance(shape, msgspec.inspect.Metadata) else None
    return str((extra or {}).get("description", ""))


def doctor(
    ctx: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Measure nothing, neither disk nor memory.")] = False,
) -> None:
    """Examine the machine, the home and the database.

    Says what is wrong, what comes of it and what to do. Starts nothing. Exit code 0: all is well; 3: warnings; 1:
    something is bad.
    """
    from serdab.app import Verdict, examine
    from serdab.cli.machine_table import machine_rows

    examination = run_loop(examine(session_of(ctx).settings, quick=quick))
    if json:
        print_json(
            {"worst": examination.worst, "findings": examination.findings, "machine": examination.machine},
        )
    else:
        print_table(("machine", "what it is"), machine_rows(examination.machine))
        rows = [
            (each.check, _coloured(each.verdict), without_passwords(each.found), _advice(each.effect, each.todo))
            for each in examination.findings
        ]
        print_table(("check", "verdict", "found", "what comes of it → what to do"), rows)
    code = {Verdict.OK: 0, Verdict.WARNING: WARNINGS, Verdict.BAD: FAILED}[examination.worst]
    if code:
        raise typer.Exit(code)


def _advice(effect: str, todo: str) -> str:
    return f"{effect} → {todo}" if todo else ""


def _coloured(verdict: str) -> object:
    from rich.text import Text

    return Text(verdict, style={"ok": "green", "warning": "yellow", "bad": "bold red"}[verdict])


def demo(ctx: typer.Context) -> None:
    """Put the sample documents through and show what came of it. Leaves nothing running that it started."""
    from serdab.cli.demonstration import demonstrate

    run_loop(demonstrate(session_of(ctx).settings))
