"""How far a measured share may be from the true one."""

from __future__ import annotations

import math

#: Standard deviations of the interval: 95 of 100.
_SPREAD = 1.96


def wilson(right: int, count: int) -> tuple[float, float]:
    """The interval that holds the true share in 95 of 100 cases."""
    if not count:
        return 0.0, 1.0
    share, square = right / count, _SPREAD**2
    middle = share + square / (2 * count)
    half = _SPREAD * math.sqrt(share * (1 - share) / count + square / (4 * count * count))
    low, high = (middle - half) / (1 + square / count), (middle + half) / (1 + square / count)
    return max(0.0, min(low, share)), min(1.0, max(high, share))
