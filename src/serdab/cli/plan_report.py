"""A plan as one page of HTML that needs nothing else: tables and pictures in SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from serdab.cli.plan_showing import shown

if TYPE_CHECKING:
    from serdab.plan import Answer, Cost, Term

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; margin: 1rem 0; } .wide { overflow-x: auto; }
td, th { padding: .25rem .6rem; text-align: start; border-bottom: 1px solid #8884; vertical-align: top; }
td:nth-child(-n+2) { white-space: nowrap; font-variant-numeric: tabular-nums; }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .4rem 0; font-size: .85rem; }
.key i { display: inline-block; width: .8em; height: .8em; margin-inline-end: .4em; }
svg { display: block; width: 100%; } svg text { fill: currentColor; font: 11px system-ui, sans-serif; }
@media (max-width: 40rem) { svg text { font-size: 18px; } }
line { stroke: currentColor; stroke-width: 2; } polyline { fill: none; stroke-width: 2.5; }
"""
#: Each with a contrast of 3 and more on white and on near black.
_COLOURS = ("#4a86bd", "#d9536a", "#b9821f", "#4f9a70", "#a85f9c", "#a8714a", "#808a97", "#2a93a3")
_WIDE, _HIGH = 640, 260


def write_report(path: Path, answer: Answer, cost: Cost | None = None) -> None:
    """Write a page.

    Args:
        path: the file, which is replaced.
        answer: memory and speed.
        cost: what it costs; none: left out.
    """
    parts = [
        f"<h1>{escape(answer.model)} {escape(answer.format)} on {escape(answer.device)}</h1>",
        "<h2>Memory</h2>",
        memory_bar(answer),
        _table(("part", "GiB", "from"), [(t.name, shown(t.value, t.unit), t.why) for t in answer.fit.terms]),
        "<h2>Speed</h2>",
        _table(
            ("figure", "likely", "80 of 100 cases", "because"),
            [
                (
                    each.name,
                    shown(each.likely, each.unit),
                    f"{shown(each.range.low, each.unit)} to {shown(each.range.high, each.unit)}",
                    each.bound_by,
                )
                for each in answer.estimates
            ],
        ),
        line_chart(
            "tokens a second of each user, by users at once",
            [[(float(point.users), point.tokens_per_s_each) for point in answer.curve]],
            ["each"],
        ),
    ]
    if cost is not None:
        parts += ["<h2>Cost</h2>", _terms_table(cost.years.terms), cost_chart(cost)]
        rows = [(swing.name, f"{swing.low_usd:,.2f} to {swing.high_usd:,.2f} USD", swing.why) for swing in cost.tornado]
        parts.append(_table(("what moves a million tokens", "from, to", "when"), rows))
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Plan</title>'
    head += '<meta name="viewport" content="width=device-width, initial-scale=1">'
    path.write_text(f"{head}<style>{_STYLE}</style>{''.join(parts)}</html>\n", encoding="utf-8")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _key(names: Sequence[str]) -> str:
    """Which colour is what."""
    pairs = zip(cycle(_COLOURS), names, strict=False)
    marks = (f'<span><i style="background:{colour}"></i>{escape(name)}</span>' for colour, name in pairs)
    return f'<div class="key">{"".join(marks)}</div>'


def _drawing(height: int, label: str, drawn: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDE} {height}" role="img" aria-label="{escape(label)}">{"".join(drawn)}</svg>'


def _terms_table(terms: Sequence[Term]) -> str:
    return _table(("part", "amount", "from"), [(term.name, shown(term.value, term.unit), term.why) for term in terms])


def memory_bar(answer: Answer) -> str:
    """Memory as one bar, with a line where it ends."""
    fit = answer.fit
    most = max(fit.need_bytes, fit.have_bytes, 1.0)
    left, pieces = 0.0, []
    for place, term in enumerate(fit.terms):
        width = max(0.0, term.value / most * (_WIDE - 2))
        colour = _COLOURS[place % len(_COLOURS)]
        title = escape(f"{term.name}: {shown(term.value, term.unit)}")
        pieces.append(
            f'<rect x="{left:.1f}" y="10" width="{width:.1f}" height="36" fill="{colour}"><title>{title}</title></rect>'
        )
        left += width
    end = fit.have_bytes / most * (_WIDE - 2)
    pieces.append(f'<line x1="{end:.1f}" y1="2" x2="{end:.1f}" y2="54"/>')
    line = f"<p>The line is where its memory ends: {shown(fit.have_bytes, fit.terms[0].unit)}.</p>"
    return _drawing(56, "memory", pieces) + _key([term.name for term in fit.terms]) + line


def line_chart(title: str, lines: Sequence[Sequence[tuple[float, float]]], names: Sequence[str]) -> str:
    """Lines over an axis that doubles."""
    from math import log2

    points = [point for line in lines for point in line]
    widest = max(log2(max(x, 1.0)) for x, _ in points) or 1.0
    highest = max(y for _, y in points) or 1.0
    drawn = []
    for place, line in enumerate(lines):
        path = " ".join(
            f"{40 + log2(max(x, 1.0)) / widest * (_WIDE - 60):.1f},{_HIGH - 30 - y / highest * (_HIGH - 60):.1f}"
            for x, y in line
        )
        colour = _COLOURS[place % len(_COLOURS)]
        drawn.append(f'<polyline points="{path}" stroke="{colour}"/>')
    for x in sorted({x for x, _ in points}):
        at = 40 + log2(max(x, 1.0)) / widest * (_WIDE - 60)
        drawn.append(f'<text x="{at:.1f}" y="{_HIGH - 10}" text-anchor="middle">{x:g}</text>')
    drawn.append(f'<text x="40" y="16">{escape(title)}: highest {highest:,.1f}</text>')
    return _drawing(_HIGH, title, drawn) + (_key(names) if len(names) > 1 else "")


def cost_chart(cost: Cost) -> str:
    """What is paid by month, the machine against services, with the month in which it has paid for itself."""
    months = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    by_name = {term.name: term.value for term in cost.years.terms}
    bought, resale = by_name["purchase"], by_name["resale"]
    years = max(1.0, float(cost.years.name.split()[0]))
    own = (cost.years.likely - bought - resale) / (12 * years)
    lines = [[(month, bought + own * month) for month in months]]
    names = ["this machine"]
    for each in cost.comparisons:
        lines.append([(month, each.service_usd / (12 * years) * month) for month in months])
        names.append(each.service + (f" (month {each.month:.1f})" if each.month is not None else ""))
    return line_chart("USD paid, by month", lines, names)
