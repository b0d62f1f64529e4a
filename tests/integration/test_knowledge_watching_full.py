"""A watch whose database has no room left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from serdab.cli.reporting import described
from serdab.core import Settings
from serdab.flow import Serdab
from serdab.knowledge import FolderSource, Watched, watch_sources
from serdab.store import Database

#: The trigger says what PostgreSQL says of a full disk.
_FULL = """
create function full_disk() returns trigger language plpgsql as $$
begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
create trigger full_disk before insert on watched_document execute function full_disk()
"""


async def test_a_watch_goes_on_when_the_database_has_room_again_and_one_look_ends_with_the_reason(
    settings: Settings,
    database: Database,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    eventually: Callable[..., Any],
) -> None:
    limits = msgspec.structs.replace(settings.documents, watch_settle_s=0.0, watch_poll_s=0.05)
    client = Serdab(msgspec.structs.replace(settings, documents=limits), database)
    await client.open()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("an invoice of acme")

    async def watch(*, once: bool) -> list[Watched]:
        return await watch_sources(client, [FolderSource(path=tmp_path / "in")], password=lambda _: "", once=once)

    await database.pool.execute(_FULL)
    with pytest.raises(ExceptionGroup) as caught:
        await watch(once=True)
    assert described(caught.value.exceptions[0])[0] == "disk_full"
    watching = asyncio.create_task(watch(once=False))

    async def is_told() -> bool:
        return watching.done() or "No space left" in caplog.text

    async def is_taken() -> bool:
        return bool(await database.pool.fetchval("select count(*) from watched_document"))

    try:
        await eventually(is_told)
        assert not watching.done()
        await database.pool.execute("drop function full_disk cascade")
        await eventually(is_taken)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await client.close()
    assert await database.pool.fetchval("select count(*) from run") == 1
