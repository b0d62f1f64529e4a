"""Files of processes: believed only while their very process lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from serdab.app.processes import ProcessFile, living, orphans, publish, run_folder, send, started_at, unheeded, withdraw
from serdab.core import DocumentsSettings, Settings
from serdab.engines import EngineAddress
from serdab.engines.addresses import write_address


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=str(tmp_path))


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def put(settings: Settings, name: str, **fields: object) -> Path:
    folder = run_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_bytes(msgspec.json.encode(fields))
    return path


def test_a_published_process_is_living_until_it_withdraws(settings: Settings) -> None:
    publish(settings, "worker-1", "worker", "http://127.0.0.1:1")
    assert living(settings, "worker")["worker-1"].pid == os.getpid()
    assert living(settings, "up") == {}
    withdraw(settings, "worker-1")
    assert living(settings, "worker") == {}


def test_a_later_process_of_the_same_number_is_another_one(settings: Settings) -> None:
    path = put(settings, "worker-1", pid=os.getpid(), started_at=1.0, role="worker")
    assert living(settings, "worker") == {}
    assert not path.exists()


def test_who_removes_the_file_of_a_dead_process_leaves_that_of_the_next(settings: Settings) -> None:
    path = put(settings, "worker-1", pid=os.getpid(), started_at=1.0, role="worker")
    dead = path.read_bytes()
    path.unlink()
    os.mkfifo(path)  # Reading it takes as long as we want.
    with ThreadPoolExecutor() as threads:
        looking = threads.submit(living, settings, "worker")
        with path.open("wb") as file:  # Somebody reads.
            file.write(dead)
            publish(settings, "worker-1", "worker", "")
        assert looking.result(30) == {}
    assert living(settings, "worker")["worker-1"].pid == os.getpid()


def test_a_file_that_is_no_process_is_passed_over(settings: Settings) -> None:
    put(settings, "x").write_text("not json")
    assert living(settings, "worker") == {}


def test_nobody_withdraws_the_file_of_another(settings: Settings, other: subprocess.Popen[bytes]) -> None:
    path = put(settings, "up", pid=other.pid, started_at=started_at(other.pid), role="up")
    withdraw(settings, "up")
    assert path.exists()


def test_settings_that_a_tree_did_not_begin_with_are_told(tmp_path: Path) -> None:
    def given(**documents: Any) -> Settings:
        return Settings(home=str(tmp_path), documents=DocumentsSettings(**documents))

    assert unheeded(given(schemas="/srv/parking.yaml")) == []  # no tree, so it will begin with these
    publish(given(deliver_to="https://me:word@erp/", watch="/in", webhook_secret="s" * 24), "up", "up", "")
    assert "word" not in (run_folder(given()) / "up.json").read_text()
    assert unheeded(given()) == []
    assert unheeded(given(deliver_to="https://me:word@erp/", webhook_secret="t" * 24)) == []
    assert unheeded(given(deliver_to="/srv/out", schemas="x.yaml")) == ["documents.deliver_to", "documents.schemas"]


def test_a_worker_whose_supervisor_has_died_is_an_orphan(settings: Settings, other: subprocess.Popen[bytes]) -> None:
    born = started_at(other.pid)
    put(settings, "kept", pid=other.pid, started_at=born, role="worker", supervisor=os.getpid())
    put(settings, "by-hand", pid=other.pid, started_at=born, role="worker")
    put(settings, "lost", pid=other.pid, started_at=born, role="worker", supervisor=2**22 + 1)
    put(settings, "reused", pid=os.getpid(), started_at=started_at(os.getpid()), role="worker", supervisor=other.pid)
    assert set(orphans(settings)) == {"lost", "reused"}


def test_a_signal_reaches_only_the_very_process(other: subprocess.Popen[bytes]) -> None:
    send(ProcessFile(pid=other.pid, started_at=1.0), signal.SIGKILL)
    assert other.poll() is None
    send(ProcessFile(pid=other.pid, started_at=started_at(other.pid) or 0.0), signal.SIGKILL)
    assert other.wait(10) == -signal.SIGKILL


def test_status_says_in_which_precision_embeddings_are_made(settings: Settings) -> None:
    me = psutil.Process()
    address = EngineAddress(
        url="http://127.0.0.1:1", pid=me.pid, started_at=me.create_time(), model=settings.models.embedder,
        dimensions=384, precision="bf16",
    )  # fmt: skip
    write_address(settings, address)
    command = [sys.executable, "-m", "serdab.cli", "status", "--set", f"home={settings.home}"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "engine    all-MiniLM-L6-v2 in bf16\n" in shown.stdout
    told = subprocess.run([*command, "--json"], capture_output=True, check=False)
    assert msgspec.json.decode(told.stdout)["engine"]["precision"] == "bf16"
