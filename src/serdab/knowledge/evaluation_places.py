"""The folder of an evaluation: its name is on all that is there for a while, its lock tells whether that has an owner.

The lock is the system's, on the folder itself: it ends with its process, however that ends, and with nothing else.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from serdab.flow import Handle, Serdab
from serdab.knowledge.triaging import Document, triage
from serdab.store import Database, load_statements

_SQL = load_statements("serdab.knowledge")


@asynccontextmanager
async def evaluation_place(serdab: Serdab) -> AsyncIterator[Path]:
    """A folder for an evaluation, under whose name its documents and sets of labels go at the end.

    So does what evaluations left whose processes were killed; their runs are cancelled.
    """
    with _owned(serdab.settings.folder / "evaluations") as (place, abandoned):
        try:
            await _cancel_runs(serdab, abandoned)
            await _forget(serdab.database, abandoned)
            yield place
        finally:
            # Those once more: a step that was under way when its run was cancelled may have put something back.
            await _forget(serdab.database, [place, *abandoned])


@contextmanager
def _owned(parent: Path) -> Iterator[tuple[Path, Sequence[Path]]]:
    """A new folder, and those whose owners are dead; no other evaluation takes any of them while the block runs."""
    parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        with ExitStack() as brief:  # Nobody looks between the making of a folder and its lock.
            _lock(parent, brief, fcntl.LOCK_EX)
            found = parent.glob("evaluation-*")
            abandoned = [each for each in found if _lock(each, held, fcntl.LOCK_EX | fcntl.LOCK_NB)]
            place = parent / f"evaluation-{secrets.token_hex(6)}"
            place.mkdir()
            _lock(place, held, fcntl.LOCK_EX)
        yield place, abandoned


def _lock(folder: Path, held: ExitStack, how: int) -> bool:
    """Lock a folder until the stack is left; whether that went well."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        held.callback(os.close, handle)
        fcntl.flock(handle, how)
    except (BlockingIOError, FileNotFoundError, NotADirectoryError):  # Owned; gone meanwhile; a file.
        return False
    return True


async def _cancel_runs(serdab: Serdab, places: Sequence[Path]) -> None:
    if places:
        names = {each.name for each in places}
        unfinished: list[tuple[Document, Handle]] = await serdab.unfinished(triage)
        left = [run.id for document, run in unfinished if document.source.split("/")[0] in names]
        await serdab.cancel(left, "the evaluation was killed")


async def _forget(database: Database, places: Sequence[Path]) -> None:
    """Remove what goes by the names of some folders, and last the folders: by them it is found again."""
    for each in places:
        await database.pool.execute(_SQL["forget_documents"], f"{each.name}/")
        await database.pool.execute(_SQL["forget_label_sets"], f"{each.name}/")
        await database.pool.execute(_SQL["forget_maker"])
        await asyncio.to_thread(shutil.rmtree, each, True)
