"""What is said about documents that went through."""

from __future__ import annotations

from uuid import UUID

import pytest

from serdab.cli.triage import Outcome, show
from serdab.knowledge import Receipt


def receipt(source: str, chunks: int) -> Receipt:
    return Receipt(
        document_id=UUID(int=chunks), source=source, title="", media_type="text/plain", lang="en", doc_type="",
        characters=10, chunks=chunks, chunks_indexed=min(chunks, 1000), label=None, confidence=0.0, reasons=[],
        fields=[], summary={}, similar=[], delivered_to="",
    )  # fmt: skip


def test_what_search_does_not_find_of_a_long_document_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    show(
        Outcome(
            batch="b", receipts=[receipt("/in/short.txt", 3), receipt("/in/long.txt", 2345)], failures=[], seconds=1
        )
    )
    said = capsys.readouterr().err
    assert "long.txt is very long: search finds only the first 1,000 of its 2,345 parts" in said
    assert "short.txt is very long" not in said
