"""Metrics: durations by step, several workers in one text, and every family in the list that the docs show."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from serdab.app.metrics import (
    BUCKETS_S,
    METRICS,
    MOST_STEPS,
    StepDurations,
    counter,
    exposition,
    gauge,
    labelled,
    process_metrics,
    step_name,
)


def row(key: str, microseconds: int) -> tuple[object, ...]:
    return ("run", key, 0, microseconds, 1, False, b"")


def samples(text: str, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def test_the_name_of_a_step_is_the_last_part_of_its_key() -> None:
    assert step_name("summarise/chunk#3/llm#1") == "llm"
    assert step_name("read#1") == "read"


def test_durations_fall_into_buckets() -> None:
    durations = StepDurations()
    durations.observe([row("a/read#1", 2_000), row("read#2", 70_000_000)])
    text = exposition(lambda: [durations.family()])
    buckets = {dict(labels)["le"]: value for labels, value in samples(text, "serdab_step_seconds_bucket").items()}
    assert buckets["0.001"] == 0
    assert buckets["0.0025"] == 1
    assert buckets["60.0"] == 1
    assert buckets["+Inf"] == 2
    assert samples(text, "serdab_step_seconds_sum") == {(("step", "read"),): 70.002}


def test_a_large_flush_is_sampled_and_still_counted_whole() -> None:
    durations = StepDurations()
    durations.observe([row("read#1", 1000)] * 1024)
    [count] = samples(exposition(lambda: [durations.family()]), "serdab_step_seconds_count").values()
    assert abs(count - 1024) <= 5


def test_names_without_end_do_not_fill_the_memory() -> None:
    durations = StepDurations()
    for number in range(MOST_STEPS * 3):
        durations.observe([row(f"step{number}#1", 1000)])
    counts = samples(exposition(lambda: [durations.family()]), "serdab_step_seconds_count")
    assert len(counts) == MOST_STEPS + 1
    assert sum(counts.values()) == MOST_STEPS * 3


def test_figures_of_several_workers_become_one_text_with_each_family_once() -> None:
    one = exposition(lambda: [counter("serdab_flushes_total", {(): 3})], process_metrics)
    two = exposition(lambda: [counter("serdab_flushes_total", {(): 4})], process_metrics)
    text = exposition(lambda: labelled({"worker-1": one, "worker-2": two, "silent": ""}))
    assert samples(text, "serdab_flushes_total") == {(("worker", "worker-1"),): 3, (("worker", "worker-2"),): 4}
    types = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(types) == len(set(types))


def test_a_metric_has_the_labels_of_the_list() -> None:
    text = exposition(lambda: [gauge("serdab_runs", {("documents", "ready"): 7})])
    assert samples(text, "serdab_runs") == {(("queue", "documents"), ("state", "ready")): 7}
    assert all(meaning.endswith(".") for _, meaning in METRICS.values())
    assert list(BUCKETS_S) == sorted(BUCKETS_S)
