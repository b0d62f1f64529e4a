"""The least machine and model that is enough.

Lexicographic (field evidence §8.4): licence and languages, quality, memory with 8 % free, speed in 9 of 10 cases, least
cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from serdab.plan.answers import Question, step_of
from serdab.plan.catalogue_entries import ApiPrice, Electricity, ModelCard
from serdab.plan.cost import Terms, Workload, cost_terms, million_tokens, purchase
from serdab.plan.devices import Device
from serdab.plan.figures import Estimate, total
from serdab.plan.housing import counts_of, house_of
from serdab.plan.memory import Load, check_fit, most_sequences
from serdab.plan.model_choice import Refusal, Wish, allowed_models, check_wish, quality_of
from serdab.plan.power import WHOLE_MACHINES
from serdab.plan.rescuing import rescue
from serdab.plan.shapes import Weights
from serdab.plan.speed import Setting, estimate_decode
from serdab.plan.weights import weights_of

#: Formats that are tried, the smallest first; below 4.5 bits a smaller model is better (70B: Q3_K_M +19 % perplexity).
FORMATS = ("Q4_K_M", "Q8_0", "F16")
SERVING_ENGINES = ("vllm", "sglang", "tensorrt-llm")
#: How much dearer each card beyond the first counts, when machines are compared: one more slot, fan and thing to break.
MORE_CARDS = 0.1
#: How many times the cost of the least others may have to be shown beside it, and what anybody may spend, USD.
NEAR, NEAR_USD = 2.5, 2000.0
#: What is always said.
BY_SIZE = (
    "quality is ranked by parameters (a mixture by the root of all and active ones), the newer of equal ones first: no "
    "model was tested for this; try the two or three of your choice on your own questions before you buy"
)
AT_ONCE = (
    "{users:g} users means that so many ask in the same moment; people who only have access count far less: ask again "
    "with the number that you see at once at the busiest hour"
)


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """A model in a format on so many equal cards."""

    device: Device
    cards: int
    card: ModelCard
    storage: str


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
    why: str = ""


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """The answer."""

    options: tuple[Option, ...]
    smaller: Refusal | None
    bigger: Refusal | None
    refused: tuple[Refusal, ...]
    adaptation: str
    services: tuple[str, ...] = ()
    #: What to know before this is believed.
    notes: tuple[str, ...] = ()


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
    what = f"{cards} x {device.name} with {card.id} {storage}"
    bought, years = price_of(device, cards, wish, electricity)
    fit = check_fit(device, card.shape, weights, load)
    if not fit.fits:
        load = msgspec.structs.replace(load, kv="q8_0" if engine == "llama.cpp" else "fp8")
        fit = check_fit(device, card.shape, weights, load)
    if not fit.fits:
        return Refusal(
            what=what,
            why=f"needs {fit.need_bytes / 2**30:.1f} GiB, has {fit.have_bytes / 2**30:.1f}",
            usd=bought,
        )
    speed, low, reason = seen_speed(device, card, weights, cards, wish)
    if low < wish.least_tokens_per_s:
        return Refusal(
            what=what,
            why=f"{low:.1f} tokens/s in 9 of 10 cases, {wish.least_tokens_per_s:g} asked for ({reason})",
            rescue="fewer users at once, a model with fewer active parameters, or memory with more bandwidth",
            usd=bought,
        )
    if wish.budget_usd is not None and bought > wish.budget_usd:
        return Refusal(what=what, why=f"{bought:,.0f} USD, {wish.budget_usd:,.0f} allowed", usd=bought)
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
    house = None if device.kind in WHOLE_MACHINES else house_of(device, cards, country)
    return house.name if house else ""


def price_of(device: Device, cards: int, wish: Wish, electricity: Electricity) -> tuple[float, float]:
    """USD to buy a machine and to have it for its years; one that is there already costs its electricity."""
    house = house_of(device, cards, electricity.country)
    terms = Terms(host_usd=house.host_usd) if house else Terms()
    parts = cost_terms(device, cards, electricity, terms, wish.users)
    if wish.owned:
        return 0.0, sum(part.value for part in parts if part.name == "electricity")
    return purchase(device, cards, terms).likely, total(parts)


def notes_of(wish: Wish) -> tuple[str, ...]:
    """What to know before the advice is believed."""
    return (BY_SIZE, AT_ONCE.format(users=wish.users)) if wish.users > 4 else (BY_SIZE,)


def recommend(
    devices: Sequence[Device],
    models: Sequence[ModelCard],
    wish: Wish,
    electricity: Electricity,
    services: Sequence[ApiPrice] = (),
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
    options = distinct(found)
    best = options[0] if options else None
    return Advice(
        options=tuple(options),
        smaller=_halved(best, devices, cards_of, wish, electricity) or _smaller(best, refused, nearest),
        bigger=_bigger(best, cards_of, found),
        refused=tuple(sorted(shown, key=lambda each: -each.usd)[:20] + refused),
        notes=notes_of(wish),
        adaptation=adaptation(best, cards_of),
        services=tuple(f"{each.id}: {each.input_usd:g} / {each.output_usd:g} USD a million" for each in services[:3]),
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


def distinct(found: Sequence[Option]) -> list[Option]:
    """Three that differ: the cheapest, and of those that cost not much more the best and the fastest."""
    if not found:
        return []
    first = found[0]
    most_usd = max(NEAR * first.years_usd, NEAR_USD)
    near = [each for each in found[1:] if each.years_usd <= most_usd] or list(found[1:4])
    picked = [msgspec.structs.replace(first, why="the least that is enough")]
    wishes: tuple[tuple[str, Callable[[Option], float]], ...] = (
        ("better answers", lambda each: each.quality),
        ("faster", lambda each: each.tokens_per_s),
    )
    for why, key in wishes:
        rest = [each for each in near if each.device not in {one.device for one in picked}]
        if rest:
            best = max(rest, key=key)
            if key(best) <= key(first):
                continue
            more = best.years_usd / first.years_usd - 1
            picked.append(msgspec.structs.replace(best, why=f"{why}, {more:+.0%} of the cost"))
    return picked


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


def _smaller(best: Option | None, refused: Sequence[Refusal], nearest: Sequence[Refusal]) -> Refusal | None:
    """What is just too small: the same model on the dearest of the cheaper machines, else the best of the models."""
    if best is None:
        return nearest[0] if nearest else (refused[-1] if refused else None)
    same = [each for each in nearest if f" {best.model} " in each.what and each.usd < best.purchase_usd]
    weak = [each for each in refused if each.why.startswith("quality")]
    return max(same, key=lambda each: each.usd) if same else (weak[-1] if weak else None)


def _bigger(best: Option | None, models: Sequence[ModelCard], found: Sequence[Option]) -> Refusal | None:
    if best is None:
        return None
    above = [card for card in models if card.id != best.model and quality_of(card) > best.quality + 1]
    if not above:
        return None
    card = min(above, key=quality_of)
    cheapest = min((each.years_usd for each in found if each.model == card.id), default=None)
    cost = (
        f" and costs {cheapest / best.years_usd:.1f} times as much"
        if cheapest
        else " and fits no machine of the wish as cheaply"
    )
    return Refusal(
        what=card.id,
        why=f"waste: it adds {quality_of(card) - best.quality:.0f} points to the quality asked for{cost}",
        rescue="ask for a higher quality",
    )


def adaptation(best: Option | None, models: Sequence[ModelCard]) -> str:
    """What to try first when answers are not good enough."""
    if best is None:
        return "no machine with a model is enough: lower the quality, the users or the context, or raise the budget"
    from serdab.plan.finetuning import estimate_finetuning

    shape = next(card.shape for card in models if card.id == best.model)
    need = estimate_finetuning(shape, "qlora").likely / 2**30
    room = "fits this machine" if need < best.have_gib else f"needs another machine than this ({best.have_gib:.0f} GiB)"
    return (
        "first better instructions and examples in the prompt (costs tokens only), then a LoRA on a few hundred of "
        f"your own examples (QLoRA of {best.model}: {need:.0f} GiB, {room}), and only then a bigger model"
    )
