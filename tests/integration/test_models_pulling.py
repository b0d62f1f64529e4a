"""Pulling a model from a hub: a real HTTP server on loopback that serves files of ours."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import web

from serdab.core import Settings, load_settings
from serdab.models import MODELS, ModelDamaged, PullFailed, UnknownModel, find_model, model_entry, pull_model
from serdab.models.downloading import download

NAME = "all-MiniLM-L6-v2"
FILES = {file: os.urandom(50_000) for file in MODELS[NAME].files}


class Hub:
    """Serves the files; breaks off where it is told to."""

    def __init__(self) -> None:
        self.ranges: list[str | None] = []
        self.break_after: int | None = None
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        data = FILES.get(request.match_info["file"])
        if data is None:
            raise web.HTTPNotFound
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if start >= len(data):
            raise web.HTTPRequestRangeNotSatisfiable
        response = web.StreamResponse(status=206 if asked else 200, headers={"Content-Length": str(len(data) - start)})
        await response.prepare(request)
        end, self.break_after = self.break_after, None
        await response.write(data[start : start + end] if end else data[start:])
        if end and request.transport is not None:
            request.transport.close()
        return response


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub()
    app = web.Application()
    app.router.add_get("/{owner}/{name}/resolve/main/{file}", hub.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield hub
    await runner.cleanup()


def settings_of(hub: Hub, home: Path) -> Settings:
    return load_settings([f"home={home}", f"models.hub_url={hub.url}"], environ={})


async def test_a_model_is_pulled_once_with_progress_and_found_again(hub: Hub, tmp_path: Path) -> None:
    settings = settings_of(hub, tmp_path)
    told: list[tuple[int, int]] = []
    assert find_model(NAME, settings) is None
    folder = await pull_model(NAME, settings, lambda done, total: told.append((done, total)))
    assert {file: (folder / file).read_bytes() for file in FILES} == FILES
    assert told[-1] == (50_000, 50_000)
    asked = len(hub.ranges)
    assert await pull_model(NAME, settings) == folder
    assert len(hub.ranges) == asked
    (folder / "vocab.txt").write_bytes(b"short")
    assert find_model(NAME, settings) is None


async def test_a_broken_download_goes_on_where_it_stopped(hub: Hub, tmp_path: Path) -> None:
    hub.break_after = 20_000
    folder = await pull_model(NAME, settings_of(hub, tmp_path))
    assert {file: (folder / file).read_bytes() for file in FILES} == FILES
    resumed = [asked for asked in hub.ranges if asked]
    assert len(resumed) == 1
    assert 0 < int(resumed[0].removeprefix("bytes=").rstrip("-")) <= 20_000


async def test_another_digest_is_damage_and_leaves_nothing(hub: Hub, tmp_path: Path) -> None:
    url = f"{hub.url}/a/b/resolve/main/vocab.txt"
    right = hashlib.sha256(FILES["vocab.txt"]).hexdigest()
    await download(url, tmp_path / "right", right, lambda *_: None)
    with pytest.raises(ModelDamaged):
        await download(url, tmp_path / "wrong", "0" * 64, lambda *_: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["right"]


async def test_what_is_not_there_is_said(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(PullFailed, match="404"):
        await download(f"{hub.url}/a/b/resolve/main/nothing", tmp_path / "x", None, lambda *_: None)
    with pytest.raises(UnknownModel, match="did you mean all-MiniLM-L6-v2"):
        model_entry("all-minilm-l6")


async def test_the_password_of_a_hub_is_neither_in_a_refusal_nor_kept_with_the_model(tmp_path: Path, hub: Hub) -> None:
    url = hub.url.replace("http://", "http://me:hunter2@")
    settings = load_settings([f"home={tmp_path}", f"models.hub_url={url}/gone"], environ={})
    with pytest.raises(PullFailed) as caught:
        await pull_model(NAME, settings)
    assert "hunter2" not in f"{caught.value} {caught.value!r} {caught.value.facts}"
    assert hub.url.removeprefix("http://") in str(caught.value)
    folder = await pull_model(NAME, load_settings([f"home={tmp_path}", f"models.hub_url={url}"], environ={}))
    assert "hunter2" not in (folder / "manifest.json").read_text()


async def test_who_waits_for_another_pull_can_be_interrupted(
    hub: Hub, tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    lock = tmp_path / "models" / f".{NAME}.lock"
    lock.parent.mkdir()
    with lock.open("w") as another:
        fcntl.flock(another, fcntl.LOCK_EX)
        words = ["models", "pull", NAME, "--set", f"home={tmp_path}", "--set", f"models.hub_url={hub.url}"]
        command = subprocess.Popen([sys.executable, "-m", "serdab.cli", *words])
        try:
            await eventually(lambda: any(each.path == str(lock) for each in psutil.Process(command.pid).open_files()))
            command.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(command.wait, 30) == 130
        finally:
            command.kill()
            command.wait()
