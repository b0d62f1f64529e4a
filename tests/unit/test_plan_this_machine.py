"""This machine as a device: its GPUs with the memory that they tell, or its processor."""

from __future__ import annotations

from pathlib import Path

import other_machines as machines
import pytest
from msgspec.structs import replace

from serdab.machine import Gpu, Machine, MemoryModule, Root, look
from serdab.plan import BadPlan, Question, answer_question, as_device, check_fit, load_catalogue, weights_of

CATALOGUE = load_catalogue()
DEVICES = list(CATALOGUE.devices.values())
GIB = 2**30


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return look(Root(machines.nvidia_box(tmp_path)), environment={}, packages=[])


def gpu(name: str, memory_bytes: int | None, index: int = 0, *, usable: bool = True, vendor: str = "nvidia") -> Gpu:
    return Gpu(
        index=index, vendor=vendor, name=name, bus="", usable=usable, memory_bytes=memory_bytes,
        shares_memory=memory_bytes is None,
    )  # fmt: skip


def test_known_cards_have_their_own_memory_and_the_catalogues_bandwidth(machine: Machine) -> None:
    told = 24_564 << 20
    cards = tuple(gpu("NVIDIA GeForce RTX 4090", told, index) for index in range(2))
    device, count = as_device(replace(machine, gpus=(*cards, gpu("NVIDIA T400", 4 * GIB, 2))), DEVICES)
    assert (count, device.memory_bytes) == (2, told)
    assert device.bandwidth == CATALOGUE.device("rtx4090-24").bandwidth
    assert device.name.endswith(", here")


def test_what_is_beside_a_card_and_in_use_on_it_is_told(machine: Machine) -> None:
    card = replace(gpu("NVIDIA GeForce RTX 4090", 24 * GIB), used_bytes=10 * GIB)
    memory = replace(machine.memory, copied_bytes_s=80e9)
    device, _ = as_device(replace(machine, gpus=(card,), memory=memory), DEVICES)
    assert device.host_bandwidth == 80e9
    assert "10.0 GiB are in use now" in device.note
    idle = as_device(replace(machine, gpus=(replace(card, used_bytes=GIB // 2),), memory=memory), DEVICES)[0]
    assert "in use" not in idle.note


def test_a_card_that_shares_memory_has_that_of_the_machine(machine: Machine) -> None:
    device, _ = as_device(replace(machine, gpus=(gpu("NVIDIA GB10", None),)), DEVICES)
    assert device.memory_bytes == machine.memory.total_bytes
    assert device.kind == "nvidia_unified"


def test_of_an_unknown_card_memory_is_told_and_speed_refused(machine: Machine) -> None:
    device, _ = as_device(replace(machine, gpus=(gpu("AMD Nobody 9999", 48 * GIB, vendor="amd"),)), DEVICES)
    assert (device.kind, device.memory_bytes) == ("amd_rdna", 48 * GIB)
    shape = CATALOGUE.model("qwen3-8b").shape
    question = Question(device=device, shape=shape, weights=weights_of(shape, "Q4_K_M"))
    assert check_fit(device, shape, question.weights, question.load).fits
    with pytest.raises(BadPlan, match="memory that a model can be read from"):
        answer_question(question)


def test_without_a_usable_card_it_is_the_processor_with_the_memory_that_it_may_have(machine: Machine) -> None:
    module = MemoryModule(place="A", size_bytes=GIB, kind="DDR5", speed_mt_s=5600, channel="A")
    memory = replace(machine.memory, total_bytes=64 * GIB, modules=(module,), channels=2)
    limits = replace(machine.limits, memory_bytes=16 * GIB)
    asleep = (gpu("NVIDIA GeForce RTX 4090", 24 * GIB, usable=False),)
    device, count = as_device(replace(machine, gpus=asleep, memory=memory, limits=limits), DEVICES)
    assert (device.kind, count, device.memory_bytes) == ("cpu", 1, 16 * GIB)
    assert device.bandwidth == 2 * 5600e6 * 8
    assert "by its label" in device.note
    measured = replace(memory, copied_bytes_s=40e9)
    assert as_device(replace(machine, gpus=(), memory=measured), DEVICES)[0].bandwidth == 40e9
