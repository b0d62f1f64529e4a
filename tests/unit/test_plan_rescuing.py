"""What would make a model fit that does not: what is advised is enough when it is done."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from serdab.plan import (
    Device,
    Load,
    Neighbour,
    Shape,
    Wish,
    check_fit,
    load_catalogue,
    recommend_for,
    rescues,
    weights_of,
)
from serdab.plan.rescuing import rescue

CATALOGUE = load_catalogue()
CARD = CATALOGUE.device("rtx4090-24")


def shape_of(name: str) -> Shape:
    return CATALOGUE.model(name).shape


def neighbour(name: str, *, drafts: bool = False) -> Neighbour:
    return Neighbour(shape=shape_of(name), weights=weights_of(shape_of(name), "Q8_0"), drafts=drafts)


@pytest.mark.parametrize(
    ("load", "first", "left"),
    [
        (Load(adapters=400), "no adapters", {"adapters": 0}),
        (Load(neighbours=(neighbour("qwen3-14b", drafts=True),)), "no draft model", {"neighbours": ()}),
        (Load(neighbours=(neighbour("qwen3-14b"),)), "no other models", {"neighbours": ()}),
        (
            Load(adapters=400, neighbours=(neighbour("qwen3-14b"),)),
            "no other models, adapters",
            {"adapters": 0, "neighbours": ()},
        ),
    ],
)
def test_what_could_be_left_out_is_offered_first(load: Load, first: str, left: dict[str, object]) -> None:
    shape = shape_of("qwen3-14b")
    weights = weights_of(shape, "Q4_K_M")

    assert not check_fit(CARD, shape, weights, load).fits
    assert rescues(CARD, shape, weights, load)[0] == first
    assert check_fit(CARD, shape, weights, replace(load, **left)).fits


def test_extras_that_are_not_all_that_is_too_much_are_left_out_with_the_rest() -> None:
    shape = shape_of("qwen3-32b")
    weights = weights_of(shape, "Q4_K_M")
    load = Load(context_tokens=32_768, neighbours=(neighbour("qwen3-8b"),))
    [told] = rescues(CARD, shape, weights, load)

    found = re.fullmatch(r"no other models, keys and values in q8_0, one at once and ([\d,]+) tokens .* together", told)
    assert found is not None
    context = float(found[1].replace(",", ""))
    assert check_fit(CARD, shape, weights, Load(context_tokens=context, kv="q8_0")).fits
    assert not check_fit(CARD, shape, weights, Load(context_tokens=context + 1024, kv="q8_0")).fits


def memory_gib(advice: str) -> float:
    found = re.fullmatch(r"a smaller model: for one user and 2,048 tokens this one takes (\d+) GiB of memory", advice)
    assert found is not None, advice
    return float(found[1])


def with_memory(gib: float) -> Device:
    return replace(CARD, memory_bytes=int(gib * 2**30))


@pytest.mark.parametrize("most_cards", [1, 2])
def test_a_model_whose_weights_alone_are_too_large_is_told_the_memory_that_it_takes(most_cards: int) -> None:
    shape, load = shape_of("qwen2.5-72b"), Load(sequences=4)
    weights = weights_of(shape, "Q4_K_M")
    gib = memory_gib(rescue(CARD, shape, weights, load, most_cards))
    least = Load(context_tokens=2048, kv="q8_0")

    assert check_fit(with_memory(gib + 0.2), shape, weights, least).fits, "the driver keeps a tenth of a GiB"
    assert not check_fit(with_memory(gib - 1), shape, weights, least).fits


def test_more_cards_and_a_shorter_context_together_are_offered() -> None:
    shape = shape_of("r1-distill-llama-70b")
    weights = weights_of(shape, "Q4_K_M")
    told = rescue(CARD, shape, weights, Load(context_tokens=65_536, sequences=4), most_cards=2)
    found = re.match(r"2 cards, keys and values in q8_0, one at once and ([\d,]+) tokens", told)

    assert found is not None, told
    context = float(found[1].replace(",", ""))
    assert check_fit(CARD, shape, weights, Load(context_tokens=context, kv="q8_0", cards=2)).fits


def test_an_engine_is_told_a_type_of_keys_and_values_that_it_has() -> None:
    shape = shape_of("qwen3-14b")
    told = rescues(CARD, shape, weights_of(shape, "Q4_K_M"), Load(engine="vllm", context_tokens=65_536))

    assert "keys and values in fp8" in told


def test_keys_and_values_that_are_small_already_stay_so() -> None:
    shape = shape_of("qwen3-32b")
    told = rescues(CARD, shape, weights_of(shape, "Q6_K"), Load(kv="q4_0", sequences=4, context_tokens=32_768))

    assert told
    assert not any("q8_0" in each for each in told)


def test_a_recommendation_for_a_machine_names_what_a_refused_model_takes() -> None:
    models = [CATALOGUE.model(name) for name in ("qwen3-14b", "qwen2.5-72b")]
    found = recommend_for(CARD, 1, models, Wish(), CATALOGUE.electricity_of("US"))

    assert found.bigger is not None
    assert found.bigger.what == "qwen2.5-72b Q4_K_M"
    assert "8 % stay free" in found.bigger.why
    assert memory_gib(found.bigger.rescue) > CARD.memory_bytes / 2**30
