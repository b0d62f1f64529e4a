"""The root of the command line: options anywhere, one clear block for an error, exit codes."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from serdab.cli.application import application, arranged, main
from serdab.cli.reporting import report
from serdab.core import BadInput, SerdabError, expected


@pytest.mark.parametrize(
    ("given", "arranged_as"),
    [
        (["runs", "list", "--set", "home=/x"], ["--set", "home=/x", "runs", "list"]),
        (["status", "--set=home=/x", "--json"], ["--set=home=/x", "status", "--json"]),
        (["--debug", "status"], ["--debug", "status"]),
        (["run", "w", "--", "--set", "x"], ["run", "w", "--", "--set", "x"]),
        (["run", "--set", "--debug", "x"], ["--set", "--debug", "run", "x"]),
    ],
)
def test_options_of_the_root_may_stand_anywhere(given: Sequence[str], arranged_as: Sequence[str]) -> None:
    assert arranged(given) == arranged_as


def left(arguments: list[str]) -> int | str | None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return caught.value.code


def test_an_unknown_setting_is_bad_input_with_the_nearest_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert left(["settings", "--set", "flow.leese_s=3"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error [bad_setting]: expected the setting flow.leese_s")
    assert "→ did you mean flow.lease_s?" in error
    assert "Traceback" not in error


def test_a_script_that_asked_for_json_gets_its_errors_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert left(["settings", "--json", "--set", "flow.lease_s=never"]) == 2
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "bad_setting"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["run", "triage", ""], "PATH…"),
        (["evaluate", "triage", ""], "FILE"),
        (["search", "--like", ""], "--like"),
        (["results", "-o", ""], "--output"),
    ],
)
def test_an_empty_path_is_not_the_folder_where_we_stand(
    arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert left(arguments) == 2
    assert f"expected {what} to be a path that is not empty, got ''" in capsys.readouterr().err


def test_a_path_that_no_system_takes_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert left(["run", "triage", "x" * 5000]) == 2
    error = capsys.readouterr().err
    assert "expected PATH… to be a path short enough for this system, got 'xxx" in error
    assert len(error) < 500


def test_a_traceback_is_shown_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert left(["--debug", "settings", "--set", "flow.lease_s=never"]) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "triage"],
        ["run", "triage", "/there/is/no/such/path"],
        ["run", "no_such_module:workflow"],
        ["run", "serdab.core:nothing"],
        ["run", "anything", "--input", "not json"],
        ["run", "anything", "a-path"],
        ["evaluate", "something", "x.jsonl"],
        ["runs", "redrive"],
        ["models", "pull", "all-MiniLM-L6-v3"],
        ["runs", "list", "--limit", "0"],
        ["nonsense"],
    ],
)
def test_bad_input_leaves_with_2_and_starts_nothing(
    arguments: list[str], tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert left([*arguments, "--set", f"home={tmp_path}/home"]) == 2
    assert capsys.readouterr().err
    import pathlib

    assert not (pathlib.Path(str(tmp_path)) / "home" / "postgres").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runs", "list", "-n", "abc"], "expected --limit to be a valid integer, got 'abc'"),
        (["labels", "review", "--count", "-3"], "expected --count to be greater than or equal to 1, got '-3'"),
        (["plan", "cost", "--busy", "2"], "expected --busy to be less than or equal to 1, got '2'"),
        (["runs", "show"], "expected RUN to be given, got nothing"),
        (["run"], "expected WHAT to be given, got nothing"),
        (["runs", "list", "--nope"], "expected what follows `serdab runs list` to be as its help says, got: "),
        (["plan", "nonsense"], "expected what follows `serdab plan` to be as its help says, got: "),
        (["run", "triage", "--key"], "expected --key to be as its help says, got: "),
        (["run", "triage", ".", "--batch", "a\udcff"], r"expected --batch to be UTF-8, got 'a\udcff'"),
        (["search", "x", "--where", "a=b", "--where", "a=\udcff"], r"expected --where to be UTF-8, got 'a=\udcff'"),
        (["labels", "show", "\udcff"], r"expected NAME to be UTF-8, got '\udcff'"),
    ],
)
def test_a_line_that_cannot_be_read_is_told_in_the_grammar_of_the_house(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert left(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error [bad_input]: {said}")
    assert "→ see `" in told


def test_a_group_without_a_command_shows_its_help_and_leaves_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert left(["plan"]) == 2
    assert "Usage: serdab plan" in "".join(capsys.readouterr())
    assert left(["plan", "--help"]) == 0


@pytest.mark.parametrize("group", [[], *([each.name] for each in application.registered_groups)])
def test_the_help_of_a_group_cuts_no_line_of_a_command_at_80_columns(
    group: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert left([*group, "--help"]) == 0
    commands = capsys.readouterr().out.partition("Commands:\n")[2].splitlines()
    assert commands
    assert [line for line in commands if line.endswith("...") or len(line) > 80] == []


def test_other_errors_leave_with_1_and_lose_their_passwords(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(SerdabError("postgresql://me:hunter2@db/x is away"), as_json=False) == 1
    assert report(RuntimeError("oh"), as_json=False) == 1
    assert report(BadInput(expected("x", "y", "z")), as_json=True) == 2
    error = capsys.readouterr().err
    assert "hunter2" not in error
    assert "error [unexpected]: RuntimeError: oh" in error


def test_a_full_disk_is_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match="No space") as caught, open("/dev/full", "wb", buffering=0) as full:
        full.write(b"x")
    assert report(caught.value, as_json=False) == 1
    error = capsys.readouterr().err
    assert error.startswith("error [disk_full]: expected what is written to be on a disk with room, got 'No space")
    assert "→ remove something" in error
