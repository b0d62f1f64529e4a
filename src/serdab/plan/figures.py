"""A figure with where it comes from: nothing in a catalogue stands alone."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

#: How a figure is known, the surest first.
Evidence = Literal["measured", "published", "derived", "guess"]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Who says so, and when."""

    #: A title or address that a reader can find.
    what: str
    on: date
    evidence: Evidence = "published"


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """A figure with the interval that holds it in 80 of 100 cases."""

    low: float
    likely: float
    high: float


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a sum that a reader can check."""

    name: str
    value: float
    #: Like B, s, USD, W: one unit for all terms of one estimate.
    unit: str
    #: What it was worked out from, with its numbers.
    why: str = ""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A figure, what it is the sum of, what may differ, and the reason that binds it."""

    name: str
    unit: str
    range: Range
    terms: tuple[Term, ...]
    #: The term or limit that decides, in words.
    bound_by: str
    #: How the figure is known.
    evidence: Evidence = "derived"
    notes: tuple[str, ...] = ()

    @property
    def likely(self) -> float:
        """The figure in the middle."""
        return self.range.likely


def total(terms: tuple[Term, ...] | list[Term]) -> float:
    """The sum of terms of one unit.

    Raises:
        ValueError: they have different units.
    """
    units = {term.unit for term in terms}
    if len(units) > 1:
        raise ValueError(f"expected terms to be of one unit, got {sorted(units)}")
    return sum(term.value for term in terms)
