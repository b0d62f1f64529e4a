"""Structured logs: every record an action, never a secret, one file that survives being turned over."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from serdab.core import Settings, start_logging
from serdab.core.logs import PrivateFile
from serdab.core.settings import LogSettings

log = logging.getLogger("serdab.of_a_test")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, sys.excepthook
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)


def lines(home: Path, process: str = "worker-1") -> list[dict[str, object]]:
    text = (home / "logs" / f"{process}.log").read_text()
    return [msgspec.json.decode(line) for line in text.splitlines()]


def test_a_record_is_one_line_with_action_and_facts(tmp_path: Path) -> None:
    start_logging("worker-1", Settings(home=str(tmp_path)))
    log.warning("rescued\nruns", extra={"action": "rescued", "dead": 3, "where": Path("/x")})
    [line] = lines(tmp_path)
    assert line["action"] == "rescued"
    assert line["level"] == "warning"
    assert line["process"] == "worker-1"
    assert line["dead"] == 3
    assert line["where"] == "/x"
    assert line["message"] == "rescued\nruns"


def test_a_record_without_action_gets_the_name_of_its_logger(tmp_path: Path) -> None:
    start_logging("worker-1", Settings(home=str(tmp_path)))
    log.info("hello")
    assert lines(tmp_path)[0]["action"] == "serdab.of_a_test"


def test_secrets_never_get_into_a_log(tmp_path: Path) -> None:
    terminal = io.StringIO()
    start_logging("worker-1", Settings(home=str(tmp_path)), terminal)
    log.info("at %s", "postgresql://me:hunter2@db/x", extra={"dsn": "postgresql://me:hunter2@db/x"})
    log.info("call", extra={"api_token": "hunter2"})
    try:
        raise ConnectionError("postgresql://me:hunter2@db/x is away")
    except ConnectionError:
        log.exception("failed")
    assert "hunter2" not in (tmp_path / "logs" / "worker-1.log").read_text()
    assert "hunter2" not in terminal.getvalue()
    assert "postgresql://me:…@db/x" in terminal.getvalue()


def test_the_level_is_that_of_the_settings(tmp_path: Path) -> None:
    start_logging("worker-1", Settings(home=str(tmp_path), log=LogSettings(level="warning")))
    log.info("not this")
    log.warning("this")
    assert [line["message"] for line in lines(tmp_path)] == ["this"]


def test_only_the_owner_reads_a_log(tmp_path: Path) -> None:
    start_logging("worker-1", Settings(home=str(tmp_path)))
    log.warning("x")
    assert (tmp_path / "logs" / "worker-1.log").stat().st_mode & 0o777 == 0o600


def test_two_processes_may_turn_one_file_over(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    one, two = (PrivateFile(path, 500, 50) for _ in range(2))
    for number in range(200):
        (one if number % 3 else two).emit(logging.makeLogRecord({"msg": f"line {number}"}))
    one.close()
    two.close()
    kept = "".join(each.read_text() for each in tmp_path.iterdir())
    assert sorted(kept.split("\n")) == sorted(["", *(f"line {number}" for number in range(200))])
    assert len(list(tmp_path.iterdir())) > 1
