"""The whole workflow with schemas of the house."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from triage_house import working

from serdab.core import Settings
from serdab.flow import RunFailed, Serdab
from serdab.knowledge import Document, Receipt, triage
from serdab.store import Database
from word_engine import word_engine

TICKET = Document(source="ticket#1", text="Plate: HH-KL 42\nFee: 12,50 EUR", doc_type="parking")
SCHEMA = """schema: parking
fields:
  - {name: plate, kind: id, words: {en: [plate]}, pattern: '[A-Z]{2}-[A-Z]{2} \\d+'}
  - {name: fee, kind: money, words: {en: [fee]}}
"""


@pytest.fixture
async def file(settings: Settings, database: Database, tmp_path: Path) -> AsyncIterator[Path]:
    """The file of schemas that a running worker is told of."""
    place = tmp_path / "parking.yaml"
    ours = msgspec.structs.replace(settings, documents=msgspec.structs.replace(settings.documents, schemas=str(place)))
    async with word_engine() as (embedder, _), working(ours, database, embedder):
        yield place


async def test_a_schema_of_the_house_reads_documents_of_its_type(file: Path, serdab: Serdab) -> None:
    file.write_text(SCHEMA, "utf-8")
    receipt = await (await serdab.start(triage, TICKET)).result(60)
    assert isinstance(receipt, Receipt)
    assert receipt.record is not None
    assert (receipt.record.value("plate"), receipt.record.value("fee")) == ("HH-KL 42", "12.50 EUR")
    assert receipt.summary["plate"] == "HH-KL 42"


async def test_a_wrong_schema_ends_the_run_with_its_line_and_what_was_meant(file: Path, serdab: Serdab) -> None:
    file.write_text(SCHEMA.replace("kind: money", "kind: mony"), "utf-8")
    run = await serdab.start(triage, TICKET)
    with pytest.raises(RunFailed, match=r"parking\.yaml, line 4.*did you mean money\?"):
        await run.result(60)
