"""Structured logs: every record an action, never a secret, one file that survives being turned over."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import time
from collections import Counter
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


WRITER = """
import logging, sys
from pathlib import Path
from serdab.core.logs import PrivateFile
name, path, most_bytes, kept, count = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:])
file = PrivateFile(path, most_bytes, kept)
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    file.emit(logging.makeLogRecord({"msg": f"{name} {number}"}))
file.close()
"""


def write_together(path: Path, *, most_bytes: int, kept: int, count: int) -> None:
    """Let four processes write as many lines each into one file, all at once."""
    words = [str(path), str(most_bytes), str(kept), str(count)]
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(number), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        for number in range(4)
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, complaints = writer.communicate(timeout=60)
        assert (writer.returncode, complaints) == (0, "")


def test_processes_that_turn_one_file_over_at_once_lose_no_line(tmp_path: Path) -> None:
    write_together(tmp_path / "x.log", most_bytes=2000, kept=200, count=800)
    lines = Counter(line for path in tmp_path.iterdir() for line in path.read_text().splitlines())
    assert lines == Counter(f"{name} {number}" for name in range(4) for number in range(800))
    assert len(list(tmp_path.iterdir())) > 8


def test_files_are_bounded_in_number_and_size_however_many_write(tmp_path: Path) -> None:
    write_together(tmp_path / "x.log", most_bytes=2000, kept=3, count=800)
    assert {path.name for path in tmp_path.iterdir()} == {"x.log", "x.log.1", "x.log.2", "x.log.3"}
    # Each of the other three may have looked before the line came that filled the file.
    assert max(path.stat().st_size for path in tmp_path.iterdir()) <= 2000 + 3 * 10
    assert (tmp_path / "x.log.3").stat().st_mode & 0o777 == 0o600


def test_logs_of_processes_that_never_come_back_go_after_a_month(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    old, new = time.time_ns() // 10**9 - 31 * 86_400, time.time_ns() // 10**9 - 29 * 86_400
    for name, when in (
        ("worker-471.log", old), ("worker-471.log.2", old), ("run-9-worker-1.out", old), ("worker-472-alone.log", old),
        ("worker-1.log", new), ("up.log", old), ("engine-all-MiniLM-L6-v2.log", old), ("letter.txt", old),
    ):  # fmt: skip
        (folder / name).touch()
        os.utime(folder / name, (when, when))
    start_logging("keeper", Settings(home=str(tmp_path)))
    assert {path.name for path in folder.iterdir()} == {
        "worker-1.log", "up.log", "engine-all-MiniLM-L6-v2.log", "letter.txt"
    }  # fmt: skip
