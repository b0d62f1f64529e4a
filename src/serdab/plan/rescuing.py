"""What would make a model fit that does not: stored smaller, a shorter context, fewer at once, more cards."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from serdab.plan.devices import Device
from serdab.plan.formats import MIXES
from serdab.plan.memory import Load, check_fit, most_sequences
from serdab.plan.shapes import Shape, Weights
from serdab.plan.weights import bits_each, weights_of

#: Formats that are proposed, the widest first: below 4.5 bits a smaller model is better (70B: Q3_K_M +19 % perplexity).
SMALLER_FORMATS = ("Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M")
#: Contexts below it are of little use, and steps in which they are proposed, tokens.
LEAST_CONTEXT, CONTEXT_STEP = 2048, 1024


def rescues(device: Device, shape: Shape, weights: Weights, load: Load, most_cards: int = 1) -> tuple[str, ...]:
    """Each change that would be enough by itself, the mildest first; several together where none is; or nothing.

    Args:
        device: the cards.
        shape: the model.
        weights: as it is stored now.
        load: how it is used.
        most_cards: how many cards may be there.

    Raises:
        BadPlan: a number or name makes no sense.
    """
    return tuple(_alone(device, shape, weights, load, most_cards)) or tuple(_together(device, shape, weights, load))


def _alone(device: Device, shape: Shape, weights: Weights, load: Load, most_cards: int) -> Iterator[str]:
    """Each change that would be enough by itself, worked out only when it is asked for."""

    def fits(own: Weights = weights, **changes: object) -> bool:
        return check_fit(device, shape, own, msgspec.structs.replace(load, **changes)).fits

    if load.kv in ("f16", "bf16", "f32") and fits(kv="q8_0"):
        yield "keys and values in q8_0"
    context = most_context(device, shape, weights, load)
    if LEAST_CONTEXT <= context < load.context_tokens:
        yield f"{context:,} tokens of context"
    users = most_sequences(device, shape, weights, load)
    if 0 < users < load.sequences:
        yield f"{users:,} at once, the others in line"
    for storage in SMALLER_FORMATS:
        smaller = weights_of(shape, storage)
        if MIXES[storage].layers < bits_each(shape, weights) - 0.3 and fits(smaller):
            yield f"{storage}: {smaller.bytes / 2**30:.1f} GiB of weights"
            break
    if load.neighbours and fits(neighbours=()):
        yield "nothing else on the same cards"
    cards = next((count for count in (2, 4, 8) if load.cards < count <= most_cards and fits(cards=count)), 0)
    if cards:
        yield f"{cards} cards"


def _together(device: Device, shape: Shape, weights: Weights, load: Load) -> Iterator[str]:
    """Several changes at once, where no single one is enough."""
    least = msgspec.structs.replace(load, kv="q8_0", sequences=1)
    for own in (weights, weights_of(shape, SMALLER_FORMATS[-1])):
        context = most_context(device, shape, own, least)
        if own.bytes <= weights.bytes and context >= min(LEAST_CONTEXT, load.context_tokens):
            smaller = f"{own.format}, " if own.format != weights.format else ""
            yield f"{smaller}keys and values in q8_0, one at once and {context:,} tokens of context together"
            return


def rescue(device: Device, shape: Shape, weights: Weights, load: Load, most_cards: int = 1) -> str:
    """The mildest change that would be enough, or why none is."""
    if weights.bytes > device.memory_bytes * max(load.cards, most_cards):
        return "a smaller model: its weights alone are too large"
    for found in (_alone(device, shape, weights, load, most_cards), _together(device, shape, weights, load)):
        for each in found:
            return each
    return "fewer users and a shorter context"


def most_context(device: Device, shape: Shape, weights: Weights, load: Load) -> int:
    """The longest context up to the wanted one that has room, in steps; 0: none. Memory never falls with it."""

    def fits(steps: int) -> bool:
        tried = msgspec.structs.replace(load, context_tokens=float(steps * CONTEXT_STEP))
        return check_fit(device, shape, weights, tried).fits

    low, high = 0, int(load.context_tokens) // CONTEXT_STEP
    if high and not fits(1):
        return 0
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low * CONTEXT_STEP
