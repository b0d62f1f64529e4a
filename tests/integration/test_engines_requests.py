"""How the texts of calls become requests to an engine."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from serdab.engines import EngineUnavailable
from serdab.engines.embedder import CHARACTERS_PER_REQUEST, TEXTS_PER_REQUEST
from word_engine import word_engine

PART = "word " * 200


@pytest.mark.parametrize(
    ("texts", "least"),
    [
        (["short"] * TEXTS_PER_REQUEST, 1),
        (["short"] * (TEXTS_PER_REQUEST + 1), 2),
        ([PART] * 400, 400 * len(PART) // CHARACTERS_PER_REQUEST),
        (["x" * (CHARACTERS_PER_REQUEST + 1), "short", "x" * (CHARACTERS_PER_REQUEST + 1)], 3),
    ],
)
async def test_no_request_is_too_long_for_a_busy_engine(texts: list[str], least: int) -> None:
    async with word_engine() as (embedder, engine):
        vectors = await embedder.embed(texts)
    assert len(vectors) == sum(engine.requests) == len(texts)
    assert least <= len(engine.requests) <= least + 1
    assert max(engine.requests) <= TEXTS_PER_REQUEST
    assert max(engine.requests) * len(max(texts, key=len)) <= max(CHARACTERS_PER_REQUEST, len(max(texts, key=len)))


async def test_vectors_come_in_the_order_of_their_texts() -> None:
    texts = [f"{word} {PART}" for word in ("alpha", "beta", "gamma") for _ in range(70)]
    async with word_engine() as (embedder, engine):
        together = await embedder.embed(texts)
        apart = np.concatenate([await embedder.embed([text]) for text in (texts[0], texts[70], texts[140])])
    assert len(engine.requests) > 4
    np.testing.assert_array_equal(together[[0, 70, 140]], apart)


async def test_a_call_fails_when_its_embedder_is_closed_before_its_request_has_begun() -> None:
    async with word_engine() as (embedder, _):
        call = asyncio.get_running_loop().create_task(embedder.embed(["early"]))
        while not embedder._requests:
            await asyncio.sleep(0)
        await embedder.close()
        with pytest.raises(EngineUnavailable, match="close while a call was waiting"):
            async with asyncio.timeout(20):
                await call
