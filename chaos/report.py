"""One HTML page of the matrix that needs nothing beside it: a table, a timeline for each cell, seeds, planted variants."""

from __future__ import annotations

from html import escape
from typing import Any

from chaos.cells import BUCKET_S

WIDTH, HEIGHT = 860, 90
STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --paper: #fdfcf9; --line: #d8d4ca; --bar: #3c6e8f; --harm: #c2603a33;
        --good: #2c7a4b; --bad: #b3261e; --dim: #6b7280; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e3dc; --paper: #16191e; --line: #343a43; --bar: #7fb2d1;
        --harm: #e58a5e40; --good: #71c693; --bad: #ff8a80; --dim: #9aa3af; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
       margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; } .good { color: var(--good); } .bad { color: var(--bad); } .dim { color: var(--dim); }
svg { display: block; width: 100%; height: 90px; border-bottom: 1px solid var(--line); } rect.b { fill: var(--bar); } rect.h { fill: var(--harm); }
.axis { display: flex; justify-content: space-between; color: var(--dim); font-size: .75rem; } h3 { margin: 1.6rem 0 .2rem; } code { font-size: .9em; }
"""


def page(facts: dict[str, Any]) -> str:
    """The whole page."""
    cells = facts["cells"]
    bad = [cell for cell in cells if cell["violations"]]
    ran = [cell for cell in cells if not cell["skipped"]]
    verdict = f"{len(ran) - len(bad)} of {len(ran)} cells hold every invariant"
    given = "".join(f"<tr><th>{escape(k)}</th><td>{escape(str(v))}</td></tr>" for k, v in facts["conditions"].items())
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Serdab: fault matrix</title><style>{STYLE}</style><h1>Fault matrix</h1>"
        f"<p><b class={'bad' if bad else 'good'}>{verdict}.</b> "
        f"{sum(cell['runs'] for cell in cells):,} runs, {sum(cell['executions'] for cell in cells):,} executed links."
        f"</p><div class=wide>{_table(cells)}</div>{_planted(facts['planted'])}<h2>Timelines</h2>"
        "<p class=dim>Runs that ended in each half second; shaded: while harm was done.</p>"
        f"{''.join(_cell(cell) for cell in cells)}<h2>Conditions</h2><div class=wide><table>{given}</table></div></html>\n"
    )


def _table(cells: list[dict[str, Any]]) -> str:
    head = "<tr><th>cell<th>verdict<th class=n>runs<th class=n>links run<th class=n>recovery, leases<th class=n>flush p50 ms"
    rows = "".join(
        f"<tr><td><a href='#{cell['name']}'>{escape(cell['title'])}</a><td>{_verdict(cell)}<td class=n>{cell['runs']:,}"
        f"<td class=n>{cell['executions']:,}<td class=n>{cell['recovery_leases']:g}"
        + "".join(f"<td class=n>{cell['flush_ms'].get(name, '–')}" for name in ("p50", "p99", "max"))
        for cell in cells
    )
    return f"<table>{head}<th class=n>p99 ms<th class=n>max ms{rows}</table>"


def _verdict(cell: dict[str, Any]) -> str:
    if cell["skipped"]:
        return f"<span class=dim>skipped: {escape(cell['skipped'])}</span>"
    if cell["violations"]:
        return f"<span class=bad>{cell['violated']} violations</span>"
    return "<span class=good>holds</span>"


def _planted(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    body = "".join(
        f"<tr><td>{escape(row['meaning'])}<td>{escape(row['cell'])}<td class={'good' if row['caught'] else 'bad'}>"
        f"{'caught' if row['caught'] else 'not caught'}<td><code>{escape(row['said'][0] if row['said'] else '')}</code>"
        for row in rows
    )
    return (
        "<h2>Planted defects</h2><p class=dim>A protection taken away on purpose: the checker must say so.</p>"
        f"<div class=wide><table><tr><th>defect<th>cell<th>verdict<th>said{body}</table></div>"
    )


def _cell(cell: dict[str, Any]) -> str:
    if cell["skipped"]:
        return ""
    told = " · ".join(f"{escape(str(k))}: {escape(str(v))}" for k, v in cell["told"].items())
    wrong = "".join(f"<li class=bad><code>{escape(each)}</code>" for each in cell["violations"][:10])
    return (
        f"<h3 id={cell['name']}>{escape(cell['title'])}</h3><p class=dim>seed {cell['seed']} · {cell['seconds']} s · {told}"
        f"</p>{_svg(cell)}{f'<ul>{wrong}</ul>' if wrong else ''}"
    )


def _svg(cell: dict[str, Any]) -> str:
    timeline = cell["timeline"] or [0]
    seconds = max(len(timeline) * BUCKET_S, *(end for _, _, end in cell["marks"]), 1.0) if cell["marks"] else (
        len(timeline) * BUCKET_S
    )  # fmt: skip
    x, most = WIDTH / seconds, max(*timeline, 1)
    harm = "".join(
        f"<rect class=h x={begin * x:.1f} y=0 width={max((end - begin) * x, 1.5):.1f} height={HEIGHT}>"
        f"<title>{escape(label)}, {begin:g}–{end:g} s</title></rect>"
        for label, begin, end in cell["marks"]
    )
    bars = "".join(
        f"<rect class=b x={place * BUCKET_S * x:.1f} y={HEIGHT - count / most * HEIGHT:.1f} "
        f"width={max(BUCKET_S * x - 0.5, 0.5):.1f} height={count / most * HEIGHT:.1f} />"
        for place, count in enumerate(timeline)
        if count
    )
    return (
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' preserveAspectRatio=none role=img aria-label='runs ended over time'>"
        f"{harm}{bars}</svg><div class=axis><span>0 s</span>"
        f"<span>{seconds:.0f} s · peak {most / BUCKET_S:,.0f} runs/s</span></div>"
    )
