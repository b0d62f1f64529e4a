"""Ctrl-C in the middle of long commands: 130, one line that says how to go on, nothing lost, nobody left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import web
from test_cli_tree import workers_of

from serdab.app.processes import living
from serdab.core import Settings, child_environment, load_settings
from serdab.engines.addresses import EngineAddress, write_address
from serdab.knowledge import Selection, kept_receipts, list_batches
from serdab.store import EmbeddedPostgres, open_database
from word_engine import DIMENSIONS, WordEngine, word_engine

MODEL = "all-MiniLM-L6-v2"
DOCUMENTS = 400

Eventually = Callable[..., Awaitable[Any]]


@pytest.fixture
async def words() -> AsyncIterator[WordEngine]:
    """An engine of words."""
    async with word_engine() as (_, engine):
        yield engine


@pytest.fixture
def house(settings: Settings, words: WordEngine) -> Settings:
    """A home with an engine of words that every command finds."""
    house = load_settings(
        [f"home={settings.home}", f"database.url={settings.database.url}", "http.port=0", "workers.processes=1"],
        environ={},
    )
    publish(house, words)
    return house


@pytest.fixture
async def embedded() -> AsyncIterator[Settings]:
    """A home with an embedded PostgreSQL."""
    folder = Path(tempfile.mkdtemp(prefix="serdab-interrupts-"))
    os.chmod(folder, 0o711)
    yield load_settings(
        [f"home={folder}/home", "database.memory_mb=128", "http.port=0", "workers.processes=1"], environ={}
    )
    shutil.rmtree(folder, ignore_errors=True)


def publish(settings: Settings, engine: WordEngine) -> None:
    """Let every command of a home find an engine."""
    me = psutil.Process()
    address = EngineAddress(
        url=engine.url, pid=me.pid, started_at=me.create_time(), model=MODEL, dimensions=DIMENSIONS, precision="f32"
    )
    write_address(settings, address)


_begun: list[Process] = []


@pytest.fixture(autouse=True)
async def _nobody_left() -> AsyncIterator[None]:
    """A test that fails in the middle leaves no command and no worker of it behind."""
    yield
    while _begun:
        process = _begun.pop()
        if process.returncode is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                for each in psutil.Process(process.pid).children(recursive=True):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        each.kill()
                process.kill()
            await process.wait()


async def begin(settings: Settings, *words: str) -> Process:
    """Start a command in a process group of its own, as a shell does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "serdab.cli", *words, env=child_environment(settings),
        stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=STDOUT, start_new_session=True,
    )  # fmt: skip
    _begun.append(process)
    return process


async def interrupt(process: Process, times: int = 1, number: int = signal.SIGINT) -> str:
    """Press Ctrl-C, or send another signal to the command alone; what it said. It and all whom it started are gone."""
    children: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):  # the one before may have ended it
        children = psutil.Process(process.pid).children(recursive=True)
        for _ in range(times):
            (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
            await asyncio.sleep(0.05)
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    said = out.decode()
    assert process.returncode == 128 + number, said
    assert "Traceback" not in said
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, timeout=60)
    assert not alive, alive
    return said


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_triage_is_gone_on_with_by_the_same_command(
    house: Settings, words: WordEngine, tmp_path: Path, eventually: Eventually, sent: int
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for number in range(DOCUMENTS):
        (inbox / f"{number}.txt").write_text(f"letter {number} about pumps")
    words.open.clear()  # No document ends before Ctrl-C.
    process = await begin(house, "run", "triage", str(inbox), "--batch", "spring")
    database = await open_database(house)
    try:
        await eventually(lambda: database.pool.fetchval("select count(*) from run where workflow = 'triage'"))
        said = await interrupt(process, number=sent)
        words.open.set()
        assert "the same command again goes on with them" in said
        again = await begin(house, "run", "triage", str(inbox))
        out, _ = await asyncio.wait_for(again.communicate(), 90)
        assert again.returncode == 0, out.decode()
        kept = [each async for each in kept_receipts(database, Selection())]
        runs = await database.pool.fetchval("select count(*) from run where workflow = 'triage'")
        assert {Path(each.receipt.source).name for each in kept} == {f"{number}.txt" for number in range(DOCUMENTS)}
        assert "going on with batch spring" in out.decode()
        assert runs == DOCUMENTS
        assert [each.batch for each in await list_batches(database)] == ["spring"]
    finally:
        await database.close()


async def test_a_second_ctrl_c_when_the_workers_are_gone_leaves_no_database_that_nobody_uses(
    embedded: Settings, words: WordEngine, tmp_path: Path, eventually: Eventually
) -> None:
    server = EmbeddedPostgres(embedded)
    publish(embedded, words)
    for number in range(DOCUMENTS):
        (tmp_path / f"{number}.txt").write_text(f"letter {number} about pumps")
    try:
        process = await begin(embedded, "run", "triage", str(tmp_path))
        await eventually(lambda: workers_of(process))
        os.killpg(process.pid, signal.SIGINT)
        while workers_of(process):
            await asyncio.sleep(0.001)
        await interrupt(process)
        assert not server.status().running
    finally:
        await server.stop("immediate")


async def test_ctrl_c_drains_a_tree_and_twice_ends_it_at_once(house: Settings) -> None:
    for times in (1, 2):
        process = await begin(house, "up")
        assert process.stdout is not None
        while b"serving" not in (line := await asyncio.wait_for(process.stdout.readline(), 60)):
            assert line
        said = await interrupt(process, times)
        assert "`serdab up` goes on with them" in said


async def test_a_watch_says_how_to_go_on(house: Settings, tmp_path: Path) -> None:
    process = await begin(house, "watch", str(tmp_path))
    assert process.stdout is not None
    while b"watching" not in (line := await asyncio.wait_for(process.stdout.readline(), 60)):
        assert line
    assert [each.pid for each in living(house, "watch").values()] == [process.pid]
    assert "`serdab up` goes on with them" in await interrupt(process)
    assert living(house, "watch") == {}


async def test_an_interrupted_pull_goes_on_where_it_stopped(house: Settings, eventually: Eventually) -> None:
    asked: list[str | None] = []

    async def slow(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers.get("Range"))
        response = web.StreamResponse(status=206 if asked[-1] else 200, headers={"Content-Length": str(50_000_000)})
        await response.prepare(request)
        await response.write(b"{" * 1_000_000)
        await asyncio.sleep(60)
        return response

    app = web.Application()
    app.router.add_get("/{owner}/{name}/resolve/main/{file}", slow)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        hub = f"models.hub_url=http://127.0.0.1:{runner.addresses[0][1]}"
        for count in (1, 2):
            process = await begin(house, "models", "pull", MODEL, "--set", hub)
            await eventually(lambda count=count: len(asked) == count)
            await eventually(lambda: any(each.stat().st_size for each in house.folder.rglob("*.part*")))
            assert f"`serdab models pull {MODEL}` goes on from there" in await interrupt(process)
        assert asked[0] is None
        assert asked[1] is not None
    finally:
        await runner.cleanup()


async def test_an_interrupted_backup_leaves_nothing_and_no_database_behind(
    embedded: Settings, eventually: Eventually
) -> None:
    process = await begin(embedded, "db", "backup")
    await eventually((embedded.folder / "postgres" / "PG_VERSION").exists, 60)
    said = await interrupt(process)
    assert "no backup was made" in said
    assert not list(embedded.folder.glob("backups/serdab-*"))
    assert not (embedded.folder / "postgres" / "postmaster.pid").exists()
    again = await begin(embedded, "db", "backup")
    out, _ = await asyncio.wait_for(again.communicate(), 100)
    assert again.returncode == 0, out.decode()
