"""What PostgreSQL, engines and workers print is bounded too, while they run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from serdab.app import Tree
from serdab.core import Settings, load_settings
from serdab.engines import EngineOptions, EngineProcess
from serdab.store import EmbeddedPostgres, backup_folder, make_backup, shared_database
from serdab.testing.small_models import WIDTH, make_model

Eventually = Callable[..., Awaitable[Any]]
MB = 1 << 20


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serdab.core.outputs.TRIM_EVERY_S", 0.1)


@pytest.fixture
def house() -> Iterator[Settings]:
    """A home that PostgreSQL's account may enter, with small logs."""
    folder = Path(tempfile.mkdtemp(prefix="serdab-logs-"))
    folder.chmod(0o711)
    yield load_settings([f"home={folder}/home", "log.most_mb=1", "database.memory_mb=128"], environ={})
    shutil.rmtree(folder, ignore_errors=True)


async def test_the_log_of_the_database_is_bounded_and_a_backup_still_takes_it(
    house: Settings, eventually: Eventually
) -> None:
    path = EmbeddedPostgres(house).log_file
    older = path.with_name("server.log.1")
    async with shared_database(house, "test") as database:
        connection = await database.connect("talkative")
        await connection.execute("do $$ begin for i in 1..30 loop raise log '%', repeat('x', 50000); end loop; end $$")
        await connection.close()
        await eventually(lambda: older.exists() and path.stat().st_size < MB)
        assert older.stat().st_size == MB
        assert older.stat().st_uid == path.stat().st_uid
        await make_backup(house, backup_folder(house), lambda *_: None)


async def test_the_log_of_an_engine_is_bounded_while_it_runs(tmp_path: Path, eventually: Eventually) -> None:
    model = tmp_path / "model"
    model.mkdir()
    make_model(model)
    settings = load_settings([f"home={tmp_path}/home", "log.most_mb=1"], environ={})
    async with EngineProcess(
        EngineOptions(model="small", folder=model, dimensions=WIDTH, threads=1), settings
    ) as engine:
        with engine.log_file.open("ab") as file:
            file.write(b"x" * MB * 2)
        await eventually(lambda: engine.log_file.stat().st_size < MB)
        os.kill(engine.ready.pid, 9)
        await eventually(lambda: engine.restarts == 1)
    assert engine.log_file.with_name(f"{engine.log_file.name}.1").stat().st_size == MB
    assert b"\0" not in engine.log_file.read_bytes()


async def test_what_workers_print_is_bounded(settings: Settings, eventually: Eventually) -> None:
    small = load_settings(
        [f"home={settings.home}", f"database.url={settings.database.url}", "log.most_mb=1"], environ={}
    )
    tree = Tree(small)
    tree.workers.clear()
    path = small.folder / "logs" / "worker-1.out"
    async with tree:
        path.write_bytes(b"x" * MB * 2)
        await eventually(lambda: path.stat().st_size == 0)
    assert path.with_name("worker-1.out.1").stat().st_size == MB
