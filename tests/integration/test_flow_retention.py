"""Old weeks of history go as a whole, and nothing that a living run needs goes with them."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

import pytest
from flows import ALL

from serdab.core import BadSetting, Settings, load_settings
from serdab.flow import Retention, Serdab, Worker
from serdab.flow.payloads import Payloads
from serdab.flow.retention import Historian
from serdab.store import BlobMissing, Blobs, Database

#: Mondays, long ago.
OLD, OLDER = "2024-03-04", "2023-01-02"


async def run_in(database: Database, week: str, *, queue: str = "old", parent: UUID | None = None) -> UUID:
    """A run as it was left by the week that began then, with an outcome."""
    pool = database.pool
    run: UUID = await pool.fetchval("select (uuid_at($1::text::timestamptz + interval '1 hour')::text)::uuid", week)
    number = await pool.fetchval("select count(*) from run")
    run = UUID(int=run.int + number + 1)
    await pool.fetchval("select make_week($1::text::timestamptz)", week)
    await pool.execute(
        "insert into run (run_id, parent, priority, queue, workflow, input) values ($1, $2, 1, $3, 'w', '[]')",
        run, parent, queue,
    )  # fmt: skip
    await pool.execute("insert into run_outcome (run_id, worker, status, output) values ($1, 1, 'd', '1')", run)
    return run


async def drop(settings: Settings, database: Database, *changes: str) -> list[str]:
    pairs = [f"home={settings.home}", *changes]
    return await Historian(load_settings(pairs, environ={}), database).drop_ended()


async def test_a_week_that_is_over_goes_with_its_keys(settings: Settings, database: Database, serdab: Serdab) -> None:
    run = await run_in(database, OLD)
    await database.pool.execute("insert into run_key values ('old', 'k', $1, 1)", run)
    async with Worker(settings, database, ALL):
        young = await serdab.start("doubling", 21, key="k")
        assert await young.result(60) == 42
    assert await drop(settings, database, "retention.days=0") == [], "0 means for ever"
    assert await drop(settings, database) == ["2024w10"]
    assert await drop(settings, database) == []
    assert await database.pool.fetchval("select to_regclass('step_result_2024w10')") is None
    assert await database.pool.fetch("select key, run_id from run_key") == [("k", young.id)]
    assert await young.result(60) == 42


async def test_a_week_stays_while_a_run_of_it_or_a_parent_of_one_lives(settings: Settings, database: Database) -> None:
    parent = await run_in(database, OLDER)
    await database.pool.execute("delete from run_outcome where run_id = $1", parent)
    await database.pool.execute(
        "insert into parked (run_id, priority, crashes, queue, why, firsts, lasts, sizes)"
        " values ($1, 1, 0, 'old', 'sleeps', '{}', '{}', '{}')",
        parent,
    )
    await run_in(database, OLD, parent=parent)
    assert await drop(settings, database) == []
    await database.pool.execute("delete from parked")
    assert await drop(settings, database) == ["2023w01", "2024w10"]


async def test_a_week_stays_as_long_as_the_most_patient_of_its_queues(settings: Settings, database: Database) -> None:
    await run_in(database, OLDER, queue="imports")
    await run_in(database, OLDER, queue="audit")
    await run_in(database, OLD, queue="imports")
    assert await drop(settings, database, "retention.queues=imports=7,audit=0") == ["2024w10"]
    assert await drop(settings, database, "retention.days=0", "retention.queues=imports=7, audit=30") == ["2023w01"]


@pytest.mark.parametrize("wrong", ["imports", "imports=", "=7", "imports=-1", "imports=seven", "imports=7;audit=0"])
def test_a_retention_that_cannot_be_read_is_named(wrong: str) -> None:
    with pytest.raises(BadSetting, match=r"expected retention\.queues to be like"):
        Retention.of(load_settings([f"retention.queues={wrong}"], environ={}))


async def test_a_transaction_that_reads_history_delays_the_drop_and_is_not_disturbed(
    settings: Settings, database: Database
) -> None:
    await run_in(database, OLD)
    async with database.pool.acquire() as reader, reader.transaction():
        assert await reader.fetchval("select count(*) from run") == 1
        assert await drop(settings, database) == []
        assert await reader.fetchval("select count(*) from run") == 1
    assert await drop(settings, database) == ["2024w10"]


async def test_partitions_are_left_for_later_while_somebody_reads_the_default_one(database: Database) -> None:
    async with database.pool.acquire() as reader, reader.transaction():
        await reader.fetchval("select count(*) from run")
        assert await database.pool.fetchval("select make_week('2031-01-06Z')") == 3, "all but that of run"
    assert await database.pool.fetchval("select make_week('2031-01-06Z')") == 1


async def test_payloads_that_no_row_names_go_and_the_others_stay(
    settings: Settings, database: Database, serdab: Serdab
) -> None:
    blobs = Blobs(settings.folder / "blobs")
    payloads = Payloads(blobs, 10, 10_000)
    run, young = await run_in(database, OLD), await run_in(database, "2100-01-04")
    kept, lost, fresh = [await payloads.pack(word * 100) for word in (b"kept", b"lost", b"fresh")]
    for row, payload in ((run, lost), (run, kept), (young, kept)):
        await database.pool.execute(
            "insert into step_result (run_id, digest, worker, duration_us, attempt, failed, step_key, output)"
            " values ($1, 1, 1, 1, 1, false, $2, $3)", row, payload[1:5].hex(), payload,
        )  # fmt: skip
    for path in Path(settings.folder / "blobs").rglob("*"):
        if path.is_file() and path.name != fresh[1:33].hex():
            os.utime(path, (0, 0))
    assert await drop(settings, database) == ["2024w10"]
    assert await payloads.unpack(kept) == b"kept" * 100
    assert await payloads.unpack(fresh) == b"fresh" * 100, "its row may still be on its way"
    with pytest.raises(BlobMissing):
        await payloads.unpack(lost)
