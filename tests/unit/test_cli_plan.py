"""`serdab plan fit`, `devices`, `models`, `prices`: what a person and what a script sees."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from serdab.cli import main
from serdab.cli.plan_asking import context_tokens
from serdab.core import BadInput
from serdab.testing.model_files import llama_metadata, llama_tensors, write_gguf


class Cli:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["plan", *words])
        told = self._capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), told.out, told.err

    def json(self, *words: str) -> Any:
        code, out, err = self(*words, "--json")
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    monkeypatch.chdir(tmp_path)
    return Cli(capsys)


def terms_of(told: Any) -> dict[str, float]:
    return {term["name"]: term["value"] for term in told["memory"]["terms"]}


def test_fit_reads_a_file_and_adds_up_what_it_needs(cli: Cli, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "m.gguf", llama_metadata(), llama_tensors())
    told = cli.json("fit", str(file), "--context", "16k", "--users", "3")
    assert told["weights"]["exact"]
    terms = terms_of(told)
    assert terms["KV, full attention"] == 3 * 16_384 * 4 * 2 * 2 * 128 * 2
    assert sum(terms.values()) == pytest.approx(told["memory"]["need_bytes"])
    smaller = cli.json("fit", str(file), "--context", "16k", "--users", "3", "--kv", "q8_0")
    assert terms_of(smaller)["KV, full attention"] == terms["KV, full attention"] * 8.5 / 16
    code, out, _ = cli("fit", str(file), "--device", "RTX 4090")
    assert code == 0
    assert "Q4_K_M, by their heads" in out
    assert "fits 1 x GeForce RTX 4090" in out


def test_fit_and_estimate_say_the_same_sum(cli: Cli) -> None:
    words = ("qwen3-8b", "--device", "rtx3090-24", "--users", "4", "--draft", "qwen3-0.6b", "--beside", "bge-m3")
    fit, estimate = cli.json("fit", *words), cli.json("estimate", *words)
    assert fit["memory"] == estimate["fit"]
    assert {"draft: Qwen3-0.6B Q4_K_M", "beside it: bge-m3 F16"} <= set(terms_of(fit))


def test_what_would_make_it_fit_fits_when_it_is_done(cli: Cli) -> None:
    words = ["fit", "qwen3-32b", "--device", "rtx4090-24", "--format", "Q8_0"]
    told = cli.json(*words, "--context", "4k")
    assert not told["fits"]
    assert told["would_fit"] == ["Q4_K_M: 18.5 GiB of weights"]
    assert cli.json(*words[:-1], "Q4_K_M", "--context", "4k")["fits"]
    told = cli.json(*words[:-1], "Q4_K_M", "--context", "32k")
    context = next(each for each in told["would_fit"] if "context" in each)
    assert cli.json(*words[:-1], "Q4_K_M", "--context", context.split()[0].replace(",", ""))["fits"]


def test_this_machine_is_the_device_where_none_is_named(cli: Cli) -> None:
    told = cli.json("fit", "qwen3-0.6b")
    assert told["device"]["memory_bytes"] > 0
    assert told["fits"] == (told["memory"]["need_bytes"] <= told["memory"]["have_bytes"] * 0.92)
    code, out, _ = cli("fit", "qwen3-0.6b")
    assert code == 0
    assert ", here: " in out


def test_what_is_here_goes_before_what_the_catalogue_knows(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "qwen3-8b").mkdir()
    for name in ("a-Q4_K_M.gguf", "a-Q8_0.gguf"):
        write_gguf(tmp_path / "qwen3-8b" / name, llama_metadata(), llama_tensors())
    told = cli.json("fit", "qwen3-8b:Q8_0")
    assert told["shape"]["name"] == "Small Llama"
    assert told["place"].endswith("a-Q8_0.gguf")
    code, _, err = cli("fit", "qwen3-8b")
    assert code != 0
    assert "name it after a colon" in err


def test_fit_knows_the_catalogues_models_and_windows(cli: Cli) -> None:
    told = cli.json("fit", "gpt-oss-20b", "--context", "128k", "--engine", "vllm", "--device", "rtx4090-24")
    assert terms_of(told)["KV, sliding window"] == 12 * 8 * 64 * 2 * 2 * 128
    assert not told["weights"]["exact"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("fit", "qwen3-8bb"), "did you mean qwen3-8b"),
        (("fit", "zzzz"), "expected MODEL to be a model of the catalogues, got 'zzzz'\n  → `serdab plan models` lists"),
        (("fit", "qwen3-8b", "--beside", "bge-m3,zzzz"), "expected --beside to be a model of the catalogues"),
        (("fit", "qwen3-8b", "--draft", "zzzz"), "expected --draft to be a model of the catalogues"),
        (("estimate", "qwen3-8b", "--device", "rtx4090-24", "--report", "no/x.html"), "expected --report to be a file"),
        (("fit", "/not/there"), "expected the place of a model to be one that exists"),
        (("fit", "./not-there.gguf"), "expected the place of a model to be one that exists"),
        (
            ("fit", "qwen3-8b", "--device", "rtx 409O"),
            "expected --device to be a device of the catalogues, got 'rtx 409O'\n  → did you mean rtx4090-24",
        ),
        (("fit", "qwen3-8b", "--context", "-5"), "--context"),
        (("fit", "qwen3-8b", "--context", "9999999k"), "--context"),
        (("fit", "qwen3-8b", "--kv", "q3"), "q8_0"),
        (("fit", "owner/name"), "models.hub_url"),
        (("devices", "--set", "plan.catalogues=nowhere"), "plan.catalogues"),
    ],
)
def test_what_is_wrong_is_said(cli: Cli, words: tuple[str, ...], told: str) -> None:
    code, _, err = cli(*words)
    assert code != 0
    assert told in err


@pytest.mark.parametrize(("said", "tokens"), [("16k", 16_384), ("1M", 1_048_576), ("5", 5)])
def test_a_context_is_read_as_people_write_it(said: str, tokens: int) -> None:
    assert context_tokens(said) == tokens


@pytest.mark.parametrize("said", ["", "0", "k", "1e9", "16kk", "٣k " * 100, "99999999999999"])
def test_what_is_no_context_is_refused(said: str) -> None:
    with pytest.raises(BadInput):
        context_tokens(said)


def test_tables_are_filtered_and_old_prices_are_said(cli: Cli) -> None:
    found = cli.json("devices", "--kind", "apple", "--memory", "100", "--budget", "3000")
    assert found
    assert all(each["kind"] == "apple" and each["memory_bytes"] >= 100 * 2**30 for each in found)
    found = cli.json("models", "--languages", "ar,zh", "--commercial", "--task", "chat")
    names = {each["id"] for each in found}
    assert "qwen3-8b" in names
    assert not names & {"command-r7b-arabic", "aya-expanse-8b", "qwen2.5-3b", "gpt-oss-20b"}
    assert {each["vendor"] for each in cli.json("prices", "mistral")} == {"mistral"}
    code, out, err = cli("prices", "gpt-5")
    assert code == 0
    assert "gpt-5-mini" in out
    assert "older than 60 days" in err


def test_electricity_is_listed_with_its_day_and_what_is_guessed(cli: Cli) -> None:
    code, out, _ = cli("electricity", "land")
    assert code == 0
    assert "Switzerland" in out
    assert "2026-02-01 guess" in out
    (found,) = cli.json("electricity", "hungary")
    assert found["sources"]["usd_per_kwh"]["on"] == "2025-06-30"


def test_the_users_own_catalogue_is_used_and_said(cli: Cli, tmp_path: Path) -> None:
    from serdab.plan import catalogue

    line = next(
        line
        for line in (catalogue.SHIPPED / "devices.jsonl").read_text("utf-8").splitlines()
        if '"id": "rtx4090-24"' in line
    )
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine.jsonl").write_text(line.replace('"power_w": 450', '"power_w": 333'), "utf-8")
    code, out, err = cli("devices", "4090", "--set", f"plan.catalogues={own}")
    assert code == 0
    assert " 333 " in out
    assert "yours: device rtx4090-24" in err
    shutil.rmtree(own)
