"""Least squares that strange rows do not move: for fits of few coefficients in relative error.

Needs the extra `documents` (numpy, scipy); imported by fits and validation only, never by an estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROUNDS = 12
#: Relative error of a typical row, whose pull is 1, and that below which a row's pull no longer grows.
TYPICAL, NEAR = 0.2, 0.05


def fit_positive(
    features: NDArray[np.float64], measured: NDArray[np.float64], least: Sequence[float] = (), ridge: float = 0.02
) -> tuple[float, ...]:
    """Coefficients of at least `least` of a sum of times, by least mean relative error (which is what is reported).

    Args:
        features: a row for each case, in seconds.
        measured: seconds.
        least: what each coefficient is at least; empty: 0.
        ridge: pull of all coefficients to their least, relative to what they explain.
    """
    import numpy as np
    from scipy.optimize import nnls

    rows, size = features.shape
    relative = features / measured[:, None]
    bounds = np.array(least or [0.0] * size)
    rest = 1 - relative @ bounds
    held = np.diag(np.full(size, ridge * np.sqrt(rows)) * (np.median(relative, axis=0) + 1e-9))
    pull, solution = np.ones(rows), np.zeros(size)
    for _ in range(ROUNDS):
        left = np.vstack([relative * pull[:, None], held])
        solution = bounds + nnls(left, np.concatenate([pull * rest, np.zeros(size)]))[0]
        pull = np.sqrt(TYPICAL / np.maximum(np.abs(relative @ solution - 1), NEAR))
    return tuple(round(float(value), 5) for value in solution)


def fit_logs(features: NDArray[np.float64], target: NDArray[np.float64], ridge: float = 3.0) -> tuple[float, ...]:
    """Coefficients of a linear model of logarithms by least absolute deviation; the first feature is the constant."""
    import numpy as np

    middle = features.mean(axis=0)
    middle[0] = 0.0
    centred = features - middle
    held = np.eye(features.shape[1]) * ridge
    held[0, 0] = 1e-6
    weight = np.ones(len(target))
    solution = np.zeros(features.shape[1])
    for _ in range(ROUNDS):
        weighted = centred * weight[:, None]
        solution = np.linalg.solve(weighted.T @ centred + held, weighted.T @ target)
        weight = 1.0 / np.maximum(np.abs(centred @ solution - target), 0.1)
    solution[0] -= float(middle @ solution)
    return tuple(round(float(value), 5) for value in solution)


def spans(residuals: Sequence[float], share: float = 0.8) -> tuple[float, float]:
    """How far below and above the prediction that share of the measured ones lies (logarithms; both at least 0)."""
    import numpy as np

    low, high = np.quantile(np.asarray(residuals), [(1 - share) / 2, (1 + share) / 2])
    return max(0.0, -float(low)), max(0.0, float(high))
