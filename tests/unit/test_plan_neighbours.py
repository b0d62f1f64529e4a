"""Other models and adapters on the same cards: each counts by the sum that it would have alone."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from serdab.plan import Load, Neighbour, load_catalogue, memory_terms, total, weights_of

CATALOGUE = load_catalogue()


def test_other_models_on_the_card_count_by_their_own_sum() -> None:
    shape, small = CATALOGUE.model("qwen3-8b").shape, CATALOGUE.model("qwen3-0.6b").shape
    weights, draft = weights_of(shape, "Q4_K_M"), weights_of(small, "Q8_0")
    load = Load(context_tokens=8192, sequences=4)
    own = total(memory_terms(small, draft, load))
    engine = next(term.value for term in memory_terms(small, draft, load) if term.name == "engine")
    alone = total(memory_terms(shape, weights, load))

    def added(neighbour: Neighbour) -> float:
        return total(memory_terms(shape, weights, replace(load, neighbours=(neighbour,)))) - alone

    assert added(Neighbour(shape=small, weights=draft, drafts=True)) == pytest.approx(own - engine)
    one = total(memory_terms(small, draft, replace(load, sequences=1)))
    assert added(Neighbour(shape=small, weights=draft)) == pytest.approx(one)


def test_a_model_of_embeddings_keeps_no_longer_context_than_it_was_made_for() -> None:
    shape, embedder = CATALOGUE.model("qwen3-8b").shape, CATALOGUE.model("qwen3-embedding-0.6b").shape
    weights = weights_of(embedder, "F16")
    beside = (Neighbour(shape=embedder, weights=weights),)
    long, made_for = Load(context_tokens=1e6), Load(context_tokens=embedder.context_tokens)
    held = memory_terms(shape, weights_of(shape, "Q4_K_M"), replace(long, neighbours=beside))[-1]
    assert held.value == pytest.approx(total(memory_terms(embedder, weights, made_for)))


def test_adapters_count_each_by_its_rank() -> None:
    shape = CATALOGUE.model("llama-3.1-8b").shape
    weights = weights_of(shape, "BF16")
    alone = total(memory_terms(shape, weights, Load()))
    one = total(memory_terms(shape, weights, Load(adapters=1, adapter_rank=16))) - alone
    # Rank 16 on every matrix of Llama-3.1-8B: 41.9 M parameters (7 matrices x 32 layers), 80 MiB at 16 bits.
    assert one == pytest.approx(83.9e6, rel=0.2)
    assert total(memory_terms(shape, weights, Load(adapters=3, adapter_rank=32))) - alone == pytest.approx(6 * one)
