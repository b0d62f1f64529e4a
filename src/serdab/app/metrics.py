"""What Prometheus reads: figures of one worker, figures of the database, and the two put together.

`METRICS` lists every metric with its meaning; the reference in the documentation is written from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from serdab.flow import Worker

#: name → (labels, meaning). Counters end in `_total`.
METRICS: dict[str, tuple[tuple[str, ...], str]] = {
    "serdab_runs": (("queue", "state"), "Runs that have not ended, by queue and state."),
    "serdab_oldest_run_seconds": (("queue", "state"), "Age of the oldest ready and of the oldest running run, s."),
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
    stats, rescued = worker.flusher.stats, worker.keeper.rescued
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
