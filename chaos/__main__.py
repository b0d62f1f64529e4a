"""The fault matrix: `python -m chaos [--runs N] [--cells a,b] [--seed N] [--scale X]`; report in bench/results."""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from chaos.broken import VARIANTS
from chaos.cells import CELLS, FORCED, Result, run_cell
from chaos.house import Plan
from chaos.processes import ROOT
from chaos.report import page

RESULTS = ROOT / "bench" / "results"
#: Runs of a cell with a planted variant: enough to be caught, no more.
PLANTED_RUNS = 12_000
#: Houses in which a planted variant may show itself: where the moment is not forced, a kill must meet it.
PLANTED_TRIES = 3


async def matrix(names: list[str], plan: Plan, console: Console) -> list[Result]:
    """Every cell, one after the other."""
    results = []
    for name in names:
        try:
            result = await run_cell(name, plan)
        except Exception as error:  # noqa: BLE001 - told in the report; the other cells are run
            why = f"the cell broke off: {type(error).__name__}: {error}"
            result = Result(name=name, title=(CELLS | FORCED)[name].title, seed=plan.seed, violations=[why], violated=1)
        results.append(result)
        verdict = f"skipped: {result.skipped}" if result.skipped else "holds" if result.is_good else "VIOLATED"
        console.print(f"{name:18} {verdict:9} {result.runs:>7,} runs {result.seconds:>6.1f} s", highlight=False)
        for each in result.violations[:5]:
            console.print(f"    {each}", style="red", highlight=False)
    return results


async def planted(plan: Plan, console: Console) -> list[dict[str, Any]]:
    """Every broken variant, and whether the checker catches it."""
    rows = []
    for name, variant in VARIANTS.items():
        for seed in range(plan.seed, plan.seed + PLANTED_TRIES):
            small = Plan(runs=PLANTED_RUNS, seed=seed, workers=plan.workers, lease_s=1.0)
            result = await run_cell(variant.cell, small, variant, ("--broken", name))
            said = variant.caught(result.violations)
            if said:
                break
        rows.append({"name": name, "meaning": variant.meaning, "cell": variant.cell, "caught": bool(said),
                     "said": said[:1], "violations": result.violated})  # fmt: skip
        console.print(f"{name:22} {'caught' if said else 'NOT CAUGHT'}: {said[0] if said else '-'}", highlight=False)
    return rows


def conditions(arguments: argparse.Namespace, plan: Plan) -> dict[str, Any]:
    """What has to be known to run it again."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "command": f"python -m chaos --runs {plan.runs} --seed {plan.seed} --scale {plan.scale:g}",
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "seed": plan.seed,
        "lease_s": plan.lease_s,
        "workers": plan.workers,
        "began": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "clock": "the clock cell replaces time.time_ns in two worker processes; the machine's clock stays",
        "full disk": "a tmpfs, whose fsync costs nothing",
    }


def show(results: list[Result], console: Console) -> None:
    """The table."""
    table = Table(title="fault matrix", title_justify="left")
    for column in ("cell", "verdict", "runs", "steps run", "recovery, leases", "flush p50", "p99", "max ms"):
        table.add_column(column, justify="left" if column in ("cell", "verdict") else "right")
    for each in results:
        verdict = "skipped" if each.skipped else "holds" if each.is_good else f"{each.violated} violations"
        ms = each.flush_ms
        table.add_row(
            each.name, verdict, f"{each.runs:,}", f"{each.executions:,}", f"{each.recovery_leases:g}",
            *(f"{ms[name]:,.0f}" if ms else "–" for name in ("p50", "p99", "max")),
        )  # fmt: skip
    console.print(table)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=20_000, help="runs of each cell")
    parser.add_argument("--cells", help=f"names with commas between; all: {', '.join(CELLS)}; also {', '.join(FORCED)}")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--lease-s", type=float, default=2.0)
    parser.add_argument("--scale", type=float, default=1.0, help="shortens faults that last for minutes")
    parser.add_argument("--no-planted", action="store_true", help="leave the broken variants out")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of chaos.json and chaos.html")
    return parser.parse_args()


async def main() -> int:
    arguments = parsed()
    names = arguments.cells.split(",") if arguments.cells else list(CELLS)
    unknown = sorted(set(names) - set(CELLS) - set(FORCED))
    if unknown:
        print(f"expected --cells to be of {', '.join(CELLS | FORCED)}, got {', '.join(unknown)}", file=sys.stderr)
        return 2
    plan = Plan(runs=arguments.runs, seed=arguments.seed, workers=arguments.workers, lease_s=arguments.lease_s,
                scale=arguments.scale)  # fmt: skip
    console = Console()
    console.print(f"seed {plan.seed}", highlight=False)
    results = await matrix(names, plan, console)
    caught = [] if arguments.no_planted else await planted(plan, console)
    show(results, console)
    facts = {
        "conditions": conditions(arguments, plan),
        "cells": [each.as_json() for each in results],
        "planted": caught,
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "chaos.json").write_text(json.dumps(facts, indent=1, default=str) + "\n")
    (arguments.output / "chaos.html").write_text(page(facts))
    console.print(f"report: {arguments.output / 'chaos.html'}", highlight=False)
    return 0 if all(each.is_good for each in results) and all(row["caught"] for row in caught) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
