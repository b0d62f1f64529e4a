"""Requests that wait together are embedded together, a batch at a time: a question passes a huge request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from serdab.core import expected
from serdab.engines.encoder import Encoder, fit
from serdab.engines.errors import EngineBusy

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

_logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True, eq=False)
class _Work:
    """One request on its way."""

    tokens: list[list[int]]
    #: Positions that are in no batch yet, the longest text last; how many tokens they have.
    rest: list[int]
    tokens_left: int
    #: Positions without a vector.
    missing: int
    vectors: Any
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def longest(self) -> int:
        """Tokens of the text that `take` gives."""
        return len(self.tokens[self.rest[-1]])

    def take(self) -> int:
        self.tokens_left -= self.longest
        return self.rest.pop()


class Batcher:
    """Owns the threads of an engine, one for tokens and the others for the model, and the queue before them."""

    def __init__(self, encoder: Encoder, most_waiting: int) -> None:
        """Nothing starts here.

        Args:
            encoder: the loaded model.
            most_waiting: texts that may wait at once; more are refused.
        """
        self._encoder = encoder
        self._most_waiting = most_waiting
        self._waiting = 0
        self._works: list[_Work] = []
        self._least_first = False
        self._wake = asyncio.Event()
        self._tokenizing = ThreadPoolExecutor(1, "tokens")
        self._thinking = ThreadPoolExecutor(encoder.threads, "model")
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._think()) for _ in range(self._encoder.threads)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for executor in (self._tokenizing, self._thinking):
            executor.shutdown(wait=False, cancel_futures=True)

    async def embed(self, texts: Sequence[str]) -> tuple[NDArray[float32], int, int]:
        """Vectors of the texts, how many tokens they had, and how many texts were cut.

        Raises:
            EngineBusy: too many texts wait already.
        """
        if self._waiting and self._waiting + len(texts) > self._most_waiting:
            what = expected("the texts that wait", f"at most {self._most_waiting:,}", self._waiting + len(texts))
            raise EngineBusy(f"{what}; try again in a second")
        self._waiting += len(texts)
        try:
            loop = asyncio.get_running_loop()
            tokens, cut = await loop.run_in_executor(self._tokenizing, self._encoder.tokenize, texts)
            work = self._work(tokens)
            self._works.append(work)
            self._wake.set()
            await work.done
        finally:
            self._waiting -= len(texts)
        return work.vectors, sum(map(len, tokens)), cut

    def _work(self, tokens: list[list[int]]) -> _Work:
        import numpy

        return _Work(
            tokens=tokens,
            rest=sorted(range(len(tokens)), key=lambda position: len(tokens[position])),
            tokens_left=sum(map(len, tokens)),
            missing=len(tokens),
            vectors=numpy.empty((len(tokens), self._encoder.dimensions), "f4"),
        )

    async def _think(self) -> None:
        """One thread of the model, for ever: it waits for no other."""
        loop = asyncio.get_running_loop()
        while True:
            batch = self._take_batch()
            if not batch:
                self._wake.clear()
                await self._wake.wait()
                continue
            lists = [work.tokens[position] for work, position in batch]
            try:
                vectors = await loop.run_in_executor(self._thinking, self._encoder.embed_batch, lists)
            except Exception as error:
                _logger.exception("a batch of %d texts failed", len(batch))
                _fail(batch, error)
            else:
                _settle(batch, vectors)

    def _take_batch(self) -> list[tuple[_Work, int]]:
        """The texts of the next batch, by turns of the request with least left and of the oldest, filled up by others.

        So a question passes documents, and no stream of questions keeps a document waiting.
        """
        self._works = [work for work in self._works if work.rest and not work.done.done()]
        if not self._works:
            return []
        self._least_first = not self._least_first
        first = min(self._works, key=lambda work: work.tokens_left) if self._least_first else self._works[0]
        batch: list[tuple[_Work, int]] = []
        shortest = longest = first.longest
        for work in (first, *self._works):
            while work.rest:
                bounds = min(shortest, work.longest), max(longest, work.longest)
                if not fit(len(batch) + 1, *bounds):
                    break
                shortest, longest = bounds
                batch.append((work, work.take()))
        return batch


def _settle(batch: list[tuple[_Work, int]], vectors: NDArray[float32]) -> None:
    for row, (work, position) in enumerate(batch):
        work.vectors[position] = vectors[row]
        work.missing -= 1
        if not work.missing and not work.done.done():
            work.done.set_result(None)


def _fail(batch: list[tuple[_Work, int]], error: Exception) -> None:
    for work, _ in batch:
        if not work.done.done():
            work.done.set_exception(error)
