"""The same four steps on other engines: one at a time, each on a fresh PostgreSQL with the settings that ours has.

The peers have an environment of their own (`make bench` makes it); what each promises is printed beside its figure.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from harness import fresh_settings
from serdab.store import EmbeddedPostgres

HERE = Path(__file__).parent
PYTHON = HERE.parent.parent / ".venv-peers" / "bin" / "python"
WORKERS = 2
#: Seconds that a worker of a peer has for coming up, and for ending.
UP_S, END_S = 60.0, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One engine, and what it promises."""

    script: str
    promise: str
    variant: str = "-"
    #: Redis keeps its queue; every write synced, or once a second.
    redis: str = ""
    #: It does not speak over a unix socket.
    tcp: bool = False


PEERS = {
    "DBOS, async": Peer(script="on_dbos.py", variant="async", promise="durable steps, a commit each"),
    "DBOS, threads": Peer(script="on_dbos.py", variant="threads", promise="durable steps, a commit each"),
    "Absurd": Peer(script="on_absurd.py", promise="durable steps, a commit each"),
    "awa": Peer(script="on_awa.py", tcp=True, promise="jobs; a crash can run the rest of a chain twice"),
    "Procrastinate": Peer(script="on_procrastinate.py", promise="jobs; a crash can run the rest of a chain twice"),
    "PgQueuer": Peer(script="on_pgqueuer.py", promise="jobs; a crash can run the rest of a chain twice"),
    "Celery, Redis synced": Peer(
        script="on_celery.py", redis="always", promise="tasks, results synced at every write; chains can break"
    ),
    "Celery, Redis as it comes": Peer(
        script="on_celery.py", redis="no", promise="tasks in memory: a crash of Redis loses them"
    ),
}


async def slow_down(url: str) -> None:
    """Let the server wait 2 ms before each sync of its log, as a slower disk would."""
    admin = await asyncpg.connect(url)
    await admin.execute("alter system set commit_delay = 2000")
    await admin.execute("alter system set commit_siblings = 0")
    await admin.execute("select pg_reload_conf()")
    await admin.close()


async def measure_peers(names: list[str], seconds: float, *, slow: bool = False) -> dict[str, Any]:
    """Runs a minute of each, or why there is no figure."""
    if not PYTHON.exists():
        return {name: {"skipped": "say `make bench`, which brings the peers"} for name in names}
    results: dict[str, Any] = {}
    for name in names:
        peer = PEERS[name]
        try:
            with ExitStack() as stack:
                if peer.redis:
                    url = stack.enter_context(_redis(peer.redis))
                    results[name] = _measured(peer, url, seconds)
                else:
                    results[name] = await _on_postgres(peer, seconds, slow=slow)
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            results[name] = {"skipped": str(error)[-300:]}
        results[name]["promise"] = peer.promise
        figure = results[name].get("runs_per_minute", results[name].get("skipped"))
        print(f"  {name}: {figure}", file=sys.stderr, flush=True)
    return results


async def _on_postgres(peer: Peer, seconds: float, *, slow: bool) -> dict[str, Any]:
    async with fresh_settings() as settings:
        server = EmbeddedPostgres(settings)
        url = await server.start()
        admin = await asyncpg.connect(url)
        await admin.execute("create database peer")
        await admin.close()
        if slow:
            await slow_down(url)
        before, after = url.split("@/", 1)
        there = f"127.0.0.1:{server.address().port}/peer" if peer.tcp else f"/peer?{after.split('?', 1)[1]}"
        return _measured(peer, f"{before}@{there}", seconds)


def _measured(peer: Peer, url: str, seconds: float) -> dict[str, Any]:
    _call(peer, "prepare", url, timeout_s=UP_S)
    with ExitStack() as stack:
        for _ in range(WORKERS):
            stack.enter_context(_worker(peer, url))
        said = _call(peer, "drive", url, str(seconds), timeout_s=seconds * 4 + 120)
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    if found["right"] != found["runs"]:
        raise RuntimeError(f"expected {found['runs']} right outcomes, got {found['right']}")
    return {name: round(value, 1) for name, value in found.items()}


def _command(peer: Peer, action: str, *words: str) -> list[str]:
    return [str(PYTHON), peer.script, action, peer.variant, *words]


def _call(peer: Peer, action: str, *words: str, timeout_s: float) -> str:
    done = subprocess.run(
        _command(peer, action, *words), cwd=HERE, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    if done.returncode:
        raise RuntimeError(f"expected {peer.script} {action} to go well, got: {done.stderr.strip()[-250:]}")
    return done.stdout


@contextmanager
def _worker(peer: Peer, url: str) -> Iterator[None]:
    process = subprocess.Popen(
        _command(peer, "work", url), cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        if process.stdout is None or not any(line.strip() == "up" for line in process.stdout):
            raise RuntimeError(f"expected a worker of {peer.script} to come up, got its end")
        yield
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _redis(appendfsync: str) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        raise RuntimeError("there is no redis-server; on Debian: apt-get install redis-server")
    with tempfile.TemporaryDirectory(prefix="serdab-redis-") as folder:
        socket = f"{folder}/redis.sock"
        durable = ["--appendonly", "yes", "--appendfsync", "always"] if appendfsync == "always" else []
        process = subprocess.Popen(
            [program, "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "", *durable],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + UP_S
            while not os.path.exists(socket):
                if time.monotonic() > deadline or process.poll() is not None:
                    raise RuntimeError("expected redis-server to come up, got no socket")
                time.sleep(0.05)
            yield socket
        finally:
            process.terminate()
            process.wait(END_S)
