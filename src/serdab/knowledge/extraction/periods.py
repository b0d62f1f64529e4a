"""From when to when a paper goes: 01.05.2024 - 31.05.2024, 1 May to 31 May 2024."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import msgspec

from serdab.knowledge.extraction.fields import Field

#: What stands between the two dates of a period.
_BETWEEN = re.compile(
    r" ?(?:-|–|—|to|until|through|thru|bis(?: zum)?|au|al|hasta(?: el)?|t/m|tot|do|till|إلى|至) ?", re.I
)
#: Behind a date that its words found, anything short may stand that is no number.
_SHORT = re.compile(r"[^\n\f\d]{1,30}")


def find_period_start(text: str, dates: Sequence[Field]) -> Field | None:
    """The first of the first two dates that stand in a line with nothing between them but "to"."""
    for one, other in itertools.pairwise(dates):
        if one.end <= other.start and _BETWEEN.fullmatch(text, one.end, other.start):
            return msgspec.structs.replace(one, reason="the first date of a period")
    return None


def find_period_end(text: str, dates: Sequence[Field], begun: int) -> Field | None:
    """The date in the same line behind the one of the beginning, which ends at `begun`."""
    following = next((date for date in dates if date.start >= begun), None)
    if following is None or _SHORT.fullmatch(text, begun, following.start) is None:
        return None
    return msgspec.structs.replace(following, reason="the second date of the period")
