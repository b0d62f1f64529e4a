"""Requests that wait together are embedded together, in turns that one huge request cannot take over."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from serdab.core import expected
from serdab.engines.errors import EngineBusy

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    from serdab.engines.encoder import Encoder

#: Tokens that each thread gets in one turn of the model, about half a second: what a short request may wait for.
TOKENS_PER_TURN = 2048


_logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _Work:
    """One request on its way."""

    tokens: list[list[int]]
    #: Positions that are not embedded yet, the longest text last.
    rest: list[int]
    vectors: Any
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Batcher:
    """Owns the two threads of an engine, one for tokens and one for the model, and the queue before them."""

    def __init__(self, encoder: Encoder, most_waiting: int) -> None:
        """Nothing starts here.

        Args:
            encoder: the loaded model.
            most_waiting: texts that may wait at once; more are refused.
        """
        self._encoder = encoder
        self._most_waiting = most_waiting
        self._waiting = 0
        self._works: deque[_Work] = deque()
        self._wake = asyncio.Event()
        self._tokenizing = ThreadPoolExecutor(1, "tokens")
        self._thinking = ThreadPoolExecutor(1, "model")
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.get_running_loop().create_task(self._turns())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
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

        rest = sorted(range(len(tokens)), key=lambda position: len(tokens[position]))
        return _Work(tokens=tokens, rest=rest, vectors=numpy.empty((len(tokens), self._encoder.dimensions), "f4"))

    async def _turns(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while turn := self._take_turn():
                lists = [work.tokens[position] for work, position in turn]
                try:
                    vectors = await loop.run_in_executor(self._thinking, self._encoder.embed_tokens, lists)
                except Exception as error:
                    _logger.exception("a batch of %d texts failed", len(turn))
                    self._fail(turn, error)
                else:
                    self._settle(turn, vectors)

    def _take_turn(self) -> list[tuple[_Work, int]]:
        """The texts of the next turn: an equal share of its tokens for each request, first come first."""
        while self._works and self._works[0].done.done():
            self._works.popleft()
        turn: list[tuple[_Work, int]] = []
        left = TOKENS_PER_TURN * self._encoder.threads
        for number, work in enumerate(self._works):
            share = left // (len(self._works) - number)
            while work.rest and (share > 0 or not turn):
                position = work.rest.pop()
                turn.append((work, position))
                share -= len(work.tokens[position])
                left -= len(work.tokens[position])
            if left <= 0:
                break
        self._works = deque(work for work in self._works if work.rest)
        return turn

    def _settle(self, turn: list[tuple[_Work, int]], vectors: NDArray[float32]) -> None:
        for row, (work, position) in enumerate(turn):
            work.vectors[position] = vectors[row]
        self._finish({id(work): work for work, _ in turn if not work.rest}.values(), None)

    def _fail(self, turn: list[tuple[_Work, int]], error: Exception) -> None:
        self._finish({id(work): work for work, _ in turn}.values(), error)

    def _finish(self, works: Any, error: Exception | None) -> None:
        for work in works:
            if work.done.done():
                continue
            if error is None:
                work.done.set_result(None)
            else:
                work.rest.clear()
                work.done.set_exception(error)
