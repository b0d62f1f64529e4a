"""How plans look in a terminal: tables, bars of memory, curves of speed and of cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from serdab.cli.printing import print_table, say

if TYPE_CHECKING:
    from serdab.plan import Advice, Answer, Cost, Estimate, Fit, Refusal, Score, Term

GIB = 2**30
#: Characters of a bar.
BAR = 40


def shown(value: float, unit: str) -> str:
    """A figure as people read it."""
    if unit == "B":
        return f"{value / GIB:,.2f} GiB"
    if unit == "s":
        return f"{value * 1e3:,.2f} ms" if value < 1 else f"{value:,.1f} s"
    if unit == "USD":
        return f"{value:,.0f} USD"
    digits = f"{value:.2g}" if value < 1 else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
    return f"{digits} {unit}"


def bar(share: float, width: int = BAR) -> str:
    """A bar of a share from 0 to 1."""
    full = round(max(0.0, min(1.0, share)) * width)
    return "█" * full + "·" * (width - full)


def show_memory(fit: Fit) -> None:
    """Print what is needed as a sum, and what there is."""
    largest = max(fit.have_bytes, fit.need_bytes, 1.0)
    rows = [
        (term.name, shown(term.value, "B"), bar(term.value / largest), term.why) for term in fit.terms if term.value
    ]
    rows.append(("needed", shown(fit.need_bytes, "B"), bar(fit.need_bytes / largest), ""))
    rows.append(("there is", shown(fit.have_bytes, "B"), bar(fit.have_bytes / largest), ""))
    print_table(("memory", ">", "", "from~"), rows)


def show_answer(found: Answer) -> None:
    """Print an answer."""
    show_memory(found.fit)
    verdict = (
        "fits" if found.fits else f"does not fit: {found.on_cards:.0%} of the layers have room, 8 % must stay free"
    )
    print(f"{found.model} {found.format} on {found.device}: {verdict}; room for {found.most_users:,} at once")
    print_table(("figure", ">likely", ">80 % low", ">80 % high", "because~"), [_row(each) for each in found.estimates])
    show_curve([(f"{point.users}", point.tokens_per_s_each, not point.fits) for point in found.curve])
    for note in dict.fromkeys(note for each in found.estimates for note in each.notes):
        print(note)


def _row(each: Estimate) -> tuple[object, ...]:
    span = each.range
    return (
        each.name,
        shown(span.likely, each.unit),
        shown(span.low, each.unit),
        shown(span.high, each.unit),
        each.bound_by,
    )


def show_curve(points: Sequence[tuple[str, float, bool]]) -> None:
    """Print speed against the number of users; where memory ends, it is said."""
    most = max(value for _, value, _ in points)
    print_table(
        (">users at once, room held for all", ">tokens/s each", "", ""),
        [(name, f"{value:,.1f}", bar(value / most), "no room" if over else "") for name, value, over in points],
    )


def show_terms(found: Answer) -> None:
    """Print every term."""
    _terms("memory", found.fit.terms, found.fit.need_bytes, "B")
    for each in found.estimates:
        whole = sum(term.value for term in each.terms)
        _terms(f"{each.name} ({each.bound_by})", each.terms, whole, each.terms[0].unit if each.terms else each.unit)
        span = each.range
        print(
            f"  = {shown(span.likely, each.unit)}, in 80 of 100 cases {shown(span.low, each.unit)}"
            f" to {shown(span.high, each.unit)}"
        )


def _terms(title: str, terms: Sequence[Term], whole: float, unit: str) -> None:
    rows = [(term.name, shown(term.value, term.unit), f"{term.value / whole:.0%}", term.why) for term in terms if whole]
    print_table((title, ">", ">share", "from~"), [*rows, ("sum", shown(whole, unit), "100%", "")])


def show_cost(found: Cost) -> None:
    """Print what a machine costs."""
    years = found.years
    _terms(years.name, years.terms, years.likely, "USD")
    print(f"{found.usd_per_million:,.2f} USD for a million tokens of answers ({found.million_tokens:,.0f} million)")
    print(f"  in all {shown(years.range.low, 'USD')} to {shown(years.range.high, 'USD')}; {years.bound_by}")
    if found.carbon_kg is not None:
        print(f"{found.carbon_kg:,.0f} kg of CO2 from its electricity")
    if found.comparisons:
        most = max([years.likely, *(each.service_usd for each in found.comparisons)])
        rows = [("this machine", shown(years.likely, "USD"), bar(years.likely / most, 24), "", "")]
        for each in found.comparisons:
            month = f"month {each.month:,.1f}" if each.month is not None else "never in its years"
            use = f"{each.busy_share:.1%} of the hours" if each.busy_share is not None else "more than all hours"
            rows.append((each.service, shown(each.service_usd, "USD"), bar(each.service_usd / most, 24), month, use))
        print_table(("the same tokens", ">", "", "pays back", "as dear from"), rows)
    rows_of = [(each.name, f"{each.low_usd:,.2f}", f"{each.high_usd:,.2f}", each.why) for each in found.tornado]
    print_table(("what moves a million tokens", ">low USD", ">high USD", "when"), rows_of)
    for warning in found.warnings:
        say(f"warning: {warning}")


def show_advice(found: Advice) -> None:
    """Print a recommendation."""
    from serdab.plan import REPLACED

    rows = [
        (
            f"{each.cards} x {each.device}"
            + (" (used)" if each.used else "")
            + (f" in a {each.house}" if each.house else ""),
            f"{each.model} {each.format}" + (f", cache {each.kv}" if each.kv != "f16" else ""),
            each.engine,
            f"{each.need_gib:.1f} of {each.have_gib:.1f}",
            f"{each.tokens_per_s:,.0f} (≥ {each.tokens_per_s_low:,.0f})",
            f"{each.purchase_usd:,.0f}",
            f"{each.years_usd:,.0f}",
            f"{each.usd_per_million:,.2f}",
            each.why,
        )
        for each in found.options
    ]
    if rows:
        print_table(
            ("machine~", "model", "engine", ">GiB", ">tokens/s each", ">USD", ">3 years", ">USD/M", "why~"), rows
        )
    else:
        print("nothing is enough")
    for title, refusal in (("less fails", found.smaller), ("more", found.bigger)):
        if refusal is not None:
            print(
                f"{title}: {_place(refusal)}: {refusal.why}"
                + (f"; would help: {refusal.rescue}" if refusal.rescue else "")
            )
    print(found.adaptation)
    for note in found.notes:
        print(note)
    telling = [each for each in found.refused if not each.why.startswith(("quality", REPLACED))]
    groups: dict[str, list[Refusal]] = {}
    for each in telling:
        groups.setdefault(each.what, []).append(each)
    told = list(groups.values())[:12]
    if told:
        print_table(
            ("refused~", "for example~", "why~", "would help~"),
            [(_counted_place(group), group[0].machine, group[0].why, group[0].rescue) for group in told],
        )
    rest = len(found.refused) - sum(map(len, told))
    if rest:
        print(f"and {rest:,} more: too weak, replaced by a newer one of their size, or far too small; all with --json")


def _place(refusal: Refusal) -> str:
    return f"{refusal.machine} with {refusal.what}" if refusal.machine else refusal.what


def _counted_place(group: Sequence[Refusal]) -> str:
    """What was refused, and on how many machines."""
    return group[0].what + (f" on {len(group)} machines" if len(group) > 1 else "")


def show_validation(lines: Sequence[Score]) -> None:
    """Print a validation."""
    print_table(
        (
            "what~",
            "left out",
            "rows~",
            ">n",
            ">mean %",
            ">median",
            ">p90",
            ">bias",
            ">inside %",
            ">high/low",
            "bar~",
            "",
        ),
        [
            (
                each.metric,
                each.left_out,
                each.subset,
                each.n,
                f"{each.mean_pct:.1f}",
                f"{each.median_pct:.1f}",
                f"{each.p90_pct:.1f}",
                f"{each.bias_pct:+.1f}",
                "" if each.inside_pct is None else f"{each.inside_pct:.1f}",
                "" if each.high_over_low is None else f"{each.high_over_low:.2f}",
                each.bar,
                {True: "holds", False: "MISSED", None: ""}[each.holds],
            )
            for each in lines
        ],
    )
