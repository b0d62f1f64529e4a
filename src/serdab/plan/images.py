"""Image models: what each part needs, together or one after another, and the time of a picture (evidence §5.11)."""

from __future__ import annotations

from typing import Literal

from serdab.core import expected
from serdab.plan.bad_plan import BadPlan
from serdab.plan.checking import checked
from serdab.plan.devices import Device
from serdab.plan.figures import Estimate, Range, Term
from serdab.plan.formats import mix_of
from serdab.plan.power import is_whole_machine
from serdab.plan.prefill import dense_rate
from serdab.plan.shapes import Part, Shape
from serdab.plan.speed import HOP_BANDWIDTH

Offload = Literal["none", "parts", "layers"]
GIB = 2**30
#: Share of the dense rate that is reached, measured: FLUX.1-dev 0.48 on an H100, 0.31 on a B200.
REACHED = {"nvidia_hbm": 0.42, "nvidia_gddr": 0.5, "amd_cdna": 0.3, "amd_rdna": 0.3}


def image_memory(
    shape: Shape, storage: str, pixels: float = 1024 * 1024, offload: str = "none", batch: float = 1
) -> Estimate:
    """Bytes on the card to make a picture.

    Args:
        shape: the model; the first of its parts is what takes the steps.
        storage: format of the transformer's weights; text encoders at 16 bits unless the format is smaller than 8.
        pixels: of one picture.
        offload: none: all stays; parts: one part after another; layers: one layer after another.
        batch: pictures at once.

    Raises:
        BadPlan: no image model, or a number or name makes no sense.
    """
    checked("pixels", pixels, least=64 * 64, most=1e9)
    held, why = _held(shape, storage, offload)
    megapixels = pixels / 1e6 * checked("users", batch)
    terms = [
        Term(name="weights", value=held, unit="B", why=why),
        Term(name="computation", value=1.1 * GIB * megapixels, unit="B", why=f"{megapixels:.2f} megapixels"),
    ]
    if draws_in_steps(shape):
        decoded = "VAE without tiles; tiles need a tenth"
        terms.append(Term(name="decoding the picture", value=2.2 * GIB * megapixels, unit="B", why=decoded))
    terms.append(Term(name="engine", value=0.9 * GIB, unit="B", why="context and kernels"))
    whole = sum(term.value for term in terms)
    return Estimate(
        name="picture",
        unit="B",
        terms=tuple(terms),
        bound_by=max(terms, key=lambda term: term.value).name,
        range=Range(low=whole * 0.85, likely=whole, high=whole * 1.25),
    )


def draws_in_steps(shape: Shape) -> bool:
    """Whether it makes a picture in many steps and decodes it at the end; others do it in one pass of a network."""
    return any("vae" in part.name.casefold() for part in shape.parts)


def parts_of(shape: Shape) -> tuple[Part, ...]:
    """The parts of a model; itself where none are told."""
    return shape.parts or (Part(name=shape.name, parameters=shape.parameters),)


def image_seconds(
    device: Device,
    shape: Shape,
    steps: int = 28,
    pixels: float = 1024 * 1024,
    storage: str = "BF16",
    offload: str = "none",
) -> Estimate:
    """Seconds of a picture: steps x 2 x P x tokens over the rate that is reached; a token is 16 x 16 pixels.

    What is not kept on the card is brought there from the machine's memory: each part once, or each layer in each step.

    Raises:
        BadPlan: no image model, or a number or name makes no sense.
    """
    sizes = _sizes(shape, storage, offload)
    if not draws_in_steps(shape):
        raise BadPlan(expected("the model", "one that makes a picture in steps", shape.name, "measure its one pass"))
    checked("steps", steps, most=1000)
    checked("pixels", pixels, least=64 * 64, most=1e9)
    tokens = pixels / 256 + 512
    reached = REACHED.get(device.kind, 0.4)
    seconds = steps * 2 * parts_of(shape)[0].parameters * tokens / (reached * dense_rate(device))
    brought = {"none": 0.0, "parts": sum(sizes), "layers": sum(sizes[1:]) + steps * sizes[0]}[offload]
    measured = device.kind == "nvidia_hbm" and not brought
    spread = 1.3 if measured else 2.0
    terms = [
        Term(
            name="steps",
            value=seconds,
            unit="s",
            why=f"{steps} x 2 x {parts_of(shape)[0].parameters / 1e9:.1f} G x {tokens:,.0f} tokens",
        )
    ]
    if brought and not is_whole_machine(device):
        why = f"{brought / 1e9:,.0f} GB at {HOP_BANDWIDTH / 1e9:,.0f} GB/s from the machine's memory"
        terms.append(Term(name="bringing", value=brought / HOP_BANDWIDTH, unit="s", why=why))
    whole = sum(term.value for term in terms)
    return Estimate(
        name="picture",
        unit="s",
        bound_by=f"computing: {reached:.0%} of {dense_rate(device) / 1e12:,.0f} T/s"
        if seconds >= whole / 2
        else "the way from the machine's memory to the card",
        range=Range(low=whole / spread, likely=whole, high=whole * spread),
        terms=tuple(terms),
        notes=() if measured else ("no such picture was measured on this class of device: the range is a guess",),
    )


def _sizes(shape: Shape, storage: str, offload: str) -> list[float]:
    """Bytes of each part; the first takes the steps, the others stay at 16 bits unless the format is smaller than 8.

    Raises:
        BadPlan: no image model, or a name makes no sense.
    """
    if shape.kind != "image":
        raise BadPlan(expected("the model", "one that makes images", shape.name))
    if offload not in ("none", "parts", "layers"):
        raise BadPlan(expected("offload", "none, parts or layers", offload))
    bits = mix_of(storage).experts or mix_of(storage).layers
    return [
        part.parameters * (bits / 8 if place == 0 or bits < 8 else 2.0) for place, part in enumerate(parts_of(shape))
    ]


def _held(shape: Shape, storage: str, offload: str) -> tuple[float, str]:
    sizes = _sizes(shape, storage, offload)
    names = " + ".join(part.name for part in parts_of(shape))
    held = {"none": sum(sizes), "parts": max(sizes), "layers": max(sizes) / 20}[offload]
    why = {
        "none": f"all resident: {names}",
        "parts": "the largest part alone",
        "layers": "one layer of the largest part",
    }[offload]
    return held, why
