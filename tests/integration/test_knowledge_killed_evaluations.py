"""Evaluations whose processes are killed: what they leave goes, and what a living one uses stays."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
from triage_house import working

from serdab.core import Settings, child_environment
from serdab.flow import Handle, Serdab
from serdab.knowledge import Document, evaluate_triage, list_label_sets, triage
from serdab.store import Database
from word_engine import word_engine

ROWS = 40


def _rows(path: Path) -> Path:
    said = {"stolen": "card stolen lost thief abroad", "rate": "exchange rate euro dollar percent"}
    rows = [{"text": f"{words.split()[n % 5]} {words.split()[n // 5]} no {n}", "label": label}
            for label, words in said.items() for n in range(ROWS // 2)]  # fmt: skip
    path.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    return path


@contextlib.asynccontextmanager
async def _evaluating(settings: Settings, file: Path, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """An evaluation in a process of its own, which is dead at the end."""
    here = Path(__file__).parent
    path = os.pathsep.join([str(here.parent), *sys.path])
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(here / "evaluating.py"), str(file), url,
        env={**child_environment(settings), "PYTHONPATH": path}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _names(database: Database, folder: Path) -> set[str]:
    """The evaluations of which a set of labels, a document or a folder is there."""
    found = {each.name for each in await list_label_sets(database)}
    found |= {row["source"] for row in await database.pool.fetch("select source from document")}
    return {each.split("/")[0] for each in found} | {each.name for each in folder.iterdir()}


async def _waiting(serdab: Serdab, evaluations: int) -> bool:
    """Whether the runs of so many evaluations wait, and all of them."""
    unfinished: list[tuple[Document, Handle]] = await serdab.unfinished(triage)
    sources = [document.source.split("/")[0] for document, _ in unfinished]
    return (len(set(sources)), len(sources)) == (evaluations, evaluations * ROWS)


async def _cancelled(serdab: Serdab) -> int:
    return sum(run.state == "cancelled" for run in await serdab.runs(limit=500))


async def test_what_killed_evaluations_left_goes_with_the_next_and_a_living_one_keeps_its_own(
    settings: Settings, database: Database, serdab: Serdab, tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    file, folder = _rows(tmp_path / "mine.jsonl"), tmp_path / "evaluations"

    async with word_engine() as (embedder, engine), contextlib.AsyncExitStack() as processes:

        async def begun(others: int) -> asyncio.subprocess.Process:
            """An evaluation that has started its runs; until the first of them is taken it would wait."""
            process = await processes.enter_async_context(_evaluating(settings, file, engine.url))
            await eventually(lambda: _waiting(serdab, others + 1), 60)
            process.send_signal(signal.SIGSTOP)
            return process

        done = await begun(0)
        async with working(settings, database, embedder):
            await eventually(lambda: _waiting(serdab, 0), 60)
        early = await begun(0)
        living = await begun(1)
        names = await _names(database, folder)
        assert len(names) == 3
        assert await database.pool.fetchval("select count(*) from document") == ROWS
        for each in (done, early):
            each.kill()
            await each.wait()

        next_one = asyncio.create_task(evaluate_triage(serdab, embedder, file, across=True))
        await eventually(lambda: _cancelled(serdab), 60)
        await eventually(lambda: _waiting(serdab, 2), 60)  # those of the living one and of this one
        assert await _cancelled(serdab) == ROWS
        assert len(names & await _names(database, folder)) == 1
        async with working(settings, database, embedder):
            assert (await next_one).recorded == ROWS
            await eventually(lambda: _waiting(serdab, 0), 60)
            (kept,) = await _names(database, folder)
            assert kept in names
            assert await database.pool.fetchval("select count(*) from document") == ROWS
            living.send_signal(signal.SIGCONT)
            out, _ = await asyncio.wait_for(living.communicate(), 60)
            assert (living.returncode, out) == (0, f"{ROWS}\n".encode())
        assert await _names(database, folder) == set()
        assert await database.pool.fetchval("select count(*) from label_example") == 0
