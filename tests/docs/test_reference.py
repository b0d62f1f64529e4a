"""The documentation says what the code does: generated pages are fresh, hand-written ones name only what exists."""

from __future__ import annotations

import inspect
import pickle
import re
import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serdab.core import SerdabError, setting_names, variable_of

ROOT = Path(__file__).parent.parent.parent
TOOL: dict[str, Any] = runpy.run_path(str(ROOT / "tools" / "reference.py"))
PAGES: dict[Path, str] = TOOL["pages"]()
COMMANDS: dict[str, Any] = dict(TOOL["commands"]())
ERRORS: list[type[SerdabError]] = sorted(TOOL["all_errors"](), key=lambda error: error.__name__)
WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_generated_page_is_what_make_docs_writes(path: Path) -> None:
    assert path.read_text("utf-8") == PAGES[path], "say `make docs`"


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_an_error_has_a_meaning_and_survives_a_pickle(error: type[SerdabError]) -> None:
    assert "code" in vars(error), "a code of its own"
    assert inspect.getdoc(error) != inspect.getdoc(error.__mro__[1]), "a docstring of its own"
    made = error("a detail", number=3)
    back = pickle.loads(pickle.dumps(made))  # noqa: S301 - our own
    assert (type(back), str(back), back.facts) == (error, "a detail", {"number": 3})
    assert str(error()), "its docstring is the default message"


def test_codes_are_unique() -> None:
    codes = [error.code for error in ERRORS]
    assert sorted(codes) == sorted(set(codes))


def test_every_command_and_option_has_its_sentence() -> None:
    for path, command in COMMANDS.items():
        assert (command.help or "").strip(), path
        for parameter in command.params:
            shown = not getattr(parameter, "hidden", False)
            assert not shown or getattr(parameter, "help", None), f"{path}: {parameter.name}"


def test_every_setting_has_its_sentence() -> None:
    meaning_of = TOOL["meaning_of"]
    for name, field in setting_names():
        assert meaning_of(field).endswith("."), name


def mentions(pattern: str) -> Iterator[tuple[Path, str]]:
    """Every match of a pattern in the pages that people write."""
    for path in WRITTEN:
        for found in re.finditer(pattern, path.read_text("utf-8")):
            yield path, found.group(1)


def test_every_command_that_a_page_names_exists() -> None:
    paths = {tuple(path.split()[1:]) for path in COMMANDS}
    for path, line in mentions(r"(?:^|`|\$ )serdab ((?:[a-z]+ ?)+)"):
        words = tuple(line.split())
        assert any(words[:length] in paths for length in (2, 1)), f"{path.name}: serdab {line}"


def test_every_setting_that_a_page_names_exists() -> None:
    names = {name for name, _ in setting_names()}
    sections = {name.partition(".")[0] for name in names if "." in name}
    variables = {variable_of(name) for name in names} | {"SERDAB_CONFIG"}
    for path, name in mentions(r"`([a-z]+\.[a-z_]+)(?:`|=)"):
        assert name in names or name.partition(".")[0] not in sections, f"{path.name}: {name}"
    for path, name in mentions(r"(?:--set )([a-z.]+\.[a-z_]+)="):
        assert name in names, f"{path.name}: {name}"
    for path, name in mentions(r"(SERDAB_[A-Z_]+[A-Z])"):
        assert name in variables, f"{path.name}: {name}"


def test_every_link_leads_somewhere() -> None:
    for path, target in mentions(r"\]\((?!https?://)([^)#]+)[^)]*\)"):
        assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_promise_is_in_the_same_words_everywhere() -> None:
    import serdab.flow

    promise = (
        "each step's result is recorded exactly once; a step may execute more than once if a machine dies before "
        "recording; external calls get a stable idempotency key so that they can be made exactly-once by the other side"
    )
    for text in (
        (ROOT / "README.md").read_text("utf-8"),
        (ROOT / "docs" / "concepts" / "the-promise.md").read_text("utf-8"),
        serdab.flow.__doc__ or "",
    ):
        assert promise in " ".join(text.split()).lower()


def test_the_core_stays_small_and_each_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    reasons = (ROOT / "docs" / "adr" / "0002-dependencies.md").read_text("utf-8")
    told = {
        name.strip(" `")
        for line in reasons.splitlines()
        if line.startswith("|")
        for cell in line.split("|")[1:3]
        for name in cell.split(",")
    }
    assert len(project["dependencies"]) <= 10
    optional = project["optional-dependencies"]
    extras = [requirement for extra, of_it in optional.items() if extra != "dev" for requirement in of_it]
    for requirement in [*project["dependencies"], *extras]:
        name = re.split(r"[<>=!~\[ ]", requirement, maxsplit=1)[0]
        assert name in told, f"{name} needs a line in docs/adr/0002-dependencies.md"


def test_contributing_is_two_pages_at_most() -> None:
    assert (ROOT / "CONTRIBUTING.md").read_text("utf-8").count("\n") <= 100
