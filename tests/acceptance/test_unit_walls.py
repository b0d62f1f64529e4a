"""A tree lives within the walls of its unit, and the service manager hears of it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from serdab.app import living, make_unit
from serdab.core import Settings, child_environment, load_settings

#: Builds the walls of a unit around a process as far as a process can do that itself, then becomes another program.
WALLED = """
import ctypes, os, sys
KEPT = [0, 1, 3, 6, 7, 19]  # chown, dac_override, fowner, setgid, setuid, sys_ptrace
prctl = ctypes.CDLL(None, use_errno=True).prctl
last = int(open("/proc/sys/kernel/cap_last_cap").read())
for number in range(last + 1):
    if os.geteuid() == 0 and number not in KEPT:
        assert prctl(24, number, 0, 0, 0) == 0, "PR_CAPBSET_DROP"
assert prctl(38, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS"
if prctl(65, 1, 0, 0, 0) != 0:  # PR_SET_MDWE
    print("this kernel knows no memory that is never both written and executed", file=sys.stderr)
os.umask(0o077)
os.execv(sys.argv[1], sys.argv[1:])
"""
NAMES = "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_SETGID CAP_SETUID CAP_SYS_PTRACE"
SERDAB = [sys.executable, "-m", "serdab.cli"]
PAIRS = (
    "workers.modules=shell_workflows",
    "workers.processes=1",
    "http.port=0",
    "flow.drain_s=1",
    "database.memory_mb=128",
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's account may enter, also when the tests run as root."""
    path = Path(tempfile.mkdtemp(prefix="serdab-walls-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


async def test_a_tree_comes_up_works_and_stops_within_the_walls_of_its_unit(folder: Path) -> None:
    settings = load_settings([f"home={folder}/home", *PAIRS], environ={})
    text = make_unit(settings, folder).text
    assert re.findall(r"CapabilityBoundingSet=(.*)", text) == [NAMES if os.geteuid() == 0 else ""]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(folder / "notify"))
        ear.settimeout(90)
        manager = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "2000000"}
        tree = await _begin(settings, [sys.executable, "-c", WALLED, sys.executable, "-m", "serdab.cli", "up"], manager)
        try:
            await _heard(ear, b"READY=1")
            up = psutil.Process(living(settings, "up")["up"].pid)
            assert up.pid == tree.pid
            url = living(settings, "up")["up"].url
            ready = await asyncio.to_thread(urllib.request.urlopen, f"{url}/readyz", timeout=60)
            assert ready.status == 200, "ready means that work is taken"
            await _heard(ear, b"WATCHDOG=1")
            children = [each for each in up.children(recursive=True) if "worker" in each.cmdline()]
            assert children
            assert all("NOTIFY_SOCKET" not in each.environ() for each in children), "children are silent"
            for workflow, word in (("hello", '"you"'), ("apart", "200")):
                run = await _begin(settings, [*SERDAB, "run", workflow, "-i", word], {})
                said, _ = await asyncio.wait_for(run.communicate(), 60)
                assert run.returncode == 0, said.decode()
            tree.send_signal(signal.SIGTERM)
            await _heard(ear, b"STOPPING=1")
            out, _ = await asyncio.wait_for(tree.communicate(), 90)
            assert tree.returncode == 0, out.decode()
            assert b"Traceback" not in out
        finally:
            if tree.returncode is None:
                tree.kill()
                await tree.wait()
            await (await _begin(settings, [*SERDAB, "down"], {})).communicate()
    assert not (settings.folder / "postgres" / "postmaster.pid").exists(), "the database stopped cleanly"


async def _begin(settings: Settings, words: list[str], more: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=Path(__file__).parent,
        env=child_environment(settings) | more,
    )  # fmt: skip


async def _heard(ear: socket.socket, state: bytes) -> None:
    async with asyncio.timeout(90):
        while state not in (await asyncio.to_thread(ear.recv, 4096)).split(b"\n"):
            pass


DOCUMENTS = """
import asyncio, sys
from pathlib import Path
import numpy, sklearn.linear_model
import serdab.knowledge
from serdab.core import load_settings
from serdab.engines import Embedder, EngineOptions, EngineProcess
from serdab.knowledge.reading import read_document
from serdab.testing.small_models import WIDTH, make_model

async def main() -> None:
    model, home = Path(sys.argv[1]) / "model", Path(sys.argv[1]) / "home"
    model.mkdir()
    make_model(model)
    settings = load_settings([f"home={home}"], environ={})
    options = EngineOptions(model="small", folder=model, dimensions=WIDTH, threads=2)
    async with EngineProcess(options, settings) as engine, Embedder(engine.url, WIDTH, 30.0) as embedder:
        vectors = await embedder.embed(["one", "two"])
    sklearn.linear_model.LogisticRegression().fit(numpy.asarray(vectors), [0, 1])
    samples = Path(serdab.knowledge.__file__).parent / "samples" / "files"
    for kind in ("pdf", "docx", "html", "eml", "md", "txt", "csv"):
        path = next(each for each in sorted(samples.glob(f"*.{kind}")) if "broken" not in each.name)
        read_document(path.read_bytes(), path.name)
    print("everything went well")

asyncio.run(main())
"""


async def test_reading_and_embedding_need_no_memory_that_is_written_and_executed(folder: Path) -> None:
    settings = load_settings([f"home={folder}/home"], environ={})
    assert "MemoryDenyWriteExecute=yes" in make_unit(settings, folder).text
    words = [sys.executable, "-c", WALLED, sys.executable, "-c", DOCUMENTS, str(folder)]
    process = await _begin(settings, words, {})
    out, _ = await asyncio.wait_for(process.communicate(), 100)
    if b"knows no memory" in out:
        pytest.skip("this kernel has no such wall")
    assert out.strip().endswith(b"everything went well"), out.decode()
