"""The tree of processes from a shell: up, status, run, show, down, and what happens when something is killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from serdab.app import DidNotComeUp, ProcessFile, living, start_detached
from serdab.core import Settings, child_environment, load_settings

Eventually = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Answer:
    """What a command line left behind."""

    code: int
    out: str
    err: str


class Shell:
    """Calls the command line in processes of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.begun: list[asyncio.subprocess.Process] = []

    async def begin(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start a command line."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "serdab.cli", *arguments,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parent,
            env=child_environment(self.settings),
        )  # fmt: skip
        self.begun.append(process)
        return process

    async def __call__(self, *arguments: str) -> Answer:
        """Run a command line to its end."""
        process = await self.begin(*arguments)
        out, err = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode is not None
        return Answer(process.returncode, out.decode(), err.decode())

    async def json(self, *arguments: str) -> Any:
        """The JSON that a command line prints."""
        answer = await self(*arguments, "--json")
        assert answer.out, answer.err
        return json.loads(answer.out)

    def processes(self, role: str) -> dict[str, ProcessFile]:
        """Living processes of the home."""
        return living(self.settings, role)

    async def close(self) -> None:
        """Leave nothing running."""
        await self("down")
        for process in self.begun:
            if process.returncode is None:
                process.kill()
                await process.communicate()


SHELL = ("workers.modules=shell_workflows", "workers.processes=1", "http.port=0", "flow.drain_s=1")


@pytest.fixture
async def shell(settings: Settings) -> AsyncIterator[Shell]:
    """A home of its own over a fresh database of the session's server."""
    pairs = [f"home={settings.home}", f"database.url={settings.database.url}", "flow.poll_s=0.2", *SHELL]
    shell = Shell(load_settings(pairs, environ={}))
    yield shell
    await shell.close()


@pytest.fixture
async def house() -> AsyncIterator[Shell]:
    """A home with an embedded PostgreSQL of its own, in a folder that PostgreSQL's account may enter."""
    folder = Path(tempfile.mkdtemp(prefix="serdab-house-"))
    os.chmod(folder, 0o711)
    shell = Shell(load_settings([f"home={folder}/home", "database.memory_mb=128", *SHELL], environ={}))
    yield shell
    await shell.close()
    shutil.rmtree(folder, ignore_errors=True)


async def test_a_day_in_the_life_of_a_house(house: Shell) -> None:
    assert (await house.json("status"))["database"]["running"] is False
    up = await house("up", "--detach")
    assert up.code == 0, up.err

    status = await house.json("status")
    assert status["readiness"]["ready"] is True
    assert status["database"]["embedded"] is True
    assert {each["role"] for each in status["processes"]} == {"up", "worker"}

    second = await house("up")
    assert second.code == 2
    assert "error [already_up]" in second.err
    assert (await house("up", "--detach")).code == 2

    ran = await house("run", "shell_workflows:hello", "-i", '"you"', "-i", "3")
    assert (ran.code, json.loads(ran.out)) == (0, "hello you")
    by_name = await house("run", "hello", "-i", '"me"', "--key", "once")
    again = await house("run", "hello", "-i", '"me"', "--key", "once")
    assert (by_name.out, by_name.err) == (again.out, again.err)

    failed = await house("run", "refused", "-i", '"nobody"')
    assert failed.code == 1
    assert "ValueError: nobody is not welcome" in failed.err
    assert "serdab runs show" in failed.err
    [run] = await house.json("runs", "list", "--state", "failed")
    assert run["id"] in (await house("runs", "show", run["id"][-12:])).out
    shown = await house("runs", "show", run["id"])
    assert 'raise ValueError(f"{name} is not welcome")' in shown.out
    assert "greet#1" in shown.out
    assert (await house.json("runs", "show", run["id"]))["failure"]["kind"] == "ValueError"
    assert len(await house.json("runs", "list", "--workflow", "hello")) == 2
    assert "worker is up" in (await house("logs")).out

    os.kill(status["database"]["pid"], signal.SIGKILL)
    ran = await house("run", "hello", "-i", '"again"')
    assert (ran.code, json.loads(ran.out)) == (0, "hello again"), ran.err

    down = await house("down")
    assert down.code == 0, down.err
    assert "stopping" not in (await house("down")).err
    status = await house.json("status")
    assert status["database"]["running"] is False
    assert status["processes"] == []
    assert (await house("status")).code == 1


def workers_of(process: asyncio.subprocess.Process) -> list[psutil.Process]:
    """The workers that a command has started and that still live."""
    with contextlib.suppress(psutil.Error):
        return [each for each in psutil.Process(process.pid).children() if "worker" in each.cmdline()]
    return []


async def test_a_tree_that_is_just_starting_is_waited_for(shell: Shell, eventually: Eventually) -> None:
    up = await shell.begin("up")
    [worker] = await eventually(lambda: workers_of(up))
    worker.suspend()
    await eventually(lambda: shell.processes("up"))
    running = await shell.begin("run", "hello", "-i", '"you"')
    await asyncio.sleep(2)
    worker.resume()
    out, err = await asyncio.wait_for(running.communicate(), 60)
    assert (running.returncode, out) == (0, b'"hello you"\n'), err.decode()


async def test_a_killed_worker_is_started_again_and_its_run_goes_on(
    shell: Shell, tmp_path: Path, eventually: Eventually
) -> None:
    assert (await shell("up", "--detach", "--set", "flow.lease_s=2")).code == 0
    await _metrics_tell(shell, "serdab_processes", 1.0)
    running = await shell.begin("run", "patient", "-i", json.dumps(f"{tmp_path}/go"))
    await eventually((tmp_path / "go.begun").exists)
    before = shell.processes("worker")["worker-1"]
    (tmp_path / "go.begun").unlink()  # Before the kill: the next worker may be quick.
    os.kill(before.pid, signal.SIGKILL)
    await eventually(lambda: {each.pid for each in shell.processes("worker").values()} - {before.pid})
    await eventually((tmp_path / "go.begun").exists)
    (tmp_path / "go").touch()
    out, _ = await running.communicate()
    assert json.loads(out) == f"{tmp_path}/go"
    await _metrics_tell(shell, "serdab_restarts_total", 1.0)


async def _metrics_tell(shell: Shell, name: str, value: float) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    url = shell.processes("up")["up"].url
    text = await asyncio.to_thread(lambda: urllib.request.urlopen(f"{url}/metrics", timeout=60).read().decode())
    found = [s.value for family in text_string_to_metric_families(text) for s in family.samples if s.name == name]
    assert value in found, text


async def test_sigterm_drains_and_hands_back_what_does_not_end_in_time(
    shell: Shell, tmp_path: Path, eventually: Eventually
) -> None:
    assert (await shell("up", "--detach")).code == 0
    running = await shell.begin("run", "patient", "-i", json.dumps(f"{tmp_path}/go"))
    await eventually((tmp_path / "go.begun").exists)
    up = shell.processes("up")["up"]
    os.kill(up.pid, signal.SIGTERM)
    await eventually(lambda: not up.is_alive())
    assert shell.processes("worker") == {}
    [run] = await shell.json("runs", "list")
    assert run["state"] == "ready"
    (tmp_path / "go").touch()
    assert (await shell("up", "--detach")).code == 0
    out, _ = await asyncio.wait_for(running.communicate(), 60)
    assert json.loads(out) == f"{tmp_path}/go"


async def test_a_second_signal_means_now(shell: Shell, tmp_path: Path, eventually: Eventually) -> None:
    slow = Shell(load_settings([f"home={shell.settings.home}", f"database.url={shell.settings.database.url}", *SHELL,
                                "flow.drain_s=600"], environ={}))  # fmt: skip
    assert (await slow("up", "--detach")).code == 0
    running = await slow.begin("run", "patient", "-i", json.dumps(f"{tmp_path}/go"))
    await eventually((tmp_path / "go.begun").exists)
    up = slow.processes("up")["up"]
    os.kill(up.pid, signal.SIGTERM)
    log = slow.settings.folder / "logs" / "worker-1.log"
    await eventually(lambda: "worker drains" in log.read_text())
    assert up.is_alive()
    os.kill(up.pid, signal.SIGTERM)
    await eventually(lambda: not up.is_alive())
    assert slow.processes("worker") == {}
    running.kill()
    await running.communicate()


async def test_the_workers_of_a_killed_supervisor_are_drained_by_the_next_one_and_by_down(
    shell: Shell, eventually: Eventually
) -> None:
    for take_over in (["up", "--detach"], ["down"]):
        if not shell.processes("up"):
            assert (await shell("up", "--detach")).code == 0
        up, [worker] = shell.processes("up")["up"], shell.processes("worker").values()
        os.kill(up.pid, signal.SIGKILL)
        await eventually(lambda up=up: not up.is_alive())
        assert worker.is_alive()
        assert (await shell(*take_over)).code == 0
        await eventually(lambda worker=worker: not worker.is_alive())
        await eventually(lambda take_over=take_over: len(shell.processes("worker")) == (take_over[0] == "up"))


async def test_a_run_with_nothing_up_brings_a_tree_and_takes_it_down(shell: Shell) -> None:
    ran = await shell("run", "shell_workflows:hello", "-i", '"you"')
    assert (ran.code, json.loads(ran.out)) == (0, "hello you")
    assert shell.processes("worker") == {}


async def test_two_trees_begun_in_the_same_second_are_one(shell: Shell, eventually: Eventually) -> None:
    begun = [await shell.begin("up", "--detach") for _ in range(2)]
    said = [(await asyncio.wait_for(each.communicate(), 120))[1].decode() for each in begun]
    assert sorted(each.returncode or 0 for each in begun) == [0, 2], said
    assert any("error [already_up]" in each for each in said), said
    await eventually(lambda: len(shell.processes("worker")) == 1)
    assert len(shell.processes("up")) == 1


async def test_runs_are_cancelled_and_tried_again_from_the_shell(
    shell: Shell, tmp_path: Path, eventually: Eventually
) -> None:
    assert (await shell("up", "--detach")).code == 0
    running = await shell.begin("run", "patient", "-i", json.dumps(f"{tmp_path}/go"))
    await eventually((tmp_path / "go.begun").exists)
    [run] = await shell.json("runs", "list")
    assert await shell.json("runs", "cancel", run["id"][:-8], "--reason", "no longer needed") == {run["id"]: "asked"}
    (tmp_path / "go").touch()
    _, err = await asyncio.wait_for(running.communicate(), 60)
    assert running.returncode == 1
    assert b"no longer needed" in err
    assert (await shell("runs", "watch", run["id"])).code == 1

    again = await shell.json("runs", "redrive", run["id"])
    assert list(again) == [run["id"]]
    watched = await shell("runs", "watch", again[run["id"]])
    assert (watched.code, "done" in watched.out) == (0, True), watched
    assert (await shell("run", "refused", "-i", '"you"')).code == 1
    many = await shell.json("runs", "redrive", "--state", "failed")
    assert len(many) == 1
    assert "1 had been before" in (await shell("runs", "redrive", next(iter(many)))).err
    wrong = await shell("runs", "redrive")
    assert wrong.code == 2
    assert "expected what to redrive to be ids of runs, or --state" in wrong.err


async def test_a_module_that_cannot_be_imported_is_told_where_the_person_is(shell: Shell) -> None:
    answer = await shell("up", "--detach", "--set", "workers.modules=no_such_module")
    assert answer.code == 2
    assert "error [bad_module]: expected the module no_such_module" in answer.err


@pytest.mark.parametrize("words", [("up", "--detach"), ("up",), ("run", "shell_workflows:hello", "-i", '"you"')])
async def test_a_schema_that_cannot_be_used_is_told_before_anything_starts(
    shell: Shell, tmp_path: Path, words: tuple[str, ...]
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("schema: parking\nfields:\n  - {name: plate, kind: idd}\n", "utf-8")
    answer = await shell(*words, "--set", f"documents.schemas={file}")
    assert answer.code == 2
    assert f"error [bad_schema]: expected {file}, line 3: kind to be one that is known" in answer.err
    assert "did you mean id?" in answer.err
    assert shell.processes("worker") == {}


async def test_a_tree_that_cannot_write_down_why_it_ended_says_so_all_the_same(shell: Shell) -> None:
    no_file_grows = ("sh", "-c", 'ulimit -f 0; exec "$@"', "sh")
    process = await asyncio.create_subprocess_exec(
        *no_file_grows, sys.executable, "-m", "serdab.cli", "up", "--detach",
        stderr=subprocess.PIPE, cwd=Path(__file__).parent, env=child_environment(shell.settings),
    )  # fmt: skip
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert b"expected the tree to become ready, got: OSError: [Errno 27] File too large" in err


async def test_a_tree_that_is_up_and_not_ready_says_what_it_lacks(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = msgspec.structs.replace(shell.settings.store, least_free_mb=1_000_000_000)
    database = msgspec.structs.replace(shell.settings.database, start_timeout_s=1)
    monkeypatch.chdir(Path(__file__).parent)
    for margin_s in (3.0, 15.0, 60.0):  # On a slow machine it takes longer until a tree can say anything.
        monkeypatch.setattr("serdab.app.control.START_MARGIN_S", margin_s)
        with pytest.raises(DidNotComeUp) as caught:
            await start_detached(msgspec.structs.replace(shell.settings, store=store, database=database))
        if "MB free" in str(caught.value):
            break
        await shell("down")
    assert "MB free" in str(caught.value)


@pytest.mark.parametrize("words", [("up", "--detach"), ("worker",)])
async def test_a_place_of_receipts_that_may_not_be_called_is_told_before_anything_starts(
    shell: Shell, words: tuple[str, ...]
) -> None:
    answer = await shell(*words, "--set", "documents.deliver_to=http://127.0.0.1:9/hooks/T0")
    assert answer.code == 2, answer.err
    assert "expected documents.deliver_to to be a URL that may be called" in answer.err
    assert "to be listed in guard.allow" in answer.err
    assert "add 127.0.0.1:9 there" in answer.err
    assert "hooks" not in answer.err
    assert shell.processes("worker") == {}


async def test_input_that_does_not_fit_is_told_before_anything_starts(shell: Shell) -> None:
    answer = await shell("run", "shell_workflows:hello", "-i", "17")
    assert answer.code == 2
    assert "expected the argument name" in answer.err
    assert shell.processes("worker") == {}
