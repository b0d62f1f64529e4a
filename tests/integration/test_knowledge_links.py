"""Connections of the index: opened when needed, and none is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from serdab.knowledge import Link
from serdab.store import Connection, Database

SETUP = "select pg_advisory_lock(7)"


async def test_a_connection_that_is_given_up_while_it_is_set_up_is_closed(
    database: Database, eventually: Callable[..., Any]
) -> None:
    async def work(_: Connection) -> None:
        """Never begun."""

    async def connections() -> int:
        query = "select count(*) from pg_stat_activity where query = $1 and pid <> $2"
        found: int = await database.pool.fetchval(query, SETUP, other.get_server_pid())
        return found

    async with database.pool.acquire() as other:
        await other.execute(SETUP)
        using = asyncio.create_task(Link(database, "given up", SETUP).use(work))
        await eventually(connections)
        using.cancel()
        await asyncio.wait([using])
        await other.execute("select pg_advisory_unlock(7)")

        async def are_closed() -> bool:
            return await connections() == 0

        await eventually(are_closed, 20)
