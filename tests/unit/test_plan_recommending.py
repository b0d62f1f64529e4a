"""The least that is enough, over the catalogues that are shipped."""

from __future__ import annotations

import msgspec
import pytest

from serdab.plan import Advice, BadPlan, Option, Wish, load_catalogue, recommend, recommend_for
from serdab.plan.finetuning import estimate_finetuning
from serdab.plan.housing import CIRCUIT_W, HOST_W, LOW_CIRCUIT_W, counts_of, house_of
from serdab.plan.recommending import adaptation

CATALOGUE = load_catalogue()


def advice(wish: Wish) -> Advice:
    return recommend(
        list(CATALOGUE.devices.values()), list(CATALOGUE.models.values()), wish, CATALOGUE.electricity_of("DE")
    )


def counted(option: Option) -> float:
    """Its cost, each card beyond the first counted as a tenth more."""
    return option.years_usd * (1 + 0.1 * (option.cards - 1))


def test_arabic_and_english_for_twenty_on_a_budget() -> None:
    found = advice(Wish(users=20, languages=("ar", "en"), context_tokens=16_384, budget_usd=6000, commercial=True))

    assert 1 <= len(found.options) <= 3
    for option in found.options:
        card = CATALOGUE.models[option.model]
        assert card.licence.commercial
        assert {card.languages[code] for code in ("ar", "en")} <= {"strong", "yes"}
        assert option.purchase_usd <= 6000
        assert option.need_gib <= option.have_gib * 0.92
        assert option.tokens_per_s_low >= 10
        assert option.users_at_once >= 20
    assert found.smaller is not None
    assert counted(found.options[0]) == min(counted(option) for option in found.options)


def test_a_licence_that_forbids_it_is_refused() -> None:
    found = advice(Wish(commercial=True, quality="basic"))

    refused = {each.what: each.why for each in found.refused}
    assert any("commercial" in why for why in refused.values())
    assert not {option.model for option in found.options} & {
        card.id for card in CATALOGUE.models.values() if not card.licence.commercial
    }


def test_nothing_is_enough_for_a_wish_that_cannot_be() -> None:
    found = advice(Wish(users=500, context_tokens=100_000, budget_usd=300, quality="best"))

    assert found.options == ()
    assert "nothing" in found.adaptation or "no machine" in found.adaptation


@pytest.mark.parametrize("budget", [None, 3000.0, 30_000.0])
def test_a_larger_budget_never_makes_the_least_dearer(budget: float | None) -> None:
    some = advice(Wish(users=4, budget_usd=budget))
    more = advice(Wish(users=4, budget_usd=None if budget is None else budget * 4))

    assert counted(more.options[0]) <= counted(some.options[0]) + 1e-6


def test_an_unknown_task_or_quality_is_told() -> None:
    with pytest.raises(BadPlan, match="nearest: chat"):
        advice(Wish(task="chatt"))
    with pytest.raises(BadPlan, match="basic, good, best"):
        advice(Wish(quality="superb"))
    with pytest.raises(BadPlan, match="users"):
        advice(Wish(users=0))


def test_a_hospital_with_a_wish_of_the_70b_class_gets_what_it_can_house() -> None:
    found = advice(Wish(users=20, quality="best", commercial=True, region="EU"))

    assert found.options
    for option in found.options:
        device, card = CATALOGUE.devices[option.device], CATALOGUE.models[option.model]
        assert card.shape.parameters > 60e9
        assert option.cards <= 4 or "rack" in option.house
        assert "rack" in option.house or option.cards * device.power_w + HOST_W <= CIRCUIT_W
    assert found.smaller is not None
    assert any("ranked by parameters" in note for note in found.notes)
    assert any("same moment" in note for note in found.notes)


def test_a_studio_with_one_card_of_24_gb_gets_the_best_that_runs_on_it() -> None:
    card = CATALOGUE.device("rtx4090-24")
    found = recommend_for(
        card, 1, list(CATALOGUE.models.values()), Wish(commercial=True), CATALOGUE.electricity_of("DE")
    )

    best, *others = found.options
    assert CATALOGUE.models[best.model].shape.parameters > 20e9
    assert best.quality == max(option.quality for option in found.options)
    assert all(option.need_gib <= option.have_gib * 0.92 for option in found.options)
    assert all(option.purchase_usd == 0 < option.years_usd for option in found.options)
    assert any(option.tokens_per_s > 1.5 * best.tokens_per_s for option in others)
    assert found.bigger is not None
    assert found.bigger.rescue


def test_finetuning_fits_a_machine_only_where_some_of_it_stays_free() -> None:
    model = CATALOGUE.models["qwen3.6-27b"]
    need = estimate_finetuning(model.shape, "qlora").likely / 2**30
    found = advice(Wish(users=4)).options[0]
    on = msgspec.structs.replace(found, model=model.id, have_gib=need * 1.03)

    assert "needs another machine" in adaptation(on, [model])
    assert "fits this machine" in adaptation(msgspec.structs.replace(on, have_gib=need * 1.1), [model])


def test_a_laptop_without_a_gpu_gets_what_it_can_do_and_is_told_that_it_is_slow() -> None:
    laptop = msgspec.structs.replace(
        CATALOGUE.device("cpu-ddr4-2ch"), memory_bytes=8 << 30, bandwidth=35e9, name="a laptop"
    )
    models, electricity = list(CATALOGUE.models.values()), CATALOGUE.electricity_of("DE")
    found = recommend_for(laptop, 1, models, Wish(quality="best"), electricity)

    assert found.options
    assert all(CATALOGUE.models[option.model].shape.active_parameters < 6e9 for option in found.options)
    assert any("quality asked for" in note for note in found.notes)
    slow = recommend_for(laptop, 1, models, Wish(least_tokens_per_s=300), electricity)
    assert slow.options
    assert any("nothing writes 300 tokens/s" in note for note in slow.notes)


def test_a_house_takes_what_its_slots_and_its_socket_carry() -> None:
    small, large = CATALOGUE.device("rtx3060-12"), CATALOGUE.device("rtx5090-32")
    assert counts_of(small, "DE") == (1, 2, 4)
    assert counts_of(large, "DE") == (1, 2, 4)
    assert counts_of(large, "US") == (1, 2)
    assert 4 * large.power_w + HOST_W > LOW_CIRCUIT_W
    assert counts_of(CATALOGUE.device("h100-80-sxm"), "US") == (4, 8)
    assert counts_of(CATALOGUE.device("m3ultra-512")) == (1,)
    names = [house.name for cards in (1, 4) if (house := house_of(small, cards, "US")) is not None]
    assert names == ["PC", "workstation"]


def test_of_models_of_one_size_the_newer_one_that_does_as_much_is_taken() -> None:
    found = advice(Wish())
    replaced = {each.what for each in found.refused if "newer model" in each.why}
    assert "llama-3.1-8b" in replaced
    assert not replaced & {option.model for option in found.options}


def test_a_licence_that_is_only_recalled_is_refused_for_commercial_use_and_told_elsewhere() -> None:
    recalled = [card for card in CATALOGUE.models.values() if not card.licence_is_confirmed]
    assert recalled
    assert all(card.sources["licence"].evidence == "guess" for card in recalled)
    wish = Wish(languages=("ar",), quality="basic", context_tokens=4096, commercial=True)
    refused = {each.what: each for each in advice(wish).refused}
    assert "not confirmed" in refused["allam-7b"].why
    assert "read the licence" in refused["allam-7b"].rescue

    only = [CATALOGUE.models["allam-7b"]]
    devices, electricity = list(CATALOGUE.devices.values()), CATALOGUE.electricity_of("DE")
    assert recommend(devices, only, wish, electricity).options == ()
    private = recommend(devices, only, msgspec.structs.replace(wish, commercial=False), electricity)
    assert private.options
    assert any("only recalled" in note for note in private.notes)


def test_conditions_of_a_licence_are_told_with_the_model() -> None:
    found = recommend(
        list(CATALOGUE.devices.values()),
        [CATALOGUE.models["llama-3.1-8b"]],
        Wish(commercial=True),
        CATALOGUE.electricity_of("DE"),
    )

    assert any("700 million" in note for note in found.notes)


def test_an_old_or_guessed_price_and_a_used_card_are_told() -> None:
    found = advice(Wish(users=3, languages=("zh",), context_tokens=32_768, budget_usd=3000, task="code"))

    for option in found.options:
        price = CATALOGUE.devices[option.device].price
        assert price is not None
        assert option.used == price.used
        told = [note for note in found.notes if f"the price of {option.device} " in note]
        assert any("is a guess" in note for note in told) == (price.source.evidence == "guess")
    assert any("days old" in note for note in found.notes)


def test_electricity_that_is_not_of_the_country_is_told() -> None:
    devices, models = list(CATALOGUE.devices.values()), list(CATALOGUE.models.values())
    morocco = recommend(devices, models, Wish(), CATALOGUE.electricity_of("MA"))
    germany = recommend(devices, models, Wish(), CATALOGUE.electricity_of("DE"))

    assert any("Morocco" in note and "average of the world" in note for note in morocco.notes)
    assert not any("electricity" in note and "average" in note for note in germany.notes)


def test_cards_come_in_the_numbers_in_which_they_are_sold() -> None:
    assert counts_of(CATALOGUE.device("h100-80-pcie"), "DE") == (1, 2, 4, 8)
    assert counts_of(CATALOGUE.device("b200-180"), "DE") == (8,)
    assert counts_of(CATALOGUE.device("gb200-186"), "DE") == ()
    assert counts_of(CATALOGUE.device("lunarlake-32"), "DE") == (1,)
    rich = advice(Wish(users=100, quality="best", languages=("ar", "zh"), commercial=True))
    assert rich.options
    assert all(option.cards >= CATALOGUE.devices[option.device].sold_by for option in rich.options)


def test_where_only_money_is_missing_its_amount_is_said() -> None:
    wish = Wish(users=5, quality="best", context_tokens=32_768, commercial=True, budget_usd=3000)
    found = advice(wish)

    assert found.options == ()
    least = min(option.purchase_usd for option in advice(msgspec.structs.replace(wish, budget_usd=None)).options)
    assert f"{least:,.0f} USD would be" in found.adaptation
    assert found.smaller is not None
    assert found.smaller.usd <= 3000 or "USD" in found.smaller.why


@pytest.mark.parametrize("task", ["embedding", "rerank", "image", "image_edit", "restore"])
def test_a_task_that_writes_no_text_is_sent_to_the_command_that_knows_it(task: str) -> None:
    with pytest.raises(BadPlan, match=r"write text[\s\S]*serdab plan picture"):
        advice(Wish(task=task))


@pytest.mark.parametrize("users", [1, 5, 20, 60])
@pytest.mark.parametrize("languages", [("ar", "en"), ("zh",)])
def test_what_is_offered_differs_and_what_is_more_is_not_offered(users: int, languages: tuple[str, ...]) -> None:
    found = advice(Wish(users=users, languages=languages, commercial=True, budget_usd=20_000))

    first, *others = found.options
    assert len({option.device for option in found.options}) == len(found.options) == 3
    for option in others:
        if option.why.startswith("the next in cost"):
            assert option == others[-1]
        elif option.why.startswith("better"):
            assert option.quality >= first.quality + 3
            assert CATALOGUE.models[option.model].year >= CATALOGUE.models[first.model].year
        else:
            assert option.tokens_per_s >= 1.2 * first.tokens_per_s
    cheaper = any(option.years_usd < first.years_usd for option in others)
    assert not cheaper or "cheaper ones have more cards" in first.why
    if found.bigger is not None:
        assert found.bigger.what not in {option.model for option in found.options}
        assert CATALOGUE.models[found.bigger.what].year >= CATALOGUE.models[first.model].year
        assert first.model in found.bigger.why


def test_of_one_maker_and_size_the_later_name_is_taken() -> None:
    wish = Wish(task="reasoning", languages=("zh",))
    refused = {each.what: each.why for each in advice(wish).refused}
    assert "newer model" in refused["qwen3.5-27b"]
    assert "newer model" in refused["qwen3.6-27b"]
    assert "qwen3.8-27b" not in refused

    sold = {each.what: each.why for each in advice(msgspec.structs.replace(wish, commercial=True)).refused}
    assert "not confirmed" in sold["qwen3.8-27b"]
    assert "newer model" in sold["qwen3.5-27b"]
    assert "qwen3.6-27b" not in sold


def test_a_large_model_of_long_ago_is_compared_with_a_younger_smaller_one() -> None:
    models = [CATALOGUE.models[name] for name in ("qwen2.5-72b", "qwen3.6-27b", "gemma-3-12b")]
    devices, electricity = list(CATALOGUE.devices.values()), CATALOGUE.electricity_of("DE")
    found = recommend(devices, models, Wish(quality="best", commercial=True), electricity)

    assert {option.model for option in found.options} == {"qwen2.5-72b"}
    assert any(note.startswith("qwen2.5-72b is of 2024: compare it with qwen3.6-27b of 2026") for note in found.notes)
    alone = recommend(devices, models[:1], Wish(quality="best", commercial=True), electricity)
    assert not any("is of 2024" in note for note in alone.notes)
