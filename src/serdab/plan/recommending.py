"""The least machine and model that is enough.

Lexicographic (field evidence §8.4): licence and languages, quality, memory with 8 % free, speed in 9 of 10 cases, least
cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from serdab.core import expected
from serdab.plan.answers import Question, step_of
from serdab.plan.bad_plan import BadPlan
from serdab.plan.catalogue_entries import ApiPrice, Electricity, ModelCard
from serdab.plan.checking import checked
from serdab.plan.cost import Terms, Workload, cost_terms, million_tokens, purchase
from serdab.plan.devices import Device
from serdab.plan.figures import Estimate, total
from serdab.plan.memory import Load, check_fit, memory_terms, most_sequences
from serdab.plan.shapes import Weights
from serdab.plan.speed import Setting, estimate_decode
from serdab.plan.weights import weights_of

Quality = Literal["basic", "good", "best"]
#: Least quality (0 to 100) that is asked for; a model of unknown quality counts by its size.
FLOORS: dict[str, float] = {"basic": 30.0, "good": 50.0, "best": 70.0}
#: Formats that are tried, the smallest first; below 4.5 bits a smaller model is better (70B: Q3_K_M +19 % perplexity).
FORMATS = ("Q4_K_M", "Q8_0", "F16")
SERVING_ENGINES = ("vllm", "sglang", "tensorrt-llm")
MOST_CARDS = 8


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    task: str = "chat"
    users: float = 1
    languages: tuple[str, ...] = ()
    context_tokens: float = 8192
    answer_tokens: float = 400
    budget_usd: float | None = None
    quality: str = "good"
    commercial: bool = False
    #: Tokens a second that each user shall see at least, and the region whose licences count.
    least_tokens_per_s: float = 10.0
    region: str = ""


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """A machine with a model."""

    device: str
    cards: int
    model: str
    format: str
    engine: str
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
    why: str = ""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """What was left out, why, and what would help."""

    what: str
    why: str
    rescue: str = ""


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """The answer."""

    options: tuple[Option, ...]
    smaller: Refusal | None
    bigger: Refusal | None
    refused: tuple[Refusal, ...]
    adaptation: str
    services: tuple[str, ...] = ()


def quality_of(card: ModelCard) -> float:
    """Its quality, or a guess by its size: 8 G 50, 32 G 65, 70 G 72 (a mixture counts by the root of all and used)."""
    if card.quality is not None:
        return card.quality
    import math

    size = math.sqrt(card.shape.parameters * card.shape.active_parameters) / 1e9
    return max(5.0, min(85.0, 50 + 10.5 * math.log(max(size, 0.05) / 8)))


def licence_problem(card: ModelCard, wish: Wish) -> str:
    """Why its licence does not allow the wish; "" where it does."""
    if wish.commercial and not card.licence.commercial:
        return f"its licence ({card.licence.name}) does not allow commercial use"
    if wish.region and wish.region.upper() in card.licence.not_in:
        return f"its licence ({card.licence.name}) leaves out {wish.region.upper()}"
    return ""


def language_problem(card: ModelCard, wish: Wish) -> str:
    """Which language it does not speak well enough; "" where it speaks all."""
    known = {code: card.languages.get(code, "unknown") for code in wish.languages}
    weak = [f"{code} ({fluency})" for code, fluency in known.items() if fluency not in ("strong", "yes")]
    return f"not trained on {', '.join(weak)}" if weak else ""


def check_wish(wish: Wish) -> None:
    """Refuse what makes no sense.

    Raises:
        BadPlan: a number or name makes no sense.
    """
    checked("users", wish.users)
    checked("context_tokens", wish.context_tokens, least=16)
    checked("answer tokens", wish.answer_tokens)
    checked("tokens a second", wish.least_tokens_per_s, least=0.01, most=10_000)
    if wish.budget_usd is not None:
        checked("budget", wish.budget_usd, most=1e9)
    if wish.quality not in FLOORS:
        raise BadPlan(expected("quality", f"one of {', '.join(FLOORS)}", wish.quality))


def allowed_models(models: Sequence[ModelCard], wish: Wish) -> tuple[list[ModelCard], list[Refusal]]:
    """Models that the wish allows, the smallest first, and why others are not.

    Raises:
        BadPlan: no model of the catalogue is made for the task.
    """
    tasks = sorted({task for card in models for task in card.tasks})
    able = [card for card in models if wish.task in card.tasks]
    if not able:
        from difflib import get_close_matches

        near = get_close_matches(wish.task, tasks, n=3, cutoff=0.3) or tasks[:6]
        raise BadPlan(
            expected(
                "the task", "one that a model of the catalogue is made for", wish.task, f"nearest: {', '.join(near)}"
            )
        )
    kept, refused = [], []
    for card in sorted(able, key=lambda each: (each.shape.parameters, each.id)):
        problem = licence_problem(card, wish) or language_problem(card, wish)
        if not problem and card.shape.context_tokens and card.shape.context_tokens < wish.context_tokens:
            problem = f"made for {card.shape.context_tokens:,} tokens of context"
        if not problem and quality_of(card) < FLOORS[wish.quality]:
            problem = f"quality {quality_of(card):.0f}, {FLOORS[wish.quality]:.0f} asked for"
        if not problem and not card.shape.layers:
            problem = "its shape is not known"
        if problem:
            refused.append(Refusal(what=card.id, why=problem))
        else:
            kept.append(card)
    return kept, refused


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


def option_of(
    device: Device, cards: int, card: ModelCard, storage: str, wish: Wish, electricity: Electricity
) -> Option | Refusal:
    """A machine with a model in a format, or why it is refused and what would help."""
    weights = weights_of(card.shape, storage)
    engine = engine_for(device, wish)
    load = Load(context_tokens=wish.context_tokens, sequences=wish.users, engine=engine, cards=cards)
    what = f"{cards} x {device.name} with {card.id} {storage}"
    fit = check_fit(device, card.shape, weights, load)
    if not fit.fits:
        return Refusal(
            what=what,
            why=f"needs {fit.need_bytes / 2**30:.1f} GiB, has {fit.have_bytes / 2**30:.1f}",
            rescue=rescue_of(device, cards, card, weights, load),
        )
    speed, low, reason = seen_speed(device, card, weights, cards, wish)
    if low < wish.least_tokens_per_s:
        return Refusal(
            what=what,
            why=f"{low:.1f} tokens/s in 9 of 10 cases, {wish.least_tokens_per_s:g} asked for ({reason})",
            rescue="fewer users at once, a model with fewer active parameters, or memory with more bandwidth",
        )
    terms = Terms()
    bought = purchase(device, cards, terms).likely
    if wish.budget_usd is not None and bought > wish.budget_usd:
        return Refusal(what=what, why=f"{bought:,.0f} USD, {wish.budget_usd:,.0f} allowed")
    years = total(cost_terms(device, cards, electricity, terms, wish.users))
    millions = million_tokens(Workload(answer_tokens_per_s=speed * wish.users), terms)
    return Option(
        device=device.id,
        cards=cards,
        model=card.id,
        format=storage,
        engine=engine,
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
    )


def rescue_of(device: Device, cards: int, card: ModelCard, weights: Weights, load: Load) -> str:
    """What would make it fit, the mildest first."""

    def fits(**changes: object) -> bool:
        return check_fit(device, card.shape, weights, msgspec.structs.replace(load, **changes)).fits

    if fits(kv="q8_0"):
        return "keys and values in q8_0"
    for share in (0.5, 0.25):
        if load.context_tokens * share >= 2048 and fits(context_tokens=load.context_tokens * share):
            return f"{load.context_tokens * share:,.0f} tokens of context"
    if load.sequences > 1 and fits(sequences=max(1.0, load.sequences // 2)):
        return f"{load.sequences // 2:.0f} at once, the others in line"
    if cards < MOST_CARDS and fits(cards=cards * 2):
        return f"{cards * 2} cards"
    alone = memory_terms(card.shape, weights, msgspec.structs.replace(load, sequences=1))[0].value
    return (
        "a smaller model: its weights alone are too large"
        if alone > device.memory_bytes * cards
        else "fewer users and a shorter context"
    )


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
    for device in devices:
        if not device.can_be_bought or device.bandwidth <= 0 or device.memory_bytes < 2**30:
            continue
        several = (
            (1, 2, 4, 8) if device.kind in ("nvidia_hbm", "nvidia_gddr", "amd_cdna", "amd_rdna", "gaudi") else (1,)
        )
        affordable = [
            count
            for count in several
            if wish.budget_usd is None or purchase(device, count, Terms()).low <= wish.budget_usd
        ]
        for card in cards_of:
            answer = _first_that_does(device, affordable, card, wish, electricity)
            if isinstance(answer, Option):
                found.append(answer)
                break  # models come smallest first: a larger one on the same device is waste
            if answer is not None:
                nearest.append(answer)
    found.sort(key=lambda option: (option.years_usd, -option.quality))
    options = distinct(found)
    best = options[0] if options else None
    return Advice(
        options=tuple(options),
        smaller=_smaller(best, refused, nearest),
        bigger=_bigger(best, cards_of, found),
        refused=tuple(refused[:40] + nearest[:20]),
        adaptation=adaptation(best, cards_of),
        services=tuple(f"{each.id}: {each.input_usd:g} / {each.output_usd:g} USD a million" for each in services[:3]),
    )


def _first_that_does(
    device: Device, counts: Sequence[int], card: ModelCard, wish: Wish, electricity: Electricity
) -> Option | Refusal | None:
    last: Refusal | None = None
    for count in counts:
        for storage in FORMATS[: 1 if wish.quality != "best" else 2][::-1]:
            answer = option_of(device, count, card, storage, wish, electricity)
            if isinstance(answer, Option):
                return answer
            last = answer
    return last


def distinct(found: Sequence[Option]) -> list[Option]:
    """Three that differ: the cheapest, the best for at most twice its price, and the fastest for that."""
    if not found:
        return []
    first = found[0]
    near = [each for each in found[1:] if each.years_usd <= 2.5 * first.years_usd] or list(found[1:])
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


def _smaller(best: Option | None, refused: Sequence[Refusal], nearest: Sequence[Refusal]) -> Refusal | None:
    if best is None:
        return nearest[0] if nearest else (refused[-1] if refused else None)
    weak = [each for each in refused if each.why.startswith("quality")]
    same = [each for each in nearest if best.model in each.what]
    return weak[-1] if weak else (same[0] if same else (nearest[0] if nearest else None))


def _bigger(best: Option | None, models: Sequence[ModelCard], found: Sequence[Option]) -> Refusal | None:
    if best is None:
        return None
    above = [card for card in models if card.id != best.model and quality_of(card) > best.quality]
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
        why=f"{best.model} has the quality asked for; this one adds {quality_of(card) - best.quality:.0f} points{cost}",
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
