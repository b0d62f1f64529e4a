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
