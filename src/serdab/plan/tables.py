"""Tables of measured rows: their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: Rows by the name of their file, without its ending.
Tables = Mapping[str, Sequence[Mapping[str, str]]]
#: Files that are read where they are there.
FILES = ("hardware", "models", "kv_golden_tests", "gguf_sizes", "memory_measured", "efficiency_derived_2025_26",
         "perf_measured", "serving_silicon", "estimator_accuracy")  # fmt: skip
