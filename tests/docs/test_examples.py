"""Blocks of Python in the pages run as they stand."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serdab.core import Settings
from serdab.store.tuning import server_settings
from serdab.testing import running

ROOT = Path(__file__).parent.parent.parent
README, LETTERS = ROOT / "README.md", ROOT / "docs" / "how-to" / "write-a-workflow.md"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the modules of a page, importable."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def module_of(block: str, folder: Path) -> Any:
    name = block.splitlines()[0].removeprefix("# ").removesuffix(".py")
    (folder / f"{name}.py").write_text(block)
    return importlib.import_module(name)


def commands(page: Path) -> list[list[str]]:
    lines = [line for block in blocks(page, "bash") for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("serdab run ") and ":" in line]


@pytest.mark.parametrize("page", [README, LETTERS], ids=lambda page: page.name)
async def test_the_workflow_of_a_page_runs_as_its_command_says(page: Path, written: Path, settings: Settings) -> None:
    module = module_of(blocks(page, "python")[0], written)
    [words] = commands(page)
    workflow = getattr(module, words[2].partition(":")[2])
    args, kwargs = workflow.arguments.decode(json.dumps([json.loads(words[4])]).encode())
    async with running(written / "home", workflow, overrides=[f"database.url={settings.database.url}"]) as serdab:
        run = await serdab.start(workflow, *args, **kwargs)
        result = await run.result(timeout_s=60)
    assert result == 15.0 if page == README else result.startswith("Salma: ")


async def test_the_program_and_the_test_of_the_how_to_are_whole(written: Path, settings: Settings) -> None:
    module, program, test = blocks(LETTERS, "python")
    module_of(module, written)
    for number, block in enumerate((program, test)):
        made = module_of(f"# block_{number}.py\n{block}", written)
        assert any(inspect.iscoroutinefunction(value) for value in vars(made).values())


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.name)
def test_json_in_commands_is_json(page: Path) -> None:
    for block in blocks(page, "bash"):
        for text in re.findall(r"--input '([^']*)'", block):
            json.loads(text)


def test_what_is_advised_for_another_server_is_what_our_own_is_given() -> None:
    (advice,) = blocks(ROOT / "docs" / "how-to" / "use-another-postgresql.md", "ini")
    advised = dict(line.split(" = ") for line in advice.splitlines() if not line.startswith("#"))
    given = server_settings(0, 5432, "")
    assert advised
    assert advised == {name: given[name] for name in advised}
