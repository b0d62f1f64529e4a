"""Which models a wish allows: licence, languages, context, quality; and which of them a newer one replaces."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import takewhile
from typing import Literal

import msgspec

from serdab.core import expected
from serdab.plan.bad_plan import BadPlan
from serdab.plan.catalogue_entries import ModelCard
from serdab.plan.checking import checked

Quality = Literal["basic", "good", "best"]
#: Least quality (0 to 100) that is asked for; a model of unknown quality counts by its size.
FLOORS: dict[str, float] = {"basic": 30.0, "good": 50.0, "best": 70.0}
#: A newer model within this share of the size takes the place of an older one that does no other tasks.
SAME_SIZE = 0.15
#: Why such a one is refused.
REPLACED = "a newer model of its size does the same"
#: What helps where a licence is only recalled.
READ_IT = "read the licence of the very version, and enter it with its source in a catalogue of your own"


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
    #: Whether the machine is there already.
    owned: bool = False


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """What was left out, why, and what would help."""

    what: str
    why: str
    rescue: str = ""
    #: The cards on which it was tried; empty: it was left out whatever they are.
    machine: str = ""
    #: What the refused machine would cost; 0: no machine was refused.
    usd: float = 0.0


def quality_of(card: ModelCard) -> float:
    """Its quality, or a guess by its size: 8 G 50, 32 G 65, 70 G 72 (a mixture counts by the root of all and used)."""
    if card.quality is not None:
        return card.quality
    size = math.sqrt(card.shape.parameters * card.shape.active_parameters) / 1e9
    return max(5.0, min(85.0, 50 + 10.5 * math.log(max(size, 0.05) / 8)))


def licence_problem(card: ModelCard, wish: Wish) -> str:
    """Why its licence does not allow the wish; "" where it does."""
    if wish.commercial and not card.licence.commercial:
        return f"its licence ({card.licence.name}) does not allow commercial use"
    if wish.commercial and not card.licence_is_confirmed:
        return f"its licence ({card.licence.name}, as recalled) is not confirmed by any source"
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
    if able and not any(card.shape.writes for card in able):
        raise BadPlan(
            expected(
                "the task",
                "one whose models write text",
                wish.task,
                "for pictures: `serdab plan picture`; for embedding and reranking, which any card that has room for "
                "them does: `serdab plan fit`, and `serdab plan models --task` lists them with their licences",
            )
        )
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
            rescue = READ_IT if "not confirmed" in problem else ""
            refused.append(Refusal(what=card.id, why=problem, rescue=rescue))
        else:
            kept.append(card)
    older = [card for card in kept if superseded(card, kept)]
    refused += [Refusal(what=card.id, why=REPLACED) for card in older]
    return sorted((card for card in kept if card not in older), key=_size_class), refused


def _size_class(card: ModelCard) -> tuple[int, int, int, int, str]:
    """The smallest first; of one size those first that do most, and the newest."""
    size = round(math.log(card.shape.parameters) / math.log(1 + SAME_SIZE))
    return size, -len(card.tasks), -card.year, card.shape.parameters, card.id


def maker_of(card: ModelCard) -> str:
    """The letters that its name begins with, like qwen or llama."""
    return "".join(takewhile(str.isalpha, card.id))


def superseded(card: ModelCard, others: Sequence[ModelCard]) -> bool:
    """Whether another of the same size does all its tasks (seeing aside) and is newer, or does more and is as old."""
    own = card.shape

    def is_near(one: int, other: int) -> bool:
        return abs(one - other) <= SAME_SIZE * one

    def rank(each: ModelCard) -> tuple[int, int, str]:
        # Of one maker and size the later name is the newer: Llama 3.1 and 3.3, Qwen 3.5 and 3.6.
        is_kin = each.shape.parameters == own.parameters and maker_of(each) == maker_of(card)
        return each.year, len({*each.tasks} - {"vision"}), each.id if is_kin else ""

    return any(
        each is not card
        and is_near(own.parameters, each.shape.parameters)
        and is_near(own.active_parameters, each.shape.active_parameters)
        and {*card.tasks} - {"vision"} <= {*each.tasks}
        and rank(each) > (rank(card) if rank(each)[2] else (*rank(card)[:2], ""))
        for each in others
    )
