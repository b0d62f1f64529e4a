"""What a list of runs says beyond their states."""

from __future__ import annotations

from serdab.app import redriven_among, subjects_of
from serdab.flow import Serdab
from serdab.knowledge import Document, triage


async def test_a_run_of_triage_is_about_its_document(serdab: Serdab) -> None:
    small = await serdab.start(triage, Document(source="/in/letter.pdf", path="/in/letter.pdf"))
    large = await serdab.start(triage, Document(source="long.txt", text="long " * 100_000))
    assert await subjects_of(serdab.database, [small.id, large.id]) == {small.id: "/in/letter.pdf"}


async def test_only_runs_that_were_tried_again_are_told(serdab: Serdab) -> None:
    runs = [await serdab.start(triage, Document(source=name, text=name)) for name in "ab"]
    await serdab.cancel([run.id for run in runs])
    await serdab.redrive(runs[0].id)
    assert await redriven_among(serdab.database, [run.id for run in runs]) == {runs[0].id}
