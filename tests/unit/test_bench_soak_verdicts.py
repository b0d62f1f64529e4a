"""The verdicts of a soak: a calm one holds every bar; what goes wrong misses its own bar and no other."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from bench.soak_verdicts import Sample, slope, verdicts

RATE = 1000.0
WINDOWS = 60


def sample(place: int) -> Sample:
    """A window of a calm soak; the middle third holds a snapshot."""
    wobble = (place * 7919 % 13 - 6) / 6
    return {
        "at_s": 5.0 * place,
        "held": WINDOWS // 3 <= place < WINDOWS * 2 // 3,
        "ended_per_s": RATE + wobble,
        "wal_bytes_per_run": 4000.0 + 10 * wobble,
        "p99_ms": 20.0 + wobble,
        "dead": {"ready_0": 900, "lease_1": 900, "worker": 40},
        "dead_ring": {"ready_0": 900, "lease_1": 900},
        "ring_bytes": 60e6,
        "connections": 9,
        "processes": {"client": {"rss_mb": 80.0 + wobble, "files": 20, "threads": 3, "tasks": 4}},
    }


def missed(change: Callable[[list[Sample], list[Sample]], Any]) -> list[str]:
    """Which bars are missed when something is changed in the windows, or in the two quiet looks."""
    samples, quiet = [sample(place) for place in range(WINDOWS)], [sample(0), sample(0)]
    change(samples, quiet)
    return [each.what for each in verdicts(samples, (quiet[0], quiet[1]), RATE) if not each.holds]


def every(key: str, of: Callable[[Sample], Any], *, held: bool | None = None) -> Callable[[list[Sample], Any], None]:
    def change(samples: list[Sample], _quiet: object) -> None:
        for each in samples:
            if held is None or each["held"] == held:
                each[key] = of(each)

    return change


def grown(kind: str) -> Callable[[Any, list[Sample]], None]:
    def change(_samples: object, quiet: list[Sample]) -> None:
        quiet[1] = copy.deepcopy(quiet[1])
        quiet[1]["processes"]["client"][kind] += 3

    return change


def leaking(samples: list[Sample], _quiet: object) -> None:
    for each in samples:
        each["processes"]["client"]["rss_mb"] += each["at_s"] / 5


def bursting(samples: Any, _quiet: Any) -> None:
    for each in samples[::5]:
        each["wal_bytes_per_run"] *= 5


def test_the_verdicts_can_be_kept_as_json() -> None:
    found = verdicts([sample(place) for place in range(WINDOWS)], (sample(0), sample(0)), RATE)
    assert json.loads(json.dumps([each._asdict() for each in found]))[0]["holds"] is True


def test_a_calm_soak_holds_every_bar() -> None:
    assert missed(lambda _samples, _quiet: None) == []


@pytest.mark.parametrize(
    ("change", "bars"),
    [
        (every("ended_per_s", lambda _: RATE * 0.9), ["throughput is what is offered"]),
        (
            every("ended_per_s", lambda _: RATE * 0.79, held=True),
            ["throughput is what is offered", "throughput lost while a snapshot is held"],
        ),
        (every("p99_ms", lambda _: 51.0, held=True), ["p99 to the first step while it is held"]),
        (
            lambda samples, _: samples[-1].update(p99_ms=1001.0),
            ["p99 of the worst window"],
        ),
        (
            every("dead_ring", lambda _: {"ready_0": 500_000}, held=True),
            ["most dead rows in the ring"],
        ),
        (every("ring_bytes", lambda _: 200e6), ["size of ready and lease"]),
        (lambda samples, _: samples[-1]["dead"].update(worker=60_000), ["dead rows elsewhere, at the end"]),
        (every("wal_bytes_per_run", lambda each: 4000 + each["at_s"] * 3), ["slope of WAL bytes a run"]),
        (bursting, ["WAL bytes a run with its bursts"]),
        (leaking, ["slope of memory of client, MB"]),
        (grown("files"), ["files of client when quiet again"]),
        (grown("threads"), ["threads of client when quiet again"]),
        (grown("tasks"), ["tasks of client when quiet again"]),
        (lambda _, quiet: quiet[1].update(connections=12), ["connections when quiet again"]),
    ],
)
def test_what_goes_wrong_misses_its_own_bar(change: Callable[[Any, Any], Any], bars: list[str]) -> None:
    assert missed(change) == bars


def test_a_slope_tells_a_line_from_noise() -> None:
    times = [float(t) for t in range(100)]
    rising = slope(times, [2 * t + (t * 37 % 11) for t in times])
    assert rising.is_sure
    assert rising.rise == pytest.approx(198, rel=0.02)
    assert not slope(times, [(t * 37 % 11) - 5.0 for t in times]).is_sure


def test_bursts_that_come_later_are_no_slope() -> None:
    times = [float(t) for t in range(100)]
    line = slope(times, [5000.0 if t > 60 and t % 9 == 0 else 2000.0 + t % 3 for t in times])
    assert not line.is_sure
    assert line.usual == pytest.approx(2001, abs=2)
