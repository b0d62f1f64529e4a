"""Many users at once, and what an estimate is compared with: terms that grow, rows that are evidence."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from serdab.plan import (
    Crowd,
    Device,
    Layers,
    Load,
    Question,
    Served,
    Setting,
    Shape,
    answer_question,
    estimate_batched,
    estimate_decode,
    estimate_first_token,
    estimate_prefill,
    estimate_step,
    format_named,
    load_catalogue,
    memory_terms,
    total,
    validate,
    weights_of,
)
from serdab.plan.cases import Catalogue, prefill_case, serving_case
from serdab.plan.errors_of import repeats
from serdab.plan.memory_rows import is_evidence
from serdab.plan.prefill import prompt_s, share_of
from serdab.plan.robust import fit_positive
from serdab.plan.serving import features_of, floor_s, roofline_s

GIB = 2**30
CATALOGUE = load_catalogue()
#: DGX Spark, whose batches llama.cpp publishes (benches/dgx-spark.md, 2025-11).
SPARK = next(each for each in CATALOGUE.devices.values() if each.id == "gb10-128")
SEVEN = Shape(
    name="seven", kind="llm", parameters=7_615_000_000, active_parameters=7_615_000_000, hidden=3584, heads=28,
    vocabulary=152_064, context_tokens=32_768, layers=(Layers(count=28, attention="full", kv_heads=4, head_dim=128),),
)  # fmt: skip
H100 = next(each for each in CATALOGUE.devices.values() if each.id.startswith("h100") and each.memory_bytes < 90e9)


def served(**others: object) -> Served:
    plain = Served(
        device=H100, shape=SEVEN, precision="fp8", engine="vllm", users=32, prompt_tokens=2048, answer_tokens=256
    )
    return msgspec.structs.replace(plain, **others)


@pytest.mark.parametrize(("users", "context", "together"), [(2, 512, 54.46), (8, 4096, 163.1), (32, 8192, 268.2)])
def test_batches_of_a_spark_are_as_fast_as_published(users: int, context: int, together: float) -> None:
    weights = weights_of(SEVEN, "Q8_0")
    step = estimate_batched(SPARK, SEVEN, weights, Setting(context_tokens=context + 16), Crowd(users=users))

    assert users / step.likely == pytest.approx(together, rel=0.2)
    assert total(step.terms) == pytest.approx(step.likely)


def test_one_user_of_a_batch_is_one_user() -> None:
    weights = weights_of(SEVEN, "Q4_K_M")
    alone = estimate_decode(SPARK, SEVEN, weights, Setting()).likely
    batch = estimate_batched(SPARK, SEVEN, weights, Setting(), Crowd(users=1, prompt_tokens=4096))

    assert 1 / batch.likely == pytest.approx(alone)


def test_two_users_of_llama_cpp_keep_most_of_their_speed() -> None:
    asked = Question(device=SPARK, shape=SEVEN, weights=weights_of(SEVEN, "Q8_0"), users=2)
    found = answer_question(asked)
    long = answer_question(msgspec.structs.replace(asked, new_tokens=8192))
    each = {point.users: point.tokens_per_s_each for point in found.curve}

    assert each[2] > 0.75 * each[1]
    assert found.between_tokens is not None
    assert long.between_tokens is not None
    assert long.between_tokens.likely > found.between_tokens.likely


def test_a_batch_of_a_mixture_reads_more_experts() -> None:
    card = next(each for each in CATALOGUE.models.values() if each.id == "gpt-oss-20b")
    weights = weights_of(card.shape, "MXFP4")
    read = [
        estimate_batched(SPARK, card.shape, weights, Setting(), Crowd(users=users)).terms[0].value
        for users in (1, 4, 64)
    ]
    roof = weights.bytes / SPARK.bandwidth

    assert read == sorted(read)
    assert read[0] < 0.5 * read[2]
    assert read[2] >= 0.8 * roof


def test_a_step_is_longer_than_its_roofline_and_prompts_make_it_longer() -> None:
    short, long = served(prompt_tokens=512), served(prompt_tokens=4096)

    assert floor_s(short) < floor_s(long)
    assert roofline_s(short) <= floor_s(short)
    assert roofline_s(short, 0.5) > roofline_s(short)


def test_activations_of_prompts_are_not_shared_by_more_cards() -> None:
    one, four = (features_of(served(tensor_parallel=cards, cards=cards)) for cards in (1, 4))

    assert four[-1] == pytest.approx(one[-1])
    assert four[0] == pytest.approx(one[0] / 4)


def test_tensorrt_keeps_twice_the_users_of_8_bits() -> None:
    many = {"users": 4000.0, "prompt_tokens": 8192.0}
    room = {engine: served(engine=engine, **many).in_flight for engine in ("trtllm", "sglang")}
    wide = served(engine="trtllm", precision="bf16", **many)

    assert room["trtllm"] == pytest.approx(2 * room["sglang"])
    assert wide.kept == "f16"


def test_caches_of_8_bits_are_read_in_half_the_time() -> None:
    weights = weights_of(SEVEN, "FP8")
    asked = Question(device=H100, shape=SEVEN, weights=weights, engine="vllm", users=64, context_tokens=16_384)
    wide, narrow = (answer_question(msgspec.structs.replace(asked, kv=kind)).between_tokens for kind in ("f16", "fp8"))

    assert features_of(served(cache="fp8"))[1] == pytest.approx(features_of(served())[1] / 2)
    assert wide is not None
    assert narrow is not None
    assert narrow.likely < wide.likely


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({}, "fp8"),
        ({"engine_version": "0.11.2"}, "f16"),
        ({"engine_version": ""}, "f16"),
        ({"quant": ""}, "f16"),
        ({"active_params_b": "10"}, "f16"),
        ({"engine": "sglang"}, "f16"),
        ({"engine": "trtllm"}, "fp8"),
    ],
)
def test_rows_keep_what_their_engine_was_told(changed: dict[str, str], kept: str) -> None:
    row = {
        "hardware": H100.name, "mode": "agg", "model": "seven", "params_b": "7.6", "active_params_b": "",
        "quant": "fp8", "engine": "vllm", "engine_version": "0.12.0", "isl": "2048", "osl": "256", "concurrency": "32",
        "itl_ms": "9", "ttft_ms": "100", "tp": "1", "dp": "1", "n_gpus": "1", "moe_ep": "1",
    }  # fmt: skip
    case = serving_case({**row, **changed}, Catalogue([H100], [SEVEN]))

    assert case is not None
    assert case.served.kept == kept


@pytest.mark.parametrize(
    ("source", "engine", "prompt", "batch"),
    [
        ("ggml-org/llama.cpp", "llama.cpp CUDA", "2048", 2048),
        ("ggml-org/llama.cpp", "llama.cpp CUDA", "512", 512),
        ("kyuz0/amd-strix-halo-toolboxes", "llama.cpp rocm6_4_4", "2048", 2048),
        ("kyuz0/amd-strix-halo-toolboxes", "llama.cpp vulkan_radv", "2048", 512),
        ("somebody", "vllm", "2048", 2048),
    ],
)
def test_rows_are_read_in_the_batches_of_their_commands(source: str, engine: str, prompt: str, batch: int) -> None:
    row = {
        "hardware": H100.name, "metric": "prefill", "model": "seven", "params_b": "7.6", "quant": "Q8_0",
        "engine": engine, "source": source, "prompt_len": prompt, "value": "1000", "concurrency": "1", "flag": "",
    }  # fmt: skip
    case = prefill_case(row, Catalogue([H100], [SEVEN]))

    assert case is not None
    assert case.batch_tokens == batch
    assert case.speed(case.share) == pytest.approx(1000)


def test_coefficients_stay_above_what_is_physical() -> None:
    features = np.array([[1.0, 0.1], [1.0, 1.0], [1.0, 4.0]])
    free, held = (fit_positive(features, features @ [2.0, 0.5], least) for least in ((), (0.0, 1.0)))

    assert free == pytest.approx((2.0, 0.5), rel=0.05)
    assert held[1] == 1.0
    assert held[0] < free[0]


def test_a_prompt_of_a_mixture_waits_for_all_its_weights() -> None:
    card = next(each for each in CATALOGUE.models.values() if each.id == "gpt-oss-120b")
    weights = weights_of(card.shape, "F16")
    short, long = (estimate_prefill(SPARK, card.shape, weights, tokens) for tokens in (64, 2048))
    reading = {found: next(term for term in each.terms if term.name == "reading").value
               for found, each in (("short", short), ("long", long))}  # fmt: skip

    assert reading["short"] >= 0.5 * weights.bytes / SPARK.bandwidth
    assert reading["long"] > 4 * reading["short"]
    assert "memory bandwidth" in short.bound_by
    assert "computing" in estimate_prefill(SPARK, SEVEN, weights_of(SEVEN, "Q4_K_M"), 4096).bound_by


@pytest.mark.parametrize("share", [0.1, 0.9, 1.0, 1.4, 2.0])
def test_a_share_is_found_from_the_time_that_it_takes(share: float) -> None:
    measured_s = prompt_s(3.0, 0.5, share)

    assert share_of(3.0, 0.5, measured_s) == pytest.approx(share)
    assert measured_s >= 0.5 + 3.0 / 2


def test_who_has_no_room_waits_longer_for_the_first_token() -> None:
    few, many = (estimate_first_token(served(users=users, prompt_tokens=16_384)) for users in (4, 2000))

    assert few.likely < many.likely
    assert 1 < few.range.high / few.range.low < many.range.high / many.range.low * 10


def test_wide_weights_are_read_while_a_prompt_is_computed() -> None:
    card = next(each for each in CATALOGUE.models.values() if each.id == "gpt-oss-20b")
    times = [estimate_prefill(SPARK, card.shape, weights_of(card.shape, name), 512).likely for name in ("MXFP4", "F16")]

    assert times[0] < times[1]


def test_scores_are_kept_only_without_flash_attention() -> None:
    weights, load = weights_of(SEVEN, "Q4_K_M"), Load(context_tokens=32_768, engine="ollama")
    with_it = memory_terms(SEVEN, weights, load)
    without = memory_terms(SEVEN, weights, msgspec.structs.replace(load, flash_attention=False))

    assert total(without) - total(with_it) == pytest.approx(512 * 32_768 * 28 * 4)
    assert "attention scores" not in {term.name for term in with_it}


def test_servers_make_logits_of_last_tokens_only() -> None:
    weights = weights_of(SEVEN, "FP8")
    one, wide = (
        total(memory_terms(msgspec.structs.replace(SEVEN, vocabulary=size), weights, Load(engine="vllm")))
        for size in (100_000, 200_000)
    )

    assert wide - one == pytest.approx(100_000 * 4)


def test_what_was_trained_for_four_bits_keeps_its_table_at_eight() -> None:
    gemma = msgspec.structs.replace(
        SEVEN, parameters=3_880_000_000, hidden=2560, vocabulary=262_144, tied_embeddings=True
    )
    plain, trained = (weights_of(gemma, name) for name in ("Q4_0", "Q4_0-QAT"))

    assert format_named("UD-Q4_K_XL-QAT") == "Q4_0_QAT"
    assert format_named("Q8_0-QAT") == "Q8_0"
    assert plain.bytes < trained.bytes == pytest.approx(2.35 * GIB, rel=0.01)


@pytest.mark.parametrize(
    ("changed", "evidence"),
    [
        ({}, True),
        ({"quality": "at_capacity"}, False),
        ({"quant": "Q8_0?"}, False),
        ({"n_gpus": "2"}, False),
        ({"note": "DFlash speculative decoding"}, False),
        ({"note": "config: pp512, tg128 | device: Vulkan1,Vulkan2 | CPU"}, False),
        ({"note": "config: pp512, tg128 | device: Vulkan2 | CPU"}, True),
        ({"model": "some-27B-MTP-GGUF"}, False),
    ],
)
def test_rows_of_unknown_parts_are_no_evidence(changed: dict[str, str], evidence: bool) -> None:
    row = {"quality": "ok", "kind": "peak_vram", "quant": "Q8_0", "n_gpus": "1", "note": "", "model": "m"}

    assert is_evidence({**row, **changed}) is evidence


def test_equal_rows_are_compared_with_their_own_middle() -> None:
    (line,) = repeats("speed", ["a", "a", "a", "b"], [90.0, 100.0, 120.0, 7.0])

    assert line.n == 3
    assert line.median_pct == 10.0
    assert repeats("speed", ["a", "b"], [1.0, 2.0]) == []


def test_the_range_of_a_wait_is_finite_for_every_card() -> None:
    for device in CATALOGUE.devices.values():
        if device.bandwidth:
            found = estimate_first_token(served(device=device))

            assert math.isfinite(found.range.high)
            assert 0 < found.range.low <= found.likely <= found.range.high


def test_a_device_without_rates_still_answers() -> None:
    bare = Device(
        id="bare", name="Bare", vendor="x", kind="cpu", memory_bytes=64 * GIB, usable_share=1.0, bandwidth=5e10,
        rates={}, power_w=100, idle_w=10, year=2024,
    )  # fmt: skip
    weights = weights_of(SEVEN, "Q4_K_M")
    step = estimate_batched(bare, SEVEN, weights, Setting(), Crowd(users=4, prompt_tokens=500))

    assert math.isfinite(step.range.high)


def test_intervals_are_wider_where_nothing_alike_was_measured() -> None:
    weights = weights_of(SEVEN, "Q4_K_M")
    apple = next(each for each in CATALOGUE.devices.values() if each.kind == "apple")
    known, strange = (
        estimate_batched(device, SEVEN, weights, Setting(), Crowd(users=4)).range for device in (SPARK, apple)
    )
    measured, other = (estimate_step(served(engine=engine)).range for engine in ("vllm", "mlx"))

    assert strange.high / strange.low == pytest.approx((known.high / known.low) ** 2)
    assert other.high / other.low == pytest.approx((measured.high / measured.low) ** 2)


def test_intervals_of_reading_are_told_apart_for_devices_alone_in_their_class() -> None:
    cards = [("rtx3090", "NVIDIA", "consumer", 71), ("rtx4090", "NVIDIA", "consumer", 165), ("rtx5090", "NVIDIA",
             "consumer", 210), ("b580", "Intel", "consumer", 117), ("m4", "Apple", "soc", 4.3)]  # fmt: skip
    hardware = [
        {"id": name, "name": name, "vendor": maker, "class": kind, "memory_gb": "24", "bandwidth_gbs": "900",
         "fp16_dense_tflops": str(rate)}
        for name, maker, kind, rate in cards
    ]  # fmt: skip
    rows = [
        {"hardware": name, "n_gpus": "1", "model": "m-8b", "params_b": "8", "quant": "Q4_K_M", "engine": "llama.cpp",
         "metric": "prefill", "concurrency": "1", "prompt_len": "512", "value": str(rate * 25), "flag": "",
         "source": "ggml-org/llama.cpp", "roofline_check": ""}
        for name, _, _, rate in cards
    ]  # fmt: skip
    lines = {line.subset: line for line in validate({"hardware": hardware, "perf_measured": rows})}

    assert lines["devices whose class has others"].n == 3
    assert lines["devices alone in their class"].n == 2
    assert lines["devices whose class has others"].high_over_low is not None
