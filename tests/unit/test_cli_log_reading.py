"""All logs of a home as one stream in the order of time."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest

from serdab.cli.log_reading import follow_records, last_records, shown
from serdab.core import BadInput


def line(clock: str, message: str, **facts: object) -> str:
    return (
        json.dumps({"time": f"2026-01-01T{clock}Z", "level": "info", "process": "p", "message": message, **facts})
        + "\n"
    )


def test_lines_of_all_processes_come_in_the_order_of_time(tmp_path: Path) -> None:
    (tmp_path / "up.log").write_text(line("10:00:01.000", "one") + line("10:00:03.000", "three"))
    (tmp_path / "worker-1.log").write_text(line("10:00:02.000", "two") + line("10:00:04.000", "four"))
    _, records = last_records(tmp_path, None, 3)
    assert [record.fields["message"] for record in records] == ["two", "three", "four"]
    _, records = last_records(tmp_path, "up", 10)
    assert [record.fields["message"] for record in records] == ["one", "three"]


def test_a_line_that_is_no_json_is_shown_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "engine-x.log").write_text("loaded in 3 s\n")
    _, [record] = last_records(tmp_path, "engine-x", 10)
    assert shown(record).endswith("loaded in 3 s")


def test_a_line_for_people_has_level_facts_and_traceback(tmp_path: Path) -> None:
    (tmp_path / "up.log").write_text(line("10:00:01.000", "oh", level="error", child="w", traceback="File x"))
    _, [record] = last_records(tmp_path, None, 1)
    assert shown(record) == "10:00:01.000  p             error: oh  child=w\nFile x"


def test_an_unknown_name_is_answered_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "up.log").write_text("")
    with pytest.raises(BadInput, match="there are: up"):
        last_records(tmp_path, "upp", 10)


def test_following_goes_on_where_reading_ended_also_when_a_file_is_turned_over(tmp_path: Path) -> None:
    path = tmp_path / "up.log"
    path.write_text(line("10:00:01.000", "one"))
    places, _ = last_records(tmp_path, None, 10)
    with path.open("a") as file:
        file.write(line("10:00:02.000", "two") + '{"half')
    stream = follow_records(tmp_path, None, places)
    assert [record.fields["message"] for record in islice(stream, 1)] == ["two"]
    path.write_text(line("10:00:03.000", "new"))
    assert [record.fields["message"] for record in islice(stream, 1)] == ["new"]


def test_a_log_that_is_turned_over_while_it_is_looked_for_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "up.log").write_text(line("10:00:01.000", "one"))
    (tmp_path / "a.log").symlink_to(tmp_path / "gone")  # In the list of the folder, and not there when it is opened.
    places, records = last_records(tmp_path, None, 10)
    assert [record.fields["message"] for record in records] == ["one"]
    with (tmp_path / "up.log").open("a") as file:
        file.write(line("10:00:02.000", "two"))
    assert next(follow_records(tmp_path, None, places)).fields["message"] == "two"
