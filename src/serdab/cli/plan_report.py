"""A plan as one page of HTML that needs nothing else: tables and pictures in SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import cycle
from math import log2
from pathlib import Path
from typing import TYPE_CHECKING

from serdab.cli.plan_showing import shown
from serdab.core import atomic_file

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
line, circle { fill: none; stroke: currentColor; stroke-width: 2; } polyline { fill: none; stroke-width: 2.5; }
.grid { stroke: #8884; stroke-width: 1; }
"""
#: Each with a contrast of 3 and more on white and on near black.
_COLOURS = ("#4a86bd", "#d9536a", "#b9821f", "#4f9a70", "#a85f9c", "#a8714a", "#808a97", "#2a93a3")
#: A chart, and the margin for figures at its left.
_WIDE, _HIGH, _LEFT = 640, 260, 60


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
        speed_chart(answer),
    ]
    if cost is not None:
        parts += ["<h2>Cost</h2>", _terms_table(cost.years.terms), cost_chart(cost), tornado(cost)]
        rows = [(swing.name, f"{swing.low_usd:,.2f} to {swing.high_usd:,.2f} USD", swing.why) for swing in cost.tornado]
        parts.append(_table(("what moves a million tokens", "from, to", "when"), rows))
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Plan</title>'
    head += '<meta name="viewport" content="width=device-width, initial-scale=1">'
    page = f"{head}<style>{_STYLE}</style>{''.join(parts)}</html>\n"
    with atomic_file(path, "--report") as out:
        out.write(page.encode())


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


def _colour(place: int) -> str:
    return _COLOURS[place % len(_COLOURS)]


def memory_bar(answer: Answer) -> str:
    """Memory as one bar, with a line where it ends."""
    fit = answer.fit
    most = max(fit.need_bytes, fit.have_bytes, 1.0)
    left, pieces = 0.0, []
    for place, term in enumerate(fit.terms):
        width = max(0.0, term.value / most * (_WIDE - 2))
        pieces.append(f'<rect x="{left:.1f}" y="10" width="{width:.1f}" height="36" fill="{_colour(place)}"/>')
        left += width
    end = fit.have_bytes / most * (_WIDE - 2)
    pieces.append(f'<line x1="{end:.1f}" y1="2" x2="{end:.1f}" y2="54"/>')
    line = f"<p>The line is where its memory ends: {shown(fit.have_bytes, fit.terms[0].unit)}.</p>"
    return (
        _drawing(56, "memory", pieces)
        + _key([f"{term.name}: {shown(term.value, term.unit)}" for term in fit.terms])
        + line
    )


def speed_chart(answer: Answer) -> str:
    """Speed against users at once, as far as they have room."""
    fitting = [point for point in answer.curve if point.fits]
    if not fitting:
        return "<p>No number of users has room.</p>"
    users = [(float(point.users), point.tokens_per_s_each) for point in fitting]
    title = "tokens a second of each user, by users at once"
    if len(fitting) < len(answer.curve):
        title += f"; {answer.curve[len(fitting)].users} have no room"
    return line_chart(title, [users], ["each"], doubling=True, marks=users[:1] if len(users) == 1 else ())


def line_chart(
    title: str,
    lines: Sequence[Sequence[tuple[float, float]]],
    names: Sequence[str],
    *,
    doubling: bool = False,
    marks: Sequence[tuple[float, float]] = (),
) -> str:
    """Lines over an axis.

    Args:
        title: what is drawn, and over what.
        lines: their points, x rising from line's beginning to its end.
        names: of the lines, for the legend.
        doubling: the axis doubles from figure to figure; else it is even.
        marks: places that get a ring.
    """
    points = [point for line in lines for point in line]
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    highest = max(y for _, y in points) or 1.0
    top, bottom = 36, _HIGH - 24

    def across(x: float) -> float:
        share = log2(x / first) / (log2(last / first) or 1.0) if doubling else (x - first) / (last - first or 1.0)
        return _LEFT + share * (_WIDE - _LEFT - 20)

    def up(y: float) -> float:
        return bottom - y / highest * (bottom - top)

    drawn = [f'<text x="4" y="16">{escape(title)}</text>']
    drawn += [
        f'<line class="grid" x1="{_LEFT}" y1="{up(y):.1f}" x2="{_WIDE - 20}" y2="{up(y):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{up(y) + 4:.1f}" text-anchor="end">{_figure(y)}</text>'
        for y in (0.0, highest / 2, highest)
    ]
    for place, line in enumerate(lines):
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in line)
        drawn.append(f'<polyline points="{path}" stroke="{_colour(place)}"/>')
    drawn += [
        f'<text x="{across(x):.1f}" y="{bottom + 18}" text-anchor="middle">{x:g}</text>'
        for x in sorted({x for x, _ in points})
    ]
    drawn += [f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="5"/>' for x, y in marks]
    return _drawing(_HIGH, title, drawn) + (_key(names) if len(names) > 1 else "")


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or not value else f"{value:.2g}"


def cost_chart(cost: Cost) -> str:
    """What is paid by month, the machine against services, with a ring where it has paid for itself."""
    by_name = {term.name: term.value for term in cost.years.terms}
    bought, resale = by_name["purchase"], by_name["resale"]
    years = float(cost.years.name.split()[0])
    months = [12 * years * part / 6 for part in range(7)]
    own = (cost.years.likely - bought - resale) / (12 * years)
    lines = [[(month, bought + own * month) for month in months]]
    names, marks = ["this machine"], []
    for each in cost.comparisons:
        lines.append([(month, each.service_usd / (12 * years) * month) for month in months])
        names.append(each.service + (f", paid back in month {each.month:.1f}" if each.month is not None else ""))
        if each.month is not None and each.month <= months[-1]:
            marks.append((each.month, each.service_usd / (12 * years) * each.month))
    return line_chart("USD paid, by month", lines, names, marks=marks)


def tornado(cost: Cost) -> str:
    """What moves the cost of a million tokens, the most first, around what is likely."""
    least = min([cost.usd_per_million, *(swing.low_usd for swing in cost.tornado)])
    most = max([cost.usd_per_million, *(swing.high_usd for swing in cost.tornado)])

    def across(usd: float) -> float:
        return 150 + (usd - least) / (most - least or 1.0) * (_WIDE - 260)

    drawn = ['<text x="4" y="16">USD for a million tokens</text>']
    for place, swing in enumerate(cost.tornado):
        y, low, high = 30 + 26 * place, across(swing.low_usd), across(swing.high_usd)
        drawn.append(
            f'<text x="4" y="{y + 14}">{escape(swing.name)}</text>'
            f'<rect x="{low:.1f}" y="{y}" width="{max(high - low, 1.0):.1f}" height="18" fill="{_COLOURS[0]}"/>'
            f'<text x="{low - 5:.1f}" y="{y + 14}" text-anchor="end">{swing.low_usd:,.2f}</text>'
            f'<text x="{high + 5:.1f}" y="{y + 14}">{swing.high_usd:,.2f}</text>'
        )
    end = 30 + 26 * len(cost.tornado)
    likely = across(cost.usd_per_million)
    drawn.append(f'<line x1="{likely:.1f}" y1="24" x2="{likely:.1f}" y2="{end}"/>')
    return _drawing(end + 6, "what moves a million tokens", drawn)
