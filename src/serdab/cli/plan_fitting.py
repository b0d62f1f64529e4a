"""What `serdab plan fit` shows: the shape of a model, the sum of its memory, and whether there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serdab.cli.plan_showing import shown
from serdab.cli.printing import print_json, print_table, say

if TYPE_CHECKING:
    from serdab.cli.plan_asking import Found
    from serdab.plan import Question, Shape, Weights


def show_fit(question: Question, found: Found, *, as_json: bool) -> None:
    """Print what a model is, what it needs and whether that fits.

    Raises:
        BadPlan: a number, a name or their combination makes no sense.
    """
    from serdab.cli.plan_showing import show_memory
    from serdab.plan import check_fit, most_sequences, rescues

    device, shape, weights, load = question.device, question.shape, question.weights, question.load
    memory = check_fit(device, shape, weights, load) if shape.layers else None
    help_by = rescues(device, shape, weights, load, question.cards) if memory and not memory.fits else ()
    if as_json:
        print_json(
            {
                "shape": shape, "weights": weights, "place": found.place, "bytes_read": found.bytes_read,
                "device": device, "load": load, "memory": memory, "fits": memory.fits if memory else None,
                "would_fit": help_by,
            }
        )  # fmt: skip
        return
    read = f"{found.bytes_read:,} bytes of {found.place}" if found.bytes_read else found.place
    print_table(("what", "is"), [*_shape_rows(shape), *_weight_rows(weights, found), ("read", read)])
    if memory is None:
        print(f"no layers are known of {shape.name}; for models of pictures: serdab plan picture")
    else:
        users = most_sequences(device, shape, weights, load)
        verdict = "fits" if memory.fits else "does not fit"
        spare = f"{shown(abs(memory.spare_bytes), 'B')} {'to spare' if memory.spare_bytes >= 0 else 'are missing'}"
        show_memory(memory)
        room = f"room for {users:,} at once" if shape.writes else "nothing is kept between texts"
        print(f"{verdict} {question.cards} x {device.name}: {spare}, 8 % must stay free; {room}")
        if device.note:
            print(f"  {device.note}")
        for each in help_by:
            print(f"would fit with {each}")
        if not memory.fits and not help_by:
            print("nothing that can be left out or made smaller would be enough: take a smaller model")
    for each in shape.assumed:
        say(f"assumed: {each}")


def _shape_rows(shape: Shape) -> list[tuple[str, str]]:
    rows = [("model", f"{shape.name} ({shape.kind})")]
    if shape.parameters:
        active = f", {shape.active_parameters / 1e9:,.3g} for one token" if shape.experts else ""
        rows.append(("parameters, 10^9", f"{shape.parameters / 1e9:,.4g}{active}"))
    if shape.experts:
        shared = f" and {shape.experts.shared} shared" if shape.experts.shared else ""
        rows.append(("experts", f"{shape.experts.used} of {shape.experts.count}{shared}"))
    rows += [(f"part {part.name}", f"{part.parameters / 1e9:,.3g}") for part in shape.parts]
    for each in shape.layers:
        window = f", window of {each.window_tokens:,} tokens" if each.window_tokens else ""
        rows.append(("layers", f"{each.count} {each.attention}{window}"))
    if shape.context_tokens:
        rows.append(("made for tokens", f"{shape.context_tokens:,}"))
    return rows


def _weight_rows(weights: Weights, found: Found) -> list[tuple[str, str]]:
    by = "by the bits of its format: no head was read"
    if found.weights is not None:
        by = "by their heads" if weights.exact else "by the size of files"
    rows = [("weights", f"{shown(weights.bytes, 'B')} {weights.format}, {by}")]
    if weights.embedding_bytes:
        rows.append(("  input embedding", shown(weights.embedding_bytes, "B")))
    if weights.expert_bytes:
        rows.append(("  routed experts", shown(weights.expert_bytes, "B")))
    return rows
