"""What to run on a machine that is there already: the best that it can, not the least that is enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from serdab.plan.catalogue_entries import Electricity, ModelCard
from serdab.plan.devices import Device
from serdab.plan.model_choice import FLOORS, Refusal, Wish, allowed_models, check_wish, quality_of
from serdab.plan.options import Advice, Option, caveats, notes_of
from serdab.plan.recommending import FORMATS, Try, adaptation, option_of, with_rescue

#: Points of quality that a faster one may have less.
NEARLY = 12.0
#: How many times as fast it must be to be worth them.
MUCH_FASTER = 1.5
#: What a machine is still good for when nothing has the speed asked for, tokens a second.
SLOW_TOKENS_PER_S = 3.0

NOTHING = "no model is enough here: lower the quality, the users or the context"


def recommend_for(
    device: Device, cards: int, models: Sequence[ModelCard], wish: Wish, electricity: Electricity
) -> Advice:
    """The best model that runs well on a machine, a faster one, a finer one, and what is just too much for it.

    Args:
        device: what there is.
        cards: how many of it.
        models: the catalogue's.
        wish: what is asked for; its quality is only compared with, its budget does not count.
        electricity: of the country.

    Raises:
        BadPlan: a number or name of the wish makes no sense.
    """
    check_wish(wish)
    here = msgspec.structs.replace(wish, owned=True, quality="basic", budget_usd=None)
    allowed, refused = allowed_models(models, here)
    found, failed = _tried(device, cards, allowed, here, electricity)
    notes = []
    if not found and wish.least_tokens_per_s > SLOW_TOKENS_PER_S:
        here = msgspec.structs.replace(here, least_tokens_per_s=SLOW_TOKENS_PER_S)
        found, failed = _tried(device, cards, allowed, here, electricity)
        if found:
            notes.append(
                f"nothing writes {wish.least_tokens_per_s:g} tokens/s here in 9 of 10 cases; these write "
                f"{SLOW_TOKENS_PER_S:g}: enough for work that runs by itself, slow for somebody who waits"
            )
    options = picked(found)
    best = options[0] if options else None
    if best is not None and best.quality < FLOORS[wish.quality]:
        wanted = FLOORS[wish.quality]
        notes.append(f"nothing of the quality asked for ({wanted:.0f}) runs here: the best has {best.quality:.0f}")
    above = [refusal for quality, refusal in failed if best is None or quality > best.quality]
    return Advice(
        options=options,
        smaller=None,
        bigger=above[0] if above else None,
        refused=(*above[1:], *refused),
        adaptation=adaptation(best, allowed) if best else NOTHING,
        notes=(*notes, *notes_of(wish), *caveats(options, (), models, here, electricity)),
    )


def _tried(
    device: Device, cards: int, models: Sequence[ModelCard], wish: Wish, electricity: Electricity
) -> tuple[list[Option], list[tuple[float, Refusal]]]:
    """What runs, in each format; and what does not even in the smallest, with its quality, the least first."""
    found: list[Option] = []
    failed: list[tuple[float, Refusal]] = []
    for card in sorted(models, key=quality_of):
        tries = [Try(device=device, cards=cards, card=card, storage=storage) for storage in FORMATS]
        answers = [option_of(tried, wish, electricity) for tried in tries]
        found += [answer for answer in answers if isinstance(answer, Option)]
        if isinstance(answers[0], Refusal):
            failed.append((quality_of(card), with_rescue(answers[0], tries[0], wish, electricity)))
    return found, failed


def picked(found: Sequence[Option]) -> tuple[Option, ...]:
    """The best answers, in the widest format that is as good as the speed asked for; and those that are faster."""
    if not found:
        return ()
    best = max(found, key=lambda each: (each.quality, -FORMATS.index(each.format)))
    chosen = [msgspec.structs.replace(best, why="the best that runs here")]
    others: tuple[tuple[str, Callable[[Option], float], Callable[[Option], bool]], ...] = (
        (
            "much faster, nearly as good",
            lambda each: each.tokens_per_s,
            lambda each: each.quality >= best.quality - NEARLY and each.tokens_per_s >= MUCH_FASTER * best.tokens_per_s,
        ),
        (
            "the same, stored finer",
            lambda each: -each.tokens_per_s,
            lambda each: each.model == best.model and each.format != best.format,
        ),
        (
            "leaves half of the memory for other models",
            lambda each: each.quality,
            lambda each: each.need_gib <= each.have_gib / 2,
        ),
    )
    for why, key, is_one in others:
        rest = [each for each in found if is_one(each) and (each.model, each.format) not in
                {(one.model, one.format) for one in chosen}]  # fmt: skip
        if rest and len(chosen) < 3:
            chosen.append(msgspec.structs.replace(max(rest, key=key), why=why))
    return tuple(chosen)
