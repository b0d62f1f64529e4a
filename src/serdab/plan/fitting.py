"""Coefficients from measured rows: what `calibration` holds was made by these functions, and can be made again.

All are linear models in relative error, with few parameters: each group of devices may differ from the common
coefficients only as far as its rows insist (ridge on the differences): a class with one row borrows from others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from serdab.plan import first_token
from serdab.plan.decoding import FEATURES, DecodeCase, DecodeModel
from serdab.plan.first_token import FirstTokenModel
from serdab.plan.prefill import PrefillModel
from serdab.plan.robust import fit_logs, fit_positive, spans
from serdab.plan.serving import DENSE_LEAST, Served, features_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: What the coefficients are before any row is seen, and how far a group may differ from them (one deviation).
PRIOR = (1.08, 1.15, 0.5, 0.45, 0.8, 0.1, 0.03, 0.2)
SPREAD = (0.08, 0.15, 0.5, 0.4, 0.4, 0.15, 0.04, 0.2)
#: How far engines and devices of a class may differ, beside their memory and maker, as a share of SPREAD.
NARROWER = {"memory": 1.0, "maker": 1.0, "class": 1.0, "engine": 1.0}
#: Relative error of one row that is taken for granted.
NOISE = 0.05
#: Above it a row's pull no longer grows: strange rows shall not move the rest.
ROBUST = 0.10
ROUNDS = 6


def fit_decode(cases: Sequence[DecodeCase], weights: Sequence[float] | None = None) -> DecodeModel:
    """Fit the times of tokens; devices count equally, whatever the number of their rows.

    Args:
        cases: measured tokens.
        weights: trust in each case.

    Returns:
        The coefficients.
    """
    import numpy as np

    groups = sorted({group for case in cases for group in case.groups})
    rows_of = Counter(case.device for case in cases)
    trust = np.array([1.0] * len(cases) if weights is None else list(weights))
    share = np.sqrt(trust / np.array([max(rows_of[case.device], 1) ** 0.7 for case in cases]))
    design = _design(cases, groups)
    measured = np.array([1.0 / case.tokens_per_s for case in cases])
    prior, ridge = _prior(groups)
    pull = np.ones(len(cases))
    solution = prior
    for _ in range(ROUNDS):
        predicted = np.maximum(design @ solution, 1e-9)
        scale = np.sqrt(predicted * measured) if _ else measured
        weight = share * pull / scale / NOISE
        weighted = design * weight[:, None]
        left = weighted.T @ weighted + np.diag(ridge**2)
        solution = np.linalg.solve(left, weighted.T @ (measured * weight) + ridge**2 * prior)
        residual = np.abs(np.log(np.maximum(design @ solution, 1e-9) / measured))
        pull = np.sqrt(np.minimum(1.0, ROBUST / np.maximum(residual, 1e-6)))
    size = len(FEATURES)
    return DecodeModel(
        common=tuple(round(float(value), 5) for value in solution[:size]),
        differences={
            group: tuple(round(float(value), 5) for value in solution[size * (place + 1) : size * (place + 2)])
            for place, group in enumerate(groups)
        },
    )


def _design(cases: Sequence[DecodeCase], groups: Sequence[str]) -> NDArray[np.float64]:
    import numpy as np

    size = len(FEATURES)
    place_of = {group: size * (place + 1) for place, group in enumerate(groups)}
    design = np.zeros((len(cases), size * (len(groups) + 1)))
    for row, case in enumerate(cases):
        features = case.features()
        design[row, :size] = features
        for group in case.groups:
            design[row, place_of[group] : place_of[group] + size] = features
    return design


def _prior(groups: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import numpy as np

    spread = np.array(SPREAD)
    centre = [np.array(PRIOR), *[np.zeros(len(PRIOR)) for _ in groups]]
    ridge = [1.0 / (2 * spread)]
    ridge.extend(1.0 / (spread * NARROWER.get(group.split(" ", 1)[0], 0.6)) for group in groups)
    return np.concatenate(centre), np.concatenate(ridge)


def fit_steps(served: Sequence[Served], measured_s: Sequence[float]) -> tuple[float, ...]:
    """Fit the time of a step at concurrency, of dense models or of mixtures of experts (not of both together)."""
    import numpy as np

    least = DENSE_LEAST if all(each.shape.experts is None for each in served) else ()
    return fit_positive(np.array([features_of(each) for each in served]), np.array(measured_s), least)


def fit_first_token(served: Sequence[Served], measured_s: Sequence[float], share: float = 0.8) -> FirstTokenModel:
    """Fit the wait for the first token, and how far it spreads by the same features."""
    import numpy as np

    features = np.array([first_token.features_of(each) for each in served])
    target = np.log(np.array(measured_s))
    wait = fit_logs(features, target, ridge=200.0)
    residual = target - features @ np.array(wait)
    spread = fit_logs(features, np.log(np.maximum(np.abs(residual), 0.05)), ridge=1000.0)
    deviation = np.exp(np.clip(features @ np.array(spread), -3.0, 1.0))
    below, above = spans(list(residual / deviation), share)
    return FirstTokenModel(wait=wait, spread=spread, below=round(below, 4), above=round(above, 4))


def fit_prefill(
    groups: Sequence[tuple[str, ...]],
    features: Sequence[tuple[float, ...]],
    shares: Sequence[float],
    devices: Sequence[str],
) -> PrefillModel:
    """Fit the share of the dense rate that prompts are read at; devices count equally."""
    import numpy as np

    names = sorted({group for each in groups for group in each})
    place = {name: len(features[0]) + index for index, name in enumerate(names)}
    design = np.zeros((len(shares), len(features[0]) + len(names)))
    for row, (own, values) in enumerate(zip(groups, features, strict=True)):
        design[row, : len(values)] = values
        for group in own:
            design[row, place[group]] = 1.0
    target = np.log(np.array(shares))
    rows_of = Counter(devices)
    equal = np.array([1.0 / rows_of[device] ** 0.7 for device in devices])
    held = np.array([0.01] + [0.3] * (len(features[0]) - 1) + [0.3] * len(names))
    prior = np.zeros(design.shape[1])
    prior[0] = np.log(0.5)
    weight = np.ones(len(shares))
    solution = prior
    for _ in range(ROUNDS):
        weighted = design * (weight * equal)[:, None]
        solution = np.linalg.solve(weighted.T @ design + np.diag(held), weighted.T @ target + held * prior)
        weight = 1.0 / np.maximum(np.abs(design @ solution - target), 0.1)
    return PrefillModel(
        common=tuple(round(float(value), 5) for value in solution[: len(features[0])]),
        differences={name: round(float(solution[place[name]]), 5) for name in names},
    )
