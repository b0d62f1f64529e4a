"""Who waits for whom in an engine that many ask at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plain_encoder import embed_apart
from serdab.engines.batching import Batcher
from serdab.engines.encoder import TOKENS_PER_BATCH, Encoder, fit
from serdab.engines.errors import EngineBusy
from serdab.testing.small_models import make_model

DOCUMENT = [f"{number} " + "abc " * 60 for number in range(2000)]
DEADLINE_S = 60


@pytest.fixture
def encoder(tmp_path: Path) -> Encoder:
    make_model(tmp_path)
    return Encoder(tmp_path, "f32", 1)


class _Patient(Encoder):
    """No batch ends before somebody has asked a question."""

    def __init__(self, folder: Path, precision: str, threads: int) -> None:
        super().__init__(folder, precision, threads)
        self.asked = threading.Event()

    def tokenize(self, texts: Sequence[str]) -> Any:
        if len(texts) == 1:
            self.asked.set()
        return super().tokenize(texts)

    def embed_batch(self, lists: Sequence[Sequence[int]]) -> Any:
        assert self.asked.wait(60)
        return super().embed_batch(lists)


async def test_a_question_passes_a_document(tmp_path: Path) -> None:
    make_model(tmp_path)
    encoder = _Patient(tmp_path, "f32", 1)
    async with Batcher(encoder, 10_000) as batcher:
        document = asyncio.create_task(batcher.embed(DOCUMENT))
        await asyncio.sleep(0)
        answer, _, _ = await batcher.embed(["who?"])
        assert not document.done()
        vectors, _, cut = await document
    assert cut == len(DOCUMENT)
    np.testing.assert_allclose(answer, embed_apart(encoder, ["who?"]), atol=1e-5)
    np.testing.assert_allclose(vectors, embed_apart(encoder, DOCUMENT), atol=1e-5)


class _Slow(Encoder):
    """What takes its time is the model, not the tokens before it."""

    def embed_batch(self, lists: Sequence[Sequence[int]]) -> Any:
        time.sleep(0.005)
        return super().embed_batch(lists)


async def test_no_stream_of_questions_keeps_a_document_waiting(tmp_path: Path) -> None:
    make_model(tmp_path)
    encoder = _Slow(tmp_path, "f32", 1)
    async with Batcher(encoder, 10_000) as batcher:
        full_batch = DOCUMENT[: TOKENS_PER_BATCH // encoder.most_tokens]

        async def ask_for_ever() -> None:
            while True:
                await batcher.embed(full_batch)

        askers = [asyncio.create_task(ask_for_ever()) for _ in range(20)]
        try:
            async with asyncio.timeout(DEADLINE_S):
                await batcher.embed(DOCUMENT[:1000])
        finally:
            for asker in askers:
                asker.cancel()
            await asyncio.gather(*askers, return_exceptions=True)


async def test_those_who_ask_at_once_get_their_own_vectors(encoder: Encoder) -> None:
    requests = [[f"{number} " + "ab " * (number % 7)] * (1 + number % 3) for number in range(300)]
    async with Batcher(encoder, 10_000) as batcher:
        answers = await asyncio.gather(*map(batcher.embed, requests))
    for texts, (vectors, _, _) in zip(requests, answers, strict=True):
        np.testing.assert_allclose(vectors, embed_apart(encoder, texts), atol=1e-5)


class _Noting(Encoder):
    def __init__(self, folder: Path, precision: str, threads: int) -> None:
        super().__init__(folder, precision, threads)
        #: Tokens of each text of each batch.
        self.lengths: list[list[int]] = []

    def embed_batch(self, lists: Sequence[Sequence[int]]) -> Any:
        self.lengths.append([len(ids) for ids in lists])
        return super().embed_batch(lists)


async def test_batches_hold_every_text_once_with_little_padding(tmp_path: Path) -> None:
    make_model(tmp_path)
    encoder = _Noting(tmp_path, "f32", 2)
    requests = [["a " * length for length in (1, 40, 5, 5, 46, 10, 10, 11, 30)] * 20 for _ in range(3)]
    async with Batcher(encoder, 10_000) as batcher:
        await asyncio.gather(*map(batcher.embed, requests))
    batches = encoder.lengths
    assert sum(map(len, batches)) == sum(map(len, requests))
    assert all(fit(len(batch), min(batch), max(batch)) for batch in batches)
    assert max(len(batch) * max(batch) for batch in batches) <= TOKENS_PER_BATCH


async def test_whoever_gives_up_makes_room(encoder: Encoder) -> None:
    async with Batcher(encoder, len(DOCUMENT)) as batcher:
        document = asyncio.create_task(batcher.embed(DOCUMENT))
        await asyncio.sleep(0)
        with pytest.raises(EngineBusy, match="at most 2,000"):
            await batcher.embed(["who?"])
        document.cancel()
        await asyncio.gather(document, return_exceptions=True)
        assert (await batcher.embed(["who?"]))[0].shape == (1, encoder.dimensions)


class _Faulty(Encoder):
    """Its library fails at texts of three tokens."""

    def embed_batch(self, lists: Sequence[Sequence[int]]) -> Any:
        if len(lists[0]) == 3:
            raise MemoryError("no room for the batch")
        return super().embed_batch(lists)


async def test_a_batch_that_fails_fails_whoever_is_in_it_and_nobody_else(tmp_path: Path) -> None:
    make_model(tmp_path)
    encoder = _Faulty(tmp_path, "f32", 1)
    async with Batcher(encoder, 10_000) as batcher:
        document = asyncio.create_task(batcher.embed(DOCUMENT))
        assert len(encoder.tokenize(["a"])[0][0]) == 3
        with pytest.raises(MemoryError, match="no room"):
            await batcher.embed(["a"] * 200)
        assert (await batcher.embed(["a b c"]))[0].shape == (1, encoder.dimensions)
        assert (await document)[0].shape == (len(DOCUMENT), encoder.dimensions)
