"""`serdab plan picture|training`: what it takes to make pictures with a model, and to go on training one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from serdab.cli.plan_asking import Json, catalogue_of, context_tokens
from serdab.cli.plan_showing import shown
from serdab.cli.printing import print_json, print_table
from serdab.core import BadInput, expected

if TYPE_CHECKING:
    from serdab.plan import Estimate

#: Shortest side of a picture that models make, pixels.
LEAST_SIDE = 64
#: What stays on the card, the fastest first.
OFFLOADS = ("none", "parts", "layers")


def register(application: typer.Typer) -> None:
    """Add the commands to `serdab plan`."""
    for command in (picture, training):
        application.command()(command)


def picture(  # noqa: PLR0913 - each is an option of the command line
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(help="A model of the catalogue that makes pictures.")],
    device: Annotated[str, typer.Option("--device", help="A device of the catalogue.")],
    size: Annotated[str, typer.Option(help="Width x height, as in 1024x1024.")] = "1024x1024",
    storage: Annotated[str, typer.Option("--format", help="How its weights are stored.")] = "BF16",
    offload: Annotated[str, typer.Option(help="none, parts or layers: what is held only while it is used.")] = "none",
    steps: Annotated[int, typer.Option(min=1, max=1000, help="Steps of one picture.")] = 28,
    json: Json = False,
) -> None:
    """Estimate memory and time of a picture."""
    from serdab.plan import MARGIN, draws_in_steps, image_memory, image_seconds

    sides = size.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() and len(side) < 7 and int(side) >= LEAST_SIDE for side in sides):
        raise BadInput(expected("--size", f"width x height of at least {LEAST_SIDE} pixels, as in 1024x1024", size))
    catalogue = catalogue_of(ctx)
    card, machine = catalogue.model(model, "MODEL"), catalogue.device(device, "--device")
    shape = card.shape
    pixels = float(int(sides[0]) * int(sides[1]))
    have = machine.memory_bytes * machine.usable_share
    need = {how: image_memory(shape, storage, pixels=pixels, offload=how) for how in OFFLOADS}
    if offload not in need:
        raise BadInput(expected("--offload", f"one of {', '.join(OFFLOADS)}", offload))
    memory, time = need[offload], None
    if draws_in_steps(shape):
        # A picture that is edited is read in every step beside the one that is made.
        seen = pixels * (1 if "image" in card.tasks else 2)
        time = image_seconds(machine, shape, steps, seen, storage, offload)
    most = have * (1 - MARGIN)
    fits, would_fit = memory.likely <= most, [how for how in OFFLOADS if need[how].likely <= most]
    if json:
        print_json({"memory": memory, "time": time, "have_bytes": have, "fits": fits, "would_fit": would_fit})
        return
    _print([memory] if time is None else [memory, time])
    if time is None:
        print("it makes a picture in one pass: how long that takes was not measured")
    spare = have - memory.likely
    print(
        f"{'fits' if fits else 'does not fit'} {machine.name}: {shown(abs(spare), 'B')} "
        f"{'to spare' if spare >= 0 else 'are missing'}, {MARGIN:.0%} must stay free"
    )
    if not fits:
        print(f"would fit with --offload {would_fit[0]}" if would_fit else "would fit in no way: store it smaller")


def training(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(help="A model of the catalogue.")],
    context: Annotated[str, typer.Option(help="Tokens of one example, as in 2k.")] = "2k",
    batch: Annotated[int, typer.Option(min=1, max=4096, help="Examples at once.")] = 1,
    json: Json = False,
) -> None:
    """Estimate the memory of training.

    Of all of a model, of adapters, and of adapters on quantised weights.
    """
    from serdab.plan import estimate_finetuning

    shape = catalogue_of(ctx).model(model).shape
    tokens = context_tokens(context)
    found = [estimate_finetuning(shape, method, tokens, batch) for method in ("full", "full 8-bit", "lora", "qlora")]
    if json:
        print_json(found)
        return
    _print(found)
    print("on one card; several share it")


def _print(found: list[Estimate]) -> None:
    for each in found:
        rows = [(term.name, shown(term.value, term.unit), term.why) for term in each.terms]
        span = f"{shown(each.range.low, each.unit)} to {shown(each.range.high, each.unit)}"
        print_table((each.name, ">", "from~"), [*rows, ("in all", shown(each.likely, each.unit), span)])
        for note in each.notes:
            print(note)
