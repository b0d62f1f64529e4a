"""Data folders of PostgreSQL: made, and served in private, where nobody else can connect."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil

from serdab.store.accounts import Account
from serdab.store.errors import DatabaseWontStart
from serdab.store.programs import Programs

USER = DATABASE = "serdab"
#: The file that each data folder includes: what Serdab sets.
CONFIGURATION = "serdab.conf"
#: What a private server needs to differ in from the one that its folder was made for.
PRIVATE = {
    "listen_addresses": "", "port": "5432", "archive_mode": "off", "shared_buffers": "128MB", "huge_pages": "off",
}  # fmt: skip
#: How long a server that is ended at once may take, in seconds.
END_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server is, and the password of its owner."""

    host: str
    port: int
    password: str

    def dsn(self, database: str = DATABASE) -> str:
        """As a URL."""
        host = quote(self.host, safe="")
        return f"postgresql://{USER}:{quote(self.password)}@/{database}?host={host}&port={self.port}"

    def env(self) -> dict[str, str]:
        """As the environment of a client program."""
        return {"PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": USER, "PGPASSWORD": self.password}


def postmaster_of(data: Path) -> int | None:
    """The process that serves a data folder, if it lives: the number in its file proves nothing by itself."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        where = os.readlink(f"/proc/{pid}/cwd")
    except (OSError, ValueError):
        return None
    return pid if Path(where) == data.resolve() else None


def discard(data: Path) -> None:
    """Throw a data folder away; a server that a killed command left on it ends first."""
    pid = postmaster_of(data)
    if pid is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            server = psutil.Process(pid)
            server.send_signal(signal.SIGQUIT)
            server.wait(END_S)
    shutil.rmtree(data, ignore_errors=True)


def make_data(programs: Programs, account: Account, folder: Path, password: str) -> None:
    """Make an empty data folder.

    Raises:
        DatabaseWontStart: initdb failed; its words are in the message.
    """
    discard(folder)  # a half-finished one is never used
    folder.mkdir(mode=0o700)
    os.chown(folder, account.uid, account.gid)
    with tempfile.NamedTemporaryFile("w", dir=folder.parent, prefix="init-") as file:
        file.write(password)
        file.flush()
        os.chown(file.name, account.uid, account.gid)
        done = programs.run(
            "initdb", "-D", str(folder), "-U", USER, "--pwfile", file.name, "-A", "scram-sha-256", "-E", "UTF8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
        )  # fmt: skip
    if done.returncode != 0:
        raise DatabaseWontStart(f"expected initdb to make {folder}, got: {done.stderr.strip()[-2000:]}")
    with open(folder / "postgresql.conf", "a") as file:
        file.write(f"\ninclude_if_exists = '{CONFIGURATION}'\n")


@asynccontextmanager
async def private_server(
    programs: Programs, account: Account, data: Path, password: str, **settings: str
) -> AsyncIterator[Address]:
    """Serve a data folder while the block runs, on a socket that only we reach; it is stopped cleanly.

    Args:
        programs: of the version that made the folder.
        account: whom the server runs as; the folder becomes its own.
        data: the folder.
        password: of its owner.
        settings: of the server, beside those that make it private.

    Raises:
        DatabaseWontStart: it does not come up; the end of its log is in the message.
    """
    folder = Path(tempfile.mkdtemp(prefix="serdab-private-"))
    try:
        os.chown(folder, account.uid, account.gid)
        options = _options({**PRIVATE, "unix_socket_directories": str(folder), **settings})
        log = data / "private.log"
        log.unlink(missing_ok=True)
        await asyncio.to_thread(_start, programs, data, log, options)
        try:
            yield Address(host=str(folder), port=5432, password=password)
        finally:
            await asyncio.to_thread(
                programs.run, "pg_ctl", "stop", "-D", str(data), "-m", "fast", "-w", "-t", "600", "-s"
            )
            log.unlink(missing_ok=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(programs: Programs, data: Path, log: Path, options: str) -> None:
    done = programs.run(
        "pg_ctl", "start", "-D", str(data), "-l", str(log), "-w", "-t", str(int(programs.timeout_s)), "-s",
        "-o", options,
    )  # fmt: skip
    if done.returncode != 0:
        words = log.read_text("utf-8", "replace")[-1500:] if log.exists() else ""
        programs.run("pg_ctl", "stop", "-D", str(data), "-m", "immediate", "-w", "-t", "60", "-s")
        raise DatabaseWontStart(
            f"expected PostgreSQL to come up from {data}, got: {done.stderr.strip()[-300:]}\n{words}"
        )


def _options(settings: Mapping[str, str]) -> str:
    """For `pg_ctl -o`, which hands it to a shell."""
    quoted = (value.replace("'", "'\\''") for value in settings.values())
    return " ".join(f"-c {name}='{value}'" for name, value in zip(settings, quoted, strict=True))
