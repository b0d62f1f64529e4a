"""The offline checker: what the history and the database say together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

#: Clocks of one machine, read in two processes: seconds that an order may seem to be off.
SLACK_S = 0.005


@dataclass
class History:
    """Everything that steps wrote."""

    #: (run, key) → every begin as (time, worker, nonce, input).
    begins: dict[tuple[UUID, str], list[tuple[float, int, str, str]]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def read(cls, path: Path) -> History:
        history = cls()
        for line in path.read_text().splitlines():
            event, at, run, key, worker, nonce, *before = line.split(" ")
            if event == "begin":
                history.begins[UUID(run), key].append((float(at), int(worker), nonce, before[0]))
        return history

    @property
    def executions(self) -> int:
        return sum(len(each) for each in self.begins.values())


def violations(
    history: History,
    accepted: Iterable[UUID],
    outcomes: list[Any],
    steps: list[Any],
    workers: list[Any],
) -> list[str]:
    """Every invariant that does not hold.

    Args:
        history: what the steps wrote.
        accepted: runs whose start call returned.
        outcomes: rows run_id, status, output.
        steps: rows run_id, step_key, worker, ended_at (seconds), output.
        workers: rows worker_id, gone_at (seconds or None).
    """
    found: list[str] = []
    ended = {row["run_id"]: row for row in outcomes}
    gone = {row["worker_id"]: row["gone_at"] for row in workers}
    found += [f"{run}: accepted, but it has not ended" for run in accepted if run not in ended]
    found += [f"{run}: an innocent run ended as {row['status']}" for run, row in ended.items() if row["status"] != "d"]
    recorded: dict[tuple[UUID, str], Any] = {}
    for row in steps:
        key = (row["run_id"], row["step_key"])
        if key in recorded:
            found.append(f"{key}: recorded twice")
        recorded[key] = row
        if gone.get(row["worker"]) is not None and row["ended_at"] > gone[row["worker"]]:
            found.append(f"{key}: written under the old registration {row['worker']}")
        if row["step_key"].startswith("link"):
            found += _link_violations(key, row, history, gone)
    found += _chain_violations(ended, recorded)
    return found


def _link_violations(key: tuple[UUID, str], row: Any, history: History, gone: dict[int, float | None]) -> Iterable[str]:
    nonce = msgspec.json.decode(row["output"])
    begins = history.begins.get(key, [])
    if nonce not in {each[2] for each in begins}:
        yield f"{key}: its recorded result was never made"
    for at, worker, _, _ in begins:
        under_live_lease = gone.get(worker) is None or (gone[worker] or 0.0) > at
        if at > row["ended_at"] + SLACK_S and under_live_lease:
            yield f"{key}: began at {at} by worker {worker}, after its record at {row['ended_at']}"


def _chain_violations(ended: dict[UUID, Any], recorded: dict[tuple[UUID, str], Any]) -> Iterable[str]:
    for run, row in ended.items():
        if row["status"] != "d":
            continue
        links = msgspec.json.decode(row["output"])
        for place in range(4):
            step = recorded.get((run, f"link#{place + 1}"))
            if step is None:
                yield f"{run}: ended without step {place + 1}"
            elif msgspec.json.decode(step["output"]) != links[place + 1]:
                yield f"{run}: its outcome has another result of step {place + 1} than the recorded one"
