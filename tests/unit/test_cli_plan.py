"""`serdab plan fit`, `devices`, `models`, `prices`: what a person and what a script sees."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from serdab.cli import main
from serdab.cli.plan_fitting import context_tokens
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


def test_fit_reads_a_file_and_multiplies_its_cache(cli: Cli, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "m.gguf", llama_metadata(), llama_tensors())
    told = cli.json("fit", str(file), "--context", "16k", "--users", "3")
    assert told["weights"]["exact"]
    [group] = told["cache"]
    assert group["bytes_per_1000_tokens"] == 1000 * 4 * 2 * 2 * 128 * 2
    assert group["bytes"] == 3 * 16_384 * 4 * 2 * 2 * 128 * 2
    smaller = cli.json("fit", str(file), "--context", "16k", "--users", "3", "--kv", "q8_0")
    assert smaller["cache"][0]["bytes"] == group["bytes"] * 8.5 / 16
    code, out, _ = cli("fit", str(file), "--device", "RTX 4090")
    assert code == 0
    assert "Q4_K_M, by their heads" in out
    assert "24.0 GiB that a model may use" in out


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
    told = cli.json("fit", "gpt-oss-20b", "--context", "128k")
    sliding = next(group for group in told["cache"] if group["attention"] == "sliding")
    assert sliding["bytes"] == 12 * 8 * 64 * 2 * 2 * 128
    assert told["weights"] is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("fit", "qwen3-9b"), "did you mean qwen3-8b"),
        (("fit", "qwen3-8b", "--device", "rtx 409O"), "did you mean rtx4090-24"),
        (("fit", "qwen3-8b", "--context", "-5"), "--context"),
        (("fit", "qwen3-8b", "--context", "9999999k"), "--context"),
        (("fit", "qwen3-8b", "--kv", "q3"), "--kv"),
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
