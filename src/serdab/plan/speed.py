"""How fast a model answers on a machine: writing, reading, and both with many users; each with terms and a reason."""

from __future__ import annotations

import math

import msgspec

from serdab.core import expected
from serdab.plan.bad_plan import BadPlan
from serdab.plan.calibration import (
    DECODE,
    DECODE_ROWS,
    DECODE_SPAN,
    DENSE_SPAN,
    DENSE_STEPS,
    EXPERTS_SPAN,
    EXPERTS_STEPS,
    FIRST_TOKEN,
    PREFILL,
    PREFILL_SPAN,
)
from serdab.plan.checking import checked
from serdab.plan.decoding import DecodeCase, groups_of
from serdab.plan.devices import Device
from serdab.plan.figures import Estimate, Range, Term, total
from serdab.plan.first_token import TRAFFIC, queue_named
from serdab.plan.kv import KV_BYTES, cache_bytes, kv_type
from serdab.plan.power import is_whole_machine
from serdab.plan.prefill import batch_of, dense_rate, operations, passes_s, prefill_features, prefill_groups
from serdab.plan.serving import BITS, DENSE_FEATURES, EXPERT_FEATURES, Served, activations_s, features_of, floor_s
from serdab.plan.shapes import Shape, Weights
from serdab.plan.weights import bits_each, bytes_read

#: Rows below which a class of devices counts as unknown, and how much wider the interval of what is unknown is.
FEW_ROWS, STRANGE = 5, 2.0
#: Seconds and bytes a second from one card to the next, where a device names no link.
HOP_S, HOP_BANDWIDTH = 2e-5, 1.2e10
#: Bytes a second of a machine's own memory where it is not told (two channels of DDR5), the share of it that is
#: reached, and of a disk whose pages are read as they are needed (NVMe).
HOST_BANDWIDTH, HOST_SHARE, DISK_BANDWIDTH = 6e10, 0.75, 3e9
#: Engines whose steps at concurrency were measured; several cards share each layer (tensor parallel).
MEASURED_ENGINES = ("vllm", "sglang", "trtllm")
#: Class of devices that they were measured on, and those of its like: one user alone was measured on none of them but
#: with llama.cpp, which uses half of what servers do.
STEPS_OF, SERVERS = "nvidia_hbm", frozenset({"nvidia_hbm", "amd_cdna", "gaudi", "tpu"})
#: Engines of the fits, by how an engine is called.
FITTED_ENGINES = {"ollama": "llama.cpp", "tensorrt-llm": "trtllm", "triton": "trtllm"}


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is run."""

    engine: str = "llama.cpp"
    context_tokens: float = 4096
    kv: str = "f16"
    #: Equal cards; one token of one user passes their layers one after another.
    cards: int = 1
    #: Share of the layers that is on the cards; the rest is with the processor.
    on_cards: float = 1.0
    #: Tokens that speculation gets accepted at each step, and the draft's share of the model's bytes; 1 and 0: none.
    accepted_tokens: float = 1.0
    draft_share: float = 0.0


def _ready(device: Device, setting: Setting) -> None:
    checked("context_tokens", setting.context_tokens)
    checked("cards", setting.cards)
    checked("share of layers on the cards", setting.on_cards, least=0.0, most=1.0)
    checked("accepted tokens", setting.accepted_tokens, most=16)
    kv_type(setting.kv)
    if device.bandwidth <= 0:
        raise BadPlan(
            expected("the device", "one with memory that a model can be read from", device.name, "take another device")
        )


def span_of(device: Device, engine: str, span: tuple[float, float]) -> tuple[float, float]:
    """The span of logarithms, twice as wide for a class of devices or an engine of which few rows were measured."""
    rows = DECODE_ROWS.get(f"class {device.kind}", 0)
    wider = STRANGE if rows < FEW_ROWS or not DECODE_ROWS.get(f"engine {engine}", 0) else 1.0
    return span[0] * wider, span[1] * wider


def decode_case(device: Device, shape: Shape, weights: Weights, setting: Setting) -> DecodeCase:
    """One token of one user, on the cards' part of the layers.

    Raises:
        BadPlan: a number or name makes no sense, or nothing can be read from the device.
    """
    _ready(device, setting)
    kept = cache_bytes(shape, setting.context_tokens) * KV_BYTES[kv_type(setting.kv)] / 2
    layers = max(1, round(shape.depth * setting.on_cards)) if setting.on_cards else 0
    recurrent = sum(each.count for each in shape.layers if each.attention == "recurrent")
    return DecodeCase(
        groups=groups_of(device.kind, FITTED_ENGINES.get(setting.engine, setting.engine)),
        weights_s=bytes_read(shape, weights) * setting.on_cards / device.bandwidth,
        cache_s=kept * setting.on_cards / device.bandwidth,
        bandwidth=device.bandwidth,
        layers=layers,
        expert_layers=layers if shape.experts is not None else 0,
        recurrent_layers=recurrent,
    )


def token_terms(device: Device, shape: Shape, weights: Weights, setting: Setting) -> tuple[Term, ...]:
    """What the time of one token is the sum of, in seconds.

    Raises:
        BadPlan: a number or name makes no sense, or nothing can be read from the device.
    """
    case = decode_case(device, shape, weights, setting)
    values = [a * b for a, b in zip(DECODE.coefficients(case.groups), case.features(), strict=True)]
    read, cached = bytes_read(shape, weights) * setting.on_cards, case.cache_s * device.bandwidth
    weights_s = values[0] + values[5] + values[6]
    cache_s = values[1] + values[7]
    layers_s = values[2] + values[3] + values[4]
    terms = [
        Term(
            name="weights",
            value=weights_s,
            unit="s",
            why=f"{read / 1e9:.2f} GB at {_rate(read, weights_s)} of {device.bandwidth / 1e9:,.0f} GB/s",
        ),
        Term(
            name="keys and values",
            value=cache_s,
            unit="s",
            why=f"{cached / 1e9:.2f} GB of {setting.context_tokens:,.0f} tokens at {_rate(cached, cache_s)}",
        ),
        Term(
            name="layers",
            value=layers_s,
            unit="s",
            why=f"{case.layers} layers, {1e6 * layers_s / max(case.layers, 1):.0f} µs each to start and join",
        ),
    ]
    return (*terms, *elsewhere_terms(device, shape, weights, setting))


def elsewhere_terms(device: Device, shape: Shape, weights: Weights, setting: Setting) -> list[Term]:
    """The part that is with the processor, and the way from card to card."""
    read = bytes_read(shape, weights) + cache_bytes(shape, setting.context_tokens, kind=setting.kv)
    host = min(device.host_bandwidth or HOST_BANDWIDTH, device.bandwidth)
    terms = rest_terms(device, setting.on_cards, read, HOST_SHARE * host)
    if setting.cards > 1:
        hop = HOP_S + shape.hidden * 2 / (device.link or HOP_BANDWIDTH)
        terms.append(
            Term(
                name="hops", value=hop * (setting.cards - 1), unit="s", why=f"{setting.cards - 1} x {hop * 1e6:.0f} µs"
            )
        )
    return terms


def rest_terms(device: Device, on_cards: float, read_bytes: float, host_bytes_s: float) -> list[Term]:
    """Seconds of the layers that are not on the cards: with the processor, or where nothing else is left on the disk.

    Args:
        device: the cards, or a machine that has no other memory than its own.
        on_cards: share of the layers that is there.
        read_bytes: what all layers read.
        host_bytes_s: at which the machine's own memory gives what is needed.
    """
    on_disk = 0.0
    if is_whole_machine(device):  # its GPU may use a part of its memory, its processor the whole
        on_disk = max(0.0, 1 - on_cards / (1.0 if device.kind == "cpu" else device.usable_share))
    parts = (
        ("processor", 1 - on_cards - on_disk, host_bytes_s, "of the machine's own memory"),
        ("disk", on_disk, DISK_BANDWIDTH, "of a disk: the machine has no more memory"),
    )
    return [
        Term(
            name=name,
            value=share * read_bytes / rate,
            unit="s",
            why=f"{share * read_bytes / 1e9:.2f} GB at {rate / 1e9:,.0f} GB/s {where}",
        )
        for name, share, rate, where in parts
        if share > 1e-9
    ]


def _rate(read_bytes: float, seconds: float) -> str:
    return f"{read_bytes / seconds / 1e9:,.0f} GB/s" if seconds > 0 else "no time"


def estimate_decode(device: Device, shape: Shape, weights: Weights, setting: Setting) -> Estimate:
    """Tokens a second that one user sees.

    Raises:
        BadPlan: a number or name makes no sense, or nothing can be read from the device.
    """
    terms = token_terms(device, shape, weights, setting)
    seconds = sum(term.value for term in terms)
    gain = max(1.0, setting.accepted_tokens / (1 + setting.draft_share * setting.accepted_tokens))
    speed = gain / seconds
    low, high = span_of(device, FITTED_ENGINES.get(setting.engine, setting.engine), DECODE_SPAN)
    roof = device.bandwidth / max(bytes_read(shape, weights) * setting.on_cards, 1.0) * gain
    largest = max(terms, key=lambda term: term.value)
    reason = {
        "weights": f"memory bandwidth: {bytes_read(shape, weights) / 1e9:.1f} GB of weights x {speed:.0f}/s",
        "keys and values": f"memory bandwidth: the context's keys and values x {speed:.0f}/s",
        "layers": "the time to start each layer: the model is too small for this device to be read at its full rate",
        "processor": "the layers that are with the processor: more memory on the card is faster",
        "disk": "the layers that are read from the disk for each token: this does not fit the machine",
        "hops": "the way from card to card",
    }[largest.name]
    notes = () if shape.assumed == () else tuple(f"assumed: {each}" for each in shape.assumed)
    return Estimate(
        name="decode, one user",
        unit="tokens/s",
        terms=terms,
        bound_by=reason,
        notes=notes,
        range=Range(low=speed * math.exp(-low), likely=speed, high=min(speed * math.exp(high), max(roof, speed))),
    )


def prompt_share(device: Device, shape: Shape, prompt_tokens: float, fitted: str) -> float:
    """The share of the full rates at which a device reads prompts under an engine of the fits."""
    return PREFILL.share(prefill_groups(device, fitted), prefill_features(shape, prompt_tokens))


def prompt_terms(
    device: Device, shape: Shape, weights: Weights, prompt_tokens: float, fitted: str
) -> tuple[Term, Term, Term]:
    """What reading a prompt is the sum of on one card that has all layers, in seconds."""
    share, batch = prompt_share(device, shape, prompt_tokens, fitted), batch_of(fitted)
    work, flat = operations(shape, prompt_tokens), 2.0 * prompt_tokens * shape.active_parameters
    each = 1 / (share * dense_rate(device))
    reading = passes_s(device, weights.bytes, prompt_tokens, batch) / min(share, 1.0)
    return (
        Term(
            name="weights",
            value=flat * each,
            unit="s",
            why=f"2 x {shape.active_parameters / 1e9:.2f} G x {prompt_tokens:,.0f} tokens",
        ),
        Term(name="attention", value=(work - flat) * each, unit="s", why="grows with the square of the prompt"),
        Term(name="reading", value=reading, unit="s", why=f"{weights.bytes / 1e9:.2f} GB for each {batch} tokens"),
    )


def estimate_prefill(
    device: Device, shape: Shape, weights: Weights, prompt_tokens: float, setting: Setting | None = None
) -> Estimate:
    """Seconds to read a prompt of one user.

    Cards that share each layer (tensor parallel) divide all of it but the traffic of activations, which each of them
    has as a whole; where they hold the layers one after another, one prompt is read as by one card.

    Raises:
        BadPlan: a number makes no sense.
    """
    checked("context_tokens", prompt_tokens)
    placed = setting or Setting()
    fitted = FITTED_ENGINES.get(placed.engine, placed.engine)
    here, shared = prompt_terms(device, shape, weights, prompt_tokens, fitted), ""
    if fitted in MEASURED_ENGINES and placed.cards > 1:
        traffic = min(1.0, TRAFFIC * activations_s(device, shape, prompt_tokens) / total(here))
        part, shared = traffic + (1 - traffic) / placed.cards, f", shared by {placed.cards} cards"
        weights_term, attention, reading = (
            msgspec.structs.replace(term, value=term.value * part, why=term.why + shared) for term in here
        )
        here = (weights_term, attention, reading)
    share, batch = prompt_share(device, shape, prompt_tokens, fitted), batch_of(fitted)
    passes = max(1.0, prompt_tokens / batch)
    elsewhere = rest_terms(device, placed.on_cards, weights.bytes * passes, HOP_BANDWIDTH)
    computing = (
        f"computing: {operations(shape, prompt_tokens) / 1e12:,.1f} T operations at {share:.0%} of "
        f"{dense_rate(device) / 1e12:,.0f} T/s{shared}"
    )
    bandwidth = (
        f"memory bandwidth: {weights.bytes / 1e9:.1f} GB for each {batch} tokens at {min(share, 1.0):.0%} of "
        f"{device.bandwidth / 1e9:,.0f} GB/s{shared}"
    )
    brought = "the layers that are not on the cards, which are brought there for each batch"
    reasons = {computing: total(here[:2]), bandwidth: here[2].value, brought: total(elsewhere)}
    low, high = span_of(device, fitted, PREFILL_SPAN)
    seconds = total((*here, *elsewhere))
    return Estimate(
        name="prefill",
        unit="s",
        terms=(*here, *elsewhere),
        range=Range(low=seconds * math.exp(-high), likely=seconds, high=seconds * math.exp(low)),
        bound_by=max(reasons, key=lambda reason: reasons[reason]),
    )


def precision_of(weights: Weights, shape: Shape) -> str:
    """The nearest precision that servers compute with."""
    bits = bits_each(shape, weights)
    return "bf16" if bits > 12 else "fp8" if bits > 6.5 else "fp4"


def _strangeness(served: Served) -> tuple[str, ...]:
    """What a step was never fitted to."""
    found = []
    if served.engine not in MEASURED_ENGINES:
        found.append(
            f"many users: fitted to {', '.join(MEASURED_ENGINES)}; {served.engine} is slower by an unknown factor"
        )
    if served.device.kind != STEPS_OF:
        found.append("many users: fitted to data-centre cards of NVIDIA; the interval of others is twice as wide")
    return tuple(found)


def estimate_step(served: Served) -> Estimate:
    """Seconds between two tokens of a user, with all users at work.

    Raises:
        BadPlan: a number or name makes no sense.
    """
    checked("users", served.users)
    checked("context_tokens", served.prompt_tokens)
    checked("answer tokens", served.answer_tokens)
    if served.precision not in BITS or served.device.bandwidth <= 0:
        raise BadPlan(
            expected("precision and device", f"one of {', '.join(BITS)} on a device with memory", served.precision)
        )
    dense = served.shape.experts is None
    names, fitted = (DENSE_FEATURES, DENSE_STEPS) if dense else (EXPERT_FEATURES, EXPERTS_STEPS)
    features = features_of(served)
    terms = tuple(
        Term(name=name.replace("_", " "), value=a * b, unit="s", why=f"{a:.2f} x {b * 1e3:.2f} ms")
        for name, a, b in zip(names, fitted, features, strict=True)
        if a * b > 0
    )
    roof = floor_s(served) if dense else max(features[0], features[2])
    seconds = max(sum(term.value for term in terms), roof)
    if seconds > sum(term.value for term in terms):
        terms = (
            *terms,
            Term(
                name="roofline", value=seconds - sum(term.value for term in terms), unit="s", why="no step is shorter"
            ),
        )
    strange = _strangeness(served)
    low, high = (width * (STRANGE if strange else 1.0) for width in (DENSE_SPAN if dense else EXPERTS_SPAN))
    largest = max(terms, key=lambda term: term.value)
    return Estimate(
        name="between tokens",
        unit="s",
        terms=terms,
        bound_by=f"{largest.name}: {largest.value / seconds:.0%} of the step",
        notes=strange,
        range=Range(low=seconds * math.exp(-high), likely=seconds, high=seconds * math.exp(low)),
    )


def estimate_first_token(served: Served) -> Estimate:
    """Seconds to the first token of an answer, a range with the queue named.

    Raises:
        BadPlan: a number makes no sense.
    """
    checked("users", served.users)
    checked("context_tokens", served.prompt_tokens)
    checked("answer tokens", served.answer_tokens)
    wait = FIRST_TOKEN.range(served)
    terms = (Term(name="wait", value=wait.likely, unit="s", why=queue_named(served)),)
    return Estimate(name="to the first token", unit="s", terms=terms, range=wait, bound_by=queue_named(served))
