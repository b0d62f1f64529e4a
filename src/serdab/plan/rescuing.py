"""What would make a model fit that does not: nothing beside it, stored smaller, less context or users, more cards."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import ceil

import msgspec

from serdab.plan.devices import Device
from serdab.plan.formats import MIXES
from serdab.plan.kv import kv_type
from serdab.plan.memory import MARGIN, Load, can_share, check_fit, most_sequences
from serdab.plan.shapes import Shape, Weights
from serdab.plan.weights import bits_each, weights_of

#: Formats that are proposed, the widest first: below 4.5 bits a smaller model is better (70B: Q3_K_M +19 % perplexity).
SMALLER_FORMATS = ("Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M")
#: Contexts below it are of little use, and steps in which they are proposed, tokens.
LEAST_CONTEXT, CONTEXT_STEP = 2048, 1024


def smaller_kv(load: Load) -> str:
    """How the engine keeps keys and values in half of 16 bits; as now where they have no more.

    Raises:
        BadPlan: there is no such type.
    """
    if kv_type(load.kv) not in ("f16", "bf16", "f32"):
        return load.kv
    return "q8_0" if load.engine in ("llama.cpp", "ollama") else "fp8"


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
    return tuple(_alone(device, shape, weights, load, most_cards)) or tuple(
        _together(device, shape, weights, load, most_cards)
    )


def _alone(device: Device, shape: Shape, weights: Weights, load: Load, most_cards: int) -> Iterator[str]:
    """Each change that would be enough by itself, worked out only when it is asked for."""

    def fits(own: Weights = weights, **changes: object) -> bool:
        return check_fit(device, shape, own, msgspec.structs.replace(load, **changes)).fits

    extras = [what for what, less in _without_extras(load) if check_fit(device, shape, weights, less).fits]
    yield from extras[:-1] or extras  # the last leaves out what the others do, one by one
    kv = smaller_kv(load)
    if kv != load.kv and fits(kv=kv):
        yield f"keys and values in {kv}"
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
    cards = next((count for count in _more_cards(shape, load, most_cards) if fits(cards=count)), 0)
    if cards:
        yield f"{cards} cards"


def _more_cards(shape: Shape, load: Load, most_cards: int) -> tuple[int, ...]:
    counts = (count for count in (2, 4, 8) if load.cards < count <= most_cards)
    return tuple(count for count in counts if can_share(shape, load.engine, count))


def _without_extras(load: Load) -> tuple[tuple[str, Load], ...]:
    """The load without each of what it has beside the model, and at last without all of them."""
    drafts = tuple(each for each in load.neighbours if each.drafts)
    others = tuple(each for each in load.neighbours if not each.drafts)
    change = msgspec.structs.replace
    there = [
        (what, less)
        for what, is_there, less in (
            ("draft model", drafts, change(load, neighbours=others)),
            ("other models", others, change(load, neighbours=drafts)),
            ("adapters", load.adapters, change(load, adapters=0)),
        )
        if is_there
    ]
    if len(there) > 1:
        there.append((", ".join(what for what, _ in there), change(load, neighbours=(), adapters=0)))
    return tuple((f"no {what}", less) for what, less in there)


def _together(device: Device, shape: Shape, weights: Weights, load: Load, most_cards: int) -> Iterator[str]:
    """Several changes at once, where no single one is enough."""
    counts = (load.cards, *_more_cards(shape, load, most_cards))
    formats = dict.fromkeys((weights, _smallest(shape, weights)))
    for (extras, placed), cards, own in product((("", load), *_without_extras(load)[-1:]), counts, formats):
        least = msgspec.structs.replace(placed, kv=smaller_kv(load), sequences=1, cards=cards)
        context = most_context(device, shape, own, least)
        if context >= min(LEAST_CONTEXT, load.context_tokens):
            parts = (
                extras,
                f"{cards} cards" if cards > load.cards else "",
                own.format if own.format != weights.format else "",
                f"keys and values in {least.kv}",
            )
            yield f"{', '.join(filter(None, parts))}, one at once and {context:,} tokens of context together"
            return


def _smallest(shape: Shape, weights: Weights) -> Weights:
    """As it is stored now, or in the smallest format that is proposed."""
    return min(weights, weights_of(shape, SMALLER_FORMATS[-1]), key=lambda each: each.bytes)


def rescue(device: Device, shape: Shape, weights: Weights, load: Load, most_cards: int = 1) -> str:
    """The mildest change that would be enough, or what there would have to be where none is."""
    for found in (_alone, _together):
        for each in found(device, shape, weights, load, most_cards):
            return each
    context = min(LEAST_CONTEXT, load.context_tokens)
    least = Load(context_tokens=context, kv=smaller_kv(load), engine=load.engine)
    need = check_fit(device, shape, _smallest(shape, weights), least).need_bytes / (1 - MARGIN)
    return (
        f"a smaller model: for one user and {context:,.0f} tokens this one takes {ceil(need / 2**30):,} GiB of memory"
    )


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
