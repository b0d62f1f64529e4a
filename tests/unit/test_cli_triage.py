"""What is said of documents that went through."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from serdab.cli.triage import Failure, Outcome, fields_of, show
from serdab.knowledge import Field, Receipt, Record, Value

RECEIPT = Receipt(
    document_id=UUID(int=1), source="/in/a.txt", title="a", media_type="text/plain", lang="en", doc_type="",
    characters=10, chunks=1, chunks_indexed=1, label=None, confidence=0.5, reasons=["no labels are known"], fields=[],
    summary={}, similar=[], delivered_to="", abstained=True,
)  # fmt: skip


def said(capsys: pytest.CaptureFixture[str], *changes: dict[str, Any]) -> str:
    """What is said of receipts that differ in this."""
    receipts = [msgspec.structs.replace(RECEIPT, **each) for each in changes]
    show(Outcome(batch="b", receipts=receipts, failures=[], seconds=1.0))
    told = capsys.readouterr()
    return told.out + told.err


@pytest.mark.parametrize(
    ("label", "heard", "unheard"),
    [
        ("invoice", "a kind with ? needs a look", "no kind"),
        (None, "no kind: no labels are known", "needs a look"),
    ],
)
def test_why_kinds_are_doubtful_or_not_known_is_said_once(
    capsys: pytest.CaptureFixture[str], label: str | None, heard: str, unheard: str
) -> None:
    told = said(capsys, *[{"label": label}] * 3)
    assert told.count(heard) == 1
    assert unheard not in told


@pytest.mark.parametrize(
    ("label_set", "command"),
    [
        ("default", "`serdab labels review`"),
        ("kinds", "`serdab labels review kinds`"),
        ("my kinds", "review 'my kinds'`"),
    ],
)
def test_the_advice_to_look_names_the_set_of_the_run(
    capsys: pytest.CaptureFixture[str], label_set: str, command: str
) -> None:
    receipt = msgspec.structs.replace(RECEIPT, label="invoice")
    show(Outcome(batch="b", receipts=[receipt], failures=[], seconds=1.0, label_set=label_set))
    assert command in capsys.readouterr().err


def test_no_empty_table_is_shown_when_every_document_failed(capsys: pytest.CaptureFixture[str]) -> None:
    failure = Failure(source="/in/a.txt", run="r", code="document_empty", reason="nothing in it")
    show(Outcome(batch="b", receipts=[], failures=[failure], seconds=1.0))
    told = capsys.readouterr().out
    assert "nothing in it" in told
    assert "most like" not in told


def test_files_of_one_name_in_two_folders_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    told = said(capsys, {"source": "/in/north/bill.pdf"}, {"source": "/in/south/bill.pdf"}, {"source": "/in/note.txt"})
    assert [place for place in ("north/bill.pdf", "south/bill.pdf", " note.txt") if place not in told] == []


@pytest.mark.parametrize(
    ("schema", "line"),
    [
        ("parking", "plate HH-KL 42, fee 12.50 EUR, date 2024-05-03"),
        ("receipt", "total 12.50 EUR, date 2024-05-03"),
    ],
)
def test_fields_of_a_schema_of_the_house_are_told_first(schema: str, line: str) -> None:
    values = [
        Value(name=name, kind="id", value=value, start=0, end=1, page=1, confidence=1.0, reason="")
        for name, value in (("plate", "HH-KL 42"), ("fee", "12.50 EUR"))
    ]
    fields = [
        Field(kind=kind, value=value, start=0, end=1, confidence=1.0, reason="")
        for kind, value in (("total", "12.50 EUR"), ("date", "2024-05-03"))
    ]
    record = Record(schema=schema, confidence=1.0, values=values, rows=[], looks=[])
    assert fields_of(msgspec.structs.replace(RECEIPT, record=record, fields=fields)) == line


def test_what_search_does_not_find_of_a_long_document_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    short = {"source": "/in/short.txt", "chunks": 3, "chunks_indexed": 3}
    long = {"source": "/in/long.txt", "chunks": 2345, "chunks_indexed": 1000}
    told = said(capsys, short, long)
    assert "long.txt is very long: search finds only the first 1,000 of its 2,345 parts" in told
    assert "short.txt is very long" not in told
