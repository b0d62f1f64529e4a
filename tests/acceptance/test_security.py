"""What others on the machine can see of a home: no file, and no secret."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from serdab.app import living
from serdab.core import Settings, child_environment, load_settings
from serdab.store import EmbeddedPostgres

HERE = Path(__file__).parent
SHELL = ("workers.modules=shell_workflows", "workers.processes=1", "http.port=0", "flow.drain_s=1")


async def serdab(settings: Settings, *words: str, umask: int = 0) -> tuple[int | None, str]:
    """Run a command line, as careless about the umask as can be; its exit code and all that it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "serdab.cli", *words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=HERE,
        env=child_environment(settings), umask=umask,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 90)
    return process.returncode, out.decode()


@pytest.fixture
async def folder() -> AsyncIterator[Path]:
    """A folder that PostgreSQL's account may enter, also when the tests run as root."""
    path = Path(tempfile.mkdtemp(prefix="serdab-secure-"))
    os.chmod(path, 0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def open_to_others(home: Path) -> Iterator[str]:
    """Everything under a home that somebody else could read, write or enter."""
    for path in home.rglob("*"):
        if path.is_symlink() or any(parent.name.startswith("postgresql-") for parent in (path, *path.parents)):
            continue  # PostgreSQL's programs, where its account cannot reach the installed ones
        if path.stat().st_mode & 0o077 and not stat.S_ISSOCK(path.stat().st_mode):
            yield f"{stat.filemode(path.stat().st_mode)} {path.relative_to(home)}"


async def test_nothing_under_a_home_is_open_to_others_whatever_the_umask(folder: Path) -> None:
    settings = load_settings([f"home={folder}/deep/home", "database.memory_mb=128", *SHELL], environ={})
    try:
        code, said = await serdab(settings, "up", "--detach")
        assert code == 0, said
        for words in (["run", "apart", "-i", "200"], ["run", "refused", "-i", '"you"'], ["status"], ["logs"]):
            await serdab(settings, *words)
        assert list((folder / "deep/home/blobs").rglob("*")) if (folder / "deep/home/blobs").exists() else True
        assert list(open_to_others(settings.folder)) == []
    finally:
        await serdab(settings, "down")
    assert list(open_to_others(settings.folder)) == []
    others = settings.folder.stat().st_mode & 0o077
    assert others == (0o011 if os.geteuid() == 0 else 0), "as root, the account of PostgreSQL passes through; no more"


LIBRARY = """
import asyncio, os, sys
from pathlib import Path
from uuid import UUID
import shell_workflows
from serdab.core import load_settings, start_logging
from serdab.engines import EngineOptions, EngineProcess
from serdab.guard import Fetcher
from serdab.knowledge import Delivery
from serdab.testing import running
from serdab.testing.small_models import WIDTH, make_model

async def main() -> None:
    home, model = Path(sys.argv[1]), Path(sys.argv[2])
    settings = load_settings([f"home={home}"], environ={})
    start_logging("library", settings)
    make_model(model)
    async with running(home, shell_workflows.apart, overrides=["database.memory_mb=128"]) as serdab:
        await (await serdab.start(shell_workflows.apart, 200)).result()
    async with EngineProcess(EngineOptions(model="small", folder=model, dimensions=WIDTH, threads=1), settings):
        pass
    async with Fetcher.of(settings) as fetcher, Delivery(settings, fetcher) as delivery:
        await delivery.deliver(delivery.place_of(UUID(int=1)), b"{}", "k")

asyncio.run(main())
"""


async def test_nothing_that_the_library_writes_is_open_to_others_whatever_the_umask(folder: Path) -> None:
    home, model = folder / "home", folder / "home" / "models" / "small"
    model.mkdir(parents=True, mode=0o700)
    model.parent.chmod(0o700)
    home.chmod(0o700)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LIBRARY, str(home), str(model), cwd=HERE, umask=0,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0, out.decode()
    private = [each for each in open_to_others(home) if not each.endswith(tuple(os.listdir(model)))]
    assert private == []
    names = {path.name for path in home.rglob("*")}
    assert {"logs", "run", "deliveries", "engine-small.log", "library.log", "blobs"} <= names


async def test_the_password_of_the_database_is_in_no_log_title_environment_or_traceback(
    server: EmbeddedPostgres, settings: Settings
) -> None:
    pairs = [f"home={settings.home}", f"database.url={settings.database.url}", "flow.poll_s=0.2", *SHELL]
    own = load_settings(pairs, environ={})
    password = urlsplit(own.database.url).password
    assert password
    assert len(password) > 20
    said = []
    try:
        said.append(await serdab(own, "up", "--detach"))
        assert said[0][0] == 0, said
        said.append(await serdab(own, "run", "apart"))
        assert "'PATH'" in said[-1][1], "the environment of an isolated step"
        tree = psutil.Process(living(own, "up")["up"].pid)
        titles = []
        for process in [tree, *tree.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):  # one that has just ended
                titles.append(" ".join(process.cmdline()))
                if "serdab.flow.isolated_child" in titles[-1]:
                    said.append((0, repr(process.environ())))
        assert "serdab.flow.isolated_child" in " ".join(titles)
        for line in (
            "settings", "settings --json", "status", "status --json", "logs -n 9999", "runs list",
            "--debug runs show no-such-run",
        ):  # fmt: skip
            said += [await serdab(own, *line.split())]
        for wrong in (own.database.url.replace("@/t_", "@/absent_"), own.database.url.replace("postgresql:", "mysql:"),
                      own.database.url.replace("serdab:", "nobody:"), own.database.url.replace("?host=", "?host=/absent")):  # fmt: skip  # noqa: E501
            bad = load_settings([*pairs, f"database.url={wrong}"], environ={})
            said.extend([await serdab(bad, "--debug", "runs", "list"), await serdab(bad, "run", "hello")])
            assert said[-1][0] != 0
    finally:
        said.append(await serdab(own, "down"))
    told = [*titles, *(text for _, text in said)]
    written = [path.read_text("utf-8", "replace") for path in (own.folder / "logs").iterdir()]
    assert len(written) >= 3
    assert [text for text in (*told, *written) if password in text] == []


async def test_a_secret_in_an_address_for_receipts_is_in_no_log_and_no_complaint(tmp_path: Path) -> None:
    """A hook's path is its secret, so a complaint about it names the host only."""
    from serdab.guard import Fetcher
    from serdab.knowledge import Delivery

    hook = "http://127.0.0.1:9/hooks/T0/hunter2?token=hunter2"
    settings = load_settings(
        [f"home={tmp_path}", "guard.allow=127.0.0.1:9", f"documents.deliver_to={hook}"], environ={}
    )
    async with Fetcher.of(settings) as fetcher, Delivery(settings, fetcher) as delivery:
        with pytest.raises(Exception, match=r"127\.0\.0\.1:9") as caught:
            await delivery.deliver(hook, b"{}", "k")
    assert "hunter2" not in str(caught.value)
    code, said = await serdab(settings, "settings", "--json")
    assert code == 0
    assert "token=…" in json.loads(said)["documents.deliver_to"]["value"]
