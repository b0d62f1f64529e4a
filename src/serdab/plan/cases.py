"""Measured rows of speed as cases that a model of speed can be fitted to and compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from serdab.plan.decoding import DecodeCase, groups_of
from serdab.plan.devices import Device
from serdab.plan.formats import format_named
from serdab.plan.kv import bytes_per_token, kept_tokens
from serdab.plan.measured import Row, number
from serdab.plan.naming import device_named, rough_shape, shape_named
from serdab.plan.shapes import Shape
from serdab.plan.weights import bytes_read, weights_of

#: Bytes of weights and of kept numbers, GB/s of a host whose card has its own memory.
_CLASSES = {"uma": "", "gddr": "nvidia_gddr", "amd_gddr": "amd_rdna", "intel": "intel_arc", "apple": "apple"}


class Catalogue:
    """Devices and shapes to look names up in."""

    def __init__(self, devices: Iterable[Device], shapes: Iterable[Shape]) -> None:
        self.devices = tuple(devices)
        self.shapes = tuple(shapes)

    def device(self, name: str) -> Device | None:
        """The device that a name means."""
        return device_named(self.devices, name)

    def shape(self, name: str, parameters: float, active: float = 0.0) -> Shape:
        """The shape that a name means; a rough one by its size where the catalogue has none."""
        return shape_named(self.shapes, name, parameters) or rough_shape(name, parameters, active)


def engine_of(row: Row) -> str:
    """The engine and its age, as far as they decide: `llama.cpp 2024`, `llama.cpp`, `llamafile`, `edge-llm`, `vllm`…"""
    engine, source = row.get("engine", "").lower(), row.get("source", "")
    if source.startswith("XiongjieDai"):
        return "llama.cpp 2024"
    if "localscore" in engine or "llamafile" in engine:
        return "llamafile"
    if "edge-llm" in engine:
        return "edge-llm"
    if "vulkan" in engine or "10879" in source:
        return "llama.cpp vulkan"
    if "llama" in engine:
        return "llama.cpp"
    return engine.split()[0] if engine else "llama.cpp"


def context_bytes(shape: Shape, context_tokens: float) -> float:
    """Bytes of f16 keys and values that one token of a single user reads."""
    return sum(
        each.count * (kept_tokens(each, context_tokens) * bytes_per_token(each, 2.0) + each.state_bytes)
        for each in shape.layers
        if each.attention != "none"
    )


def recurrent_layers(shape: Shape) -> int:
    """Layers that keep a state instead of tokens."""
    return sum(each.count for each in shape.layers if each.attention == "recurrent")


def derived_case(row: Row, catalogue: Catalogue) -> DecodeCase | None:
    """A case from a row of `efficiency_derived_2025_26.csv`, whose bytes are given."""
    speed, bandwidth = number(row, "tok_s"), number(row, "bandwidth_gbs") * 1e9
    if not speed or not bandwidth:
        return None
    device = catalogue.device(row["hardware"])
    kind = device.kind if device else _CLASSES.get(row["class"], "") or "nvidia_unified"
    layers = int(number(row, "n_layers"))
    moe = row.get("moe", "0") in ("1", "True", "yes")
    shape = shape_named(catalogue.shapes, row["model"], _size_in(row["model"]))
    return DecodeCase(
        groups=groups_of(kind, engine_of(row)), weights_s=number(row, "weight_bytes_read") / bandwidth,
        cache_s=number(row, "kv_bytes_read") / bandwidth, bandwidth=bandwidth, layers=layers, expert_layers=layers if moe else 0,
        recurrent_layers=recurrent_layers(shape) if shape else 0, device=row["hardware"], model=row["model"],
        source=row["source"], tokens_per_s=speed,
    )  # fmt: skip


def _size_in(name: str) -> float:
    """Parameters that a model's name states, like 35B; 0 where it states none."""
    import re

    found = re.search(r"(\d{1,4}(?:\.\d{1,2})?)[bB](?![a-zA-Z])", name)
    return float(found[1]) * 1e9 if found else 0.0


def measured_case(row: Row, catalogue: Catalogue) -> DecodeCase | None:
    """A case from a row of `perf_measured.csv` of metric decode, or None where it is no evidence of one user's speed.

    Left out: several users, impossible or flagged rows, speculation, unknown devices, sizes or formats.
    """
    if row["metric"] != "decode" or row["concurrency"] not in ("", "1") or row["roofline_check"].startswith(("above", "far")):
        return None
    flags = row["flag"]
    if any(word in flags for word in ("suspect", "spec_or_mtp", "offload")) or "(CPU)" in row["engine"]:
        return None
    device = catalogue.device(row["hardware"])
    parameters, storage = number(row, "params_b") * 1e9, format_named(row["quant"])
    speed = number(row, "value")
    if device is None or not device.bandwidth or not parameters or not storage or not speed:
        return None
    shape = catalogue.shape(row["model"], parameters, number(row, "active_params_b") * 1e9)
    weights = weights_of(shape, storage)
    window = "ctx_is_window" in flags
    context = number(row, "prompt_len") + number(row, "gen_len") / 2 + (0 if window else number(row, "context_depth"))
    if parameters != shape.parameters and shape.experts is None:
        read = bytes_read(shape, weights) * parameters / shape.parameters
    else:
        read = bytes_read(shape, weights)
    if not shape.experts and number(row, "active_params_b"):
        read = number(row, "active_params_b") * 1e9 * weights.bytes / shape.parameters
    moe = shape.depth if shape.experts or number(row, "active_params_b") else 0
    return DecodeCase(
        groups=groups_of(device.kind, engine_of(row)), weights_s=read / device.bandwidth,
        cache_s=context_bytes(shape, max(context, 1)) / device.bandwidth, bandwidth=device.bandwidth, layers=shape.depth, expert_layers=moe,
        recurrent_layers=recurrent_layers(shape), device=device.id, model=row["model"], source=row["source"],
        tokens_per_s=speed,
    )  # fmt: skip


def derived_cases(rows: Iterable[Row], catalogue: Catalogue) -> list[DecodeCase]:
    """All cases of `efficiency_derived_2025_26.csv`."""
    return [case for row in rows if (case := derived_case(row, catalogue))]


def measured_cases(rows: Iterable[Row], catalogue: Catalogue, sources: Sequence[str] = ("",)) -> list[DecodeCase]:
    """All cases of `perf_measured.csv` of the sources that begin so."""
    return [case for row in rows if row["source"].startswith(tuple(sources)) and (case := measured_case(row, catalogue))]
