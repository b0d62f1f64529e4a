"""What has no room on the cards (more machines, layers elsewhere, caches kept twice), and one user of a server."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from serdab.plan import (
    BadPlan,
    Estimate,
    Load,
    Question,
    Setting,
    Terms,
    Workload,
    answer_question,
    check_fit,
    estimate_cost,
    estimate_decode,
    estimate_finetuning,
    estimate_prefill,
    host_usd_of,
    image_memory,
    image_seconds,
    load_catalogue,
    memory_terms,
    most_sequences,
    spread_users,
    total,
    weights_of,
)

CATALOGUE = load_catalogue()
GB = 1e9


def asked(model: str, device: str, storage: str = "Q4_K_M", **more: object) -> Question:
    shape = CATALOGUE.model(model).shape
    question = Question(device=CATALOGUE.device(device), shape=shape, weights=weights_of(shape, storage))
    return msgspec.structs.replace(question, **more)


def caches(question: Question) -> float:
    terms = memory_terms(question.shape, question.weights, question.load)
    return sum(term.value for term in terms if term.name.startswith("KV"))


def test_users_without_room_are_spread_over_equal_machines() -> None:
    question = asked("qwen3-8b", "rtx3090-24", users=60.0)
    machines, one = spread_users(question)
    room = answer_question(question).most_users

    assert (machines - 1) * room < 60 <= machines * room
    assert answer_question(one).fits
    assert machines * one.users >= 60
    assert spread_users(asked("qwen3-8b", "rtx3090-24", users=float(room)))[0] == 1


@pytest.mark.parametrize(
    ("model", "device", "engine", "users"),
    [
        ("qwen2.5-72b", "rtx4090-24", "llama.cpp", 4.0),
        ("qwen2.5-72b", "rtx4090-24", "vllm", 1.0),
        ("llama-3.1-405b", "m4max-128", "llama.cpp", 1.0),
    ],
)
def test_what_has_no_room_for_one_user_is_served_by_no_number_of_machines(
    model: str, device: str, engine: str, users: float
) -> None:
    with pytest.raises(BadPlan, match="and one user"):
        spread_users(asked(model, device, engine=engine, users=users))


@pytest.mark.parametrize(("engine", "starts"), [("vllm", False), ("llama.cpp", True)])
def test_an_engine_that_puts_no_layers_elsewhere_is_said_not_to_start(engine: str, starts: bool) -> None:
    notes = answer_question(asked("qwen2.5-72b", "rtx4090-24", engine=engine)).decode.notes
    assert any("does not start" in each for each in notes) is not starts


def test_one_user_of_llama_cpp_is_served_by_the_processor_too() -> None:
    question = asked("qwen2.5-72b", "rtx4090-24")
    assert spread_users(question) == (1, question)


def test_machines_cost_and_draw_each_for_itself() -> None:
    device, country = CATALOGUE.device("rtx3090-24"), CATALOGUE.electricity_of("DE")

    def cost(machines: int) -> dict[str, float]:
        work = Workload(answer_tokens_per_s=1000, users=10.0 * machines)
        found = estimate_cost(device, 2, country, work, terms=Terms(machines=machines, people_usd_a_year=100))
        return {term.name: term.value for term in found.years.terms}

    one, three = cost(1), cost(3)
    assert all(three[name] == pytest.approx(3 * one[name]) for name in one if name != "people")
    assert three["people"] == one["people"]


def test_a_machine_loses_the_same_part_of_its_value_each_year() -> None:
    device, country = CATALOGUE.device("rtx3090-24"), CATALOGUE.electricity_of("DE")

    def left(years: float) -> float:
        found = estimate_cost(device, 1, country, Workload(answer_tokens_per_s=10), terms=Terms(years=years))
        by_name = {term.name: term.value for term in found.years.terms}
        return -by_name["resale"] / by_name["purchase"]

    assert left(3) == pytest.approx(0.25)
    assert left(6) == pytest.approx(0.25**2)
    assert left(0.1) > 0.9


def test_what_can_only_be_rented_has_no_cost() -> None:
    device, country = CATALOGUE.device("tpu-v5e"), CATALOGUE.electricity_of("DE")
    with pytest.raises(BadPlan, match="can be bought"):
        estimate_cost(device, 1, country, Workload(answer_tokens_per_s=10))


def test_cards_stand_in_what_takes_them() -> None:
    h100, gaming = CATALOGUE.device("h100-80-sxm"), CATALOGUE.device("rtx3090-24")
    pc, workstation, server = (host_usd_of(gaming, cards, "DE") for cards in (1, 4, 8))

    assert pc < workstation < server == host_usd_of(h100, 8, "DE")
    assert host_usd_of(h100, 16, "DE") == 2 * server


def test_carbon_of_an_old_grid_is_told() -> None:
    device, country = CATALOGUE.device("rtx3090-24"), CATALOGUE.electricity_of("SA")
    found = estimate_cost(device, 1, country, Workload(answer_tokens_per_s=10), today=date(2026, 11, 21))
    assert "the carbon of electricity in Saudi Arabia is that of 2022" in found.warnings


def test_cards_that_share_each_layer_keep_a_latent_each_and_whole_heads() -> None:
    latent = [caches(asked("deepseek-v3", "h200-141-sxm", "FP8", engine="vllm", cards=cards)) for cards in (1, 8)]
    assert latent[1] == pytest.approx(8 * latent[0])
    two_heads = [caches(asked("qwen2.5-3b", "rtx4090-24", engine="vllm", cards=cards)) for cards in (1, 2, 4)]
    assert two_heads == pytest.approx([two_heads[0], two_heads[0], 2 * two_heads[0]])
    layers = [caches(asked("qwen2.5-3b", "rtx4090-24", cards=cards)) for cards in (1, 4)]
    assert layers[0] == layers[1]


def test_cards_that_share_each_layer_share_its_heads_evenly() -> None:
    heads = asked("qwen2.5-7b", "rtx4090-24", engine="vllm", cards=8)
    assert heads.shape.heads == 28
    with pytest.raises(BadPlan, match="divides its 28 heads"):
        answer_question(heads)
    for cards, engine in ((4, "vllm"), (8, "llama.cpp")):
        assert answer_question(msgspec.structs.replace(heads, cards=cards, engine=engine)).fits


@pytest.mark.parametrize("model", ["qwen3.6-27b", "llama-3.1-8b", "gemma-3-12b", "gpt-oss-20b"])
@pytest.mark.parametrize("engine", ["llama.cpp", "vllm"])
def test_so_many_have_room_and_not_one_more(model: str, engine: str) -> None:
    question = asked(model, "rtxpro6000bw-96", engine=engine, context_tokens=32_768.0)
    device, shape, weights, load = question.device, question.shape, question.weights, question.load
    room = most_sequences(device, shape, weights, load)

    def fits(sequences: int) -> bool:
        return check_fit(device, shape, weights, msgspec.structs.replace(load, sequences=sequences)).fits

    assert room > 4
    assert fits(room)
    assert not fits(room + 1)


def test_one_user_of_a_server_is_no_slower_than_one_of_four() -> None:
    for cards in (1, 2, 4, 8):
        found = answer_question(asked("llama-3.1-70b", "h200-141-sxm", "FP8", engine="vllm", cards=cards, users=4.0))
        assert found.between_tokens is not None
        assert found.decode.likely >= 0.99 / found.between_tokens.likely
        assert found.decode.range.low <= found.decode.likely <= found.decode.range.high
        assert found.decode.likely <= cards * found_roof()


def test_the_first_token_of_llama_cpp_waits_for_what_is_new_and_at_most_for_the_whole_context() -> None:
    def wait(users: float, new: float = 400.0) -> Estimate:
        found = answer_question(asked("qwen3-8b", "m4max-128", users=users, new_tokens=new)).first_token
        assert found is not None
        assert total(found.terms) == pytest.approx(found.likely)
        assert 0 < found.range.low <= found.likely <= found.range.high
        return found

    question = asked("qwen3-8b", "m4max-128")
    new, whole = (
        estimate_prefill(question.device, question.shape, question.weights, tokens).likely for tokens in (400, 8192)
    )
    assert new < wait(2).likely < wait(8).likely < wait(60).likely
    assert wait(8).range.high >= whole
    assert wait(8, new=8192).likely > whole
    room = answer_question(question).most_users
    assert "stand in line" in wait(2.0 * room).bound_by


@pytest.mark.parametrize("device", ["mi300x-192", "gaudi3-128", "rtx4090-24", "h100-80-sxm"])
@pytest.mark.parametrize("model", ["llama-3.1-8b", "qwen3-30b-a3b", "gemma-3-12b"])
def test_nobody_is_faster_in_company(device: str, model: str) -> None:
    found = answer_question(asked(model, device, engine="vllm", users=4.0))
    each = [point.tokens_per_s_each for point in found.curve]

    assert found.between_tokens is not None
    assert found.decode.likely >= 0.99 / found.between_tokens.likely
    assert each == sorted(each, reverse=True)


def found_roof() -> float:
    """Tokens a second that the memory of one such card allows at most."""
    question = asked("llama-3.1-70b", "h200-141-sxm", "FP8")
    return question.device.bandwidth / (question.weights.bytes - question.weights.embedding_bytes)


def test_cards_that_share_each_layer_read_a_prompt_faster_but_not_so_many_times() -> None:
    question = asked("llama-3.1-70b", "h200-141-sxm", "FP8")

    def prompt_s(engine: str, cards: int) -> float:
        setting = Setting(engine=engine, cards=cards)
        return estimate_prefill(question.device, question.shape, question.weights, 8192, setting).likely

    assert prompt_s("vllm", 1) / 8 < prompt_s("vllm", 8) < prompt_s("vllm", 1) / 3
    assert prompt_s("llama.cpp", 8) == prompt_s("llama.cpp", 1)


def test_prompts_wait_for_the_layers_that_are_not_on_the_card() -> None:
    question = asked("qwen2.5-72b", "rtx4090-24")
    part = estimate_prefill(question.device, question.shape, question.weights, 4096, Setting(on_cards=0.5))
    whole = estimate_prefill(question.device, question.shape, question.weights, 4096)

    assert part.likely > whole.likely + question.weights.bytes * 0.5 * 8 / 30e9
    assert "not on the cards" in part.bound_by


def test_a_machine_without_other_memory_reads_the_rest_from_its_disk() -> None:
    mac, desktop = (asked("llama-3.1-405b", device) for device in ("m4max-128", "cpu-ddr5-2ch"))
    for question in (mac, desktop):
        found = answer_question(question).decode
        assert "disk" in found.bound_by
        assert found.likely < 0.1
    beyond = 1 - 0.3 / 0.75  # its GPU may use three quarters of the memory, its processor the last
    terms = estimate_decode(mac.device, mac.shape, mac.weights, Setting(on_cards=0.3)).terms
    disk = next(term.value for term in terms if term.name == "disk")
    assert disk == pytest.approx(beyond * (mac.weights.bytes - mac.weights.embedding_bytes) / 3e9, rel=0.05)


def test_memory_of_the_machine_that_was_looked_at_counts() -> None:
    question = asked("qwen2.5-72b", "rtx4090-24")
    fast = msgspec.structs.replace(question.device, host_bandwidth=300 * GB)
    slow, quick = (
        estimate_decode(device, question.shape, question.weights, Setting(on_cards=0.5)).likely
        for device in (question.device, fast)
    )
    assert quick > 3 * slow


def test_models_that_only_read_have_no_logits_and_no_speed_of_writing() -> None:
    question = asked("bge-m3", "rtx4090-24", "F16")
    computed = next(
        term for term in memory_terms(question.shape, question.weights, Load()) if term.name == "computation"
    )

    assert computed.value < 0.3 * 2**30
    with pytest.raises(BadPlan, match="serdab plan fit"):
        answer_question(question)
    trained = estimate_finetuning(question.shape, "full")
    assert "logits" not in {term.name for term in trained.terms}


def test_training_of_pictures_is_refused() -> None:
    with pytest.raises(BadPlan, match="layers are known"):
        estimate_finetuning(CATALOGUE.model("flux.1-dev").shape, "lora")


def test_a_picture_waits_for_what_is_not_kept_on_the_card() -> None:
    flux, card = CATALOGUE.model("flux.1-dev").shape, CATALOGUE.device("rtx4090-24")
    none, parts, layers = (image_seconds(card, flux, 20, offload=how).likely for how in ("none", "parts", "layers"))

    assert none < parts < layers
    assert layers - none == pytest.approx((20 * 23.8 + 9.9) * GB / 12e9, rel=0.05)


def test_a_network_of_one_pass_has_no_steps_and_decodes_nothing() -> None:
    network = CATALOGUE.model("real-esrgan-x4").shape

    assert "decoding the picture" not in {term.name for term in image_memory(network, "F16").terms}
    with pytest.raises(BadPlan, match="in steps"):
        image_seconds(CATALOGUE.device("rtx4090-24"), network)
