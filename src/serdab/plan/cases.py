"""Measured rows of speed as cases that a model of speed can be fitted to and compared with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from serdab.plan.decoding import DecodeCase, groups_of
from serdab.plan.devices import Device
from serdab.plan.formats import format_named
from serdab.plan.kv import bytes_per_token, kept_tokens
from serdab.plan.measured import Row, number
from serdab.plan.naming import device_named, rough_shape, shape_named
from serdab.plan.prefill import (
    SERVER_BATCH_TOKENS,
    batch_of,
    dense_rate,
    operations,
    passes_s,
    prefill_features,
    prompt_s,
    share_of,
)
from serdab.plan.serving import BITS, Served, floor_s
from serdab.plan.shapes import Shape
from serdab.plan.weights import bytes_read, weights_of

#: Classes of `efficiency_derived_2025_26.csv`, for devices that the catalogue does not have.
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
    """The engine and its age, as far as they decide, like `llama.cpp 2024`, `llamafile`, `edge-llm`."""
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
        groups=groups_of(kind, engine_of(row)),
        weights_s=number(row, "weight_bytes_read") / bandwidth,
        cache_s=number(row, "kv_bytes_read") / bandwidth,
        bandwidth=bandwidth,
        layers=layers,
        expert_layers=layers if moe else 0,
        recurrent_layers=recurrent_layers(shape) if shape else 0,
        device=row["hardware"],
        model=row["model"],
        source=row["source"],
        tokens_per_s=speed,
    )


def _size_in(name: str) -> float:
    """Parameters that a model's name states, like 35B; 0 where it states none."""
    found = re.search(r"(\d{1,4}(?:\.\d{1,2})?)[bB](?![a-zA-Z])", name)
    return float(found[1]) * 1e9 if found else 0.0


def measured_case(row: Row, catalogue: Catalogue) -> DecodeCase | None:
    """A case from a row of `perf_measured.csv` of metric decode, or None where it is no evidence of one user's speed.

    Left out: several users, impossible or flagged rows, speculation, unknown devices, sizes or formats.
    """
    if (
        row["metric"] != "decode"
        or row["concurrency"] not in ("", "1")
        or row["roofline_check"].startswith(("above", "far"))
    ):
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
        groups=groups_of(device.kind, engine_of(row)),
        weights_s=read / device.bandwidth,
        cache_s=context_bytes(shape, max(context, 1)) / device.bandwidth,
        bandwidth=device.bandwidth,
        layers=shape.depth,
        expert_layers=moe,
        recurrent_layers=recurrent_layers(shape),
        device=device.id,
        model=row["model"],
        source=row["source"],
        tokens_per_s=speed,
    )


def derived_cases(rows: Iterable[Row], catalogue: Catalogue) -> list[DecodeCase]:
    """All cases of `efficiency_derived_2025_26.csv`."""
    return [case for row in rows if (case := derived_case(row, catalogue))]


def measured_cases(rows: Iterable[Row], catalogue: Catalogue, sources: Sequence[str] = ("",)) -> list[DecodeCase]:
    """All cases of `perf_measured.csv` of the sources that begin so."""
    return [
        case for row in rows if row["source"].startswith(tuple(sources)) and (case := measured_case(row, catalogue))
    ]


class PrefillCase(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt that was read."""

    device: Device
    shape: Shape
    engine: str
    prompt_tokens: float
    tokens_per_s: float
    model: str
    source: str
    depth_tokens: float = 0.0
    weights_bytes: float = 0.0
    #: Tokens that were computed in one go.
    batch_tokens: float = 512

    @property
    def features(self) -> tuple[float, ...]:
        """What the logarithm of the share is linear in."""
        return prefill_features(self.shape, self.prompt_tokens, self.depth_tokens)

    @property
    def share(self) -> float:
        """The share of the full rates of the device that it was read at."""
        return share_of(*self._least_s, self.prompt_tokens / self.tokens_per_s)

    def speed(self, share: float) -> float:
        """Tokens a second at that share of the full rates."""
        return self.prompt_tokens / prompt_s(*self._least_s, share)

    @property
    def _least_s(self) -> tuple[float, float]:
        computing = operations(self.shape, self.prompt_tokens, self.depth_tokens) / dense_rate(self.device)
        return computing, passes_s(self.device, self.weights_bytes, self.prompt_tokens, self.batch_tokens)


def prefill_case(row: Row, catalogue: Catalogue) -> PrefillCase | None:
    """A case from a row of `perf_measured.csv` of metric prefill, or None where it is no evidence."""
    if row["metric"] != "prefill" or row["concurrency"] not in ("", "1") or number(row, "n_gpus", 1) > 1:
        return None
    flags = row["flag"]
    if any(word in flags for word in ("suspect", "spec_or_mtp", "offload")) or "(CPU)" in row["engine"]:
        return None
    device = catalogue.device(row["hardware"])
    parameters, prompt = number(row, "params_b") * 1e9, number(row, "prompt_len")
    if device is None or not device.rates or not parameters or not number(row, "value") or prompt < 32:
        return None
    depth = 0.0 if "ctx_is_window" in flags else number(row, "context_depth")
    shape = catalogue.shape(row["model"], parameters, number(row, "active_params_b") * 1e9)
    return PrefillCase(
        device=device,
        shape=shape,
        engine=engine_of(row),
        prompt_tokens=prompt,
        depth_tokens=depth,
        tokens_per_s=number(row, "value"),
        model=row["model"],
        source=row["source"],
        weights_bytes=weights_of(shape, format_named(row["quant"]) or "Q4_K_M").bytes,
        batch_tokens=_batch_of(row, prompt),
    )


def _batch_of(row: Row, prompt_tokens: float) -> int:
    """Tokens that were computed in one go.

    llama.cpp's own benches of long prompts, and those of kyuz0 with ROCm, ran with `-ub 2048` (their commands say so).
    """
    engine = engine_of(row)
    told = row["source"].startswith("ggml-org") or (row["source"].startswith("kyuz0") and engine == "llama.cpp")
    return SERVER_BATCH_TOKENS if told and prompt_tokens >= SERVER_BATCH_TOKENS else batch_of(engine)


def serving_case(row: Row, catalogue: Catalogue) -> ServingCase | None:
    """A case from a row of `serving_silicon.csv`, or None where prompts and answers ran on different cards."""
    device = catalogue.device(re.sub(r"^G(B[23]00)(?: NVL72)?", r"\1", row["hardware"]))
    if row["mode"] != "agg" or device is None or not number(row, "itl_ms"):
        return None
    parameters, active = number(row, "params_b") * 1e9, number(row, "active_params_b") * 1e9
    precision = row["quant"] or "bf16"
    if precision not in BITS or not number(row, "concurrency"):
        return None
    served = Served(
        device=device,
        shape=catalogue.shape(row["model"], parameters, active),
        precision=precision,
        engine=row["engine"],
        users=number(row, "concurrency"),
        prompt_tokens=number(row, "isl"),
        answer_tokens=number(row, "osl"),
        tensor_parallel=max(1, int(number(row, "tp", 1))),
        data_parallel=max(1, int(number(row, "dp", 1))),
        cards=max(1, int(number(row, "n_gpus", 1))),
        cache=_cache_of(row),
    )
    return ServingCase(
        served=served,
        itl_s=number(row, "itl_ms") / 1e3,
        ttft_s=number(row, "ttft_ms") / 1e3,
        expert=bool(active),
        group=f"{served.shape.name} {device.id} {row['engine']} {precision}",
        version=f"{row['engine_version']} {row['moe_ep']}",
    )


def _cache_of(row: Row) -> str:
    """Type of kept keys and values where the row's engine was told it; "" where it kept its own.

    vLLM 0.12 and later ran dense models of 8 bits with caches of 8 bits: aiconfigurator starts it so, NVIDIA's
    checkpoints ask for it, and some steps are shorter than reading caches of 16 bits takes.
    """
    told = row["engine"] == "vllm" and row["quant"] == "fp8" and not number(row, "active_params_b")
    version = re.match(r"(\d{1,3})\.(\d{1,3})", row.get("engine_version", ""))
    return "fp8" if told and version and (int(version[1]), int(version[2])) >= (0, 12) else ""


class ServingCase(msgspec.Struct, frozen=True, kw_only=True):
    """Steps that were measured at concurrency."""

    served: Served
    itl_s: float
    ttft_s: float
    expert: bool
    #: Model, device, engine and precision: what is left out together.
    group: str
    version: str = ""


def unsound(cases: Sequence[ServingCase]) -> set[int]:
    """Places of cases that contradict themselves or what is possible: nothing is fitted to them.

    Fewer users that wait a quarter longer than more users of the same set-up, and steps that are shorter than reading
    all prompts takes at the full rate (prompts that were cached, or users who did not come again).
    """
    found = {place for place, case in enumerate(cases) if not case.expert and case.itl_s < 0.9 * floor_s(case.served)}
    same: dict[tuple[object, ...], list[int]] = {}
    for place, case in enumerate(cases):
        served = case.served
        key = (
            case.group,
            case.version,
            served.tensor_parallel,
            served.data_parallel,
            served.prompt_tokens,
            served.answer_tokens,
        )
        same.setdefault(key, []).append(place)
    for places in same.values():
        for one in places:
            for other in places:
                fewer = cases[one].served.users < cases[other].served.users
                if fewer and cases[one].itl_s > 1.25 * cases[other].itl_s:
                    found.add(one)
    return found
