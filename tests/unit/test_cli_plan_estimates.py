"""What `serdab plan estimate|explain|cost|recommend|picture|training|validate` print."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from serdab.cli import main
from serdab.cli.plan_showing import show_advice
from serdab.plan import Advice, Refusal


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


def test_an_estimate_as_a_table_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = printed(capsys, "plan", "estimate", "llama-3.1-8b", "--device", "rtx3090-24")
    assert code == 0
    assert "fits" in out
    assert "memory bandwidth" in out
    assert "1 users" not in out

    _, out, _ = printed(capsys, "plan", "estimate", "llama-3.1-8b", "--device", "rtx3090-24", "--users", "4", "--json")
    found = json.loads(out)
    assert found["fits"]
    assert found["decode"]["range"]["low"] < found["decode"]["range"]["likely"]
    assert sum(term["value"] for term in found["fit"]["terms"]) == pytest.approx(found["fit"]["need_bytes"])


def test_every_term_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = printed(capsys, "plan", "explain", "gpt-oss-20b", "--device", "rtx4090-24", "--format", "MXFP4")

    assert code == 0
    assert "µs each to start" in out
    assert "sum" in out


def test_cost_with_a_report_that_needs_nothing_else(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "plan.html"
    code, out, _ = printed(
        capsys, "plan", "cost", "qwen3-8b", "--device", "rtx3090-24", "--country", "DE", "--report", str(page)
    )

    assert code == 0
    assert "electricity" in out
    text = page.read_text("utf-8")
    assert text.count("<svg") == 4
    assert "http" not in text
    assert 'name="viewport"' in text
    cost = json.loads(
        printed(capsys, "plan", "cost", "qwen3-8b", "--device", "rtx3090-24", "--country", "DE", "--json")[1]
    )
    paid_back = [each["month"] for each in cost["comparisons"] if each["month"] is not None]
    assert text.count("<circle") == sum(month <= 36 for month in paid_back) > 0
    assert all(f"month {month:.1f}" in text for month in paid_back)
    assert ">36</text>" in text
    for term in ("weights", "KV, full attention", "computation", "engine"):
        assert f"{term}: " in text


def test_costs_count_as_many_machines_as_have_room(capsys: pytest.CaptureFixture[str]) -> None:
    wish = ("plan", "cost", "qwen3-8b", "--device", "rtx3090-24")
    one, many = (json.loads(printed(capsys, *wish, "--users", users, "--json")[1]) for users in ("4", "60"))
    machines = round(many["years"]["terms"][0]["value"] / one["years"]["terms"][0]["value"])

    assert machines > 1
    assert f"{machines} machines" in many["warnings"][0]
    assert f"{machines} machines" in many["years"]["terms"][0]["why"]


def test_costs_of_what_does_not_fit_are_slow_or_refused(capsys: pytest.CaptureFixture[str]) -> None:
    wish = ("plan", "cost", "qwen2.5-72b", "--device", "rtx4090-24")
    code, _, err = printed(capsys, *wish, "--users", "4")
    assert code == 2
    assert "serdab plan fit" in err
    alone = json.loads(printed(capsys, *wish, "--json")[1])
    assert "with the processor" in alone["warnings"][0]
    assert alone["usd_per_million"] > 50


def test_costs_by_the_users_own_terms(capsys: pytest.CaptureFixture[str]) -> None:
    wish = ("plan", "cost", "qwen3-8b", "--device", "rtx3090-24", "--country", "DE", "--json")
    found = json.loads(printed(capsys, *wish)[1])
    own = json.loads(printed(capsys, *wish, "--tariff", "0.2", "--pue", "1", "--resale", "0", "--maintenance", "0")[1])
    before, after = ({term["name"]: term["value"] for term in each["years"]["terms"]} for each in (found, own))

    assert after["electricity"] == pytest.approx(before["electricity"] * 0.2 / 0.4 / 1.25)
    assert after["resale"] == after["maintenance"] == 0
    assert not any("price of electricity" in each for each in own["warnings"])
    longer = json.loads(printed(capsys, *wish, "--prompts", "20")[1])
    assert longer["million_tokens"] < found["million_tokens"]


def test_a_chart_of_speed_ends_where_the_room_does(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "plan.html"
    wish = ("plan", "estimate", "qwen3-8b", "--device", "rtx3090-24", "--report", str(page))
    printed(capsys, *wish)
    assert "have no room" in page.read_text("utf-8")
    printed(capsys, *wish, "--context", "100k")
    assert page.read_text("utf-8").count("<circle") == 1
    printed(capsys, *wish, "--context", "900k")
    assert "No number of users has room" in page.read_text("utf-8")


def test_a_recommendation_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = printed(capsys, "plan", "recommend", "--users", "4", "--languages", "ar,en", "--commercial", "--json")

    assert json.loads(out)["options"]


def test_a_model_that_many_machines_are_refused_with_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    slow = [
        Refusal(what="a-9b Q4_K_M", machine=f"1 x card {number}", why=f"{number} tokens/s", usd=1000 - number)
        for number in range(30)
    ]
    other = Refusal(what="a-27b Q4_K_M", machine="2 x card 3", why="needs 30.0 GiB", rescue="4 cards")
    weak = Refusal(what="a-1b", why="quality 29, 50 asked for")
    show_advice(Advice(options=(), smaller=slow[0], bigger=None, refused=(*slow, other, weak), adaptation="nothing"))
    out = capsys.readouterr().out

    assert out.count("a-9b Q4_K_M on 30 machines") == 1
    assert "less fails: 1 x card 0 with a-9b Q4_K_M: 0 tokens/s" in out
    assert "a-27b Q4_K_M" in out
    assert "a-27b Q4_K_M on" not in out
    assert "and 1 more: too weak" in out


def test_pictures_and_training(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = printed(capsys, "plan", "picture", "flux.1-dev", "--device", "rtx4090-24", "--format", "FP8")
    assert code == 0
    assert "megapixels" in out
    code, out, _ = printed(capsys, "plan", "training", "llama-3.1-8b")
    assert code == 0
    assert "adapters" in out


def test_a_picture_that_does_not_fit_says_what_would(capsys: pytest.CaptureFixture[str]) -> None:
    wish = ("plan", "picture", "flux.1-dev", "--device", "rtx4090-24")
    out = printed(capsys, *wish)[1]
    assert "does not fit" in out
    how = out.partition("would fit with --offload ")[2].split()[0]
    found = json.loads(printed(capsys, *wish, "--offload", how, "--json")[1])
    assert found["fits"]
    assert json.loads(printed(capsys, *wish, "--json")[1])["would_fit"][0] == how
    edit, draw = (
        json.loads(printed(capsys, "plan", "picture", name, "--device", "rtx4090-24", "--json")[1])["time"]
        for name in ("flux.1-kontext-dev", "flux.1-dev")
    )
    assert edit["range"]["likely"] > 1.5 * draw["range"]["likely"]
    assert json.loads(printed(capsys, "plan", "picture", "lama", "--device", "rtx4090-24", "--json")[1])["time"] is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("estimate", "llama-3.1-8b", "--device", "nothing such"), "device"),
        (("estimate", "llama-3.1-8b", "--device", "rtx3090-24", "--beside", "no-model"), "no-model"),
        (("estimate", "llama-3.1-8b", "--device", "rtx3090-24", "--format", "Q99"), "nearest"),
        (("estimate", "llama-3.1-8b", "--device", "rtx3090-24", "--context", "0"), "--context"),
        (("estimate", "flux.1-dev", "--device", "rtx3090-24"), "layers"),
        (("estimate", "bge-m3", "--device", "rtx3090-24"), "serdab plan fit"),
        (("picture", "flux.1-dev", "--device", "rtx3090-24", "--offload", "all"), "--offload"),
        (("picture", "flux.1-dev", "--device", "rtx3090-24", "--size", "huge"), "--size"),
        (("picture", "flux.1-dev", "--device", "rtx3090-24", "--size", "0x5"), "at least 64 pixels"),
        (("validate", "nowhere"), "folder"),
    ],
)
def test_what_makes_no_sense_is_told(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str) -> None:
    code, _, err = printed(capsys, "plan", *words)

    assert code == 2
    assert told in err


def test_validation_of_a_folder_of_few_rows(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write(
        tmp_path / "models.csv",
        {"id": "llama-3.1-8b", "kind": "llm", "params_b": "8.03", "n_layers": "32", "n_full_attn_layers": "32",
         "hidden": "4096", "n_heads": "32", "n_kv_heads": "8", "head_dim": "128", "vocab": "128256"},
    )  # fmt: skip
    write(
        tmp_path / "kv_golden_tests.csv",
        {"model": "llama-3.1-8b", "what": "KV cache f16", "context": "8192", "expected_gib": "1.0"},
    )
    write(
        tmp_path / "gguf_sizes.csv",
        {"model": "Llama-3.1-8B", "params_b": "8.03", "quant": "Q8_0", "size_gib": "7.95"},
    )
    code, out, _ = printed(capsys, "plan", "validate", str(tmp_path), "--json")

    assert code == 0
    lines = {line["metric"]: line for line in json.loads(out)}
    assert lines["keys, values and states"]["holds"]
    assert lines["size of a file"]["holds"]


def write(path: Path, row: dict[str, str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as lines:
        table = csv.DictWriter(lines, list(row))
        table.writeheader()
        table.writerow(row)
