"""Which device or model of a catalogue a name in the wild means: `Pi CM5 (Nvidia RTX 3060)`, `Qwen3-8B-Q4_K_M.gguf`.

A name that says more than the catalogue's (Laptop, SUPER, Ti) means another device, not the nearest one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from serdab.plan.devices import Device
from serdab.plan.shapes import Layers, Shape

_WORD = re.compile(r"[A-Z]{0,12}\d{0,6}[A-Z]{0,6}", re.ASCII)
#: Words that tell one device from its sibling: both names have them or none.
_TELLING = frozenset({"TI", "SUPER", "XT", "XTX", "LAPTOP", "D", "ULTRA", "MAX", "PRO", "SFF", "MOBILE", "ADA",
                      "GRE", "M", "NANO", "NX", "AGX", "ORIN", "THOR", "BLACKWELL", "NVL72", "AI"})  # fmt: skip
#: Words that tell nothing.
_EMPTY = frozenset({"", "NVIDIA", "GEFORCE", "RTX", "GTX", "RX", "AMD", "INTEL", "APPLE", "RADEON", "TESLA", "QUADRO",
                    "INSTINCT", "ARC", "GPU", "CORE", "JETSON", "GENERATION", "EDITION", "SUPER8", "THE", "SERVER",
                    "WORKSTATION", "MACBOOK", "CHIP", "PCIE", "SXM", "SXM2", "SXM4", "SXM5", "HBM3", "DGX", "SPARK",
                    "RASPBERRY", "CPU"})  # fmt: skip
_SIZE = re.compile(r"\b\d{1,4}\s?GB\b|\b\d{1,3}[- ]?(?:CORE|C)\b", re.ASCII)
#: Families of models by how their names begin, and the family whose shapes they share.
_FAMILIES = (
    ("qwen3.6", "qwen3.5"), ("qwen3.8", "qwen3.5"), ("qwopus3.6", "qwen3.5"), ("qwen3.5", "qwen3.5"),
    ("qwen3", "qwen3"), ("qwen2.5", "qwen2.5"), ("llama-3", "llama-3"), ("meta-llama-3", "llama-3"),
    ("llama3", "llama-3"), ("gemma-3", "gemma-3"), ("gemma-4", "gemma-4"), ("gemma3", "gemma-3"),
    ("gpt-oss", "gpt-oss"),
    ("ministral-3", "ministral-3"), ("mistral-small", "mistral-small"), ("mistral-nemo", "mistral-nemo"),
    ("phi-4", "phi-4"), ("glm-4.7", "glm-4.7"), ("glm-4", "glm-4"), ("glm-5", "glm-5"), ("minimax-m2", "minimax"),
    ("deepseek-r1-distill-qwen", "qwen2.5"), ("deepseek-r1-distill-llama", "llama-3"), ("deepseek-v3", "deepseek-v3"),
    ("deepseek-r1-14b", "qwen2.5"), ("deepseek-r1", "deepseek-v3"), ("kimi-k2", "kimi"), ("nemotron-3", "nemotron-3"),
    ("granite-3.3", "granite-3.3"), ("mixtral", "mixtral"), ("tinyllama", "tinyllama"), ("llama-2", "allam"),
)  # fmt: skip
#: Layers of dense models by their parameters, where nothing else is known (medians of the catalogue).
_DEPTHS = ((0.1e9, 16), (0.5e9, 24), (1.2e9, 20), (3e9, 30), (4e9, 35), (8e9, 33), (14e9, 42), (24e9, 44), (32e9, 62),
           (70e9, 80), (120e9, 88), (405e9, 126), (1000e9, 126))  # fmt: skip


def words_of(name: str) -> frozenset[str]:
    """The words of a device's name that tell it from others; what stands in brackets counts where it names a card."""
    text = name[:200].upper()
    inside = re.findall(r"\(([^()]{0,80})\)", text)
    if inside and re.search(r"NVIDIA|AMD|INTEL ARC", inside[-1]) and re.search(r"\d{3}", inside[-1]):
        text = inside[-1]
    text = re.sub(r"\(\d[^()]{0,20}GB\)", " ", text)
    text = re.sub(r"\d{1,2}P\+\d{1,2}E(?:\+\d{1,2}GPU)?", " ", _SIZE.sub(" ", text))
    found = {word for part in re.split(r"[^A-Z0-9]+", text) for word in _WORD.findall(part)}
    split = {piece for word in found for piece in re.findall(r"^(\d{4})(TI|XT|XTX)$", word)}
    found |= {part for pair in split for part in pair}
    return frozenset(found - _EMPTY)


def _form_of(name: str) -> frozenset[str]:
    """Words that choose between forms of one card: its slot and its memory."""
    text = name.upper()
    slots = {slot for slot in ("PCIE", "SXM", "NVL") if slot in text or (slot == "SXM" and "HBM3" in text)}
    return frozenset(slots | set(re.findall(r"\d{1,4}(?=\s?GB)", text)))


def device_named(devices: Sequence[Device], name: str) -> Device | None:
    """The device that a name means, or None.

    Args:
        devices: those to choose from.
        name: as somebody wrote it.
    """
    asked = words_of(name)
    best: tuple[int, int, Device] | None = None
    for device in devices:
        own = words_of(device.name)
        telling = (own ^ asked) & _TELLING
        if "ORIN" in own:
            telling -= {"SUPER"}
            own -= {"SUPER"}
        if not own or not own <= asked or telling - {"AI"}:
            continue
        score = (len(own), len(_form_of(device.name) & _form_of(name)))
        if best is None or score > best[:2]:
            best = (*score, device)
    return best[2] if best else None


def family_of(name: str) -> str:
    """The family of shapes that a model's name belongs to, or ""."""
    plain = name.lower().rsplit("/", 1)[-1].replace("_", "-").replace(" ", "-").replace(":", "-")
    for front in ("nvidia-", "meta-", "mistralai-", "google-", "unsloth-", "openai-", "ibm-granite-", "microsoft-"):
        plain = plain.removeprefix(front)
    return next((family for front, family in _FAMILIES if plain.startswith(front)), "")


def shape_named(shapes: Sequence[Shape], name: str, parameters: float = 0.0) -> Shape | None:
    """The shape that a model's name and size mean: of the same family and within 15 % of the size; or None."""
    family = family_of(name)
    if not family:
        return None
    own = [each for each in shapes if family_of(each.name) == family or each.name.startswith(family)]
    if not own:
        return None
    if not parameters:
        return own[0] if len(own) == 1 else None
    nearest = min(own, key=lambda each: abs(math.log(each.parameters / parameters)))
    return nearest if abs(math.log(nearest.parameters / parameters)) < 0.15 else None


def rough_shape(name: str, parameters: float, active: float = 0.0) -> Shape:
    """A shape for a model of which only the size is known: what is guessed stands in `assumed`."""
    used = active or parameters
    sizes = [math.log(size) for size, _ in _DEPTHS]
    place = math.log(max(used if not active else min(parameters, used * 6), 1e7))
    depth = _DEPTHS[-1][1]
    for index in range(1, len(sizes)):
        if place <= sizes[index]:
            share = max(0.0, (place - sizes[index - 1]) / (sizes[index] - sizes[index - 1]))
            depth = round(_DEPTHS[index - 1][1] + share * (_DEPTHS[index][1] - _DEPTHS[index - 1][1]))
            break
    hidden = int(math.sqrt(used / (12 * depth)) / 64 + 1) * 64
    return Shape(
        name=name, kind="llm", parameters=int(parameters), active_parameters=int(used), hidden=hidden,
        heads=max(1, hidden // 128), vocabulary=128_000 if parameters > 5e8 else 50_000, context_tokens=32_768,
        layers=(Layers(count=depth, attention="full", kv_heads=8 if parameters > 2e9 else 4, head_dim=128),),
        assumed=("layers, heads and vocabulary by its size: nothing else is known of it",),
    )  # fmt: skip
