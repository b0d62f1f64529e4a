"""Draws one run: a bar for each step on the time from start to end, its failed attempts, its errors, why it waits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from serdab.cli.printing import console, span, state_text
from serdab.core import without_passwords
from serdab.flow import AttemptInfo, Failure, RunDetail

#: Characters of the longest bar.
WIDTH = 40
#: Most bars that are drawn; a run with more shows its first and last.
MOST_BARS = 200
MOST_VALUE = 400


class Bar(NamedTuple):
    """One line of the timeline."""

    name: str
    begin: datetime
    end: datetime
    mark: str
    style: str
    note: str


def draw_run(detail: RunDetail) -> None:
    """Print the whole story of a run."""
    console().print(drawing_of(detail))


def drawing_of(detail: RunDetail) -> RenderableType:
    """The whole story of a run, to print or to show live."""
    parts: list[RenderableType] = [_head(detail)]
    bars = bars_of(detail)
    if bars:
        parts.append(_timeline(detail, bars))
    for name, failure in _failures(detail):
        parts.append(Text(f"\n{name}: {failure.kind}: {failure.message}", style="red"))
        if failure.traceback:
            parts.append(Text(failure.traceback.rstrip(), style="dim"))
    return Group(*parts)


def bars_of(detail: RunDetail) -> list[Bar]:
    """Steps and failed attempts in the order in which they began."""
    bars = [
        Bar(
            step.key,
            step.ended_at - timedelta(microseconds=step.duration_us),
            step.ended_at,
            "x" if step.failed else "█",
            "red" if step.failed else "green",
            f"attempt {step.attempts}" if step.attempts > 1 else "",
        )
        for step in detail.steps
    ]
    # The last attempt of a step that failed for good is that step's own bar.
    bars += [_attempt_bar(attempt) for attempt in detail.attempts if attempt.retry_at is not None]
    return sorted(bars, key=lambda bar: (bar.begin, bar.end))


def _attempt_bar(attempt: AttemptInfo) -> Bar:
    begin = attempt.failed_at - timedelta(microseconds=attempt.duration_us)
    wait_s = ((attempt.retry_at or attempt.failed_at) - attempt.failed_at).total_seconds()
    again = f", again after {span(max(wait_s, 0.0))}"
    note = f"attempt {attempt.attempt}: {attempt.failure.kind}{again}"
    return Bar(attempt.key, begin, attempt.failed_at, "▒", "yellow", note)


def _head(detail: RunDetail) -> RenderableType:
    info = detail.info
    table = Table.grid(padding=(0, 2))
    took = span((info.ended_at - info.started_at).total_seconds()) if info.ended_at else ""
    started = f"{info.started_at.astimezone():%Y-%m-%d %H:%M:%S}{f', took {took}' if took else ''}"
    rows: list[tuple[str, str | Text]] = [
        ("run", str(info.id)),
        ("workflow", f"{info.workflow} (queue {info.queue})"),
        ("state", state_text(info.state)),
        ("started", started),
    ]
    rows += [("key", detail.key)] if detail.key else []
    rows += [("parent", str(info.parent))] if info.parent else []
    rows += [("children", f"{detail.children:,}")] if detail.children else []
    rows += [("redriven as", str(detail.redriven_as))] if detail.redriven_as else []
    rows += [("waits", detail.why_waiting)] if detail.why_waiting else []
    if info.progress is not None:
        rows.append(("progress", f"{info.progress:.0%} {info.message}".strip()))
    rows.append(("input", shortened(detail.input)))
    if info.state == "done":
        rows.append(("result", shortened(detail.result)))
    for name, value in rows:
        table.add_row(Text(name, style="bold"), value if isinstance(value, Text) else Text(value))
    return table


def _timeline(detail: RunDetail, bars: list[Bar]) -> RenderableType:
    first = min(detail.info.started_at, bars[0].begin)
    last = max([bar.end for bar in bars] + ([detail.info.ended_at] if detail.info.ended_at else []))
    whole_s = max((last - first).total_seconds(), 1e-6)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("step", overflow="fold")
    table.add_column("at", justify="right")
    table.add_column("took", justify="right")
    table.add_column(f"0 … {span(whole_s)}", no_wrap=True, min_width=WIDTH)
    table.add_column("")
    half = MOST_BARS // 2
    left_out = max(len(bars) - MOST_BARS, 0)
    for bar in bars[:half] if left_out else bars:
        table.add_row(*_row(bar, first, whole_s))
    if left_out:
        table.add_row(Text(f"… {left_out:,} more …", style="dim"))
        for bar in bars[-half:]:
            table.add_row(*_row(bar, first, whole_s))
    return table


def _row(bar: Bar, first: datetime, whole_s: float) -> tuple[Text, ...]:
    begin_s = (bar.begin - first).total_seconds()
    took_s = (bar.end - bar.begin).total_seconds()
    begin = min(max(int(begin_s / whole_s * WIDTH), 0), WIDTH - 1)
    length = min(max(round(took_s / whole_s * WIDTH), 1), WIDTH - begin)
    drawn = Text(" " * begin + bar.mark * length, style=bar.style)
    return Text(bar.name), Text(span(max(begin_s, 0.0))), Text(span(took_s)), drawn, Text(bar.note)


def _failures(detail: RunDetail) -> list[tuple[str, Failure]]:
    """Each distinct error once, with where it happened; the run's own is last."""
    found: dict[Failure, str] = {}
    for key, failure in [
        *((attempt.key, attempt.failure) for attempt in detail.attempts),
        *((step.key, step.failure) for step in detail.steps if step.failure),
    ]:
        found.setdefault(failure, f"step {key}")
    if detail.failure is not None:
        found.setdefault(detail.failure, "the run")
    return [(name, failure) for failure, name in found.items()]


def shortened(value: object) -> str:
    """A value as JSON without what is secret in its URLs, cut where it gets long."""
    text = without_passwords(msgspec.json.encode(value, enc_hook=str).decode())
    return text if len(text) <= MOST_VALUE else f"{text[:MOST_VALUE]}… ({len(text):,} characters)"
