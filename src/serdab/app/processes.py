"""The processes of a home: a small file for each in `home/run`, believed only while its process lives."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import psutil

from serdab.core import SECRET_SETTINGS, Settings, private_folder, values_of

#: Sections of the settings by which workers read, label and deliver documents.
_OF_WORKERS = ("documents.", "guard.", "models.", "workers.")


class ProcessFile(msgspec.Struct, frozen=True, kw_only=True):
    """One process of ours; an engine's file has the same fields and some more."""

    pid: int
    #: When it started, seconds since 1970: a later process of the same number started at another time.
    started_at: float
    #: `up`, `worker` or `watch`; files without it are an engine's.
    role: str = "engine"
    #: Where it answers `/livez`, `/readyz` and `/metrics`.
    url: str = ""
    #: The pid of the supervisor that started it; 0: nobody's.
    supervisor: int = 0
    #: Of a supervisor, a digest of each setting of its workers that is not the default; None: it tells none.
    given: dict[str, str] | None = None

    def is_alive(self) -> bool:
        """Whether this very process still lives."""
        return started_at(self.pid) == self.started_at


def run_folder(settings: Settings) -> Path:
    """Where the files are."""
    return settings.folder / "run"


def publish(settings: Settings, name: str, role: str, url: str, supervisor: int = 0) -> None:
    """Write the file of this process, in one step."""
    folder = private_folder(run_folder(settings))
    mine = ProcessFile(
        pid=os.getpid(),
        started_at=started_at(os.getpid()) or 0.0,
        role=role,
        url=url,
        supervisor=supervisor,
        given=_given(settings) if role == "up" else None,
    )
    partial = folder / f".{name}.{secrets.token_hex(4)}"
    partial.write_bytes(msgspec.json.encode(mine))
    with _held(folder):
        os.replace(partial, folder / f"{name}.json")


def withdraw(settings: Settings, name: str) -> None:
    """Remove the file of this process; one that somebody else has put in its place stays."""
    path = run_folder(settings) / f"{name}.json"
    found = _read(path)
    if found is not None and found.pid == os.getpid():
        _remove(path, found)


def living(settings: Settings, role: str) -> dict[str, ProcessFile]:
    """The processes of a role that live, by name; files of dead ones are removed."""
    found: dict[str, ProcessFile] = {}
    for path in sorted(run_folder(settings).glob("*.json")):
        each = _read(path)
        if each is None or each.role != role:
            continue
        if each.is_alive():
            found[path.stem] = each
        else:
            _remove(path, each)
    return found


def unheeded(settings: Settings) -> list[str]:
    """The settings that the workers of the tree which is up would be given by these, and were not."""
    tree = living(settings, "up").get("up")
    if tree is None or tree.given is None:
        return []
    return [name for name, digest in _given(settings).items() if tree.given.get(name) != digest]


def orphans(settings: Settings) -> dict[str, ProcessFile]:
    """Living workers whose supervisor has died; a process that took over its number started after the worker."""
    found = {}
    for name, worker in living(settings, "worker").items():
        born = started_at(worker.supervisor) if worker.supervisor else 0.0
        if born is None or born > worker.started_at:
            found[name] = worker
    return found


def send(process: ProcessFile, number: signal.Signals) -> None:
    """Send a signal to this very process, and to no later one of its number."""
    if process.is_alive():
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def started_at(pid: int) -> float | None:
    """When a living process started, seconds since 1970; None when it has ended."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _given(settings: Settings) -> dict[str, str]:
    """Settings of workers that are not the default: no values, for they may hold passwords, and no secrets at all."""
    usual = dict(values_of(Settings()))
    return {
        name: hashlib.sha256(str(value).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        for name, value in values_of(settings)
        if name.startswith(_OF_WORKERS) and name not in SECRET_SETTINGS and value != usual[name]
    }


def _remove(path: Path, dead: ProcessFile) -> None:
    """Remove a file unless another process has put its own there meanwhile."""
    with _held(path.parent):
        if _read(path) == dead:
            path.unlink(missing_ok=True)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Let nobody else put a file there or remove one while the block runs."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read(path: Path) -> ProcessFile | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=ProcessFile)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
