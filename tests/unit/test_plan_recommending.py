"""The least that is enough, over the catalogues that are shipped."""

from __future__ import annotations

import pytest

from serdab.plan import Advice, BadPlan, Wish, load_catalogue, recommend

CATALOGUE = load_catalogue()


def advice(wish: Wish) -> Advice:
    return recommend(
        list(CATALOGUE.devices.values()), list(CATALOGUE.models.values()), wish, CATALOGUE.electricity_of("DE")
    )


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
    assert found.options[0].years_usd == min(option.years_usd for option in found.options)


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

    assert more.options[0].years_usd <= some.options[0].years_usd + 1e-6


def test_an_unknown_task_or_quality_is_told() -> None:
    with pytest.raises(BadPlan, match="nearest: chat"):
        advice(Wish(task="chatt"))
    with pytest.raises(BadPlan, match="basic, good, best"):
        advice(Wish(quality="superb"))
    with pytest.raises(BadPlan, match="users"):
        advice(Wish(users=0))
