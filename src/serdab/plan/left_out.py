"""Estimates of rows whose device or group was left out of the fit: what a stranger's machine would get."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from serdab.plan.cases import Catalogue, PrefillCase, ServingCase, unsound
from serdab.plan.decoding import DecodeCase
from serdab.plan.fitting import fit_decode, fit_first_token, fit_prefill, fit_steps
from serdab.plan.prefill import prefill_groups
from serdab.plan.robust import spans
from serdab.plan.serving import features_of

#: Sources that measured with care; their rows count half of the derived ones, crowds a tenth and less.
TRUSTED = ("ggml-org", "kyuz0", "XiongjieDai", "NVIDIA/TensorRT-Edge")
MEDIUM = ("AlexsJones", "geerling")
CROWD = ("LocalScore", "localmaxxing")
#: Share of TTFT ranges that shall hold what is measured, chosen so that unseen groups are covered at 75 % and more.
WAIT_SHARE = 0.822
#: Share of known rows that intervals of speed hold, so that unseen devices and groups are covered at about 80 %.
INTERVAL_SHARE = 0.82


def trust_of(source: str) -> float:
    """How much a row of a source counts in a fit."""
    if source.startswith(TRUSTED):
        return 0.5
    return 0.1 if source.startswith(MEDIUM) else 0.01


def device_id(name: str, catalogue: Catalogue) -> str:
    """One name for a device, however rows spell it."""
    device = catalogue.device(name)
    return device.id if device else name


def decode_errors(
    train: Sequence[DecodeCase], trust: Sequence[float], test: Sequence[DecodeCase], catalogue: Catalogue
) -> list[float]:
    """Relative errors of speed (estimate/measured - 1) with each case's own device left out of all that is fitted."""
    own = [device_id(case.device, catalogue) for case in train]
    found = [0.0] * len(test)
    asked = [device_id(case.device, catalogue) for case in test]
    for name in sorted(set(asked)):
        kept = [place for place, device in enumerate(own) if device != name]
        model = fit_decode([train[place] for place in kept], [trust[place] for place in kept])
        for place, device in enumerate(asked):
            if device == name:
                found[place] = 1.0 / model.seconds(test[place]) / test[place].tokens_per_s - 1.0
    return found


def prefill_errors(train: Sequence[PrefillCase], test: Sequence[PrefillCase]) -> list[float]:
    """Relative errors of reading speed with each case's own device left out."""
    found = [0.0] * len(test)
    for name in sorted({case.device.id for case in test}):
        kept = [case for case in train if case.device.id != name]
        model = fit_prefill(
            [prefill_groups(case.device, case.engine) for case in kept],
            [case.features for case in kept],
            [case.share for case in kept],
            [case.device.id for case in kept],
        )
        for place, case in enumerate(test):
            if case.device.id == name:
                share = model.share(prefill_groups(case.device, case.engine), case.features)
                found[place] = case.speed(share) / case.tokens_per_s - 1.0
    return found


def step_errors(cases: Sequence[ServingCase], key: Callable[[ServingCase], str]) -> list[float]:
    """Relative errors of the time between tokens with all cases of the same key left out."""
    strange = unsound(cases)
    features = [features_of(case.served) for case in cases]
    keys = [key(case) for case in cases]
    found = [0.0] * len(cases)
    for name in sorted(set(keys)):
        kept = [place for place in range(len(cases)) if keys[place] != name and place not in strange]
        if not kept:
            continue
        fitted = fit_steps([cases[place].served for place in kept], [cases[place].itl_s for place in kept])
        for place, own in enumerate(keys):
            if own == name:
                seconds = sum(a * b for a, b in zip(fitted, features[place], strict=True))
                found[place] = seconds / cases[place].itl_s - 1.0
    return found


def wait_ranges(cases: Sequence[ServingCase]) -> list[tuple[float, float, float]]:
    """(low, likely, high) of the wait for the first token with each case's own group left out."""
    known = [case for case in cases if case.ttft_s > 0]
    found: dict[int, tuple[float, float, float]] = {}
    for name in sorted({case.group for case in known}):
        kept = [case for case in known if case.group != name]
        model = fit_first_token([case.served for case in kept], [case.ttft_s for case in kept], WAIT_SHARE)
        for place, case in enumerate(cases):
            if case.group == name:
                wait = model.range(case.served)
                found[place] = (wait.low, wait.likely, wait.high)
    return [found.get(place, (0.0, 0.0, 0.0)) for place in range(len(cases))]


def coverage(errors: Sequence[float], groups: Sequence[str], share: float = INTERVAL_SHARE) -> tuple[float, float]:
    """(share of rows in their interval, its median high/low), each interval from the errors of the other groups."""
    logs = [math.log1p(max(error, -0.99)) for error in errors]
    inside, ratios = 0, []
    for name in sorted(set(groups)):
        others = [value for value, group in zip(logs, groups, strict=True) if group != name]
        if not others:
            continue
        low, high = spans([-value for value in others], share)
        own = [-value for value, group in zip(logs, groups, strict=True) if group == name]
        inside += sum(-low <= value <= high for value in own)
        ratios += [math.exp(low + high)] * len(own)
    ratios.sort()
    return inside / max(len(logs), 1), ratios[len(ratios) // 2] if ratios else 1.0
