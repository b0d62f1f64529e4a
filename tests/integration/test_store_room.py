"""A disk that is nearly full: new runs are refused with the reason, what runs may end, and readiness says so."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from flows import ALL, doubling

from serdab.app import readiness_of
from serdab.core import Settings
from serdab.flow import Serdab, Worker
from serdab.store import Database, DiskNearlyFull, Room

MORE_THAN_THERE_IS_MB = 1 << 40


def crowded(settings: Settings) -> Settings:
    return msgspec.structs.replace(
        settings, store=msgspec.structs.replace(settings.store, least_free_mb=MORE_THAN_THERE_IS_MB)
    )


async def test_new_runs_are_refused_while_the_disk_is_nearly_full_and_those_that_run_end(
    settings: Settings, database: Database, serdab: Serdab
) -> None:
    before = await serdab.start(doubling, 21)
    refusing = Serdab(crowded(settings), database)
    await refusing.open()
    for start in (refusing.start(doubling, 1), refusing.start_many(doubling, [1, 2])):
        with pytest.raises(DiskNearlyFull, match=r"expected the disk of .* no new run is taken until there is room"):
            await start
    await refusing.close()
    assert await database.pool.fetchval("select count(*) from run") == 1
    async with Worker(crowded(settings), database, ALL):
        assert await before.result(60) == 42
        readiness = await readiness_of(database, room=Room.of(crowded(settings)))
    assert not readiness.ready
    assert "no new run is taken" in readiness.missing
    assert readiness.workers == 1


def test_a_look_holds_for_a_second_and_tells_the_free_bytes(tmp_path: Path) -> None:
    room = Room([tmp_path / "not" / "there" / "yet"], 1)
    assert room.missing() == ""
    [(folder, free)] = room.free().items()
    assert folder.endswith("yet")
    assert free > 0
    assert "MB free" in Room([tmp_path], MORE_THAN_THERE_IS_MB).missing()
