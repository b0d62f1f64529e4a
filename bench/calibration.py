"""How well calibration errors are measured on few rows: estimators beside errors that are known, on drawn verdicts.

With --evaluate the same estimators on real verdicts: those of `serdab evaluate triage FILE`, in a home that is up.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from harness import conditions, publish
from serdab.cli import main as serdab
from serdab.knowledge import Receipt, evaluation
from serdab.knowledge.labelling import calibration_error, calibration_error_debiased, calibration_error_in_bins

Array = NDArray[np.float64]
Estimator = Callable[[Array, Array], float]

#: Rows and the two parameters of the beta distribution that fits the confidence of three kinds of bug reports, of seven
#: topics in three languages, and of 77 kinds of questions to a bank.
FILES = {"745 rows": (745, 3.5, 1.0), "576 rows": (576, 2.0, 0.7), "1,535 rows": (1_535, 3.4, 0.3)}


def scaled(told: Array, factor: float) -> Array:
    """The share that is right where the log odds told are too large (below 1) or too small (above 1)."""
    odds = np.log(told / (1 - told)) * factor
    return np.asarray(1 / (1 + np.exp(-odds)))


#: What share is right of verdicts of a confidence.
TRUTHS: dict[str, Callable[[Array], Array]] = {
    "perfect": lambda told: told,
    "too sure by 0.03": lambda told: np.clip(told - 0.03, 0, 1),
    "too sure, log odds x 0.8": lambda told: scaled(told, 0.8),
    "too sure, log odds x 0.6": lambda told: scaled(told, 0.6),
    "too modest, log odds x 1.3": lambda told: scaled(told, 1.3),
    "to and fro by 0.05": lambda told: np.clip(told + 0.05 * np.sin(18 * told), 0, 1),
}


def equal_width(bins: int) -> Estimator:
    """ECE over bins of equal width, as most libraries count it."""

    def measure(told: Array, right: Array) -> float:
        places = np.minimum((told * bins).astype(int), bins - 1)
        return float(np.abs(np.bincount(places, told - right, bins)).sum() / len(told))

    return measure


#: Estimators of the mean distance, and the one of the root mean square.
ESTIMATORS: dict[str, Estimator] = {
    "sweep": lambda told, right: calibration_error(told.tolist(), right.tolist()),
    "15 equal numbers": lambda told, right: calibration_error_in_bins(told.tolist(), right.tolist()),
    "15 equal widths": equal_width(15),
    "10 equal widths": equal_width(10),
    "debiased RMS": lambda told, right: calibration_error_debiased(told.tolist(), right.tolist()),
}


def measure_case(told: Array, truth: Array, draws: int, chance: np.random.Generator) -> dict[str, Any]:
    """The true error, and of each estimator the mean and how far it is off (root mean square)."""
    true, true_rms = float(np.abs(truth - told).mean()), float(np.sqrt(((truth - told) ** 2).mean()))
    rights = [(chance.random(len(told)) < truth).astype(float) for _ in range(draws)]
    found: dict[str, Any] = {"true": round(true, 4), "true RMS": round(true_rms, 4)}
    for name, estimate in ESTIMATORS.items():
        values = np.array([estimate(told, right) for right in rights])
        off = np.sqrt(np.mean((values - (true_rms if name.endswith("RMS") else true)) ** 2))
        found[name] = {"mean": round(float(values.mean()), 4), "off": round(float(off), 4)}
    return found


def rows_of(cases: dict[str, dict[str, Any]]) -> Sequence[tuple[str, str]]:
    shown = []
    for name, case in cases.items():
        parts = [f"{each} {case[each]['mean']:.3f} ± {case[each]['off']:.3f}" for each in ESTIMATORS]
        shown.append((name, f"true {case['true']:.3f} (RMS {case['true RMS']:.3f}): " + ", ".join(parts)))
    return shown


def evaluated(arguments: Sequence[str]) -> dict[str, float]:
    """What each estimator makes of the verdicts of `serdab evaluate triage`."""
    told: list[tuple[float, bool]] = []
    measured = evaluation._confidence

    def noting(verdicts: Sequence[tuple[Receipt, bool]]) -> dict[str, Any]:
        told.extend((receipt.confidence, right) for receipt, right in verdicts)
        return measured(verdicts)

    with patch.object(evaluation, "_confidence", noting), suppress(SystemExit):
        serdab(["evaluate", "triage", *arguments])
    if not told:
        raise SystemExit("expected the evaluation to have verdicts, got none; see what it said")
    sure, right = (np.array(part, float) for part in zip(*told, strict=True))
    return {name: round(estimate(sure, right), 4) for name, estimate in ESTIMATORS.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--draws", type=int, default=200, help="files drawn for each case")
    parser.add_argument("--evaluate", nargs="+", metavar="WORD", help="FILE, and `across`: not its split, every row")
    options = parser.parse_args()
    if options.evaluate:
        words = ["--across" if word == "across" else word for word in options.evaluate]
        print(json.dumps(evaluated(words), indent=2))
        return
    chance = np.random.default_rng(0)
    cases = {}
    for file, (count, alpha, beta) in FILES.items():
        told = np.clip(chance.beta(alpha, beta, count), 0.001, 0.999)
        for name, truth in TRUTHS.items():
            cases[f"{file}, {name}"] = measure_case(told, truth(told), options.draws, chance)
    mean_off = {name: round(float(np.mean([case[name]["off"] for case in cases.values()])), 4) for name in ESTIMATORS}
    how = conditions(command=" ".join(["python bench/calibration.py", *sys.argv[1:]]), draws=options.draws)
    rows = [*rows_of(cases), ("off on average", ", ".join(f"{name} {off}" for name, off in mean_off.items()))]
    publish("calibration", {"mean_off": mean_off, "cases": cases, "conditions": how}, rows, options.json)


if __name__ == "__main__":
    main()
