"""How often Python looks for cycles of garbage in our own processes."""

from __future__ import annotations

import gc

#: Allocations before the youngest generation is walked, then how many walks until the next one is.
THRESHOLDS = (100_000, 50, 100)


def calm_collector() -> None:
    """Walk the heap less often; for the main function of a process of ours, after its imports.

    A worker holds thousands of live runs and makes hardly a cycle. At Python's own thresholds, 700, 10, 10, it walked
    them so often that this was a third of its time (`bench/durable_steps.py`); the first one lies above what the runs
    of a full worker consist of.
    """
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
