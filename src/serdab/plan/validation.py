"""Anyone can check us: estimates against measured rows in the layout of the evidence tables, error by what matters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from serdab.plan.batching import Crowd, estimate_batched
from serdab.plan.cases import (
    Catalogue,
    PrefillCase,
    ServingCase,
    derived_cases,
    engine_of,
    measured_cases,
    prefill_case,
    serving_case,
    unsound,
)
from serdab.plan.decoding import DecodeCase
from serdab.plan.errors_of import Score, repeats, score
from serdab.plan.formats import format_named
from serdab.plan.left_out import TRUSTED, coverage, decode_errors, prefill_errors, step_errors, trust_of, wait_ranges
from serdab.plan.measured import Row, device_of, number, shape_of
from serdab.plan.memory_rows import check_caches, check_memory, check_sizes
from serdab.plan.serving import reading_s, roofline_s
from serdab.plan.speed import Setting
from serdab.plan.tables import Tables
from serdab.plan.weights import weights_of


def catalogue_of(tables: Tables) -> Catalogue:
    """Devices and shapes of a folder."""
    shapes = [shape for row in tables.get("models", ()) if (shape := shape_of(row))]
    return Catalogue([device_of(row) for row in tables.get("hardware", ())], shapes)


def check_tables(tables: Tables) -> list[Score]:
    """All lines of the validation, for the tables that are there.

    Args:
        tables: rows by the name of their file, without its ending.
    """
    catalogue = catalogue_of(tables)
    lines = [
        *check_caches(tables.get("kv_golden_tests", ()), catalogue),
        *check_sizes(tables.get("gguf_sizes", ()), catalogue),
    ]
    lines += check_memory(tables.get("memory_measured", ()), catalogue)
    lines += check_decode(tables, catalogue)
    lines += check_batches(tables.get("perf_measured", ()), catalogue)
    lines += check_prefill(tables.get("perf_measured", ()), catalogue)
    lines += check_serving(tables.get("serving_silicon", ()), catalogue)
    return lines + published(tables.get("estimator_accuracy", ()))


def best_by_device(cases: Iterable[DecodeCase]) -> list[DecodeCase]:
    """Of each device the run that made most of its memory; what exceeds the memory was measured otherwise than told."""
    best: dict[str, DecodeCase] = {}
    for case in cases:
        used = case.tokens_per_s * (case.weights_s + case.cache_s)
        kept = best.get(case.device)
        if used <= 1 and (kept is None or used > kept.tokens_per_s * (kept.weights_s + kept.cache_s)):
            best[case.device] = case
    return list(best.values())


def baselines(name: str, cases: Sequence[DecodeCase], alike: Sequence[str]) -> list[Score]:
    """What a share of the bandwidth alone would say."""
    lines = []
    for share, what in ((1.0, "plain roofline"), (0.85, "0.85 x bandwidth"), (0.55, "0.55 x bandwidth")):
        errors = [share / (case.weights_s + case.cache_s) / case.tokens_per_s - 1 for case in cases]
        lines.append(score(f"{name}: {what}", "formula", errors, alike=alike))
    return lines


def check_decode(tables: Tables, catalogue: Catalogue) -> list[Score]:
    """Speed of one user, each device left out of the fit."""
    derived = derived_cases(tables.get("efficiency_derived_2025_26", ()), catalogue)
    measured = measured_cases(tables.get("perf_measured", ()), catalogue)
    if not derived and not measured:
        return []
    train = [*derived, *measured]
    trust = [1.0] * len(derived) + [trust_of(case.source) for case in measured]
    lines = []
    if derived:
        alike = [case.device for case in derived]
        errors = decode_errors(train, trust, derived, catalogue)
        line = score("decode, one user", "device", errors, alike=alike, bars={"mean": 8, "median": 6, "p90": 18})
        inside, ratio = coverage(errors, alike)
        lines.append(msgspec.structs.replace(line, inside_pct=round(100 * inside, 1), high_over_low=round(ratio, 2)))
        for kind in sorted({case.groups[2] for case in derived}):
            own = [place for place, case in enumerate(derived) if case.groups[2] == kind]
            lines.append(score("decode, one user", "device", [errors[place] for place in own], subset=kind))
        lines += baselines("decode, one user", derived, alike)
    careful = [case for case in measured if case.source.startswith(TRUSTED)]
    crowd = best_by_device(case for case in measured if not case.source.startswith(TRUSTED))
    for name, cases, most in (("careful sources", careful, 12.0), ("crowd, best of each device", crowd, 20.0)):
        if not cases:
            continue
        errors = decode_errors(train, trust, cases, catalogue)
        lines.append(score("decode, one user", "device", errors, subset=name, bars={"median": most}))
        equal = [(case.device, case.model, case.groups, case.weights_s, case.cache_s) for case in cases]
        lines += repeats(f"decode, {name}", equal, [case.tokens_per_s for case in cases])
        for group in sorted({case.groups[-1] for case in cases}):
            own = [place for place, case in enumerate(cases) if case.groups[-1] == group]
            lines.append(score("decode, one user", "device", [errors[place] for place in own], subset=group))
        lines += baselines(f"decode, {name}", cases, [case.device for case in cases])
    return lines


def check_batches(rows: Sequence[Row], catalogue: Catalogue) -> list[Score]:
    """Speed of several users together under engines that were made for one; no row of several users is fitted to."""
    errors: dict[str, list[float]] = {}
    for row in rows:
        device, storage, users = (
            catalogue.device(row["hardware"]),
            format_named(row["quant"]),
            number(row, "concurrency"),
        )
        if row["metric"] != "decode_aggregate" or users < 2 or device is None or not storage or "specul" in row["flag"]:
            continue
        shape = catalogue.shape(row["model"], number(row, "params_b") * 1e9, number(row, "active_params_b") * 1e9)
        context = number(row, "context_depth") or number({"len": row["prompt_len"].strip("~")}, "len")
        setting = Setting(engine=engine_of(row), context_tokens=context + number(row, "gen_len") / 2)
        step = estimate_batched(device, shape, weights_of(shape, storage), setting, Crowd(users=users)).likely
        errors.setdefault(f"{setting.engine} on {device.id}", []).append(users / step / number(row, "value") - 1)
    name = "decode, several users together"
    return [score(name, "formula", own, subset=subset) for subset, own in sorted(errors.items())]


def check_prefill(rows: Sequence[Row], catalogue: Catalogue) -> list[Score]:
    """Speed of reading a prompt, each device left out of the fit."""
    known: list[PrefillCase] = [case for row in rows if (case := prefill_case(row, catalogue))]
    cases = [case for case in known if case.source.startswith(TRUSTED)]
    train = [case for case in known if not case.source.startswith("localmaxxing")]
    if len({case.device.id for case in cases}) < 2:
        return []
    errors = prefill_errors(train, cases)
    alike = [case.device.id for case in cases]
    lines = [score("prefill", "device", errors, subset="devices equal", alike=alike, bars={"median": 25})]
    lines.append(score("prefill", "device", errors, subset="rows equal", bars={"median": 25}))
    lines += _prefill_intervals(cases, errors)
    equal = [
        (case.device.id, case.engine, case.model, case.weights_bytes, case.prompt_tokens, case.depth_tokens)
        for case in cases
    ]
    lines += repeats("prefill", equal, [case.tokens_per_s for case in cases])
    for kind in sorted({case.device.kind for case in cases}):
        own = [error for error, case in zip(errors, cases, strict=True) if case.device.kind == kind]
        lines.append(score("prefill", "device", own, subset=f"class {kind}"))
    return lines


def _prefill_intervals(cases: Sequence[PrefillCase], errors: Sequence[float]) -> list[Score]:
    """Intervals apart for devices whose class others of the fit share, and for those that are alone in theirs."""
    devices = {(case.device.kind, case.device.id) for case in cases}
    classes = [kind for kind, _ in devices]
    lines = []
    for what, alone in (("devices whose class has others", False), ("devices alone in their class", True)):
        places = [place for place, case in enumerate(cases) if (classes.count(case.device.kind) == 1) is alone]
        own = [errors[place] for place in places]
        alike = [cases[place].device.id for place in places]
        if len(set(alike)) < 2:
            continue
        inside, ratio = coverage(own, alike)
        line = score("prefill", "device", own, subset=what)
        lines.append(msgspec.structs.replace(line, inside_pct=round(100 * inside, 1), high_over_low=round(ratio, 2)))
    return lines


def check_serving(rows: Sequence[Row], catalogue: Catalogue) -> list[Score]:
    """Time between tokens and to the first one at concurrency, each group left out of the fit."""
    cases = [case for row in rows if (case := serving_case(row, catalogue))]
    lines: list[Score] = []
    for name, own, most in (
        ("dense", [case for case in cases if not case.expert], 16.0),
        ("experts", [case for case in cases if case.expert], 30.0),
    ):
        if own:
            lines += _step_lines(name, own, most)
    known = [case for case in cases if case.ttft_s > 0]
    if known:
        lines.append(_wait_line(known))
        ideal = [reading_s(case.served) / case.ttft_s - 1 for case in known]
        lines.append(score("first token: one prompt at the full rate", "formula", ideal))
    return lines


def _step_lines(name: str, cases: Sequence[ServingCase], most: float) -> list[Score]:
    lines = []
    for what, key in (
        ("group", lambda case: case.group),
        ("model", lambda case: case.served.shape.name),
        ("device", lambda case: case.served.device.id),
        ("engine", lambda case: case.served.engine),
    ):
        errors = step_errors(cases, key)
        bars = {"mean": most} if what == "group" else None
        line = score("between tokens at concurrency", what, errors, subset=name, bars=bars)
        if what == "group":
            inside, ratio = coverage(errors, [case.group for case in cases])
            line = msgspec.structs.replace(line, inside_pct=round(100 * inside, 1), high_over_low=round(ratio, 2))
            lines.append(line)
            lines.append(_sound_line(name, cases, errors))
            for group in sorted({case.group for case in cases}):
                own = [error for error, case in zip(errors, cases, strict=True) if case.group == group]
                lines.append(score("between tokens at concurrency", what, own, subset=group))
        else:
            lines.append(line)
    return [*lines, *_step_baselines(name, cases)]


def _sound_line(name: str, cases: Sequence[ServingCase], errors: Sequence[float]) -> Score:
    """The errors of rows that contradict neither each other nor the full rates of their cards."""
    strange = unsound(cases)
    sound = [error for place, error in enumerate(errors) if place not in strange]
    what = f"{name}, without {len(strange)} rows that contradict others or what is possible"
    return score("between tokens at concurrency", "group", sound, subset=what)


def _step_baselines(name: str, cases: Sequence[ServingCase]) -> list[Score]:
    lines = []
    for share, what in ((1.0, "plain roofline"), (0.85, "0.85 x bandwidth"), (0.55, "0.55 x bandwidth")):
        errors = [roofline_s(case.served, share) / case.itl_s - 1 for case in cases]
        lines.append(score(f"between tokens at concurrency: {what}", "formula", errors, subset=name))
    return lines


def _wait_line(cases: Sequence[ServingCase]) -> Score:
    ranges = wait_ranges(cases)
    errors = [likely / case.ttft_s - 1 for (_, likely, _), case in zip(ranges, cases, strict=True)]
    held = sum(low <= case.ttft_s <= high for (low, _, high), case in zip(ranges, cases, strict=True))
    inside = 100 * held / len(cases)
    ratio = sorted(high / low for low, _, high in ranges)[len(ranges) // 2]
    return msgspec.structs.replace(
        score("time to first token", "group", errors),
        bar="range covers ≥ 75 %, its median high/low ≤ 3",
        holds=inside >= 75 and ratio <= 3,
        inside_pct=round(inside, 1),
        high_over_low=round(ratio, 2),
    )


def published(rows: Sequence[Row]) -> list[Score]:
    """What others publish of their own errors."""
    return [
        Score(
            metric=f"published: {row['estimator']}: {row['quantity']}",
            left_out="by its authors",
            subset=row["setting"][:60],
            n=int(number(row, "n")),
            mean_pct=number(row, "mape_pct"),
            median_pct=number(row, "median_ape_pct"),
            p90_pct=0.0,
            bias_pct=number(row, "bias_mpe_pct"),
        )
        for row in rows
        if number(row, "mape_pct")
    ]
