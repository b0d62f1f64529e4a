"""The least machine and model that is enough.

Lexicographic (field evidence §8.4): licence and languages, quality, memory with 8 % free, speed in 9 of 10 cases, least
cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

import msgspec

from serdab.plan.answers import Question, step_of
from serdab.plan.catalogue_entries import Electricity, ModelCard
from serdab.plan.cost import Terms, Workload, cost_terms, million_tokens, purchase
from serdab.plan.devices import Device
from serdab.plan.figures import Estimate, total
from serdab.plan.housing import counts_of, host_usd_of, house_of
from serdab.plan.memory import MARGIN, Load, can_share, check_fit, most_sequences
from serdab.plan.model_choice import Refusal, Wish, allowed_models, check_wish, quality_of
from serdab.plan.options import BETTER, Advice, Option, caveats, distinct, notes_of
from serdab.plan.power import is_whole_machine
from serdab.plan.rescuing import rescue, smaller_kv
from serdab.plan.shapes import Weights
from serdab.plan.speed import Setting, estimate_decode
from serdab.plan.weights import weights_of

#: Formats that are tried, the smallest first; below 4.5 bits a smaller model is better (70B: Q3_K_M +19 % perplexity).
FORMATS = ("Q4_K_M", "Q8_0", "F16")
SERVING_ENGINES = ("vllm", "sglang", "tensorrt-llm")
#: How much dearer each card beyond the first counts, when machines are compared: one more slot, fan and thing to break.
MORE_CARDS = 0.1


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """A model in a format on so many equal cards."""

    device: Device
    cards: int
    card: ModelCard
    storage: str


def engine_for(device: Device, wish: Wish) -> str:
    """The engine that suits: a server for many users on data-centre and gaming cards, llama.cpp elsewhere."""
    servers = device.kind in ("nvidia_hbm", "nvidia_gddr", "amd_cdna", "gaudi")
    return "vllm" if wish.users > 4 and servers else "llama.cpp"


def seen_speed(device: Device, card: ModelCard, weights: Weights, cards: int, wish: Wish) -> tuple[float, float, str]:
    """(middle, low, reason) of the tokens a second that each user sees with all at work."""
    one = estimate_decode(
        device, card.shape, weights, Setting(engine="llama.cpp", context_tokens=wish.context_tokens, cards=cards)
    )
    if wish.users <= 1:
        return one.likely, one.range.low, one.bound_by
    step = _step(device, card, weights, cards, wish)
    middle = min(1 / step.likely, one.likely if cards == 1 else 1e9)
    return middle, min(1 / step.range.high, one.range.low if cards == 1 else 1e9), step.bound_by


def _step(device: Device, card: ModelCard, weights: Weights, cards: int, wish: Wish) -> Estimate:
    asked = Question(
        device=device,
        shape=card.shape,
        weights=weights,
        engine=engine_for(device, wish),
        cards=cards,
        users=wish.users,
        context_tokens=wish.context_tokens,
        answer_tokens=wish.answer_tokens,
    )
    setting = Setting(engine=asked.engine, context_tokens=asked.context_tokens, cards=cards)
    return step_of(asked, setting, wish.users)


def load_of(tried: Try, wish: Wish) -> Load:
    """How the model would be used."""
    engine = engine_for(tried.device, wish)
    return Load(context_tokens=wish.context_tokens, sequences=wish.users, engine=engine, cards=tried.cards)


def option_of(tried: Try, wish: Wish, electricity: Electricity) -> Option | Refusal:
    """A machine with a model in a format, or why it is refused."""
    device, cards, card, storage = tried.device, tried.cards, tried.card, tried.storage
    weights = weights_of(card.shape, storage)
    load = load_of(tried, wish)
    engine = load.engine
    bought, years = price_of(device, cards, wish, electricity)

    def refused(why: str, rescue: str = "") -> Refusal:
        machine = f"{cards} x {device.name}"
        return Refusal(what=f"{card.id} {storage}", machine=machine, why=why, rescue=rescue, usd=bought)

    if not can_share(card.shape, engine, cards):
        return refused(f"{engine} shares its {card.shape.heads} heads out evenly, which {cards} cards cannot")
    fit = check_fit(device, card.shape, weights, load)
    if not fit.fits:
        load = msgspec.structs.replace(load, kv=smaller_kv(load))
        fit = check_fit(device, card.shape, weights, load)
    if not fit.fits:
        need, have = (size / 2**30 for size in (fit.need_bytes, fit.have_bytes))
        return refused(f"needs {need:.1f} GiB, has {have:.1f} of which 8 % stay free")
    speed, low, reason = seen_speed(device, card, weights, cards, wish)
    if low < wish.least_tokens_per_s:
        return refused(
            f"{floor(low * 10) / 10:.1f} tokens/s in 9 of 10 cases, {wish.least_tokens_per_s:g} asked for ({reason})",
            "fewer users at once, a model with fewer active parameters, or memory with more bandwidth",
        )
    if wish.budget_usd is not None and bought > wish.budget_usd:
        return refused(f"{bought:,.0f} USD, {wish.budget_usd:,.0f} allowed")
    millions = million_tokens(Workload(answer_tokens_per_s=speed * wish.users), Terms())
    return Option(
        device=device.id,
        cards=cards,
        model=card.id,
        format=storage,
        engine=engine,
        kv=load.kv,
        quality=quality_of(card),
        need_gib=fit.need_bytes / 2**30,
        have_gib=fit.have_bytes / 2**30,
        tokens_per_s=speed,
        tokens_per_s_low=low,
        users_at_once=most_sequences(device, card.shape, weights, load),
        purchase_usd=bought,
        years_usd=years,
        usd_per_million=years / max(millions, 1e-9),
        bound_by=reason,
        house="" if wish.owned else house_name(device, cards, electricity.country),
        used=bool(device.price and device.price.used and not wish.owned),
    )


def with_rescue(refusal: Refusal, tried: Try, wish: Wish, electricity: Electricity) -> Refusal:
    """A refusal with what would help, which takes longer to work out than the refusal itself."""
    if refusal.rescue or not refusal.why.startswith("needs"):
        return refusal
    most_cards = max(counts_of(tried.device, electricity.country), default=1)
    weights = weights_of(tried.card.shape, tried.storage)
    help_by = rescue(tried.device, tried.card.shape, weights, load_of(tried, wish), most_cards)
    return msgspec.structs.replace(refusal, rescue=help_by)


def house_name(device: Device, cards: int, country: str) -> str:
    """What cards stand in; a whole machine stands for itself."""
    house = None if is_whole_machine(device) else house_of(device, cards, country)
    return house.name if house else ""


def price_of(device: Device, cards: int, wish: Wish, electricity: Electricity) -> tuple[float, float]:
    """USD to buy a machine and to have it for its years; one that is there already costs its electricity."""
    terms = Terms(host_usd=host_usd_of(device, cards, electricity.country))
    parts = cost_terms(device, cards, electricity, terms, wish.users)
    if wish.owned:
        return 0.0, sum(part.value for part in parts if part.name == "electricity")
    return purchase(device, cards, terms).likely, total(parts)


def nothing_is_enough(
    devices: Sequence[Device], models: Sequence[ModelCard], wish: Wish, electricity: Electricity
) -> str:
    """What to change where nothing is enough; with what it would cost if money is all that is missing."""
    if wish.budget_usd is not None:
        free = recommend(devices, models, msgspec.structs.replace(wish, budget_usd=None), electricity).options
        if free:
            least = min(free, key=lambda each: each.purchase_usd)
            year = next(card.year for card in models if card.id == least.model)
            return (
                f"no machine with a model is enough for {wish.budget_usd:,.0f} USD; {least.purchase_usd:,.0f} USD "
                f"would be: {least.cards} x {least.device} with {least.model} {least.format} of {year}; or lower the "
                "quality, the users or the context"
            )
    return "no machine with a model is enough: lower the quality, the users or the context"


def recommend(
    devices: Sequence[Device],
    models: Sequence[ModelCard],
    wish: Wish,
    electricity: Electricity,
) -> Advice:
    """Three options that are enough, the cheapest first, with what is just too small and what is waste.

    Raises:
        BadPlan: a number or name of the wish makes no sense.
    """
    check_wish(wish)
    cards_of, refused = allowed_models(models, wish)
    found: list[Option] = []
    nearest: list[Refusal] = []
    shown: list[Refusal] = []
    for device in devices:
        if not device.can_be_bought or device.bandwidth <= 0 or device.memory_bytes < 2**30:
            continue
        affordable = [
            count
            for count in counts_of(device, electricity.country)
            if wish.budget_usd is None or purchase(device, count, Terms()).low <= wish.budget_usd
        ]
        answers = []
        for card in cards_of:
            answers.append(_first_that_does(device, affordable, card, wish, electricity))
            if isinstance(answers[-1], Option):
                break  # models come smallest first: a larger one on the same device is waste
        found += [answer for answer in answers if isinstance(answer, Option)]
        failed = [answer for answer in answers if isinstance(answer, Refusal)]
        nearest += failed
        shown += failed[:1] if len(failed) == len(answers) else []
    found.sort(key=lambda option: (option.years_usd * (1 + MORE_CARDS * (option.cards - 1)), -option.quality))
    options = distinct(found, cards_of)
    best = options[0] if options else None
    return Advice(
        options=tuple(options),
        smaller=_halved(best, devices, cards_of, wish, electricity)
        or _smaller(best, refused, nearest, wish.budget_usd),
        bigger=_bigger(options, devices, cards_of, wish, electricity),
        refused=(*sorted(shown, key=lambda each: -each.usd), *refused),
        notes=(*notes_of(wish), *caveats(options, devices, models, wish, electricity)),
        adaptation=adaptation(best, cards_of) if best else nothing_is_enough(devices, models, wish, electricity),
    )


def _first_that_does(
    device: Device, counts: Sequence[int], card: ModelCard, wish: Wish, electricity: Electricity
) -> Option | Refusal | None:
    last: tuple[Refusal, Try] | None = None
    for count in counts:
        for storage in FORMATS[: 1 if wish.quality != "best" else 2][::-1]:
            tried = Try(device=device, cards=count, card=card, storage=storage)
            answer = option_of(tried, wish, electricity)
            if isinstance(answer, Option):
                return answer
            last = answer, tried
    return with_rescue(*last, wish, electricity) if last else None


def _halved(
    best: Option | None,
    devices: Sequence[Device],
    models: Sequence[ModelCard],
    wish: Wish,
    electricity: Electricity,
) -> Refusal | None:
    """Why half as many of the same cards are not enough; None: it is one card, or they would be."""
    if best is None or best.cards == 1:
        return None
    device = next(each for each in devices if each.id == best.device)
    card = next(each for each in models if each.id == best.model)
    tried = Try(device=device, cards=best.cards // 2, card=card, storage=best.format)
    answer = option_of(tried, wish, electricity)
    return with_rescue(answer, tried, wish, electricity) if isinstance(answer, Refusal) else None


def _smaller(
    best: Option | None, refused: Sequence[Refusal], nearest: Sequence[Refusal], budget_usd: float | None
) -> Refusal | None:
    """What is just too small: the same model on the dearest of the cheaper machines, else the best of the models."""
    if best is None:
        within = [each for each in nearest if budget_usd is None or each.usd <= budget_usd] or nearest
        return max(within, key=lambda each: each.usd) if within else (refused[-1] if refused else None)
    same = [each for each in nearest if each.what.startswith(f"{best.model} ") and each.usd < best.purchase_usd]
    weak = [each for each in refused if each.why.startswith("quality")]
    return max(same, key=lambda each: each.usd) if same else (weak[-1] if weak else None)


def _bigger(
    options: Sequence[Option],
    devices: Sequence[Device],
    models: Sequence[ModelCard],
    wish: Wish,
    electricity: Electricity,
) -> Refusal | None:
    """The next better model that is not offered and not older: what it would be on the machine of the least."""
    if not options:
        return None
    best, offered = options[0], {each.model for each in options}
    year = next(card.year for card in models if card.id == best.model)
    above = [
        card
        for card in models
        # That more parameters are better is sure enough among models of one time only.
        if card.id not in offered and card.year >= year and quality_of(card) >= best.quality + BETTER
    ]
    if not above:
        return None
    card = min(above, key=quality_of)
    device = next(each for each in devices if each.id == best.device)
    here = option_of(Try(device=device, cards=best.cards, card=card, storage=best.format), wish, electricity)
    adds = f"it adds {quality_of(card) - best.quality:.0f} points to the quality of {best.model}"
    if isinstance(here, Option):
        return Refusal(
            what=card.id,
            why=f"more than was asked for: {adds}, and writes {here.tokens_per_s:,.0f} instead of "
            f"{best.tokens_per_s:,.0f} tokens/s on the same machine",
            rescue="take it if that is fast enough",
        )
    return Refusal(
        what=card.id, why=f"waste: {adds}, and on the same machine {here.why}", rescue="ask for a higher quality"
    )


def adaptation(best: Option, models: Sequence[ModelCard]) -> str:
    """What to try first when answers are not good enough."""
    from serdab.plan.finetuning import estimate_finetuning

    shape = next(card.shape for card in models if card.id == best.model)
    need = estimate_finetuning(shape, "qlora").likely / 2**30
    fits = need <= best.have_gib * (1 - MARGIN)
    room = (
        "fits this machine"
        if fits
        else f"needs another machine than this with its {best.have_gib:.0f}, {MARGIN:.0%} kept free"
    )
    return (
        "first better instructions and examples in the prompt (costs tokens only), then a LoRA on a few hundred of "
        f"your own examples (QLoRA of {best.model}: {need:.0f} GiB, {room}), and only then a bigger model"
    )
