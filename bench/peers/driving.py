"""What every peer shares, run by the peers' own Python: one client that starts runs and waits for the last outcome.

A peer is a module `on_NAME.py`, called as `on_NAME.py prepare|work|drive VARIANT URL [SECONDS]`. It needs the standard
library and the peer, nothing of ours.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

#: About 100 bytes of JSON with the number: what each run and each step gets and gives, the same text as ours.
TEXT = "a hundred bytes of json in and out of every step of this workflow, that is about this text"
STEPS = ("first", "second", "third", "fourth")
#: Runs that wait while the client goes on: seconds of work at the rate so far, and at least this many.
BACKLOG_S = 2.0
LEAST_BACKLOG = 200
CHUNK = 100
#: Seconds without a new outcome after which a peer is given up.
STUCK_S = 60.0


def document(number: int) -> dict[str, Any]:
    return {"n": number, "text": TEXT}


class System(Protocol):
    """One peer as the bench sees it."""

    def prepare(self) -> None: ...  # tables, queues; before any worker
    def work(self) -> None: ...  # says `up()`, works until it is told to end
    def connect(self) -> None: ...  # the client, before its clock runs
    def start(self, numbers: range) -> None: ...  # committed when it returns
    def ended(self) -> int: ...  # runs with an outcome so far
    def right(self, runs: int) -> int: ...  # runs whose outcome is what four steps make of their input


def drive(system: System, seconds: float) -> dict[str, Any]:
    """Start runs for so many seconds, wait for the last outcome, look at each of them."""
    system.connect()
    began = time.perf_counter()
    started = ended = 0
    progressed = began
    while True:
        now = time.perf_counter()
        if started and now - began >= seconds and ended >= started:
            break
        waiting = started - ended
        if now - began < seconds and waiting < max(LEAST_BACKLOG, BACKLOG_S * ended / max(now - began, 1.0)):
            system.start(range(started, started + CHUNK))
            started += CHUNK
            if started - ended < LEAST_BACKLOG:
                continue
        else:
            time.sleep(0.02)
        before, ended = ended, system.ended()
        if ended > before:
            progressed = now
        elif now - progressed > STUCK_S:
            raise RuntimeError(f"expected outcomes to go on, got none for {STUCK_S:g} s at {ended} of {started}")
    took = time.perf_counter() - began
    return {"runs": started, "seconds": took, "runs_per_minute": started / took * 60, "right": system.right(started)}


def up() -> None:
    print("up", flush=True)


def when_told_to_end(end: Callable[[], object]) -> None:
    """Call that when our standard input closes."""

    def wait() -> None:
        sys.stdin.read()
        end()

    threading.Thread(target=wait, daemon=True).start()


def terminate_self() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def main(make: Callable[[str, str], System]) -> None:
    action, variant, url, *rest = sys.argv[1:]
    system = make(variant, url)
    if action == "prepare":
        system.prepare()
    elif action == "work":
        system.work()
    else:
        print(json.dumps(drive(system, float(rest[0]))), flush=True)
