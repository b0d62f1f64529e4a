"""What a soak must have shown: each bar with what was measured, and whether it holds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from scipy.stats import theilslopes

#: Windows at the beginning that are left out: caches, connections and files of the log come into being.
WARM_UP_SHARE = 0.1
#: Most of the throughput that may be lost while a snapshot is held.
MOST_LOSS = 0.20
#: Most that p99 may grow while it is held, and what is always allowed, ms.
MOST_P99_GROWTH, P99_FLOOR_MS, P99_CEILING_MS = 2.0, 50.0, 1000.0
#: Segments of the ring that may hold dead rows: the one that is written, those that rest, and a minute to turn.
RING_MINUTES = 4
#: Most that a slope may amount to over the whole soak, as a share of the mean.
MOST_DRIFT = 0.10
#: How sure the interval of a slope is.
CONFIDENCE = 0.997
#: Most that the mean of the log may lie above its usual: vacuum freezes new pages in bursts.
MOST_BURSTS = 1.5
#: Megabytes of memory that are nobody's leak.
RSS_FLOOR_MB = 16.0
#: What a quiet process may have more than before the load: a connection of a pool that was not needed before.
MOST_MORE = 2

Sample = dict[str, Any]


class Verdict(NamedTuple):
    """One bar."""

    what: str
    measured: str
    bar: str
    holds: bool


class Slope(NamedTuple):
    """A line through values over time: what is usual, its rise over the whole time, and between what that surely is."""

    usual: float
    rise: float
    least: float
    most: float

    @property
    def is_sure(self) -> bool:
        """It is not flat."""
        return self.least > 0 or self.most < 0


def slope(times: Sequence[float], values: Sequence[float]) -> Slope:
    """Theil-Sen: the median of the slopes of all pairs, with its interval; bursts that come and go do not tilt it."""
    span = times[-1] - times[0]
    # Plain floats: what compares numpy's is no bool for JSON.
    steep, _, least, most = (float(each) for each in theilslopes(values, times, CONFIDENCE))
    return Slope(statistics.median(values), steep * span, least * span, most * span)


def verdicts(samples: Sequence[Sample], quiet: tuple[Sample, Sample], rate: float) -> list[Verdict]:
    """All bars, from the windows of the load and from two looks at quiet processes, before and after it."""
    warm = samples[int(len(samples) * WARM_UP_SHARE) :]
    free = [sample for sample in warm if not sample["held"]]
    before = [sample for sample in free if sample["at_s"] < first_held(samples)] or free
    held = [sample for sample in warm if sample["held"]]
    return [
        _offered(warm, rate),
        _throughput(before, held),
        *_latency(before, held, warm),
        *_dead(warm, rate),
        *_log(warm),
        *(_memory(name, warm) for name in warm[0]["processes"]),
        *_leaks(*quiet),
    ]


def first_held(samples: Sequence[Sample]) -> float:
    """When the snapshot was taken, seconds."""
    return min((sample["at_s"] for sample in samples if sample["held"]), default=math.inf)


def _mean(samples: Sequence[Sample], of: Callable[[Sample], float]) -> float:
    return statistics.fmean(of(sample) for sample in samples)


def _offered(warm: Sequence[Sample], rate: float) -> Verdict:
    reached = _mean(warm, lambda sample: sample["ended_per_s"])
    return Verdict(
        "throughput is what is offered", f"{reached:,.0f} of {rate:,.0f} runs/s", "≥ 95 %", reached >= 0.95 * rate
    )


def _throughput(before: Sequence[Sample], held: Sequence[Sample]) -> Verdict:
    usual = _mean(before, lambda sample: sample["ended_per_s"])
    loss = 1 - _mean(held, lambda sample: sample["ended_per_s"]) / usual
    return Verdict("throughput lost while a snapshot is held", f"{loss:.1%}", f"< {MOST_LOSS:.0%}", loss < MOST_LOSS)


def _latency(before: Sequence[Sample], held: Sequence[Sample], warm: Sequence[Sample]) -> list[Verdict]:
    usual = statistics.median(sample["p99_ms"] for sample in before)
    during = statistics.median(sample["p99_ms"] for sample in held)
    worst = max(sample["p99_ms"] for sample in warm)
    bar = max(usual * MOST_P99_GROWTH, P99_FLOOR_MS)
    return [
        Verdict("p99 to the first step while it is held", f"{during:.1f} ms", f"≤ {bar:.0f} ms", during <= bar),
        Verdict(
            "p99 of the worst window", f"{worst:.1f} ms", f"≤ {P99_CEILING_MS:.0f} ms", worst <= P99_CEILING_MS
        ),
    ]  # fmt: skip


def _dead(warm: Sequence[Sample], rate: float) -> list[Verdict]:
    most = max(sum(sample["dead_ring"].values()) for sample in warm)
    # One dead row in ready and one in lease for each run.
    bar = RING_MINUTES * 60 * rate * 2
    last = sum(warm[-1]["dead"].values()) - sum(warm[-1]["dead_ring"].values())
    size = max(sample["ring_bytes"] for sample in warm) / 1e6
    size_bar = bar * 400 / 1e6
    return [
        Verdict("most dead rows in the ring", f"{most:,}", f"≤ {bar:,.0f}", most <= bar),
        Verdict("size of ready and lease", f"{size:,.0f} MB", f"≤ {size_bar:,.0f} MB", size <= size_bar),
        Verdict("dead rows elsewhere, at the end", f"{last:,}", "≤ 50,000", last <= 50_000),
    ]


def _log(warm: Sequence[Sample]) -> list[Verdict]:
    def of(sample: Sample) -> float:
        return float(sample["wal_bytes_per_run"])

    mean, usual = _mean(warm, of), statistics.median(of(sample) for sample in warm)
    bar = usual * MOST_BURSTS
    return [
        _drift("WAL bytes a run", warm, of, 0.0),
        Verdict("WAL bytes a run with its bursts", f"{mean:,.0f} over {usual:,.0f}", f"≤ {bar:,.0f}", mean <= bar),
    ]


def _drift(what: str, warm: Sequence[Sample], of: Callable[[Sample], float], floor: float) -> Verdict:
    line = slope([sample["at_s"] for sample in warm], [of(sample) for sample in warm])
    allowed = max(abs(line.usual) * MOST_DRIFT, floor)
    return Verdict(
        f"slope of {what}",
        f"{line.rise:+,.1f} ({line.least:+,.1f} to {line.most:+,.1f}) over {line.usual:,.1f}",
        f"≤ {allowed:+,.1f}, or not sure",
        line.rise <= allowed or not line.is_sure,
    )


def _memory(name: str, warm: Sequence[Sample]) -> Verdict:
    return _drift(f"memory of {name}, MB", warm, lambda sample: sample["processes"][name]["rss_mb"], RSS_FLOOR_MB)


def _leaks(before: Sample, after: Sample) -> list[Verdict]:
    found = [
        _quiet(f"{kind} of {name}", weights[kind], after["processes"][name][kind])
        for name, weights in before["processes"].items()
        for kind in ("files", "threads", "tasks")
    ]
    return [*found, _quiet("connections", before["connections"], after["connections"])]


def _quiet(what: str, then: int, now: int) -> Verdict:
    most = then + MOST_MORE
    return Verdict(f"{what} when quiet again", f"{now} after {then}", f"≤ {most}", now <= most)
