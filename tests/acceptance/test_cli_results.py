"""Results, reports and searches at the command line, against a real database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from serdab.core import Settings, child_environment
from serdab.knowledge import Index
from serdab.knowledge.index import Outcome
from serdab.store import Database


def serdab(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "serdab.cli", *words],
        env=child_environment(settings), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


async def _fill(database: Database) -> None:
    from uuid import UUID

    receipt = {
        "document_id": str(UUID(int=5)), "source": "a.txt", "title": "[red]A", "media_type": "text/plain", "lang": "en",
        "doc_type": "", "characters": 3, "chunks": 1, "chunks_indexed": 1, "label": "invoice", "confidence": 0.75,
        "reasons": [], "fields": [], "summary": {"total": "12.50"}, "similar": [], "delivered_to": "x",
    }  # fmt: skip
    async with Index(database) as index:
        await index.note(
            Outcome(
                document_id=UUID(int=5), run_id=UUID(int=6), batch="march", label="invoice", confidence=0.75, facts=[],
                body=msgspec.json.encode(receipt),
            )
        )  # fmt: skip


async def test_results_are_shown_and_written(settings: Settings, database: Database, tmp_path: Path) -> None:
    await _fill(database)
    assert "march" in serdab(settings, "results", "--batches").stdout
    shown = serdab(settings, "results", "--batch", "march").stdout
    assert "a.txt" in shown
    assert "total 12.50" in shown
    lines = serdab(settings, "results", "--since", "1h", "-f", "jsonl").stdout.splitlines()
    assert [msgspec.json.decode(line)["source"] for line in lines] == ["a.txt"]
    done = serdab(settings, "results", "-f", "csv", "-o", str(tmp_path / "out.csv"))
    assert "1 receipts" in done.stderr
    assert (tmp_path / "out.csv").read_text("utf-8-sig").startswith("document_id,")
    done = serdab(settings, "report", "-o", str(tmp_path / "out.html"), "--json")
    assert msgspec.json.decode(done.stdout)["recorded"] == 1
    assert (tmp_path / "out.html").read_text().startswith("<!DOCTYPE html>")


async def test_a_dash_is_the_standard_output(settings: Settings, database: Database, tmp_path: Path) -> None:
    await _fill(database)

    def piped(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "serdab.cli", *words],
            env=child_environment(settings), capture_output=True, check=True, cwd=tmp_path, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return done.stdout.decode("latin-1")

    assert piped("results", "-f", "jsonl", "-o", "-") == piped("results", "-f", "jsonl") != ""
    assert piped("results", "-f", "csv", "--output", "-") == piped("results", "-f", "csv") != ""
    assert "a.txt" in piped("results", "-o", "-")
    assert piped("results", "-f", "parquet", "-o", "-").startswith("PAR1")
    assert piped("report", "-o", "-").startswith("<!DOCTYPE html>")
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["report", "--json", "-o", "-"], "a file with --json, which takes stdout"),
        (["results", "-f", "parquet"], "given with --format parquet"),
        (["results", "-f", "xls"], "one of table, csv, jsonl, parquet"),
        (["results", "-f", "csv", "-o", ""], "expected --output to be a path that is not empty"),
        (["results", "-f", "csv", "-o", "nowhere/x.csv"], "expected --output to be a file that can be written"),
        (["results", "-o", "x.csv"], "csv, jsonl or parquet with --output"),
        (["results", "--since", "yesterday"], "2h or 7d"),
        (["search"], "a question or --like"),
        (["evaluate", "search"], "more than 10 passages, got 0\n"),
        (["evaluate", "search", "file.jsonl"], "given alone: it asks what is here, got 'file.jsonl'"),
        (["evaluate", "speed"], "triage or search"),
        (["evaluate", "triage"], "a file or folder that exists, got 'none'"),
        (["search", "x", "--like", "y"], "given alone"),
        (["search", "x", "--since", "soon"], "like 2026-03-31"),
        (["search", "x", "--where", "total"], "total>=100"),
        (["search", "--like", "nowhere.pdf"], "a file that exists"),
        (["results", "--batch", "april"], "one that has documents"),
        (["results", "--batch", "april", "-f", "csv", "-o", "never.csv"], "one that has documents"),
        (["report", "--batch", "april", "-o", "never.html"], "one that has documents"),
        (["watch"], "a folder or a mailbox"),
        (["watch", "imaps://user@mail.example.com/INBOX"], "SERDAB_DOCUMENTS_MAIL_PASSWORD"),
    ],
)
async def test_what_cannot_be_done_is_told(settings: Settings, words: list[str], said: str) -> None:
    done = serdab(settings, *words)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert not list(Path().glob("never.*"))
