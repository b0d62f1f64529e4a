"""Proof that work can be taken now: a claim behind the fence, and a commit that is flushed."""

from __future__ import annotations

from serdab.flow.errors import CannotCommit
from serdab.store import Database, is_gone, load_statements, sqlstate


async def prove(database: Database, worker_id: int | None = None) -> int:
    """Do what a flush does, with nothing in it; how many workers hold a lease.

    Args:
        database: where.
        worker_id: behind whose fence; None: any worker's that holds a lease, and 0 is answered when none does.

    Raises:
        CannotCommit: the database is away, takes no writes, or lacks means; or the worker is fenced.
    """
    try:
        workers = await database.pool.fetchval(load_statements("serdab.flow")["can_commit"], worker_id)
    except Exception as error:
        if sqlstate(error) is None and not is_gone(error):
            raise
        raise CannotCommit(f"the database does not commit: {error or 'no answer'}") from error
    if workers is None and worker_id is not None:
        raise CannotCommit(f"the database does not know worker {worker_id}")
    return workers or 0
