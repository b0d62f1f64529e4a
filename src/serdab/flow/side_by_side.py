"""Works of one branch side by side, at most so many at a time; the first error ends the others."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any

from serdab.flow.running import Run


async def side_by_side(run: Run, works: Sequence[Coroutine[Any, Any, Any]], limit: int, path: str) -> list[Any]:
    """The results of some works, in their order.

    Args:
        run: whose works they are.
        works: each for a branch of its own.
        limit: most at the same time.
        path: what the keys of all steps below them begin with.

    Raises:
        BaseException: the first error of any; the others are cancelled.
    """
    return await _Lanes(run, works).through(min(limit, len(works)), path) if works else []


class _Lanes:
    def __init__(self, run: Run, works: Sequence[Coroutine[Any, Any, Any]]) -> None:
        self._run = run
        self._results: list[Any] = [None] * len(works)
        self._works: Iterator[tuple[int, Coroutine[Any, Any, Any]]] = iter(enumerate(works))
        #: The first error; None when all lanes have ended without one.
        self._over: asyncio.Future[BaseException | None] = run.host.loop.create_future()
        self._left = 0

    async def through(self, lanes: int, path: str) -> list[Any]:
        self._left = lanes
        self._run.leaves += lanes - 1
        tasks = [self._run.host.loop.create_task(self._lane()) for _ in range(lanes)]
        for task in tasks:
            task.add_done_callback(self._ended)
        try:
            if (error := await self._over) is not None:
                raise error
        except BaseException:
            self._run.forget(path)
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for _, work in self._works:
                work.close()
            self._run.leaves -= max(self._left - 1, 0)
        return self._results

    async def _lane(self) -> None:
        try:
            for place, work in self._works:
                self._results[place] = await work
        except BaseException as error:
            # Not as the end of the task: one that ends by SystemExit takes the whole loop with it.
            task = asyncio.current_task()
            if isinstance(error, GeneratorExit) or task is None or task.cancelling():
                raise
            if not self._over.done():
                self._over.set_result(error)

    def _ended(self, _: asyncio.Task[None]) -> None:
        # The last lane hands its leaf back to the branch that opened them. After an error that branch takes them all,
        # so that nobody parks the run before it has heard of it.
        if self._over.done():
            return
        self._left -= 1
        if self._left:
            self._run.leaves -= 1
            self._run.consider_parking()
        else:
            self._over.set_result(None)
