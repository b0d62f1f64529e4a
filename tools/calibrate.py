"""Fit what estimates of speed are made with, and write `plan/calibration.py`: `python tools/calibrate.py FOLDER`.

The folder has the tables that `serdab plan validate` reads. What is written are coefficients with their source, date
and number of rows; no measured row leaves the folder.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from serdab.plan.cases import Catalogue, derived_cases, measured_cases, prefill_case, serving_case, unsound
from serdab.plan.fitting import fit_decode, fit_first_token, fit_prefill, fit_steps
from serdab.plan.left_out import (
    INTERVAL_SHARE,
    TRUSTED,
    WAIT_SHARE,
    decode_errors,
    prefill_errors,
    step_errors,
    trust_of,
)
from serdab.plan.prefill import prefill_groups
from serdab.plan.robust import spans
from serdab.plan.tables import FILES
from serdab.plan.validation import catalogue_of

TARGET = Path(__file__).parent.parent / "src/serdab/plan/calibration.py"


def main() -> int:
    if len(sys.argv) != 2:
        print("expected one folder of tables; usage: python tools/calibrate.py FOLDER")
        return 2
    tables = {
        name: list(csv.DictReader(path.open(encoding="utf-8")))
        for name in FILES
        if (path := Path(sys.argv[1]) / f"{name}.csv").exists()
    }
    catalogue = catalogue_of(tables)
    parts = {**decode_part(tables, catalogue), **prefill_part(tables, catalogue), **serving_part(tables, catalogue)}
    TARGET.write_text(written(parts), encoding="utf-8")
    print(f"written: {TARGET.name}")
    return 0


def logs(errors: Sequence[float]) -> list[float]:
    """What measured ones lie above estimates of speed by, as logarithms."""
    from math import log1p

    return [-log1p(max(error, -0.95)) for error in errors]


def decode_part(tables: dict[str, list[dict[str, str]]], catalogue: Catalogue) -> dict[str, Any]:
    derived = derived_cases(tables["efficiency_derived_2025_26"], catalogue)
    measured = measured_cases(tables["perf_measured"], catalogue)
    train = [*derived, *measured]
    trust = [1.0] * len(derived) + [trust_of(case.source) for case in measured]
    careful = [case for case in train if case.source.startswith((*TRUSTED, "hardware-corner"))]
    span = spans(logs(decode_errors(train, trust, careful, catalogue)), INTERVAL_SHARE)
    counts: dict[str, int] = {}
    for case in train:
        for group in case.groups:
            counts[group] = counts.get(group, 0) + 1
    return {"DECODE": fit_decode(train, trust), "DECODE_SPAN": span, "DECODE_ROWS": counts}


def prefill_part(tables: dict[str, list[dict[str, str]]], catalogue: Catalogue) -> dict[str, Any]:
    known = [case for row in tables["perf_measured"] if (case := prefill_case(row, catalogue))]
    train = [case for case in known if not case.source.startswith("localmaxxing")]
    careful = [case for case in train if case.source.startswith(TRUSTED)]
    model = fit_prefill(
        [prefill_groups(case.device, case.engine) for case in train],
        [case.features for case in train],
        [case.share for case in train], [case.device.id for case in train],
    )  # fmt: skip
    errors = prefill_errors(train, [case for case in careful if case.device.kind != "amd_unified"])
    return {"PREFILL": model, "PREFILL_SPAN": spans(logs(errors), INTERVAL_SHARE), "PREFILL_ROWS": len(train)}


def serving_part(tables: dict[str, list[dict[str, str]]], catalogue: Catalogue) -> dict[str, Any]:
    cases = [case for row in tables["serving_silicon"] if (case := serving_case(row, catalogue))]
    found: dict[str, Any] = {}
    for name, expert in (("DENSE", False), ("EXPERTS", True)):
        own = [case for case in cases if case.expert is expert]
        strange = unsound(own)
        sound = [case for place, case in enumerate(own) if place not in strange]
        found[f"{name}_STEPS"] = fit_steps([case.served for case in sound], [case.itl_s for case in sound])
        found[f"{name}_SPAN"] = spans(logs(step_errors(own, lambda case: case.group)), INTERVAL_SHARE)
        found[f"{name}_ROWS"] = len(sound)
    waits = [case for case in cases if case.ttft_s > 0]
    found["FIRST_TOKEN"] = fit_first_token([case.served for case in waits], [case.ttft_s for case in waits], WAIT_SHARE)
    return found


HEAD = '''"""Coefficients of speed, fitted by `python tools/calibrate.py FOLDER`: do not edit by hand.

Sources: llama.cpp discussions and benches (2025-11 to 2026-09), kyuz0/amd-strix-halo-toolboxes (2026-08),
XiongjieDai/GPU-Benchmarks-on-LLM-Inference (2024-05, llama.cpp of that month), NVIDIA TensorRT-Edge-LLM 0.8.0 (2026),
LocalScore (2025, llamafile), localmaxxing and llmfit's community (2026), ai-dynamo/aiconfigurator's silicon sample
(2026-08; vLLM 0.12-0.19, SGLang 0.5, TensorRT-LLM 1.0-1.3). Measured rows stay where they are; these are fits to them.
"""

from __future__ import annotations

from datetime import date

from serdab.plan.decoding import DecodeModel
from serdab.plan.first_token import FirstTokenModel
from serdab.plan.prefill import PrefillModel

FITTED_ON = date(2026, 11, 21)
'''
NOTES = {
    "DECODE_SPAN": "Logarithms by which 80 of 100 measured speeds lie below and above estimates, device left out.",
    "DECODE_ROWS": "Rows behind each group.",
    "DENSE_STEPS": "By `serving.DENSE_FEATURES`.",
    "EXPERTS_STEPS": "By `serving.EXPERT_FEATURES`.",
}


def written(parts: dict[str, Any]) -> str:
    """The module as text."""
    lines = [HEAD]
    for name, value in parts.items():
        if name in NOTES:
            lines.append(f"#: {NOTES[name]}")
        lines.append(f"{name} = {shown(value)}\n")
    return "\n".join(lines)


def shown(value: object) -> str:
    """A value as Python."""
    if isinstance(value, msgspec.Struct):
        inside = ",\n    ".join(f"{name}={shown(getattr(value, name))}" for name in value.__struct_fields__)
        return f"{type(value).__name__}(\n    {inside},\n)"
    if isinstance(value, float):
        return repr(round(value, 5))
    if isinstance(value, tuple):
        return "(" + ", ".join(shown(each) for each in value) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, dict):
        return "{\n    " + ",\n    ".join(f"{key!r}: {shown(each)}" for key, each in value.items()) + ",\n}"
    return repr(value)


if __name__ == "__main__":
    sys.exit(main())
