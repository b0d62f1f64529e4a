"""What is said of documents that went through."""

from __future__ import annotations

from uuid import UUID

import pytest

from serdab.cli.triage import Outcome, show
from serdab.knowledge import Receipt


def receipt(label: str | None, reason: str) -> Receipt:
    return Receipt(
        document_id=UUID(int=1), source="a.txt", title="a", media_type="text/plain", lang="en", doc_type="",
        characters=10, chunks=1, chunks_indexed=1, label=label, confidence=0.5, reasons=[reason], fields=[],
        summary={}, similar=[], delivered_to="", abstained=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("label", "said", "unsaid"),
    [
        ("invoice", "a kind with ? needs a look", "no kind"),
        (None, "no kind: no labels are known", "needs a look"),
    ],
)
def test_why_kinds_are_doubtful_or_not_known_is_said_once(
    capsys: pytest.CaptureFixture[str], label: str | None, said: str, unsaid: str
) -> None:
    show(Outcome(batch="b", receipts=[receipt(label, "no labels are known")] * 3, failures=[], seconds=1.0))
    told = capsys.readouterr()
    assert (told.out + told.err).count(said) == 1
    assert unsaid not in told.out + told.err
