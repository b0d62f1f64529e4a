"""What is offered: machines with models, how they differ, and what to know before they are believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from serdab.plan.catalogue_entries import Electricity, ModelCard
from serdab.plan.devices import Device
from serdab.plan.model_choice import READ_IT, Refusal, Wish, allowed_models, quality_of
from serdab.plan.prices import price_doubts

#: How many times the cost of the least others may have to be shown beside it, and what anybody may spend, USD.
NEAR, NEAR_USD = 2.5, 2000.0
#: Points of quality that are a difference (a model larger by a third), and how many times as fast is one.
BETTER, FASTER = 3.0, 1.2
#: After how many years a smaller model is worth a look beside a larger one.
YEARS = 2
#: What is always said.
BY_SIZE = (
    "quality is ranked by parameters (a mixture by the root of all and active ones), the newer of equal ones first: no "
    "model was tested for this; try the two or three of your choice on your own questions before you buy"
)
AT_ONCE = (
    "{users:g} users means that so many ask in the same moment; people who only have access count far less: ask again "
    "with the number that you see at once at the busiest hour"
)


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """A machine with a model."""

    device: str
    cards: int
    model: str
    format: str
    engine: str
    #: How keys and values are kept.
    kv: str
    quality: float
    need_gib: float
    have_gib: float
    #: Tokens a second of each user with all at work: in the middle, and in 9 of 10 cases.
    tokens_per_s: float
    tokens_per_s_low: float
    users_at_once: int
    purchase_usd: float
    years_usd: float
    usd_per_million: float
    bound_by: str
    #: What the cards stand in; empty: it is there already.
    house: str = ""
    #: Whether its price is that of a used one.
    used: bool = False
    why: str = ""


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """The answer."""

    options: tuple[Option, ...]
    smaller: Refusal | None
    bigger: Refusal | None
    refused: tuple[Refusal, ...]
    adaptation: str
    #: What to know before this is believed.
    notes: tuple[str, ...] = ()


def notes_of(wish: Wish) -> tuple[str, ...]:
    """What to know before the advice is believed."""
    return (BY_SIZE, AT_ONCE.format(users=wish.users)) if wish.users > 4 else (BY_SIZE,)


def caveats(
    options: Sequence[Option],
    devices: Sequence[Device],
    models: Sequence[ModelCard],
    wish: Wish,
    electricity: Electricity,
) -> tuple[str, ...]:
    """What is doubtful or bound by conditions in what is offered: prices and licences."""
    priced = {each.id: each.price for each in devices if each.price is not None}
    told = list(newer_ones(options, models, wish))
    names = dict.fromkeys(option.device for option in options)
    told += price_doubts([(name, priced[name]) for name in names if name in priced], electricity)
    cards = {each.id: each for each in models}
    for name in dict.fromkeys(option.model for option in options):
        card = cards[name]
        if not card.licence_is_confirmed:
            told.append(f"the licence of {name} ({card.licence.name}) is only recalled: {READ_IT}")
        elif card.licence.conditions:
            conditions = "; ".join(card.licence.conditions)
            told.append(f"the licence of {name} ({card.licence.name}) has conditions: {conditions}")
    return tuple(told)


def newer_ones(options: Sequence[Option], models: Sequence[ModelCard], wish: Wish) -> tuple[str, ...]:
    """Models that the wish allows, smaller and two years younger than what is offered: size misleads over years."""
    years = {card.id: card.year for card in models}
    allowed, _ = allowed_models(models, msgspec.structs.replace(wish, quality="basic"))
    told = []
    for name, quality in {option.model: option.quality for option in options}.items():
        younger = [card for card in allowed if card.year >= years[name] + YEARS and quality_of(card) < quality]
        if younger:
            best = max(younger, key=quality_of)
            told.append(
                f"{name} is of {years[name]}: compare it with {best.id} of {best.year}, which is smaller; models of "
                "one size get better from year to year, and this ranking does not see it"
            )
    return tuple(told)


def distinct(found: Sequence[Option], models: Sequence[ModelCard]) -> list[Option]:
    """Three on different machines: the cheapest, and of those that cost not much more the best and the fastest.

    Where none is better or faster, the next in cost. An older model is not offered as the better one: its size says
    that only among models of one time.
    """
    if not found:
        return []
    first = found[0]
    years = {card.id: card.year for card in models}
    most_usd = max(NEAR * first.years_usd, NEAR_USD)
    near = [each for each in found[1:] if each.years_usd <= most_usd] or list(found[1:4])
    cheaper = any(each.years_usd < first.years_usd for each in found)
    least = "the least that is enough" + ("; cheaper ones have more cards, a tenth dearer each" if cheaper else "")
    picked = [msgspec.structs.replace(first, why=least)]
    wishes: tuple[tuple[str, Callable[[Option], float], float], ...] = (
        (
            "better answers",
            lambda each: each.quality if years[each.model] >= years[first.model] else 0.0,
            first.quality + BETTER,
        ),
        ("faster", lambda each: each.tokens_per_s, first.tokens_per_s * FASTER),
    )
    for why, key, more_than in wishes:
        rest = [each for each in near if each.device not in {one.device for one in picked}]
        if rest:
            best = max(rest, key=key)
            if key(best) < more_than:
                continue
            picked.append(_priced(best, why, first))
    rest = [each for each in near if each.device not in {one.device for one in picked}]
    if rest and len(picked) < 3:
        picked.append(_priced(rest[0], "the next in cost, where that is not to be had", first))
    return picked


def _priced(option: Option, why: str, first: Option) -> Option:
    """An option with its reason and how much dearer it is than the first."""
    return msgspec.structs.replace(option, why=f"{why}, {option.years_usd / first.years_usd - 1:+.0%} of the cost")
