"""Memory, speed and cost of a model on a machine, against values that others published."""

from __future__ import annotations

import math
from datetime import date

import msgspec
import pytest

from serdab.plan import (
    ApiPrice,
    BadPlan,
    Device,
    Electricity,
    Experts,
    Layers,
    Load,
    Price,
    Question,
    Served,
    Setting,
    Shape,
    Source,
    Terms,
    Workload,
    answer_question,
    cache_bytes,
    check_fit,
    estimate_cost,
    estimate_decode,
    estimate_finetuning,
    estimate_first_token,
    estimate_power,
    estimate_step,
    image_memory,
    image_seconds,
    load_catalogue,
    total,
    weights_of,
)

GIB = 2**30
SAID = Source(what="its maker", on=date(2026, 10, 1))
CARD = Device(
    id="card-24", name="Card 24", vendor="NVIDIA", kind="nvidia_gddr", memory_bytes=24 * GIB, usable_share=1.0,
    bandwidth=936e9, rates={"fp16": 71e12, "int8": 284e12}, power_w=350, idle_w=20, year=2021,
    price=Price(low_usd=700, high_usd=1200, on=date(2026, 10, 1), source=SAID, used=True),
)  # fmt: skip
EIGHT = Shape(
    name="eight", kind="llm", parameters=8_030_000_000, active_parameters=8_030_000_000, hidden=4096, heads=32,
    vocabulary=128_256, context_tokens=131_072, layers=(Layers(count=32, attention="full", kv_heads=8, head_dim=128),),
)  # fmt: skip
#: Gemma-3-27B: 10 global and 52 sliding layers.
SLIDING = msgspec.structs.replace(
    EIGHT, layers=(Layers(count=10, attention="full", kv_heads=16, head_dim=128),
                   Layers(count=52, attention="sliding", kv_heads=16, head_dim=128, window_tokens=1024)),
)  # fmt: skip
#: DeepSeek-V3.1: one latent of 512 and 64 with positions.
LATENT = msgspec.structs.replace(EIGHT, layers=(Layers(count=61, attention="mla", latent_dim=576),))
#: Qwen3.6-27B: 16 full layers, 48 with a state.
STATEFUL = msgspec.structs.replace(
    EIGHT, layers=(Layers(count=16, attention="full", kv_heads=4, head_dim=256),
                   Layers(count=48, attention="recurrent", state_bytes=(48 * 128 * 128 + 10_240 * 3) * 4)),
)  # fmt: skip
#: gpt-oss-20b.
MIXTURE = Shape(
    name="mixture", kind="llm", parameters=20_910_000_000, active_parameters=3_600_000_000, hidden=2880, heads=64,
    vocabulary=201_088, context_tokens=131_072, experts=Experts(count=32, used=4),
    layers=(Layers(count=12, attention="full", kv_heads=8, head_dim=64),
            Layers(count=12, attention="sliding", kv_heads=8, head_dim=64, window_tokens=128)),
)  # fmt: skip
GERMANY = Electricity(country="DE", usd_per_kwh=0.40, grams_co2_per_kwh=381)


@pytest.mark.parametrize(
    ("shape", "tokens", "published_gib"),
    [(SLIDING, 131_072, 10.406), (LATENT, 163_840, 10.723), (STATEFUL, 262_144, 16.146), (EIGHT, 8192, 1.0)],
)
def test_keys_and_values_are_what_others_published(shape: Shape, tokens: int, published_gib: float) -> None:
    assert cache_bytes(shape, tokens) / GIB == pytest.approx(published_gib, rel=0.005)


def test_a_state_of_four_slots_is_598_mebibytes() -> None:
    states = sum(each.count * each.state_bytes for each in STATEFUL.layers)

    assert 4 * states / 2**20 == pytest.approx(598.5, rel=0.005)


@pytest.mark.parametrize(
    ("shape", "storage", "bits"),
    [(EIGHT, "Q4_K_M", 4.894), (EIGHT, "Q8_0", 8.5), (EIGHT, "F16", 16.0), (MIXTURE, "MXFP4", 4.63)],
)
def test_files_weigh_what_published_ones_do(shape: Shape, storage: str, bits: float) -> None:
    assert weights_of(shape, storage).bytes * 8 / shape.parameters == pytest.approx(bits, rel=0.02)


def test_a_down_projection_that_is_no_multiple_of_256_falls_back_to_wider_blocks() -> None:
    wide = Shape(
        name="qwen2.5-72b", kind="llm", parameters=72_706_000_000, active_parameters=72_706_000_000, hidden=8192,
        heads=64, vocabulary=152_064, feed_forward=29_568,
        layers=(Layers(count=80, attention="full", kv_heads=8, head_dim=128),),
    )  # fmt: skip

    assert weights_of(wide, "Q4_K_M").bytes * 8 / wide.parameters == pytest.approx(5.22, rel=0.02)


def test_an_unknown_format_is_told_with_the_nearest_ones() -> None:
    with pytest.raises(BadPlan, match=r"nearest: .*Q4_K_M"):
        weights_of(EIGHT, "Q4_K_N")


def test_memory_is_a_sum_that_can_be_read() -> None:
    fit = check_fit(CARD, EIGHT, weights_of(EIGHT, "Q4_K_M"), Load(context_tokens=8192))

    assert fit.fits
    assert total(fit.terms) == fit.need_bytes
    assert fit.low_bytes < fit.need_bytes < fit.high_bytes
    assert {term.name for term in fit.terms} >= {"weights", "KV, full attention", "computation", "engine"}


def test_what_does_not_fit_says_how_much_is_missing() -> None:
    fit = check_fit(CARD, EIGHT, weights_of(EIGHT, "F16"), Load(context_tokens=131_072))

    assert not fit.fits
    assert fit.spare_bytes < 0


def test_a_3090_writes_llama_2_7b_at_the_speed_that_was_posted() -> None:
    seven = msgspec.structs.replace(
        EIGHT,
        parameters=6_738_000_000,
        active_parameters=6_738_000_000,
        vocabulary=32_000,
        layers=(Layers(count=32, attention="full", kv_heads=32, head_dim=128),),
    )
    found = estimate_decode(CARD, seven, weights_of(seven, "Q4_0"), Setting(context_tokens=64))

    assert found.likely == pytest.approx(161, rel=0.1)  # llama.cpp discussions #15013 and #10879
    assert found.range.low < found.likely < found.range.high
    assert "memory bandwidth" in found.bound_by


def test_a_mixture_is_faster_than_its_size_and_slower_than_its_active_part() -> None:
    mixture = estimate_decode(CARD, MIXTURE, weights_of(MIXTURE, "MXFP4"), Setting(context_tokens=512)).likely
    dense = msgspec.structs.replace(MIXTURE, experts=None, active_parameters=MIXTURE.parameters)
    whole = estimate_decode(CARD, dense, weights_of(dense, "Q4_0"), Setting(context_tokens=512)).likely

    assert whole < mixture < CARD.bandwidth / (3.6e9 * 4.25 / 8)


def test_layers_with_the_processor_cost_most_of_the_speed() -> None:
    weights = weights_of(EIGHT, "F16")
    whole = estimate_decode(CARD, EIGHT, weights, Setting()).likely
    part = estimate_decode(CARD, EIGHT, weights, Setting(on_cards=0.9))

    assert part.likely < 0.65 * whole
    assert "processor" in part.bound_by


def test_speculation_may_exceed_the_bandwidth_and_only_speculation() -> None:
    weights = weights_of(EIGHT, "F16")
    plain = estimate_decode(CARD, EIGHT, weights, Setting())
    guessed = estimate_decode(CARD, EIGHT, weights, Setting(accepted_tokens=3.0, draft_share=0.05))

    assert guessed.likely == pytest.approx(plain.likely * 3 / 1.15)


def served(users: float, **others: object) -> Served:
    plain = Served(
        device=CARD, shape=EIGHT, precision="fp8", engine="vllm", users=users, prompt_tokens=1024, answer_tokens=256
    )
    return msgspec.structs.replace(plain, **others)


def test_more_users_wait_longer_for_each_token() -> None:
    steps = [estimate_step(served(users)).likely for users in (1, 4, 16, 64)]

    assert steps == sorted(steps)


def test_the_queue_is_named_where_contexts_have_no_room() -> None:
    found = estimate_first_token(served(64, shape=EIGHT, prompt_tokens=32_768))

    assert "memory" in found.bound_by
    assert found.range.high > found.range.low


def test_power_is_not_what_stands_on_the_plate() -> None:
    one, many = estimate_power(CARD, 1, 1), estimate_power(CARD, 1, 256)

    assert one.likely < many.likely < CARD.power_w + 120
    assert total(one.terms) == one.likely


def test_cost_adds_up_and_breaks_even_where_both_cost_the_same() -> None:
    service = ApiPrice(id="service", vendor="v", input_usd=0.5, output_usd=2.0, source=SAID)
    work, terms = Workload(answer_tokens_per_s=100), Terms(busy_share=0.2)
    found = estimate_cost(CARD, 1, GERMANY, work, (service,), terms=terms, today=date(2026, 10, 20))

    assert total(found.years.terms) == pytest.approx(found.years.likely)
    assert found.usd_per_million * found.million_tokens == pytest.approx(found.years.likely)
    even = found.comparisons[0].busy_share
    assert even is not None
    at_even = 4.0 * 100 * even * 8760 * 3600 * 3 / 1e6
    assert at_even == pytest.approx(found.years.likely)
    assert found.tornado[0].name == "use"
    assert found.carbon_kg is not None
    assert found.warnings == ()


def test_old_prices_are_told() -> None:
    found = estimate_cost(CARD, 1, GERMANY, Workload(answer_tokens_per_s=100), today=date(2027, 1, 1))

    assert "92 days old" in found.warnings[0]


def test_an_old_price_of_any_kind_is_told_beside_a_new_one() -> None:
    day, old = date(2026, 10, 20), Source(what="a list", on=date(2026, 8, 5))
    services = tuple(
        ApiPrice(id=name, vendor="v", input_usd=0.5, output_usd=2.0, source=source)
        for name, source in (("old-service", old), ("new-service", SAID))
    )
    current = msgspec.structs.replace(GERMANY, sources={"usd_per_kwh": old})
    work = Workload(answer_tokens_per_s=100)

    assert [
        warning.partition(" is ")[0] for warning in estimate_cost(CARD, 1, current, work, services, today=day).warnings
    ] == ["the price of old-service", "the price of electricity in DE"]
    unknown = msgspec.structs.replace(CARD, price=None)
    missing, *others = estimate_cost(unknown, 1, current, work, services, today=day).warnings
    assert "no price known" in missing
    assert len(others) == 2


def test_figures_of_several_users_say_for_how_many_there_is_room() -> None:
    shape = load_catalogue().model("qwen3-32b").shape
    question = Question(device=CARD, shape=shape, weights=weights_of(shape, "Q4_K_M"), context_tokens=16_384)
    one, four = answer_question(question), answer_question(msgspec.structs.replace(question, users=4))

    assert one.decode.name == "decode, one user"
    assert one.decode.likely == pytest.approx(one.curve[0].tokens_per_s_each)
    assert four.decode.name == "decode, one at work, room held for 4"
    assert four.decode.likely < four.curve[0].tokens_per_s_each == one.curve[0].tokens_per_s_each


def test_training_everything_takes_16_bytes_a_parameter_and_adapters_a_tenth() -> None:
    full, adapters = (estimate_finetuning(EIGHT, method).likely for method in ("full", "qlora"))

    assert full > 16 * EIGHT.parameters
    assert adapters < full / 8


def test_a_picture_needs_all_parts_or_the_largest() -> None:
    flux = next(each.shape for each in load_catalogue().models.values() if each.id == "flux.1-dev")
    resident, swapped = (image_memory(flux, "BF16", offload=how).likely / GIB for how in ("none", "parts"))

    assert 30 < resident < 42
    assert 22 < swapped < 30
    h100 = load_catalogue().device("h100-80-sxm")
    assert image_seconds(h100, flux, steps=50).likely == pytest.approx(11.6, rel=0.35)


@pytest.mark.parametrize(
    "wrong",
    [
        {"context_tokens": 0}, {"context_tokens": -5}, {"context_tokens": math.nan}, {"context_tokens": 1e12},
        {"cards": 0}, {"kv": "q9_9"}, {"engine": "nobody"}, {"users": -1},
    ],
)  # fmt: skip
def test_absurd_questions_are_refused_by_name(wrong: dict[str, object]) -> None:
    asked = Question(device=CARD, shape=EIGHT, weights=weights_of(EIGHT, "Q4_K_M"))

    with pytest.raises(BadPlan, match="expected"):
        answer_question(msgspec.structs.replace(asked, **wrong))


def test_a_device_without_memory_is_refused() -> None:
    empty = msgspec.structs.replace(CARD, bandwidth=0.0, memory_bytes=0)

    with pytest.raises(BadPlan, match="another device"):
        estimate_decode(empty, EIGHT, weights_of(EIGHT, "Q4_K_M"), Setting())
