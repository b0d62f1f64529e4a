"""What is done to the database and to the workers, one function a cell; each ends when the last harm is over."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg

from chaos.house import House
from chaos.workflows import blocking, holding, hungry, poison
from serdab.store import DatabaseWontStart, load_statements

#: Everybody's sessions but one's own.
KILL_SESSIONS = """select pg_terminate_backend(pid) from pg_stat_activity
    where pid <> pg_backend_pid() and backend_type = 'client backend' and application_name like $1"""


async def nothing(house: House) -> None:
    """The same load without a fault: what the others are compared with."""
    await asyncio.sleep(3)


# ── The database ────────────────────────────────────────────────────────────────────────────────────────────────────


async def immediate(house: House) -> None:
    """Five crashes of the whole server, each with its recovery."""
    for _ in range(5):
        await asyncio.sleep(house.chance.uniform(1.0, 3.0))
        with house.mark("immediate restart"):
            await house.server.stop("immediate")
            await house.up()


async def smart(house: House) -> None:
    """The polite shutdown, which waits for sessions that never go until somebody sends them away."""
    await asyncio.sleep(1)
    pid = house.server.status().pid
    assert pid is not None
    with house.mark("smart restart"):
        async with house.admin() as admin:
            os.kill(pid, signal.SIGTERM)
            await asyncio.sleep(3)
            await admin.fetch(KILL_SESSIONS, "%")
        while house.server.status().pid is not None:
            await asyncio.sleep(0.05)
        await house.up()


async def promote(house: House) -> None:
    """The primary dies for good; its synchronous standby takes the address, and is promoted while clients knock."""
    standby = house.folder / "standby"
    with house.mark("base backup"):
        await asyncio.to_thread(_base_backup, house, standby)
    with house.mark("standby follows"):
        await asyncio.to_thread(
            _pg_ctl, house, "start", standby, "-o", f"-p {_free_port()} -c unix_socket_directories=''"
        )
        async with house.admin() as admin:
            await admin.execute("alter system set synchronous_standby_names = '*'")
            await admin.execute("select pg_reload_conf()")
            while not await admin.fetchval("select exists (select from pg_stat_replication where sync_state = 'sync')"):
                await asyncio.sleep(0.05)
        await asyncio.sleep(2)
    with house.mark("promotion"):
        await house.server.stop("immediate")
        await asyncio.to_thread(_pg_ctl, house, "stop", standby, "-m", "fast")
        shutil.move(house.server.data, house.folder / "dead")
        shutil.move(standby, house.server.data)
        await house.server.start()
        await asyncio.sleep(1)  # clients meet a server that only reads
        async with house.admin() as admin:
            assert await admin.fetchval("select pg_promote()")
        house.ups.append(time.time())


def _base_backup(house: House, standby: Path) -> None:
    url = urlsplit(house.url)
    query = dict(part.split("=") for part in url.query.split("&"))
    standby.mkdir(mode=0o700)
    account = house.server.account
    os.chown(standby, account.uid, account.gid)
    place = (
        f"host={unquote(query['host'])} port={query['port']} user={url.username} password={unquote(url.password or '')}"
    )
    _program(house, "pg_basebackup", "-D", str(standby), "-R", "-X", "stream", "-c", "fast", "-d", place)


def _pg_ctl(house: House, what: str, data: Path, *more: str) -> None:
    _program(house, "pg_ctl", what, "-D", str(data), "-w", "-t", "60", "-s", "-l", str(data / "server.log"), *more)


def _program(house: House, name: str, *arguments: str) -> None:
    done = house.server.programs().run(name, *arguments)
    if done.returncode:
        raise RuntimeError(f"expected {name} to go well, got: {done.stderr[-500:]}")


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def backends(house: House) -> None:
    """All sessions of the engine are killed, twenty times."""
    async with house.admin() as admin:
        with house.mark("backends killed ×20"):
            for _ in range(20):
                await asyncio.sleep(house.chance.uniform(0.1, 0.8))
                await admin.fetch(KILL_SESSIONS, "serdab%")


async def hints(house: House) -> None:
    """Every session that listens is killed ten times a second: no hint arrives, polling has to do."""
    async with house.admin() as admin:
        with house.mark("no hint arrives"):
            for _ in range(100):
                await admin.fetch(KILL_SESSIONS, "serdab hints")
                await asyncio.sleep(0.1)


async def exhausted(house: House) -> None:
    """Strangers take every connection there is while the engine's own are cut."""
    house.may_be_taken = True  # who cannot renew its lease is taken by the first one that can connect again
    await asyncio.sleep(1)
    strangers: list[Any] = []
    async with house.admin() as admin:
        with house.mark("connections exhausted"):
            end = time.monotonic() + 8
            while time.monotonic() < end:
                await admin.fetch(KILL_SESSIONS, "serdab%")
                with contextlib.suppress(asyncpg.TooManyConnectionsError):
                    while True:
                        strangers.append(
                            await asyncpg.connect(house.url, server_settings={"application_name": "stranger"})
                        )
                await asyncio.sleep(0.2)
            for stranger in strangers:
                stranger.terminate()
    house.told["strangers"] = len(strangers)


def away(seconds: float, *, long: bool = False) -> Any:
    """The database is away."""

    async def fault(house: House) -> None:
        await asyncio.sleep(2)
        with house.mark(f"database away {seconds:g} s"):
            await house.server.stop("immediate")
            await asyncio.sleep(seconds * (house.plan.scale if long else 1.0))
            await house.up()

    return fault


async def looked_for(house: House) -> None:
    """Away for longer than a lease, and somebody looks for the dead before any living worker can beat again."""
    await house.until_workers(house.plan.workers)
    flow = house.settings.flow
    with house.mark("database away, dead looked for"):
        await house.server.stop("immediate")
        await asyncio.sleep(flow.lease_s * 1.5)  # every lease lapses
        with house.workers.held_up():
            await house.up()
            async with house.admin() as admin:
                await admin.fetch(
                    load_statements("serdab.flow")["rescue"],
                    flow.lease_s, flow.suspect_after, flow.poison_after, b"{}",
                )  # fmt: skip


async def disk_full(house: House) -> None:
    """A ballast file takes the last byte; it goes away again after a while."""
    await asyncio.sleep(1.5)
    ballast = house.folder / "ballast"
    with house.mark("disk full"):
        end = time.monotonic() + 8
        while time.monotonic() < end:
            await asyncio.to_thread(_fill, ballast)
            await asyncio.sleep(0.05)
        house.told["server died of it"] = house.server.status().pid is None
        ballast.unlink()
        while True:
            try:
                await house.up()
            except DatabaseWontStart:
                await asyncio.sleep(0.5)
            else:
                return


def _fill(ballast: Path) -> None:
    with open(ballast, "ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * (1 << 16))


async def held(house: House) -> None:
    """One transaction with a snapshot and a row of its own stays open for minutes."""
    async with house.admin() as admin:
        await admin.execute("set idle_in_transaction_session_timeout = 0")
        await admin.execute("begin isolation level repeatable read; select count(*) from run; select txid_current()")
        with house.mark("snapshot held"):
            await asyncio.sleep(120 * house.plan.scale)
            house.told["dead rows at its end"] = await house.serdab.database.pool.fetchval(
                "select sum(n_dead_tup)::bigint from pg_stat_user_tables"
            )
        await admin.execute("rollback")


# ── Workers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def kill(house: House) -> None:
    """SIGKILL of some worker every one to three seconds."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        await asyncio.sleep(house.chance.uniform(1, 3))
        with house.mark("SIGKILL"):
            house.workers.signal(house.chance.randrange(house.plan.workers), signal.SIGKILL)


async def short(house: House) -> None:
    """A little of everything, in the time that a test may take: kills, a zombie, a crash of the database."""
    for _ in range(3):
        await asyncio.sleep(house.chance.uniform(0.3, 0.9))
        with house.mark("SIGKILL"):
            house.workers.signal(house.chance.randrange(house.plan.workers - 1), signal.SIGKILL)
    frozen = house.plan.workers - 1
    with house.mark("SIGSTOP … SIGCONT"):
        house.workers.signal(frozen, signal.SIGSTOP)
        await asyncio.sleep(0.5)
        with house.mark("immediate restart"):
            await house.server.stop("immediate")
            await house.up()
        await asyncio.sleep(house.plan.lease_s * 2.2)  # it is past its lease, and its runs are taken
        house.workers.signal(frozen, signal.SIGCONT)


async def zombie(house: House) -> None:
    """A worker is frozen until it has been taken for dead, and then goes on as if nothing had been."""
    for _ in range(3):
        await asyncio.sleep(house.chance.uniform(0.3, 1.0))
        place = house.chance.randrange(house.plan.workers)
        with house.mark("SIGSTOP … SIGCONT"):
            house.workers.signal(place, signal.SIGSTOP)
            await asyncio.sleep(house.plan.lease_s * 1.8)
            house.workers.signal(place, signal.SIGCONT)


async def block_loop(house: House) -> None:
    """User code blocks the loop for longer than a lease: the heartbeat's thread goes on, nobody is taken for dead."""
    with house.mark("loop blocked"):
        await _troubled(house, blocking, 6, house.plan.lease_s * 1.6)


async def hold_interpreter(house: House) -> None:
    """Native code holds the interpreter lock for longer than a lease: the worker is taken for dead and refused."""
    house.may_be_taken = True
    with house.mark("interpreter held"):
        await _troubled(house, holding, 6, house.plan.lease_s * 1.6)


async def _troubled(house: House, workflow: Any, count: int, seconds: float) -> None:
    handles = [await house.serdab.start(workflow, number, seconds) for number in range(count)]
    house.accepted.update({handle.id: "d" for handle in handles})
    await asyncio.gather(*(handle.result(120) for handle in handles))


async def clock(house: House) -> None:
    """The clocks of two workers step an hour, one ahead and one back, and return."""
    await asyncio.sleep(1)
    with house.mark("clocks ±1 h"):
        house.workers.signal(0, signal.SIGUSR1)
        house.workers.signal(1, signal.SIGUSR2)
        await asyncio.sleep(8)
        house.workers.signal(0, signal.SIGUSR2)
        house.workers.signal(1, signal.SIGUSR1)
    await asyncio.sleep(1)


async def memory(house: House) -> None:
    """Steps want more memory than they may have, and a worker is killed as the kernel would kill it."""
    with house.mark("out of memory"):
        await house.start(hungry, range(20))
        await asyncio.sleep(1)
        house.workers.signal(0, signal.SIGKILL)
        await asyncio.sleep(2)


async def poisoned(house: House) -> None:
    """Runs that kill whoever runs them, among innocent ones."""
    with house.mark("poison"):
        ids = await house.start(poison, range(3), "x")
        for run_id in ids:
            await house.serdab.outcome(run_id)
    house.told["poison runs found"] = len(ids)


def mount_small_disk(folder: Path, megabytes: int = 1500) -> str | None:
    """A small disk of its own at a folder; why not, when that cannot be."""
    if os.geteuid() != 0:
        return "only root may mount a small disk"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0711", "tmpfs", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stderr.strip() or None if done.returncode else None


def unmount(folder: Path) -> None:
    """Take it away."""
    subprocess.run(["umount", "--lazy", str(folder)], check=False, capture_output=True)
