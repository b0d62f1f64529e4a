"""Tables of measured rows: their names, and the door to comparing estimates with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from serdab.plan.errors_of import Score

#: Rows by the name of their file, without its ending.
Tables = Mapping[str, Sequence[Mapping[str, str]]]
#: Files that are read where they are there.
FILES = ("hardware", "models", "kv_golden_tests", "gguf_sizes", "memory_measured", "efficiency_derived_2025_26",
         "perf_measured", "serving_silicon", "estimator_accuracy")  # fmt: skip


def validate(tables: Tables) -> list[Score]:
    """All lines of the validation, for the tables that are there; fits anew without each device and group.

    Needs numpy and scipy (the extra `documents`).
    """
    from serdab.plan.validation import check_tables

    return check_tables(tables)
