"""What every benchmark here shares: a database of its own, worker processes, the conditions, and the results file."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from serdab.core import Settings, calm_collector, load_settings
from serdab.store import EmbeddedPostgres

RESULTS = Path(__file__).parent / "results"


@asynccontextmanager
async def fresh_settings(*overrides: str) -> AsyncIterator[Settings]:
    """Settings of a new home with its own embedded PostgreSQL at default durability, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="serdab-bench-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o711)
        settings = load_settings([f"home={folder}", *overrides], environ={})
        server = EmbeddedPostgres(settings)
        await server.start()
        try:
            yield settings
        finally:
            await server.stop("immediate")


@contextmanager
def worker_processes(settings: Settings, count: int, *overrides: str) -> Iterator[list[psutil.Popen]]:
    """Worker processes for the workflows of `bench/workflows.py`, up when this begins, drained when it ends."""
    command = [sys.executable, str(Path(__file__).parent / "worker_main.py"), f"home={settings.home}", *overrides]
    children = [psutil.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        for child in children:
            if child.stdout is None or child.stdout.readline().strip() != "up":
                raise RuntimeError("expected a worker to come up, got its end")
        yield children
    finally:
        for child in children:
            if child.stdin is not None:
                child.stdin.close()
        for child in children:
            child.wait(timeout=60)


def fsync_us(folder: Path, seconds: float = 1.0) -> float:
    """Median microseconds of writing 8 kB and syncing them."""
    took: list[float] = []
    path = folder / "fsync.probe"
    handle = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            began = time.perf_counter()
            os.pwrite(handle, b"x" * 8192, 0)
            os.fdatasync(handle)
            took.append(time.perf_counter() - began)
    finally:
        os.close(handle)
        path.unlink()
    return sorted(took)[len(took) // 2] * 1e6


def conditions(**more: Any) -> dict[str, Any]:
    """Machine, commit and command."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=False)
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return {
        "machine": f"{os.cpu_count()} cores, {model}, {psutil.virtual_memory().total >> 30} GB",
        "python": platform.python_version(),
        "commit": commit.stdout.strip() + ("+changes" if changed.stdout.strip() else ""),
        "command": " ".join(["python", os.path.relpath(sys.argv[0]), *sys.argv[1:]]),
        **more,
    }


def publish(name: str, result: dict[str, Any], rows: list[tuple[str, str]], as_json: bool) -> None:
    """Keep the result and show it."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    if as_json:
        print(json.dumps(result))
        return
    table = Table(title=name.replace("_", " "), title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(table)
    for key, value in result["conditions"].items():
        console.print(f"  {key}: {value}", style="dim")


def percentile(values: list[float], share: float) -> float:
    """The value below which a share of all values lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def run(main: Any) -> None:
    """Run an async main on the loop that we ship with, as our processes do."""
    import uvloop

    calm_collector()
    uvloop.run(main)


__all__ = ["asyncio", "conditions", "fresh_settings", "fsync_us", "percentile", "publish", "run", "worker_processes"]
