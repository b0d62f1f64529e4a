"""Writes the generated part of the documentation; `--check` only says whether it is up to date.

Settings from their tree, commands from their help, metrics from their list, errors from their classes, the states of a
run from their table: what is written by hand elsewhere would be wrong some day.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

import serdab
from serdab.app import EXAMPLES, METRICS
from serdab.cli.application import application
from serdab.cli.home import meaning_of
from serdab.core import SerdabError, Settings, setting_names, values_of, variable_of
from serdab.flow import TRANSITIONS, mermaid

DOCS = Path(__file__).parent.parent / "docs"
WIDTH = 100
MADE = "<!-- Written by `make docs`; do not edit. -->"


def pages() -> dict[Path, str]:
    """Every generated page with its text."""
    return {
        DOCS / "reference" / "settings.md": settings_page(),
        DOCS / "reference" / "cli.md": cli_page(),
        DOCS / "reference" / "metrics.md": metrics_page(),
        DOCS / "reference" / "errors.md": errors_page(),
        DOCS / "concepts" / "states.md": states_page(),
    }


def settings_page() -> str:
    defaults = dict(values_of(Settings()))
    rows = [
        (f"`{name}`", f"`{variable_of(name)}`", _default(name, defaults[name]), meaning_of(field))
        for name, field in setting_names()
    ]
    return _page(
        "Settings",
        "Later wins: the defaults, `serdab.toml` in the working folder (or the file that `SERDAB_CONFIG` names), the\n"
        "environment, `--set NAME=VALUE`. An unknown name is an error with the nearest one that exists.\n"
        "`serdab settings` shows the values of now.",
        _table(("setting", "environment", "default", "meaning"), rows),
    )


def _default(name: str, value: object) -> str:
    if name == "home":
        return "`/var/lib/serdab` for root, else `~/.local/share/serdab`"
    return f"`{value}`" if value != "" else "empty"


def cli_page() -> str:
    parts = []
    for path, command in commands():
        context = typer.Context(command, info_name=path, terminal_width=WIDTH, max_content_width=WIDTH)
        parts.append(f"## {path}\n\n```text\n{command.get_help(context).strip()}\n```")
    return _page(
        "Command line",
        "`--set` and `--debug` may stand anywhere on the line. Exit codes: 0 it went well; 1 something failed; 2 what\n"
        "was given is wrong. With `--json` an error is one JSON object on stderr.",
        "\n\n".join(parts),
    )


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with the words that call it."""
    root = typer.main.get_command(application)
    waiting: list[tuple[str, Any]] = [("serdab", root)]
    while waiting:
        path, command = waiting.pop(0)
        yield path, command
        children = [(f"{path} {name}", child) for name, child in getattr(command, "commands", {}).items()]
        waiting[:0] = children


def metrics_page() -> str:
    rows = [
        (f"`{name}`", ", ".join(f"`{label}`" for label in labels), meaning)
        for name, (labels, meaning) in METRICS.items()
    ]
    examples = [(f"`{name}`", answer, f"`{query}`") for name, (answer, query) in EXAMPLES.items() if name in METRICS]
    return _page(
        "Metrics",
        "`serdab up` serves one text for the whole tree at `/metrics` on `http.host`:`http.port`; the figures of each\n"
        "worker carry its name, those of the supervisor itself `up`. `process_*` are those of the Prometheus client.",
        _table(("metric", "labels", "meaning"), rows)
        + "\n\n## One question each\n\nIn PromQL, for one tree; with several, add `by (instance)`.\n\n"
        + _table(("metric", "answers", "query"), examples),
    )


def errors_page() -> str:
    rows = [
        (f"`{error.code}`", f"`{error.__name__}`", _parent(error), (inspect.getdoc(error) or "").replace("\n", " "))
        for error in sorted(all_errors(), key=lambda error: error.code)
    ]
    return _page(
        "Errors",
        "Every error that a person can act on has a code that stays. What is below `BadInput` leaves the command line\n"
        "with 2, everything else with 1; what is below `Unavailable` may go well when it is tried again.",
        _table(("code", "class", "is a", "meaning"), rows),
    )


def _parent(error: type[SerdabError]) -> str:
    parent = error.__mro__[1]
    return f"`{parent.__name__}`" if issubclass(parent, SerdabError) else ""


def all_errors() -> set[type[SerdabError]]:
    """The root of our errors and every class below it."""
    for module in pkgutil.walk_packages(serdab.__path__, "serdab."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: set[type[SerdabError]] = set()
    waiting: list[type[SerdabError]] = [SerdabError]
    while waiting:
        error = waiting.pop()
        if error.__module__.startswith("serdab."):
            found.add(error)
        waiting.extend(error.__subclasses__())
    return found


def states_page() -> str:
    rows = [(f"`{each.before}`", f"`{each.after}`", each.cause) for each in TRANSITIONS]
    return _page(
        "The states of a run",
        "One table in the code says which ways there are; this chart and the table below are made from it. Outcomes\n"
        "(`done`, `failed`, `cancelled`, `dead`) never change: what is tried again is a new run.",
        f"```mermaid\n{mermaid()}\n```\n\n{_table(('from', 'to', 'what makes it happen'), rows)}",
    )


def _page(title: str, about: str, body: str) -> str:
    return f"# {title}\n\n{MADE}\n\n{about}\n\n{body}\n"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def main() -> int:
    stale = {path: text for path, text in pages().items() if not path.exists() or path.read_text("utf-8") != text}
    for path, text in stale.items():
        if "--check" in sys.argv:
            print(f"stale  {path.relative_to(DOCS.parent)}: say `make docs`")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            print(f"wrote  {path.relative_to(DOCS.parent)}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
