"""Estimates of memory against published and measured values."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from serdab.plan.cases import Catalogue
from serdab.plan.errors_of import Score, score
from serdab.plan.figures import total
from serdab.plan.formats import format_named
from serdab.plan.kv import KV_BYTES, bytes_per_token, cache_bytes, kv_type
from serdab.plan.measured import Row, number
from serdab.plan.memory import GIB, Load, memory_terms, uncertainty
from serdab.plan.naming import rough_shape, shape_named
from serdab.plan.shapes import Shape
from serdab.plan.weights import weights_of

#: Published values have two decimals.
ROUNDING_GIB = 0.005


def _size(name: str) -> float:
    found = re.search(r"(\d{1,4}(?:\.\d{1,2})?)b(?![a-z])", name.lower())
    return float(found[1]) * 1e9 if found else 0.0


def check_caches(rows: Sequence[Row], catalogue: Catalogue) -> list[Score]:
    """Keys, values and states against published values."""
    exact, whole = [], []
    held = True
    for row in rows:
        shape = shape_named(catalogue.shapes, row["model"], _size(row["model"]))
        if shape is None:
            continue
        told, context = number(row, "expected_gib") * GIB, number(row, "context", 1.0)
        what = row["what"]
        if "total VRAM" in what:
            weights = weights_of(shape, "Q4_K_XL")
            need = weights.bytes + cache_bytes(shape, context) + 0.6 * GIB
            whole.append((need - told) / GIB)
        elif "recurrent" in what:
            slots = number({"slots": (re.findall(r"(\d{1,3}) slot", what) or ["1"])[0]}, "slots", 1.0)
            states = sum(each.count * each.state_bytes for each in shape.layers)
            exact.append(slots * states / told - 1)
        elif "per token" in what:
            exact.append(sum(each.count * bytes_per_token(each, 2.0) for each in shape.layers) / told - 1)
        else:
            kept = _kept(shape, context, "state" in what)
            exact.append(kept / told - 1)
            held = held and (abs(exact[-1]) <= 0.005 or abs(kept - told) <= ROUNDING_GIB * GIB)
    if not exact and not whole:
        return []
    most = max((abs(error) for error in exact), default=0.0)
    lines = [
        msgspec.structs.replace(
            score("keys, values and states", "formula", exact),
            bar="each within 0.5 % or the rounding of the published value",
            holds=held,
            subset=f"published values, worst {most:.2%}",
        )
    ]
    if whole:
        worst = max(abs(off) for off in whole)
        lines.append(
            msgspec.structs.replace(
                score("whole memory, rounded table", "formula", [0.0] * len(whole)),
                bar="each ± 1 GiB",
                holds=worst <= 1.0,
                subset=f"worst {worst:.2f} GiB",
            )
        )
    return lines


def _kept(shape: Shape, context: float, with_state: bool) -> float:
    states = sum(each.count * each.state_bytes for each in shape.layers)
    return cache_bytes(shape, context) - (0 if with_state else states)


def check_sizes(rows: Sequence[Row], catalogue: Catalogue) -> list[Score]:
    """Sizes of files against bits by role of tensor."""
    errors = []
    for row in rows:
        parameters, storage = number(row, "params_b") * 1e9, format_named(row["quant"])
        if not parameters or not storage:
            continue
        if storage == "Q4_0" and row.get("source", "").startswith("ggml-org") and row["model"].startswith("gemma-3"):
            storage = "Q4_0_QAT"  # ggml-org publishes Gemma 3 in Q4_0 only as trained for it
        shape = shape_named(catalogue.shapes, row["model"], parameters)
        if shape is None:
            bare = rough_shape(row["model"], parameters)
            shape = msgspec.structs.replace(bare, vocabulary=0) if "FLUX" in row["model"] else bare
        weights = weights_of(shape, storage)
        errors.append(weights.bytes / shape.parameters * parameters / (number(row, "size_gib") * GIB) - 1)
    if not errors:
        return []
    within = sum(abs(error) <= 0.02 for error in errors)
    line = score("size of a file", "formula", errors)
    return [
        msgspec.structs.replace(
            line, bar="each within 2 %", holds=within == len(errors), subset=f"{within} of {len(errors)} within 2 %"
        )
    ]


class MemoryCase(msgspec.Struct, frozen=True, kw_only=True):
    """A measured peak with what it should be."""

    model: str
    group: str
    measured_bytes: float
    need_bytes: float
    margin_bytes: float
    weights_bytes: float

    @property
    def evidence(self) -> bool:
        """Whether it can be true: what holds less than its weights has them elsewhere, or is another model."""
        return self.measured_bytes > self.weights_bytes


#: A draft model or head beside it, which the row does not tell the size of.
_DRAFT = re.compile(r"DFlash|speculative decod|spec decod|draft-mtp|-MTP-GGUF", re.IGNORECASE)
#: Several cards in one row, of which the peak may be that of one.
_CARDS = re.compile(r"device: [A-Za-z]{2,10}\d{1,2},")
#: llama-bench makes a context of its prompt and answer, whatever the model's own is.
_BENCH = re.compile(r"llama-bench|\bpp\d{1,6}, ?tg\d{1,6}")
#: From this day ollama uses flash attention for most models unasked (ollama#12639).
_OLLAMA_FLASH = "2025-10-16"


def is_evidence(row: Row) -> bool:
    """Whether a row of `memory_measured.csv` tells what one model on one card took, with nothing unknown beside it."""
    note = row["note"]
    return (
        row["quality"] == "ok"
        and row["kind"] in ("peak_vram", "vram_used", "peak_gpu_mem")
        and not row["quant"].endswith("?")
        and number(row, "n_gpus", 1) <= 1
        and not _DRAFT.search(f"{row['model']} {note}")
        and not _CARDS.search(note)
    )


def _load_of(row: Row, depth: int) -> Load:
    """How the model of a row was used."""
    engine = row["engine"].split()[0].lower()
    engine = "edge-llm" if "edge" in row["engine"].lower() else {"llamacpp": "llama.cpp"}.get(engine, engine)
    kept = row["kv_dtype"].lower()
    asked = number(row, "prompt_tokens") + 512
    return Load(
        context_tokens=asked if _BENCH.search(row["note"]) else number(row, "context") or asked,
        sequences=number(row, "concurrency", 1) or 1,
        kv=kv_type(kept) if kept in KV_BYTES or kept == "fp16" else "f16",
        engine=engine,
        on_cards=min(1.0, number(row, "gpu_layers", 999) / max(depth, 1)),
        flash_attention=engine != "ollama" or row["commit_or_date"] >= _OLLAMA_FLASH,
        vision=engine == "ollama" or "mmproj" in row["note"],  # llama.cpp loads it only when told to
    )


def memory_case(row: Row, catalogue: Catalogue) -> MemoryCase | None:
    """A case from a row of `memory_measured.csv`, or None where it is no evidence or no sum can be made."""
    parameters, storage = number(row, "params_b") * 1e9, format_named(row["quant"])
    measured = number(row, "measured_gib") * GIB
    shape = shape_named(catalogue.shapes, row["model"], parameters) if parameters else None
    if not is_evidence(row) or not storage or shape is None or not measured:
        return None
    load = _load_of(row, shape.depth)
    weights = weights_of(shape, storage)
    terms = memory_terms(shape, weights, load)
    return MemoryCase(
        model=row["model"],
        group=row["source"].split(" ")[0].split("/")[0] + " " + load.engine,
        measured_bytes=measured,
        need_bytes=total(terms),
        margin_bytes=uncertainty(terms, weights)[1],
        weights_bytes=terms[0].value,
    )


def check_memory(rows: Sequence[Row], catalogue: Catalogue) -> list[Score]:
    """Measured peaks against the sum, after repeats and rows that cannot be true are set apart."""
    known = [case for row in rows if (case := memory_case(row, catalogue))]
    cases = list({(case.model, case.group, case.measured_bytes, case.need_bytes): case for case in known}.values())
    if not cases:
        return []
    sound = [case for case in cases if case.evidence]
    errors = [case.need_bytes / case.measured_bytes - 1 for case in sound]
    short = sum(case.need_bytes + case.margin_bytes < case.measured_bytes for case in sound) / max(len(sound), 1)
    line = score("memory in use", "formula", errors, bars={"median": 6})
    lines = [
        msgspec.structs.replace(
            line,
            subset=f"{len(sound)} sound of {len(cases)}; {short:.1%} beyond the margin",
            bar="median ≤ 6 %, beyond the margin ≤ 5 %",
            holds=line.median_pct <= 6 and short <= 0.05,
        )
    ]
    for group in sorted({case.group for case in sound}):
        own = [case.need_bytes / case.measured_bytes - 1 for case in sound if case.group == group]
        lines.append(score("memory in use", "formula", own, subset=group))
    return lines
