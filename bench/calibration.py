"""How well calibration errors are measured on few rows: estimators beside errors that are known, on drawn verdicts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import conditions, publish
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--draws", type=int, default=200, help="files drawn for each case")
    options = parser.parse_args()
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
