"""One HTML page of a soak that needs nothing beside it: verdicts, a plot for each series, conditions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from soak_verdicts import Sample, Verdict, first_held

WIDTH, HEIGHT = 860, 130
COLOURS = ("var(--a)", "var(--b)", "var(--c)", "var(--d)", "var(--e)")
STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --paper: #fdfcf9; --line: #d8d4ca; --harm: #c2603a26; --good: #2c7a4b;
        --bad: #b3261e; --dim: #6b7280; --a: #3c6e8f; --b: #9a5a1c; --c: #44733a; --d: #8a5a94; --e: #6f6f26; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e3dc; --paper: #16191e; --line: #343a43; --harm: #e58a5e33;
        --good: #71c693; --bad: #ff8a80; --dim: #9aa3af; --a: #7fb2d1; --b: #e0a566; --c: #94c583; --d: #c69bd0;
        --e: #c9c96f; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
       margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
.good { color: var(--good); } .bad { color: var(--bad); } .dim { color: var(--dim); } h3 { margin: 1.4rem 0 .2rem; }
svg { display: block; width: 100%; height: 130px; border-bottom: 1px solid var(--line); overflow: visible; }
.axis { display: flex; justify-content: space-between; color: var(--dim); font-size: .75rem; }
path { fill: none; stroke-width: 1.5; vector-effect: non-scaling-stroke; } rect { fill: var(--harm); }
"""

Series = dict[str, Callable[[Sample], float]]


def page(samples: Sequence[Sample], found: Sequence[Verdict], conditions: dict[str, Any]) -> str:
    """The whole page."""
    missed = sum(not verdict.holds for verdict in found)
    rows = "".join(
        f"<tr><td>{escape(verdict.what)}<td>{escape(verdict.measured)}<td>{escape(verdict.bar)}"
        f"<td class={'good' if verdict.holds else 'bad'}>{'holds' if verdict.holds else 'missed'}"
        for verdict in found
    )
    given = "".join(f"<tr><th>{escape(key)}<td>{escape(str(value))}" for key, value in conditions.items())
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Serdab: soak</title><style>{STYLE}</style><h1>Soak</h1><p><b class={'bad' if missed else 'good'}>"
        f"{len(found) - missed} of {len(found)} bars hold.</b> Shaded: while one snapshot was held open.</p>"
        f"<div class=wide><table><tr><th>what<th>measured<th>bar<th>verdict{rows}</table></div>"
        + "".join(_plot(title, unit, samples, series) for title, unit, series in _plots(samples))
        + f"<h2>Conditions</h2><div class=wide><table>{given}</table></div></html>\n"
    )


def _plots(samples: Sequence[Sample]) -> list[tuple[str, str, Series]]:
    names = list(samples[0]["processes"])

    def of_processes(kind: str) -> Series:
        return {name: lambda sample, name=name: sample["processes"][name][kind] for name in names}

    return [
        ("Throughput", "runs/s", {"ended": lambda sample: sample["ended_per_s"]}),
        ("From start to first step", "ms", {"p50": lambda s: s["p50_ms"], "p99": lambda s: s["p99_ms"]}),
        ("Dead rows", "rows", {
            "ready": lambda s: sum(n for name, n in s["dead_ring"].items() if name.startswith("ready")),
            "lease": lambda s: sum(n for name, n in s["dead_ring"].items() if name.startswith("lease")),
            "all": lambda s: sum(s["dead"].values()),
        }),
        ("Size of ready and lease", "MB", {"ring": lambda s: s["ring_bytes"] / 1e6}),
        ("Write-ahead log", "MB/s", {"log": lambda s: s["wal_bytes_per_s"] / 1e6}),
        ("Memory", "MB", of_processes("rss_mb")),
        ("Open files", "files", of_processes("files")),
        ("Threads", "threads", of_processes("threads")),
        ("Tasks beside the runs", "tasks", of_processes("tasks")),
        ("Connections", "connections", {"all": lambda s: s["connections"]}),
    ]  # fmt: skip


def _plot(title: str, unit: str, samples: Sequence[Sample], series: Series) -> str:
    end = samples[-1]["at_s"]
    lines = {name: [(sample["at_s"], of(sample)) for sample in samples] for name, of in series.items()}
    most = max(max(value for line in lines.values() for _, value in line), 1e-9)
    held = [sample["at_s"] for sample in samples if sample["held"]]
    begin = first_held(samples)
    shade = (
        f"<rect x={begin / end * WIDTH:.1f} y=0 width={(held[-1] - begin) / end * WIDTH:.1f} height={HEIGHT} />"
        if held
        else ""
    )

    def path(line: list[tuple[float, float]]) -> str:
        return "M" + " L".join(f"{t / end * WIDTH:.1f} {HEIGHT * (1 - v / most):.1f}" for t, v in line)

    paths = "".join(
        f"<path style='stroke:{colour}' d='{path(line)}'><title>{escape(name)}</title></path>"
        for colour, (name, line) in zip(COLOURS, lines.items(), strict=False)
    )
    keys = " ".join(
        f"<span style='color:{colour}'>{escape(name)}</span>" for colour, name in zip(COLOURS, lines, strict=False)
    )
    return (
        f"<h3>{escape(title)}</h3><div class=dim>{keys}</div>"
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' preserveAspectRatio=none role=img aria-label='{escape(title)}'>{shade}"
        f"{paths}</svg><div class=axis><span>0 s</span>"
        f"<span>{end:,.0f} s · peak {most:,.{0 if most >= 1000 else 1}f} {unit}</span></div>"
    )
