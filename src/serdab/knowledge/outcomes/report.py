"""A report of a batch as one HTML file: nothing in it is loaded from anywhere, and no text in it is markup."""

from __future__ import annotations

import html
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from serdab.knowledge.outcomes.looking import Look
from serdab.knowledge.outcomes.summing import MOST_TOLD, Report

_STYLE = """
:root { color-scheme: light dark; }
:root { --why: #b45309; --dim: #6b6b6b; }
@media (prefers-color-scheme: dark) { :root { --why: #f0a04b; --dim: #a3a3a3; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } .wide { overflow-x: auto; } .wide + .wide { margin-top: 1rem; }
th, td { text-align: start; padding: .25rem .6rem; border-bottom: 1px solid #8884; vertical-align: top; }
td { min-width: 6.5rem; }
td.n, th.n { min-width: 0; text-align: end; font-variant-numeric: tabular-nums; }
td.n { white-space: nowrap; }
.sums { display: flex; gap: 2rem; flex-wrap: wrap; } .sums b { display: block; font-size: 1.6rem; }
article { border: 1px solid #8884; border-radius: .4rem; padding: .5rem .8rem; margin: .6rem 0; }
article p { margin: .2rem 0; } .why { color: var(--why); } .small { color: var(--dim); font-size: .85rem; }
mark { background: #fde047; color: #000; padding: 0 .15em; } blockquote { margin: .3rem 0; white-space: pre-wrap; }
svg { max-width: 100%; height: auto; } td, article { overflow-wrap: anywhere; }
svg rect { fill: #2563eb; } svg text { font: 10px system-ui, sans-serif; fill: currentColor; }
a { color: inherit; }
@media print {
  .wide { overflow: visible; } tr, article, svg { break-inside: avoid; } mark, svg rect { print-color-adjust: exact; }
}
@media (max-width: 40rem) { svg text { font-size: 18px; } svg .count { display: none; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_UNSEEN = ("Cc", "Cs")
#: Signs that set the direction of all that follows; joiners and marks of one place stay.
_TURNING = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
_WIDTH, _HEIGHT, _GAP = 640, 160, 2


def write_report(report: Report) -> str:
    """The page."""
    body = "\n".join(_body(report))
    return (
        '<!DOCTYPE html>\n<html lang="en" dir="ltr">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(report.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _body(report: Report) -> Iterator[str]:
    yield f"<h1>{_apart(report.title)}</h1>"
    sums = (
        ("documents", report.documents, ""),
        ("recorded", report.recorded, ""),
        ("failed", len(report.failed), "failed"),
        ("need a look", report.needing, "looks"),
    )
    boxes = [f"<div><b>{count:,}</b>{_linked(name, place if count else '')}</div>" for name, count, place in sums]
    yield f'<div class="sums">{"".join(boxes)}</div>'
    yield "<h2>Kinds</h2>"
    yield _table(("kind", ">documents"), ((label or "(none)", f"{count:,}") for label, count in report.labels))
    yield "<h2>Types</h2>"
    types = (
        (name or "(none)", f"{count:,}", f"{count - given:,}" if name else "") for name, count, given in report.types
    )
    yield _table(("type", ">documents", ">of these recognised"), types)
    yield "<h2>Languages</h2>"
    yield _table(("language", ">documents"), ((lang or "(none)", f"{count:,}") for lang, count in report.langs))
    yield "<h2>Confidence of the kinds</h2>"
    yield histogram(report.confidences)
    yield from _failures(report)
    yield "<h2>Time per stage</h2>"
    yield _stages(report)
    yield from _looks(report)


def _failures(report: Report) -> Iterator[str]:
    if not report.failed:
        return
    yield '<h2 id="failed">Failed, and why</h2>'
    yield _table(("why", ">documents"), Counter(each.kind for each in report.failed).most_common())
    told = report.failed[:MOST_TOLD]
    yield _table(("document", "why", "run"), ((each.source, each.reason, str(each.run_id)) for each in told))
    yield _more(len(report.failed), len(told))


def _stages(report: Report) -> str:
    if not report.stages:
        return "<p>The history of these runs is not kept any more.</p>"
    rows = (
        (
            stage.name,
            f"{stage.steps:,}",
            f"{stage.total_s:,.2f}",
            f"{stage.total_s / max(stage.steps, 1) * 1000:,.1f}",
            f"{stage.most_s * 1000:,.0f}",
            f"{stage.again:,}",
        )
        for stage in report.stages
    )
    return _table(("step", ">times", ">together, s", ">mean, ms", ">slowest, ms", ">tried again"), rows)


def _looks(report: Report) -> Iterator[str]:
    if not report.looks:
        return
    yield '<h2 id="looks">Needs a look</h2>'
    shown: dict[str, list[Look]] = {}
    for look in report.looks:
        shown.setdefault(str(look.document_id), []).append(look)
    for document_id, looks in shown.items():
        first = looks[0]
        yield f"<article><p><b>{_apart(first.title or first.source)}</b></p>"
        yield f'<p class="small">{_apart(first.source)} · <code>{document_id}</code></p>'
        for look in looks:
            yield f'<p class="why">{_apart(look.reason)}</p>'
            if look.place:
                lang = f' lang="{_text(look.lang)}"' if look.lang else ""
                text = f"{_text(look.before)}<mark>{_text(look.place)}</mark>{_text(look.behind)}"
                yield f'<blockquote dir="auto"{lang}>{text}</blockquote>'
        yield "</article>"
    yield _more(report.needing, len(shown))


def histogram(counts: Sequence[int]) -> str:
    """Bars of equal width from 0 to 1, drawn in place."""
    most = max(counts, default=0)
    if not most:
        return "<p>No document has a kind.</p>"
    width = _WIDTH / len(counts)
    bars = []
    for place, count in enumerate(counts):
        height = count / most * _HEIGHT
        low, high = place / len(counts), (place + 1) / len(counts)
        bars.append(
            f'<rect x="{place * width:.1f}" y="{_HEIGHT - height + 14:.1f}" width="{width - _GAP:.1f}" '
            f'height="{height:.1f}"><title>{low:.2f} to {high:.2f}: {count:,}</title></rect>'
        )
        if count:
            middle = place * width + width / 2
            top = _HEIGHT - height + 10
            bars.append(f'<text class="count" x="{middle:.1f}" y="{top:.1f}" text-anchor="middle">{count:,}</text>')
    labels = "".join(
        f'<text x="{share * _WIDTH:.0f}" y="{_HEIGHT + 28}" text-anchor="{anchor}">{share:g}</text>'
        for share, anchor in ((0, "start"), (0.5, "middle"), (1, "end"))
    )
    head = (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 34}" width="{_WIDTH}" role="img" aria-label="documents by confidence">'
    )
    return f"{head}{''.join(bars)}{labels}</svg>"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; `>name` is a column of numbers."""
    classes = [' class="n"' if column.startswith(">") else "" for column in columns]
    head = "".join(f"<th{kind}>{_text(name.strip('>'))}</th>" for kind, name in zip(classes, columns, strict=True))
    lines = (
        "".join(f"<td{kind}>{_apart(str(cell))}</td>" for kind, cell in zip(classes, row, strict=True)) for row in rows
    )
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _linked(name: str, place: str) -> str:
    """A word that leads to a place of this page."""
    return f'<a href="#{place}">{name}</a>' if place else name


def _more(count: int, told: int) -> str:
    return f"<p>… and {count - told:,} more.</p>" if count > told else ""


def _apart(text: str) -> str:
    """A text whose direction does not touch its neighbours."""
    return f'<bdi dir="auto">{_text(text)}</bdi>'


def _text(text: str) -> str:
    """A text as HTML shows it, whatever stands in it; signs that could turn the page around are left out."""
    kept = (sign for sign in text if sign in "\n\t" or not (sign in _TURNING or unicodedata.category(sign) in _UNSEEN))
    return html.escape("".join(kept), quote=True)
