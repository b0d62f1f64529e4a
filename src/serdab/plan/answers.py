"""One question answered as a whole: does it fit, how fast is it, with how many users, what does it draw."""

from __future__ import annotations

from math import ceil

import msgspec

from serdab.core import expected
from serdab.plan.bad_plan import BadPlan
from serdab.plan.batching import Crowd, estimate_batched, estimate_turn
from serdab.plan.devices import Device
from serdab.plan.figures import Estimate, Range
from serdab.plan.kv import kv_type
from serdab.plan.memory import (
    GIB,
    MARGIN,
    Fit,
    Load,
    Neighbour,
    check_fit,
    engine_named,
    most_sequences,
    offload_share,
)
from serdab.plan.power import estimate_power, is_whole_machine
from serdab.plan.serving import Served
from serdab.plan.shapes import Shape, Weights
from serdab.plan.speed import (
    FITTED_ENGINES,
    MEASURED_ENGINES,
    SERVERS,
    Setting,
    estimate_decode,
    estimate_first_token,
    estimate_prefill,
    estimate_step,
    precision_of,
)
from serdab.plan.weights import bytes_read

#: Numbers of users of the curve of speed against concurrency.
CURVE = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A model on a machine."""

    device: Device
    shape: Shape
    weights: Weights
    engine: str = "llama.cpp"
    cards: int = 1
    users: float = 1
    context_tokens: float = 8192
    answer_tokens: float = 400
    #: Tokens of each question that are read anew where a conversation's context is kept from one question to the next
    #: (llama.cpp and ollama do so unasked); 0: as many as the answer has. Other engines read the whole context.
    new_tokens: float = 0
    kv: str = "f16"
    display: bool = False
    #: Other models on the same cards, and adapters of this one: they count in its memory, not in its speed.
    neighbours: tuple[Neighbour, ...] = ()
    adapters: int = 0
    adapter_rank: int = 16

    @property
    def load(self) -> Load:
        """The question as memory sees it."""
        return Load(
            context_tokens=self.context_tokens,
            sequences=self.users,
            kv=self.kv,
            engine=self.engine,
            cards=self.cards,
            display=self.display,
            neighbours=self.neighbours,
            adapters=self.adapters,
            adapter_rank=self.adapter_rank,
        )


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A number of users on the curve."""

    users: int
    tokens_per_s_each: float
    tokens_per_s_all: float
    fits: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan says of a model on a machine."""

    device: str
    model: str
    format: str
    engine: str
    fit: Fit
    fits: bool
    #: Sequences of this context that have room at once.
    most_users: int
    #: Share of the layers that has room on the cards.
    on_cards: float
    decode: Estimate
    prefill: Estimate
    between_tokens: Estimate | None
    first_token: Estimate | None
    power: Estimate
    curve: tuple[Point, ...]

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """All that were made."""
        found = (self.decode, self.prefill, self.between_tokens, self.first_token, self.power)
        return tuple(each for each in found if each is not None)


def answer_question(question: Question) -> Answer:
    """Answer a question.

    Raises:
        BadPlan: a number, a name or their combination makes no sense.
    """
    device, shape, weights = question.device, question.shape, question.weights
    if not shape.layers or not shape.writes:
        todo = "for pictures: serdab plan picture; for embedding and reranking, which write nothing: serdab plan fit"
        raise BadPlan(expected("the model", "one that writes text and whose layers are known", shape.name, todo))
    load = question.load
    fit = check_fit(device, shape, weights, load)
    share = 1.0 if fit.fits else offload_share(shape, weights, fit.have_bytes, load)
    setting = Setting(
        engine=question.engine,
        context_tokens=question.context_tokens,
        kv=question.kv,
        cards=question.cards,
        on_cards=share,
    )
    room = most_sequences(device, shape, weights, load)
    many = question.users > 1 and room > 0  # a server keeps all layers on its cards
    return Answer(
        device=device.id,
        model=shape.name,
        format=weights.format,
        engine=question.engine,
        fit=fit,
        fits=fit.fits,
        most_users=room,
        on_cards=share,
        decode=decode_of(question, setting),
        prefill=estimate_prefill(device, shape, weights, question.context_tokens, setting),
        between_tokens=step_of(question, setting, question.users) if many else None,
        first_token=first_token_of(question, setting, room) if many else None,
        power=estimate_power(device, question.cards, question.users),
        curve=curve(question, load, setting),
    )


def spread_users(question: Question) -> tuple[int, Question]:
    """How many equal machines it takes until the contexts of all users have room, and the question to one of them.

    One user of llama.cpp is served where a model has no room on the cards: the rest stays in the machine's own memory.

    Raises:
        BadPlan: not even one context has room, so no number of machines serves anybody.
    """
    device, load = question.device, question.load
    room = most_sequences(device, question.shape, question.weights, load)
    has_host = engine_named(question.engine).uses_host and not is_whole_machine(device)
    if question.users <= max(room, has_host):
        return 1, question
    if not room:
        one = check_fit(device, question.shape, question.weights, msgspec.structs.replace(load, sequences=1))
        need, have = (f"{size / GIB:,.1f} GiB" for size in (one.need_bytes, one.have_bytes * (1 - MARGIN)))
        what = f"{question.cards} x {device.name}"
        todo = "`serdab plan fit` says what would make room"
        raise BadPlan(expected(what, f"a machine with room for {question.shape.name} and one user, {need}", have, todo))
    machines = ceil(question.users / room)
    return machines, msgspec.structs.replace(question, users=float(ceil(question.users / machines)))


def decode_of(question: Question, setting: Setting) -> Estimate:
    """The speed of one user at work, with the contexts of all held in memory."""
    found = one_at_work(question, setting)
    if question.users <= 1:
        return found
    return msgspec.structs.replace(found, name=f"decode, one at work, room held for {question.users:g}")


def one_at_work(question: Question, setting: Setting) -> Estimate:
    """The speed of one user: with a server on several or data-centre cards, of a step with nobody else in it."""
    device, shape, weights = question.device, question.shape, question.weights
    found = estimate_decode(device, shape, weights, setting)
    if setting.on_cards < 1 and not engine_named(question.engine).uses_host:
        note = f"{question.engine} does not start with layers that have no room: the speed is what llama.cpp would have"
        return msgspec.structs.replace(found, notes=(*found.notes, note))
    has_steps = is_measured(question.engine) and (question.cards > 1 or device.kind in SERVERS)
    if not has_steps or setting.on_cards < 1:
        return found
    step = estimate_step(served_of(question, 1))
    speed = 1 / step.likely
    if speed <= found.likely:
        return found
    roof = question.cards * device.bandwidth / max(bytes_read(shape, weights), 1.0)
    return msgspec.structs.replace(
        found,
        terms=step.terms,
        bound_by=step.bound_by,
        notes=(*found.notes, *step.notes),
        range=Range(low=1 / step.range.high, likely=speed, high=max(speed, min(1 / step.range.low, roof))),
    )


def is_measured(engine: str) -> bool:
    """Whether steps of several users were measured with an engine."""
    return FITTED_ENGINES.get(engine, engine) in MEASURED_ENGINES


def step_of(question: Question, setting: Setting, users: float) -> Estimate:
    """The time between tokens at so many users, by the formula of the engine."""
    if is_measured(question.engine):
        return estimate_step(served_of(question, users))
    return estimate_batched(question.device, question.shape, question.weights, setting, crowd_of(question, users))


def crowd_of(question: Question, users: float) -> Crowd:
    """The question for so many users of an engine that keeps their conversations."""
    new = min(question.context_tokens, question.new_tokens or question.answer_tokens)
    return Crowd(users=users, prompt_tokens=new, answer_tokens=question.answer_tokens)


def first_token_of(question: Question, setting: Setting, room: int) -> Estimate:
    """The wait for the first token, by the formula of the engine."""
    if is_measured(question.engine):
        return estimate_first_token(served_of(question, question.users))
    crowd = crowd_of(question, question.users)
    return estimate_turn(question.device, question.shape, question.weights, setting, crowd, room)


def served_of(question: Question, users: float) -> Served:
    """The question for a server of so many users."""
    return Served(
        device=question.device,
        shape=question.shape,
        precision=precision_of(question.weights, question.shape),
        engine={"tensorrt-llm": "trtllm"}.get(question.engine, question.engine),
        users=users,
        prompt_tokens=question.context_tokens,
        answer_tokens=question.answer_tokens,
        tensor_parallel=question.cards,
        cards=question.cards,
        cache="" if kv_type(question.kv) == "f16" else question.kv,
    )


def curve(question: Question, load: Load, setting: Setting) -> tuple[Point, ...]:
    """Speed against the number of users; one user never is slower than any of many.

    Each point has as many layers on the cards as there is room for beside its users' contexts.
    """
    points = []
    least = float("inf")
    for users in CURVE:
        own = msgspec.structs.replace(load, sequences=users)
        fit = check_fit(question.device, question.shape, question.weights, own)
        share = 1.0 if fit.fits else offload_share(question.shape, question.weights, fit.have_bytes, own)
        placed = msgspec.structs.replace(setting, on_cards=share)
        each = one_at_work(question, placed).likely
        if users > 1:
            each = min(each, 1 / step_of(question, placed, users).likely)
        least = min(least, each)
        points.append(Point(users=users, tokens_per_s_each=least, tokens_per_s_all=least * users, fits=fit.fits))
    return tuple(points)
