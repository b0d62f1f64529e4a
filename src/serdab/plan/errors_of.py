"""How far estimates are from what was measured: errors, their middle and their tail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a validation."""

    metric: str
    #: What was left out of the fit: device, group, model… or "formula" where nothing was fitted.
    left_out: str
    subset: str
    n: int
    mean_pct: float
    median_pct: float
    p90_pct: float
    bias_pct: float
    #: What was asked for, in words, and whether it holds; None: no bar.
    bar: str = ""
    holds: bool | None = None
    #: Share of rows inside the 80 % interval, and its median high/low.
    inside_pct: float | None = None
    high_over_low: float | None = None


def quantile(values: Sequence[float], weights: Sequence[float], share: float) -> float:
    """The weighted quantile; 0 where there are no values."""
    pairs = sorted(zip(values, weights, strict=True))
    if not pairs:
        return 0.0
    whole, before, last = sum(weights), 0.0, pairs[0]
    for value, weight in pairs:
        place, at = (before + weight / 2) / whole, value
        if place >= share:
            behind = (last[1], last[0])
            span = place - behind[0]
            return at if span <= 0 or before == 0 else behind[1] + (at - behind[1]) * (share - behind[0]) / span
        last = (value, place)
        before += weight
    return pairs[-1][0]


def score(
    metric: str,
    left_out: str,
    errors: Sequence[float],
    *,
    subset: str = "all",
    alike: Sequence[str] | None = None,
    bars: dict[str, float] | None = None,
) -> Score:
    """A line from relative errors.

    Args:
        metric: what was estimated.
        left_out: what was left out of the fit.
        errors: estimate over measured, less 1.
        subset: which rows.
        alike: names by which rows count together (devices); None: each row counts once.
        bars: most that `mean`, `median` and `p90` may be, in percent.
    """
    of = Counter(alike or ())
    weights = [1.0 / of[name] for name in alike] if alike is not None else [1.0] * len(errors)
    sizes = [abs(error) * 100 for error in errors]
    whole = sum(weights) or 1.0
    found = {
        "mean": sum(size * weight for size, weight in zip(sizes, weights, strict=True)) / whole,
        "median": quantile(sizes, weights, 0.5),
        "p90": quantile(sizes, weights, 0.9),
    }
    return Score(
        metric=metric,
        left_out=left_out,
        subset=subset,
        n=len(errors),
        mean_pct=round(found["mean"], 2),
        median_pct=round(found["median"], 2),
        p90_pct=round(found["p90"], 2),
        bias_pct=round(quantile([error * 100 for error in errors], weights, 0.5), 2),
        bar=", ".join(f"{name} ≤ {most:g} %" for name, most in (bars or {}).items()),
        holds=all(found[name] <= most for name, most in bars.items()) if bars and errors else None,
    )


def repeats(metric: str, keys: Sequence[object], values: Sequence[float]) -> list[Score]:
    """How far rows that are equal in all that an estimate knows lie from their own middle: no estimate is nearer.

    Args:
        metric: what was measured.
        keys: all that is known of each row, as text or numbers that compare.
        values: what was measured.

    Returns:
        One line, or none where no two rows are equal.
    """
    of: dict[object, list[float]] = {}
    for key, value in zip(keys, values, strict=True):
        of.setdefault(key, []).append(value)
    several = [own for own in of.values() if len(own) > 1]
    spread = [value / quantile(own, [1.0] * len(own), 0.5) - 1 for own in several for value in own]
    return [score(metric, "repeats", spread, subset="rows equal in all that is known")] if spread else []
