"""A small engine that speaks OpenAI's `/v1/embeddings`: texts with common words lie near each other.

It is an engine like any other, only without weights, so that these tests need none.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy
from aiohttp import web

from serdab.engines import Embedder

DIMENSIONS = 384


@dataclass
class WordEngine:
    """What it was asked, and what it says about itself."""

    url: str = ""
    model: str = "words"
    #: A vector for each text as a whole: common words bring nothing together.
    deaf: bool = False
    requests: list[int] = field(default_factory=list)
    #: While it is cleared, answers wait.
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.Response:
        await self.open.wait()
        body = msgspec.json.decode(await request.read())
        texts = body["input"]
        self.requests.append(len(texts))
        words = [[text] if self.deaf else _words(text) for text in texts]
        data = [{"index": at, "embedding": _vector(each)} for at, each in enumerate(words)]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        answer = {"object": "list", "model": self.model, "data": data, "usage": usage}
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")


def _words(text: str) -> list[str]:
    return text.lower().replace("?", " ").replace(".", " ").split()


def _vector(words: Sequence[str]) -> str:
    total = numpy.full(DIMENSIONS, 1e-3)
    for word in words:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
        total += numpy.random.default_rng(seed).standard_normal(DIMENSIONS) * (0.3 if len(word) < 4 else 1.0)
    return base64.b64encode((total / numpy.linalg.norm(total)).astype("<f4").tobytes()).decode()


@contextlib.asynccontextmanager
async def word_engine(model: str = "words", *, deaf: bool = False) -> AsyncIterator[tuple[Embedder, WordEngine]]:
    """A running engine and a client of it."""
    engine = WordEngine(model=model, deaf=deaf)
    engine.open.set()
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/v1/embeddings", engine.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    engine.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with Embedder(engine.url, DIMENSIONS, deadline_s=60) as embedder:
            yield embedder, engine
    finally:
        await runner.cleanup()
