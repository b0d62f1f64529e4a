"""Alerts and examples name only metrics and labels that are served, and Prometheus itself agrees with them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from serdab.app import EXAMPLES, METRICS, Tree
from serdab.app.figures import Figures
from serdab.app.metrics import StepDurations, exposition, worker_metrics
from serdab.core import Settings
from serdab.flow import Serdab, Worker, step, workflow
from serdab.store import Database

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "deploy" / "prometheus"
RULES = FOLDER / "serdab.rules.yml"
QUERIES = dict(re.findall(r"- alert: (\w+)\n +expr: (.+)", RULES.read_text("utf-8")))
QUERIES |= {name: query for name, (_, query) in EXAMPLES.items()}
#: Given by Prometheus.
SCRAPED = {"instance"}
NEEDS_PROMTOOL = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed: make alerts")


@step
async def nothing() -> None:
    return None


@workflow(queue="alerts")
async def idle() -> None:
    await nothing()


def names_in(query: str) -> set[str]:
    return set(re.findall(r"\bserdab_[a-z_]+", query))


async def test_every_metric_and_label_that_is_asked_for_is_served(
    settings: Settings, database: Database, serdab: Serdab
) -> None:
    durations = StepDurations()
    tree = Tree(settings)
    tree.workers.clear()
    async with tree:
        async with Worker(settings, database, [idle]) as worker:
            worker.flusher.on_steps = durations.observe
            await (await serdab.start(idle)).result()
            text = exposition(lambda: worker_metrics(worker, durations))
        await serdab.start(idle)
        text += await Figures(settings, tree).metrics()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    served: dict[str, set[str]] = {}
    for sample in samples:
        served.setdefault(sample.name, set()).update(sample.labels)
    for name, query in QUERIES.items():
        asked = names_in(query)
        assert asked <= set(served), name
        if asked:
            labels = {each for given in asked for each in served[given]} | {"worker"} | SCRAPED
            found = re.findall(r"(\w+)(?:=~?|!=)\"", query)
            found += [label for group in re.findall(r"by \(([^)]+)\)", query) for label in group.split(", ")]
            assert set(found) <= labels, name
    assert 'serdab_rescued_runs_total{as="dead",worker="up"} 0.0' in text, "the supervisor rescues too"


def test_every_metric_has_its_example_which_asks_for_it() -> None:
    assert set(METRICS) <= set(EXAMPLES)
    assert set(EXAMPLES) <= set(METRICS)
    for name, (answer, query) in EXAMPLES.items():
        assert any(each.startswith(name) for each in names_in(query)), name
        assert answer, name
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8")
    assert all(f"`{EXAMPLES[name][1]}`".replace("|", "\\|") in page for name in METRICS)


def test_every_alert_is_tested_and_says_what_to_do() -> None:
    tests = (FOLDER / "serdab.rules.test.yml").read_text("utf-8")
    alerts = RULES.read_text("utf-8").split("- alert: ")[1:]
    assert len(alerts) >= 9
    for alert in alerts:
        name = alert.partition("\n")[0]
        assert f'alertname="{name}"' in tests or name == "SerdabAway", f"{name} is never seen to fire"
        assert f"alertname: {name}}}" in tests, f"{name} is never seen to be silent"
        assert re.search(r"severity: (page|ticket)\b", alert), name
        assert "summary: " in alert, name
        assert "description: " in alert, name


@NEEDS_PROMTOOL
def test_prometheus_reads_the_rules_and_their_tests_pass() -> None:
    for words in (["check", "rules", str(RULES)], ["test", "rules", "serdab.rules.test.yml"]):
        done = subprocess.run(["promtool", *words], cwd=FOLDER, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{len(RULES.read_text('utf-8').split('- alert:')) - 1} rules found" in done.stdout or words[0] == "test"


@NEEDS_PROMTOOL
def test_prometheus_reads_the_examples(tmp_path: Path) -> None:
    rules = "".join(
        f"  - record: example{number}\n    expr: |\n      {query}\n"
        for number, (_, query) in enumerate(EXAMPLES.values())
    )
    path = tmp_path / "examples.yml"
    path.write_text(f"groups:\n- name: examples\n  rules:\n{rules}")
    done = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True, check=False)
    assert f"{len(EXAMPLES)} rules found" in done.stdout, done.stdout + done.stderr
