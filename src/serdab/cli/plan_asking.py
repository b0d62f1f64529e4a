"""What `serdab plan fit|estimate|explain|cost` are asked: one set of options, and the question that they make."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import msgspec
import typer

from serdab.cli.printing import say
from serdab.cli.session import path_of, run_loop, session_of
from serdab.core import BadInput, expected

if TYPE_CHECKING:
    from serdab.core import Settings
    from serdab.plan import Catalogue, Device, Electricity, Neighbour, Question, Shape, Weights

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Country = Annotated[str, typer.Option(help="Two letters: price of electricity and carbon.")]
Tariff = Annotated[float | None, typer.Option(min=0, max=10, help="Your own price of a kWh, USD.")]
Report = Annotated[
    Path | None, typer.Option("--report", help="Also a page of HTML with pictures, in this file.", parser=path_of)
]
#: Says this machine in place of a device of the catalogue.
HERE = "here"
#: Widest context that can be asked for, tokens.
MOST_CONTEXT = 1 << 24
_CONTEXT = re.compile(r"(\d{1,9})([km]?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A model on a machine: each field is an argument or an option."""

    model: Annotated[
        str, typer.Argument(help="A GGUF file, a folder, a URL, owner/name on the hub, or a name of the catalogue.")
    ]
    device: Annotated[str, typer.Option(help="A device of the catalogue, or here: this machine.")] = HERE
    cards: Annotated[int, typer.Option(min=0, max=64, help="Equal cards; 0: one, or all of this machine.")] = 0
    users: Annotated[int, typer.Option(min=1, max=100_000, help="Users at the same time.")] = 1
    context: Annotated[str, typer.Option(help="Tokens of one user's context, as in 16k.")] = "8k"
    storage: Annotated[
        str,
        typer.Option(
            "--format",
            help="How weights are stored that no head tells of, as in Q8_0, BF16, FP8; "
            "empty: Q4_K_M, F16 of models of embeddings.",
        ),
    ] = ""
    engine: Annotated[str, typer.Option(help="llama.cpp, ollama, vllm, sglang, tensorrt-llm, mlx…")] = "llama.cpp"
    kv: Annotated[str, typer.Option(help="How keys and values are kept: f16, q8_0, fp8, q4_0.")] = "f16"
    draft: Annotated[str, typer.Option(help="A model that writes drafts; NAME@FORMAT says how it is stored.")] = ""
    beside: Annotated[
        str, typer.Option(help="Other models on the same cards, as in bge-m3,qwen3-8b@Q8_0; they count in memory.")
    ] = ""
    adapters: Annotated[int, typer.Option(min=0, max=10_000, help="LoRA adapters that are held at once.")] = 0
    rank: Annotated[int, typer.Option(min=1, max=4096, help="Rank of the adapters.")] = 16
    display: Annotated[bool, typer.Option("--display", help="The cards show a desktop too.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a model is, and where that was read."""

    shape: Shape
    #: None: no head was read.
    weights: Weights | None
    place: str
    bytes_read: int


def asks(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `Asked` in place of its parameter `asked`."""
    hints = get_type_hints(Asked, include_extras=True)
    names = [each.name for each in dataclasses.fields(Asked)]
    options = [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if each.default is dataclasses.MISSING else each.default,
            annotation=hints[each.name],
        )
        for each in dataclasses.fields(Asked)
    ]
    own = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for each in inspect.signature(command, eval_str=True).parameters.values()
    ]
    place = next(place for place, each in enumerate(own) if each.name == "asked")
    parameters = [*own[:place], *options, *own[place + 1 :]]

    @functools.wraps(command)
    def called(**values: Any) -> None:
        given = {name: values.pop(name) for name in names}
        command(asked=Asked(**given), **values)

    called.__dict__["__signature__"] = inspect.Signature(parameters)  # what typer reads
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    return called


def catalogue_of(ctx: typer.Context) -> Catalogue:
    """The catalogues with the user's own; what it replaces is said."""
    from serdab.plan import load_catalogue

    catalogue = load_catalogue(session_of(ctx).settings.plan.catalogues)
    for each in catalogue.overridden:
        say(f"yours: {each}")
    return catalogue


def electricity_of(catalogue: Catalogue, country: str, tariff: float | None) -> Electricity:
    """A country's electricity, at the price that its user pays where that is told.

    Raises:
        UnknownEntry: the country is not known.
    """
    known = catalogue.electricity_of(country)
    if tariff is None:
        return known
    carbon = {name: source for name, source in known.sources.items() if name != "usd_per_kwh"}
    return msgspec.structs.replace(known, usd_per_kwh=tariff, sources=carbon)


def context_tokens(text: str) -> int:
    """Tokens of a context as people write it: 16k is 16,384.

    Raises:
        BadInput: it is no such number.
    """
    found = _CONTEXT.fullmatch(text.strip())
    tokens = int(found[1]) * {"": 1, "k": 1024, "m": 1024 * 1024}[found[2].lower()] if found else 0
    if not 1 <= tokens <= MOST_CONTEXT:
        raise BadInput(expected("--context", f"a number of tokens from 1 to {MOST_CONTEXT:,}, as in 16k", text))
    return tokens


def device_of(catalogue: Catalogue, name: str, *, measured: bool) -> tuple[Device, int]:
    """A device of the catalogue, or this machine; and how many equal ones there are.

    Args:
        catalogue: the catalogues.
        name: of a device, or `here`.
        measured: measure the memory of this machine too, which takes a few seconds.

    Raises:
        UnknownEntry: there is no such device.
    """
    from serdab.core import stranger_environment
    from serdab.machine import look
    from serdab.plan import as_device

    if name != HERE:
        return catalogue.device(name, "--device"), 1
    return as_device(look(environment=stranger_environment(), measured=measured), list(catalogue.devices.values()))


def question_of(
    settings: Settings, catalogue: Catalogue, asked: Asked, *, measured: bool = True
) -> tuple[Question, Found]:
    """The question that a command line asks, and what the model is.

    Args:
        settings: `models.hub_url` and what belongs to it.
        catalogue: the catalogues.
        asked: the options.
        measured: measure this machine where it is the device; only speed needs it.

    Raises:
        BadInput: no such model or device, or an option is wrong.
        PullFailed: the hub does not answer.
    """
    from serdab.plan import Question

    tokens = context_tokens(asked.context)
    found = find_model(settings, catalogue, asked.model)
    others = [(name.strip(), False) for name in asked.beside.split(",")]
    neighbours = tuple(
        neighbour_of(settings, catalogue, name, asked.storage, drafts=drafts)
        for name, drafts in [(asked.draft.strip(), True), *others]
        if name
    )
    device, cards = device_of(catalogue, asked.device, measured=measured)
    question = Question(
        device=device,
        shape=found.shape,
        weights=weights_in(found, asked.storage),
        engine=asked.engine,
        cards=asked.cards or cards,
        users=asked.users,
        context_tokens=tokens,
        kv=asked.kv,
        neighbours=neighbours,
        adapters=asked.adapters,
        adapter_rank=asked.rank,
        display=asked.display,
    )
    return question, found


def find_model(settings: Settings, catalogue: Catalogue, model: str, given_as: str = "MODEL") -> Found:
    """What a model is: what is here and on the hub goes before what the catalogue knows.

    Args:
        settings: `models.hub_url` and what belongs to it.
        catalogue: the catalogues.
        model: its place or its name.
        given_as: the argument or option that it came by.

    Raises:
        BadInput: no such model.
        PullFailed: the hub does not answer.
    """
    from serdab.models import is_here, is_place, read_model
    from serdab.plan import UnknownEntry

    known = None
    try:
        known = catalogue.model(model, given_as)
    except UnknownEntry:
        if not is_place(model):
            raise
    there = is_here(model) or "://" in model or (is_place(model) and bool(settings.models.hub_url))
    if there or known is None:
        head = run_loop(read_model(model, settings))
        return Found(shape=head.shape, weights=head.weights, place=head.place, bytes_read=head.bytes_read)
    return Found(shape=known.shape, weights=None, place=f"the catalogue's entry {known.id}", bytes_read=0)


def neighbour_of(settings: Settings, catalogue: Catalogue, name: str, storage: str, *, drafts: bool) -> Neighbour:
    """Another model on the same cards; models of embeddings are kept at 16 bits where nothing else is said.

    Raises:
        BadInput: no such model or format.
        PullFailed: the hub does not answer.
    """
    from serdab.plan import Neighbour

    model, _, own = name.partition("@")
    found = find_model(settings, catalogue, model, "--draft" if drafts else "--beside")
    return Neighbour(
        shape=found.shape, weights=weights_in(found, own or (storage if found.shape.writes else "")), drafts=drafts
    )


def weights_in(found: Found, storage: str) -> Weights:
    """The weights by their heads, else in a format; where none is said at 4 bits, those of embeddings at 16.

    Raises:
        BadPlan: no such format.
    """
    from serdab.plan import weights_of

    if found.weights is not None:
        return found.weights
    return weights_of(found.shape, storage or ("Q4_K_M" if found.shape.writes else "F16"))
