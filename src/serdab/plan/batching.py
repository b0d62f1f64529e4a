"""Several users of one engine that was made for one, like llama.cpp: a step reads the weights once for all of them.

t(n) = W(n)/(e·B) + n·KV/(e·B) + layers + (n - 1)·2P/(u·F) + (n - 1)·prompt/answer (field evidence §5.3, §5.4): the
coefficients of one user's token, the computing of the others' tokens at the share that prompts are computed at, and the
prompts of the others that are read in between. With one user it is that user's token. Nothing is fitted to rows of
several users, which check it (`serdab plan validate`: batches of 2 to 32).
"""

from __future__ import annotations

import math

import msgspec

from serdab.plan.calibration import DECODE, DECODE_SPAN, PREFILL
from serdab.plan.checking import checked
from serdab.plan.devices import Device
from serdab.plan.figures import Estimate, Range, Term
from serdab.plan.prefill import dense_rate, prefill_groups
from serdab.plan.shapes import Shape, Weights
from serdab.plan.speed import FITTED_ENGINES, STRANGE, Setting, decode_case, elsewhere_terms, estimate_prefill, span_of
from serdab.plan.weights import bytes_read


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """Users at work at once, each of whom asks again as soon as the answer is there."""

    users: float
    #: Tokens of each question that are read anew; 0: only writing is looked at.
    prompt_tokens: float = 0.0
    answer_tokens: float = 400.0


def shared_read(shape: Shape, weights: Weights, users: float) -> float:
    """How many times the bytes of one token's weights a step reads: 1 but for the experts that others use."""
    if shape.experts is None or not weights.expert_bytes:
        return 1.0
    share = shape.experts.used / shape.experts.count
    touched = 1 - math.pow(1 - share, users)
    return 1.0 + weights.expert_bytes * (touched - share) / max(bytes_read(shape, weights), 1.0)


def batched_terms(device: Device, shape: Shape, weights: Weights, setting: Setting, crowd: Crowd) -> tuple[Term, ...]:
    """What a step of all users is the sum of, in seconds.

    Raises:
        BadPlan: a number or name makes no sense, or nothing can be read from the device.
    """
    users = checked("users", crowd.users)
    checked("answer tokens", crowd.answer_tokens)
    beside = elsewhere_terms(device, shape, weights, setting)
    one = decode_case(device, shape, weights, setting)
    read = shared_read(shape, weights, users)
    case = msgspec.structs.replace(one, weights_s=one.weights_s * read, cache_s=one.cache_s * users)
    values = [a * b for a, b in zip(DECODE.coefficients(case.groups), case.features(), strict=True)]
    engine = FITTED_ENGINES.get(setting.engine, setting.engine)
    share = PREFILL.share(prefill_groups(device, engine), (1.0, 0.0, math.log(shape.active_parameters / 8e9), 0.0))
    token = 2.0 * shape.active_parameters / (share * dense_rate(device))
    others = users - 1
    terms = [
        Term(name="weights", value=values[0] + values[5] + values[6], unit="s", why=f"read once, {read:.1f} x of one"),
        Term(name="keys and values", value=values[1] + values[7], unit="s", why=f"{users:g} contexts"),
        Term(name="layers", value=values[2] + values[3] + values[4], unit="s", why=f"{case.layers} layers, once"),
        Term(
            name="computing", value=others * token, unit="s", why=f"{others:g} tokens more, at {share:.0%} of the rate"
        ),
    ]
    if crowd.prompt_tokens and others:
        prompt = estimate_prefill(device, shape, weights, crowd.prompt_tokens, setting).likely
        new, answer = crowd.prompt_tokens, crowd.answer_tokens
        why = f"{others:g} x {prompt:.2f} s for {new:,.0f} new tokens, in each {answer:,.0f} written ones"
        terms.append(Term(name="others' prompts", value=others * prompt / answer, unit="s", why=why))
    return (*terms, *beside)


def _strangeness(device: Device, shape: Shape, engine: str) -> float:
    """How much wider the interval is than one user's: twice where no batches of the like were compared with."""
    compared = device.kind.startswith("nvidia") and shape.experts is None and engine == "llama.cpp"
    return 1.0 if compared else STRANGE


def estimate_batched(device: Device, shape: Shape, weights: Weights, setting: Setting, crowd: Crowd) -> Estimate:
    """Seconds between two tokens of a user, with all users at work.

    Raises:
        BadPlan: a number or name makes no sense, or nothing can be read from the device.
    """
    terms = batched_terms(device, shape, weights, setting, crowd)
    seconds = sum(term.value for term in terms)
    engine = FITTED_ENGINES.get(setting.engine, setting.engine)
    slower, faster = (width * _strangeness(device, shape, engine) for width in span_of(device, engine, DECODE_SPAN))
    largest = max(terms, key=lambda term: term.value)
    return Estimate(
        name="between tokens",
        unit="s",
        terms=terms,
        range=Range(low=seconds * math.exp(-faster), likely=seconds, high=seconds * math.exp(slower)),
        bound_by=f"{largest.name}: {largest.value / seconds:.0%} of the step",
        notes=(f"{setting.engine}, several users: from one user's token and prompt, not fitted to several users",),
    )


def estimate_turn(
    device: Device, shape: Shape, weights: Weights, setting: Setting, crowd: Crowd, room: float
) -> Estimate:
    """Seconds to the first token of an answer: one's own new tokens, a step, and those whose turn is before.

    The others are at their prompts for the share of the time that reading takes of reading and writing. Who has no slot
    waits for one to end. The range ends where all others are before, or the whole context is read anew.

    Args:
        device: the cards.
        shape: the model.
        weights: as they are stored.
        setting: how it is run.
        crowd: who asks, with the new tokens of a question.
        room: contexts that have room at once.

    Raises:
        BadPlan: a number or name makes no sense, or nothing can be read from the device.
    """
    at_once = min(crowd.users, max(room, 1.0))
    step = estimate_batched(device, shape, weights, setting, msgspec.structs.replace(crowd, users=at_once)).likely
    own, whole = (
        estimate_prefill(device, shape, weights, tokens, setting)
        for tokens in (max(crowd.prompt_tokens, 1.0), setting.context_tokens)
    )
    writing = crowd.answer_tokens * step
    before = (at_once - 1) * own.likely * own.likely / (own.likely + writing)
    line = (crowd.users / at_once - 1) * (own.likely + writing)
    new = f"{crowd.prompt_tokens:,.0f} new tokens of {setting.context_tokens:,.0f}"
    terms = [
        Term(name="own prompt", value=own.likely, unit="s", why=new),
        Term(name="step", value=step, unit="s", why=f"{at_once:g} at work"),
        Term(name="others' prompts", value=before, unit="s", why="those that are read when one's own comes"),
    ]
    if line:
        terms.append(Term(name="line", value=line, unit="s", why=f"{crowd.users:g} users, {at_once:g} have room"))
    likely = sum(term.value for term in terms)
    high = max(at_once * own.range.high, whole.range.high) + step + 2 * line
    memory = f"memory: {crowd.users:g} contexts, {at_once:g} have room, the others stand in line"
    return Estimate(
        name="to the first token",
        unit="s",
        terms=tuple(terms),
        range=Range(low=own.range.low, likely=likely, high=max(likely, high)),
        bound_by=memory if line else f"{new}, and prompts of others; at most the whole context is read anew",
    )
