"""What must hold of every estimate, whatever the device and the model."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serdab.plan import (
    Crowd,
    Device,
    Load,
    ModelCard,
    Question,
    Served,
    Setting,
    answer_question,
    bytes_read,
    cache_bytes,
    estimate_batched,
    estimate_decode,
    estimate_first_token,
    estimate_prefill,
    known_formats,
    load_catalogue,
    memory_terms,
    total,
    weights_of,
)
from serdab.plan.answers import served_of
from serdab.plan.serving import roofline_s
from serdab.plan.speed import estimate_step

CATALOGUE = load_catalogue()
DEVICES = [each for each in CATALOGUE.devices.values() if each.bandwidth > 0]
MODELS = [each for each in CATALOGUE.models.values() if each.shape.layers and each.shape.kind in ("llm", "vlm")]
FORMATS = [name for name in known_formats() if name != "F32"]

devices = st.sampled_from(DEVICES)
models = st.sampled_from(MODELS)
formats = st.sampled_from(FORMATS)
contexts = st.integers(16, 200_000)


@given(devices, models, formats, contexts)
@settings(max_examples=300)
def test_nothing_is_read_faster_than_its_memory(device: Device, card: ModelCard, storage: str, context: int) -> None:
    weights = weights_of(card.shape, storage)
    found = estimate_decode(device, card.shape, weights, Setting(context_tokens=context))
    roof = device.bandwidth / (bytes_read(card.shape, weights) + 1e-9)

    assert 0 < found.range.low <= found.likely <= found.range.high <= roof * (1 + 1e-9)
    assert 1 / total(found.terms) == pytest.approx(found.likely)


@given(devices, models, formats, contexts, contexts)
@settings(max_examples=200)
def test_a_longer_context_is_never_faster_or_smaller(
    device: Device, card: ModelCard, storage: str, one: int, other: int
) -> None:
    short, long = sorted((one, other))
    weights = weights_of(card.shape, storage)
    speeds = [
        estimate_decode(device, card.shape, weights, Setting(context_tokens=tokens)).likely for tokens in (short, long)
    ]

    assert speeds[0] >= speeds[1]
    assert cache_bytes(card.shape, short) <= cache_bytes(card.shape, long)


@given(devices, models, st.sampled_from([("Q4_0", "Q8_0"), ("Q4_K_M", "Q6_K"), ("Q8_0", "F16"), ("Q2_K", "Q4_K_M")]))
@settings(max_examples=150)
def test_more_bits_are_never_faster_or_smaller(device: Device, card: ModelCard, pair: tuple[str, str]) -> None:
    less, more = (weights_of(card.shape, storage) for storage in pair)
    few, many = (estimate_decode(device, card.shape, weights, Setting()).likely for weights in (less, more))
    soon, late = (estimate_prefill(device, card.shape, weights, 4096).likely for weights in (less, more))

    assert less.bytes <= more.bytes
    assert few >= many
    assert soon <= late


@given(devices, models, formats, contexts, contexts)
@settings(max_examples=150)
def test_a_longer_prompt_is_never_read_in_less_time(
    device: Device, card: ModelCard, storage: str, one: int, other: int
) -> None:
    weights = weights_of(card.shape, storage)
    short, long = (estimate_prefill(device, card.shape, weights, tokens) for tokens in sorted((one, other)))

    assert short.likely <= long.likely * (1 + 1e-9)
    assert short.likely >= weights.bytes / device.bandwidth
    assert total(short.terms) == pytest.approx(short.likely)
    assert 0 < short.range.low <= short.likely <= short.range.high


@given(devices, models, st.integers(1, 64), contexts)
@settings(max_examples=150)
def test_splitting_layers_over_equal_cards_never_speeds_one_user_up(
    device: Device, card: ModelCard, cards: int, context: int
) -> None:
    weights = weights_of(card.shape, "Q4_K_M")
    alone, split = (
        estimate_decode(device, card.shape, weights, Setting(context_tokens=context, cards=count)).likely
        for count in (1, cards)
    )

    assert split <= alone


@given(models, formats, contexts, st.integers(1, 500), st.sampled_from(["llama.cpp", "vllm", "sglang", "tensorrt-llm"]))
@settings(max_examples=200)
def test_memory_grows_with_users_and_adds_up(
    card: ModelCard, storage: str, context: int, users: int, engine: str
) -> None:
    weights = weights_of(card.shape, storage)
    load = Load(context_tokens=context, sequences=users, engine=engine)
    one, two = (
        total(memory_terms(card.shape, weights, msgspec.structs.replace(load, sequences=count)))
        for count in (users, users + 1)
    )

    assert {term.unit for term in memory_terms(card.shape, weights, load)} == {"B"}
    assert all(term.value >= 0 for term in memory_terms(card.shape, weights, load))
    assert one <= two


@given(devices, models, st.integers(1, 400), st.integers(1, 400), st.integers(16, 16_000))
@settings(max_examples=150)
def test_more_users_never_wait_shorter(device: Device, card: ModelCard, one: int, other: int, prompt: int) -> None:
    asked = Question(device=device, shape=card.shape, weights=weights_of(card.shape, "FP8"), context_tokens=prompt,
                     engine="vllm")  # fmt: skip
    few, many = sorted((one, other))

    assert estimate_step(served_of(asked, few)).likely <= estimate_step(served_of(asked, many)).likely * (1 + 1e-9)


@given(devices, models, formats, st.integers(1, 200), st.integers(1, 200), contexts)
@settings(max_examples=150)
def test_a_shared_step_grows_with_users_and_context_and_is_no_shorter_than_its_reading(
    device: Device, card: ModelCard, storage: str, one: int, other: int, context: int
) -> None:
    weights = weights_of(card.shape, storage)
    few, many = sorted((one, other))

    def step(users: int, tokens: int) -> float:
        asked = Crowd(users=users, prompt_tokens=tokens / 2)
        found = estimate_batched(device, card.shape, weights, Setting(context_tokens=tokens), asked)
        assert total(found.terms) == pytest.approx(found.likely)
        assert 0 < found.range.low <= found.likely <= found.range.high
        return found.likely

    assert step(few, context) <= step(many, context) * (1 + 1e-9)
    assert step(many, context) <= step(many, context * 2) * (1 + 1e-9)
    assert step(few, context) >= bytes_read(card.shape, weights) / device.bandwidth * (1 - 1e-9)
    assert step(few, context) >= 1 / estimate_decode(
        device, card.shape, weights, Setting(context_tokens=context)
    ).likely * (1 - 1e-9)


@given(devices, models, st.sampled_from(["vllm", "sglang", "trtllm"]), st.integers(1, 400), st.integers(16, 100_000))
@settings(max_examples=150)
def test_no_served_step_is_shorter_than_the_roofline(
    device: Device, card: ModelCard, engine: str, users: int, prompt: int
) -> None:
    served = Served(
        device=device, shape=card.shape, precision="fp8", engine=engine, users=users, prompt_tokens=prompt,
        answer_tokens=256,
    )  # fmt: skip
    step, wait = estimate_step(served), estimate_first_token(served)

    assert total(step.terms) == pytest.approx(step.likely)
    assert 0 <= served.in_flight <= users * (1 + 1e-9)
    assert 0 < wait.range.low <= wait.likely <= wait.range.high
    if card.shape.experts is None:
        assert step.likely >= roofline_s(served) * (1 - 1e-9)


def test_no_device_with_any_model_raises() -> None:
    for device in DEVICES:
        for card in MODELS:
            weights = weights_of(card.shape, "Q4_K_M")
            found = answer_question(Question(device=device, shape=card.shape, weights=weights, users=4))

            assert found.decode.likely > 0
            assert all(point.tokens_per_s_each > 0 for point in found.curve)
