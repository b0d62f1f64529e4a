"""What Prometheus reads: figures of one worker, figures of the database, and the two put together.

`METRICS` lists every metric with its meaning, `EXAMPLES` one question that each answers; the reference in the
documentation is written from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from serdab.flow import Rescued, Worker

#: name → (labels, meaning). Counters end in `_total`.
METRICS: dict[str, tuple[tuple[str, ...], str]] = {
    "serdab_runs": (("queue", "state"), "Runs that have not ended, by queue and state."),
    "serdab_oldest_run_seconds": (("queue", "state"), "Age of the oldest ready and of the oldest running run, s."),
    "serdab_database_up": ((), "1 while the database answers, 0 while it is away."),
    "serdab_processes": (("role",), "Living processes of this home."),
    "serdab_disk_free_bytes": (("folder",), "Free bytes of the disks that a home needs."),
    "serdab_restarts_total": (("process",), "How often a process of the tree was started again."),
    "serdab_runs_claimed_total": (("worker",), "Runs that a worker claimed."),
    "serdab_runs_ended_total": (("worker", "state"), "Runs that a worker ended."),
    "serdab_runs_in_memory": (("worker",), "Runs that a worker executes now."),
    "serdab_step_seconds": (("worker", "step"), "How long steps took, s; large flushes are sampled."),
    "serdab_flushes_total": (("worker",), "Group commits."),
    "serdab_flush_rows_total": (("worker",), "Rows in them."),
    "serdab_flush_seconds_total": (("worker",), "Time that they took, s."),
    "serdab_flush_last_seconds": (("worker",), "Time that the last one took, s."),
    "serdab_flush_retried_total": (("worker",), "Group commits that were sent again."),
    "serdab_flush_refused_stale_total": (("worker",), "Group commits refused because the worker was taken for dead."),
    "serdab_rows_refused_total": (("worker",), "Single rows that the database would not take."),
    "serdab_rescued_workers_total": (("worker",), "Dead workers whose runs this one's keeper took."),
    "serdab_rescued_runs_total": (("worker", "as"), "Runs taken from them: `again`, `suspect` or `dead`."),
}
#: name → (what it answers, in PromQL). A metric of one tree; with several, add `by (instance)`.
EXAMPLES: dict[str, tuple[str, str]] = {
    "serdab_runs": ("runs that wait, by queue", 'sum by (queue) (serdab_runs{state="ready"})'),
    "serdab_oldest_run_seconds": (
        "how long the longest has waited", 'max by (queue) (serdab_oldest_run_seconds{state="ready"})'
    ),
    "serdab_database_up": ("part of the last day with a database", "avg_over_time(serdab_database_up[1d])"),
    "serdab_processes": ("least workers of the last hour", 'min_over_time(serdab_processes{role="worker"}[1h])'),
    "serdab_restarts_total": ("what keeps dying", "topk(3, increase(serdab_restarts_total[1h]))"),
    "serdab_runs_claimed_total": ("runs begun a second", "sum(rate(serdab_runs_claimed_total[5m]))"),
    "serdab_runs_ended_total": (
        "part of the runs that fail",
        'sum(rate(serdab_runs_ended_total{state="failed"}[15m])) / sum(rate(serdab_runs_ended_total[15m]))',
    ),
    "serdab_runs_in_memory": ("load of each worker", "serdab_runs_in_memory"),
    "serdab_step_seconds": (
        "99th percentile of each step",
        "histogram_quantile(0.99, sum by (step, le) (rate(serdab_step_seconds_bucket[5m])))",
    ),
    "serdab_flushes_total": ("group commits a second", "sum(rate(serdab_flushes_total[5m]))"),
    "serdab_flush_rows_total": (
        "rows in one group commit", "sum(rate(serdab_flush_rows_total[5m])) / sum(rate(serdab_flushes_total[5m]))"
    ),
    "serdab_flush_seconds_total": (
        "time that one group commit takes",
        "sum(rate(serdab_flush_seconds_total[5m])) / sum(rate(serdab_flushes_total[5m]))",
    ),
    "serdab_flush_last_seconds": ("slowest at this moment", "max(serdab_flush_last_seconds)"),
    "serdab_flush_retried_total": ("unrest at the database", "sum(increase(serdab_flush_retried_total[1h]))"),
    "serdab_flush_refused_stale_total": (
        "workers that were silent for too long", "sum by (worker) (increase(serdab_flush_refused_stale_total[1h]))"
    ),
    "serdab_rows_refused_total": ("results that could not be kept", "sum(increase(serdab_rows_refused_total[1h]))"),
    "serdab_rescued_workers_total": ("workers that died in a day", "sum(increase(serdab_rescued_workers_total[1d]))"),
    "serdab_rescued_runs_total": ("dead letters of a day", 'sum(increase(serdab_rescued_runs_total{as="dead"}[1d]))'),
    "serdab_disk_free_bytes": (
        "when the disk will be full, in hours",
        "min(serdab_disk_free_bytes / -deriv(serdab_disk_free_bytes[6h]) > 0) / 3600",
    ),
}  # fmt: skip
#: Upper bounds of the buckets of step durations, in seconds.
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
#: Most steps of one flush that are looked at.
MOST_SAMPLED = 256
#: Most names of steps; what comes later is counted together.
MOST_STEPS = 200

ENDINGS = {"d": "done", "f": "failed", "c": "cancelled"}


@dataclass(slots=True)
class _Histogram:
    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    total_s: float = 0.0


class StepDurations:
    """Histograms of step durations, by the name of the step."""

    def __init__(self) -> None:
        self._by_step: dict[str, _Histogram] = {}

    def observe(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Count the committed step rows (run, key, digest, microseconds, …) of one flush."""
        stride = len(rows) // MOST_SAMPLED + 1
        for row in rows[::stride]:
            name = step_name(str(row[1]))
            histogram = self._by_step.get(name) or self._histogram(name)
            duration_s = float(row[3]) / 1e6  # type: ignore[arg-type]
            histogram.counts[_bucket(duration_s)] += stride
            histogram.total_s += duration_s * stride

    def family(self) -> HistogramMetricFamily:
        """For Prometheus."""
        family = HistogramMetricFamily("serdab_step_seconds", METRICS["serdab_step_seconds"][1], labels=["step"])
        for name, histogram in self._by_step.items():
            seen, buckets = 0, []
            for bound, count in zip([*map(str, BUCKETS_S), "+Inf"], histogram.counts, strict=True):
                seen += count
                buckets.append((bound, float(seen)))
            family.add_metric([name], buckets, histogram.total_s)
        return family

    def _histogram(self, name: str) -> _Histogram:
        return self._by_step.setdefault(name if len(self._by_step) < MOST_STEPS else "(more)", _Histogram())


def step_name(key: str) -> str:
    """`summarise/chunk#3/llm#1` → `llm`."""
    return key.rpartition("/")[2].partition("#")[0]


def _bucket(duration_s: float) -> int:
    for position, bound in enumerate(BUCKETS_S):
        if duration_s <= bound:
            return position
    return len(BUCKETS_S)


class Collected(Collector):
    """Metric families that a function makes at every scrape."""

    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        """Called by the registry."""
        return self._collect()

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked before the first scrape."""
        return ()


def exposition(*collect: Callable[[], Iterable[Metric]]) -> str:
    """The text that Prometheus reads."""
    registry = CollectorRegistry()
    for each in collect:
        registry.register(Collected(each))
    return generate_latest(registry).decode()


def process_metrics() -> Iterable[Metric]:
    """Memory, processor time and open files of this process."""
    return ProcessCollector(registry=None).collect()


def worker_metrics(worker: Worker, durations: StepDurations) -> Iterator[Metric]:
    """The figures of a worker."""
    stats = worker.flusher.stats
    yield counter("serdab_runs_claimed_total", {(): worker.counts["claimed"]})
    yield counter("serdab_runs_ended_total", {(ENDINGS[letter],): worker.counts[letter] for letter in ENDINGS})
    yield gauge("serdab_runs_in_memory", {(): len(worker.runs)})
    yield durations.family()
    yield counter("serdab_flushes_total", {(): stats.flushes})
    yield counter("serdab_flush_rows_total", {(): stats.rows})
    yield counter("serdab_flush_seconds_total", {(): stats.seconds})
    yield gauge("serdab_flush_last_seconds", {(): stats.last_seconds})
    yield counter("serdab_flush_retried_total", {(): stats.retried})
    yield counter("serdab_flush_refused_stale_total", {(): stats.refused_stale})
    yield counter("serdab_rows_refused_total", {(): stats.refused_rows})
    yield from rescue_metrics(worker.keeper.rescued)


def rescue_metrics(rescued: Rescued) -> Iterator[Metric]:
    """What the rescues of a process found."""
    yield counter("serdab_rescued_workers_total", {(): rescued.workers})
    runs = {("again",): rescued.again, ("suspect",): rescued.suspects, ("dead",): rescued.dead}
    yield counter("serdab_rescued_runs_total", runs)


def gauge(name: str, values: Mapping[Any, float]) -> Metric:
    """A gauge of the list, from label values to figures; `worker` is added where several are put together."""
    family = GaugeMetricFamily(name, METRICS[name][1], labels=_own_labels(name))
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def counter(name: str, values: Mapping[Any, float]) -> Metric:
    """A counter of the list, likewise."""
    family = CounterMetricFamily(name, METRICS[name][1], labels=_own_labels(name))
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _own_labels(name: str) -> list[str]:
    return [label for label in METRICS[name][0] if label != "worker"]


def labelled(texts: Mapping[str, str]) -> Iterator[Metric]:
    """The figures of several workers as one: the same families, each sample with the name of its worker."""
    merged: dict[str, Metric] = {}
    for worker, text in texts.items():
        for family in text_string_to_metric_families(text):
            into = merged.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            for sample in family.samples:
                into.add_sample(sample.name, {**sample.labels, "worker": worker}, sample.value)
    yield from merged.values()
