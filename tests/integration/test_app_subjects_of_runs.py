"""What a list of runs says beyond their states."""

from __future__ import annotations

import pytest

from serdab.app import redriven_among, runs_to_redrive, subjects_of
from serdab.core import BadInput
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


async def test_a_state_is_redriven_part_by_part_until_nothing_is_left(serdab: Serdab) -> None:
    runs = [await serdab.start(triage, Document(source=name, text=name)) for name in "abc"]
    for run in runs:
        await serdab.cancel([run.id])
    newest_first = [run.id for run in reversed(runs)]
    assert await runs_to_redrive(serdab.database, "cancelled", limit=2) == newest_first[:2]
    again = [await serdab.redrive(run_id) for run_id in newest_first[:2]]
    assert await runs_to_redrive(serdab.database, "cancelled", limit=2) == newest_first[2:]
    await serdab.cancel([again[0].id])
    assert await runs_to_redrive(serdab.database, "cancelled") == [again[0].id, newest_first[2]]
    assert await runs_to_redrive(serdab.database, "cancelled", queue="other") == []
    assert await runs_to_redrive(serdab.database, "failed") == []


async def test_a_child_is_left_to_a_parent_that_starts_it_again(serdab: Serdab) -> None:
    parent, child = [await serdab.start(triage, Document(source=name, text=name)) for name in "ab"]
    await serdab.database.pool.execute("update run set parent = $1 where run_id = $2", parent.id, child.id)
    await serdab.cancel([parent.id, child.id])
    assert await runs_to_redrive(serdab.database, "cancelled") == [parent.id]
    await serdab.database.pool.execute("update run_outcome set status = 'd' where run_id = $1", parent.id)
    assert await runs_to_redrive(serdab.database, "cancelled") == [child.id]


async def test_only_runs_without_a_result_can_be_redriven(serdab: Serdab) -> None:
    with pytest.raises(BadInput, match="expected the state of runs to redrive to be one of failed, cancelled, dead"):
        await runs_to_redrive(serdab.database, "done")
