"""What `serdab plan fit` shows: the shape of a model, its weights, and what its cache costs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from serdab.cli.printing import print_json, print_table, say
from serdab.cli.session import run_loop
from serdab.core import BadInput, expected

if TYPE_CHECKING:
    from serdab.core import Settings
    from serdab.plan import Catalogue, Layers, Shape, Weights

#: Bits of one number of the cache, scales included.
KV_BITS = {"f16": 16.0, "q8_0": 8.5, "q4_0": 4.5}
#: Widest context that can be asked for, tokens.
MOST_CONTEXT = 1 << 24
_CONTEXT = re.compile(r"(\d{1,9})([km]?)", re.IGNORECASE)
_GIB = 2**30
_MIB = 2**20


def context_tokens(text: str) -> int:
    """Tokens of a context as people write it: 16k is 16,384.

    Raises:
        BadInput: it is no such number.
    """
    found = _CONTEXT.fullmatch(text.strip())
    tokens = int(found[1]) * {"": 1, "k": 1024, "m": 1024 * 1024}[found[2].lower()] if found else 0
    if not 1 <= tokens <= MOST_CONTEXT:
        raise BadInput(expected("--context", f"a number of tokens from 1 to {MOST_CONTEXT:,}, as in 16k", text))
    return tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked about a model."""

    model: str
    #: Empty: none.
    device: str
    #: As people write it.
    context: str
    users: int
    kv: str


def show_fit(settings: Settings, question: Question, as_json: bool) -> None:
    """Print what a model is and needs.

    Raises:
        BadInput: an option or a name is wrong; the message says which.
        PullFailed: the hub does not answer.
    """
    from serdab.plan import load_catalogue

    tokens, users, kv = context_tokens(question.context), question.users, question.kv
    if kv not in KV_BITS:
        raise BadInput(expected("--kv", f"one of {', '.join(KV_BITS)}", kv))
    catalogue = load_catalogue(settings.plan.catalogues)
    chosen = catalogue.device(question.device) if question.device else None
    shape, weights, place, read = _find(settings, catalogue, question.model)
    groups = [
        {
            "layers": each.count,
            "attention": each.attention,
            "bytes_per_1000_tokens": round(1000 * bytes_per_token(each, KV_BITS[kv])),
            "window_tokens": each.window_tokens or None,
            "state_bytes": each.count * each.state_bytes,
            "bytes": round(users * bytes_of(each, tokens, KV_BITS[kv])),
        }
        for each in shape.layers
    ]
    if as_json:
        print_json(
            {
                "shape": shape, "weights": weights, "place": place, "bytes_read": read, "context_tokens": tokens,
                "users": users, "kv": kv, "cache": groups, "device": chosen,
            }
        )  # fmt: skip
        return
    for each in catalogue.overridden:
        say(f"yours: {each}")
    rows = [*_shape_rows(shape), *_weight_rows(weights)]
    if chosen is not None:
        usable = chosen.memory_bytes * chosen.usable_share
        rows.append(("device", f"{chosen.name}: {usable / _GIB:.1f} GiB that a model may use"))
    rows.append(("read", f"{read:,} bytes of {place}" if read else place))
    print_table(("what", "is"), rows)
    if groups:
        print_table(
            (">layers", "attention", ">MiB / 1,000 tokens", ">state MiB", f">GiB at {tokens:,} x {users}"),
            [_group_row(group) for group in groups],
        )
    for each in shape.assumed:
        say(f"assumed: {each}")


def read_shape(settings: Settings, catalogue: Catalogue, model: str) -> tuple[Shape, Weights | None]:
    """What a model is, and its weights where a head was read.

    Raises:
        BadInput: no such model.
        PullFailed: the hub does not answer.
    """
    shape, weights, _, _ = _find(settings, catalogue, model)
    return shape, weights


def _find(settings: Settings, catalogue: Catalogue, model: str) -> tuple[Shape, Weights | None, str, int]:
    from serdab.models import is_here, is_place, read_model
    from serdab.plan import UnknownEntry

    known = None
    try:
        known = catalogue.model(model)
    except UnknownEntry:
        if not is_place(model):
            raise
    there = is_here(model) or "://" in model or (is_place(model) and bool(settings.models.hub_url))
    if there or known is None:
        head = run_loop(read_model(model, settings))
        return head.shape, head.weights, head.place, head.bytes_read
    return known.shape, None, f"the catalogue's entry {known.id}", 0


def bytes_per_token(layers: Layers, bits: float) -> float:
    """Bytes of the cache for one token in a group of layers, as long as a window does not end it."""
    if layers.attention == "mla":
        return layers.count * layers.latent_dim * bits / 8
    if layers.attention in ("full", "sliding"):
        return layers.count * layers.kv_heads * (layers.head_dim + (layers.value_dim or layers.head_dim)) * bits / 8
    return 0.0


def bytes_of(layers: Layers, tokens: int, bits: float) -> float:
    """Bytes of cache and state of one sequence in a group of layers."""
    kept = min(tokens, layers.window_tokens) if layers.attention == "sliding" else tokens
    return kept * bytes_per_token(layers, bits) + layers.count * layers.state_bytes


def _shape_rows(shape: Shape) -> list[tuple[str, str]]:
    rows = [("model", f"{shape.name} ({shape.kind})")]
    if shape.parameters:
        active = f", {shape.active_parameters / 1e9:,.3g} for one token" if shape.experts else ""
        rows.append(("parameters, 10^9", f"{shape.parameters / 1e9:,.4g}{active}"))
    if shape.experts:
        shared = f" and {shape.experts.shared} shared" if shape.experts.shared else ""
        rows.append(("experts", f"{shape.experts.used} of {shape.experts.count}{shared}"))
    rows += [(f"part {part.name}", f"{part.parameters / 1e9:,.3g}") for part in shape.parts]
    if shape.context_tokens:
        rows.append(("made for tokens", f"{shape.context_tokens:,}"))
    return rows


def _weight_rows(weights: Weights | None) -> list[tuple[str, str]]:
    if weights is None:
        return [("weights", "not read: give a file or a folder to have their bytes")]
    exact = "by their heads" if weights.exact else "by the size of files"
    rows = [("weights", f"{weights.bytes / _GIB:,.2f} GiB {weights.format}, {exact}")]
    if weights.embedding_bytes:
        rows.append(("  input embedding", f"{weights.embedding_bytes / _GIB:,.2f} GiB"))
    if weights.expert_bytes:
        rows.append(("  routed experts", f"{weights.expert_bytes / _GIB:,.2f} GiB"))
    return rows


def _group_row(group: Mapping[str, object]) -> tuple[object, ...]:
    per_1000, state, whole = (int(str(group[each])) for each in ("bytes_per_1000_tokens", "state_bytes", "bytes"))
    window = f" of {group['window_tokens']} tokens" if group["window_tokens"] else ""
    return (
        group["layers"],
        f"{group['attention']}{window}",
        f"{per_1000 / _MIB:,.2f}" if per_1000 else "",
        f"{state / _MIB:,.1f}" if state else "",
        f"{whole / _GIB:,.3f}",
    )
