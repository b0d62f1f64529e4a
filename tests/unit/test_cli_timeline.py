"""The drawn story of a run: bars where time went, each error once, why it waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from rich.console import Console

from serdab.cli.printing import span
from serdab.cli.timeline import WIDTH, bars_of, drawing_of
from serdab.flow import AttemptInfo, Failure, RunDetail, RunInfo, StepInfo

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
OH = Failure(kind="ValueError", message="oh [no]", traceback='  File "mine.py", line 3, in step\nValueError: oh [no]')


def step(key: str, at_s: float, took_s: float, attempts: int = 1, failure: Failure | None = None) -> StepInfo:
    return StepInfo(
        key=key, ended_at=BEGAN + timedelta(seconds=at_s + took_s), duration_us=int(took_s * 1e6), attempts=attempts,
        failed=failure is not None, worker=1, output=None, failure=failure,
    )  # fmt: skip


def detail(state: str = "done", ended_s: float | None = 10, **more: Any) -> RunDetail:
    info = RunInfo(
        id=UUID(int=1), workflow="w", queue="q", state=state, started_at=BEGAN,
        ended_at=None if ended_s is None else BEGAN + timedelta(seconds=ended_s), parent=None, progress=None,
        message="", error="",
    )  # fmt: skip
    fields: dict[str, Any] = {
        "info": info, "input": [1], "result": None, "failure": None, "key": None, "steps": [], "attempts": [],
        "children": 0, "redriven_as": None, "why_waiting": "",
    }  # fmt: skip
    return RunDetail(**{**fields, **more})


def drawn(run: RunDetail) -> str:
    console = Console(width=160, record=True, file=None, highlight=False)
    with console.capture() as captured:
        console.print(drawing_of(run))
    return captured.get()


def line_of(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if name in line)


def test_the_input_is_shown_without_what_is_secret_in_a_url() -> None:
    text = drawn(detail(input=[{"deliver_to": "https://hooks.example/in?token=hunter2"}]))
    assert "token=…" in text
    assert "hunter2" not in text


def test_a_bar_stands_where_the_time_went() -> None:
    text = drawn(detail(steps=[step("first#1", 0, 5), step("second#1", 5, 5)]))
    first, second = line_of(text, "first#1"), line_of(text, "second#1")
    assert first.count("█") == second.count("█") == WIDTH // 2
    assert first.rindex("█") < second.index("█")


def test_a_retry_is_a_bar_of_its_own_with_its_pause() -> None:
    attempt = AttemptInfo(
        key="shaky#1", attempt=1, failed_at=BEGAN + timedelta(seconds=1), retry_at=BEGAN + timedelta(seconds=3),
        duration_us=1_000_000, failure=OH,
    )  # fmt: skip
    text = drawn(detail(steps=[step("shaky#1", 3, 1, attempts=2)], attempts=[attempt]))
    assert "attempt 1: ValueError, again after 2.0 s" in text
    assert "attempt 2" in text
    assert text.count("oh [no]") == 2, "once as message, once in its traceback"


def test_a_step_that_failed_for_good_is_told_once_with_the_users_lines() -> None:
    last = AttemptInfo(key="s#1", attempt=1, failed_at=BEGAN, retry_at=None, duration_us=0, failure=OH)
    run = detail("failed", steps=[step("s#1", 0, 1, failure=OH)], attempts=[last], failure=OH)
    assert [bar.mark for bar in bars_of(run)] == ["x"]
    assert drawn(run).count('File "mine.py", line 3') == 1


def test_a_waiting_run_says_why() -> None:
    assert "no worker serves queue q" in drawn(detail("ready", None, why_waiting="no worker serves queue q"))


def test_a_run_of_thousands_of_steps_stays_readable() -> None:
    text = drawn(detail(steps=[step(f"s#{number}", number / 1000, 0.001) for number in range(5000)]))
    assert "4,800 more" in text
    assert len(text.splitlines()) < 250


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.00012, "0.1 ms"),
        (0.25, "250 ms"),
        (3.21, "3.2 s"),
        (90, "1.5 min"),
        (7200, "2.0 h"),
        (2e5, "2.3 d"),
    ],
)
def test_lengths_of_time_are_short(seconds: float | None, text: str) -> None:
    assert span(seconds) == text
