"""What tidies up goes on to its end, whoever is cancelled meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from serdab.core import SerdabError, finish


class Work:
    """Ends when it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.go = asyncio.Event()
        self.ended = False
        self._error = error

    async def __call__(self) -> str:
        await self.go.wait()
        self.ended = True
        if self._error is not None:
            raise self._error
        return "done"


async def test_what_it_gives_and_what_it_raises_come_through() -> None:
    work = Work()
    work.go.set()
    assert await finish(work()) == "done"
    failing = Work(SerdabError("oh"))
    failing.go.set()
    with pytest.raises(SerdabError, match="oh"):
        await finish(failing())


@pytest.mark.parametrize("error", [None, SerdabError("oh")])
async def test_work_whose_waiter_is_cancelled_twice_ends_before_the_waiter(error: Exception | None) -> None:
    work, hurried = Work(error), []
    waiter = asyncio.get_running_loop().create_task(finish(work(), lambda: hurried.append(work.ended)))
    for _ in range(2):
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.sleep(0.01)
        assert not waiter.done()
    work.go.set()
    with pytest.raises(asyncio.CancelledError) as caught:
        await waiter
    assert work.ended
    assert hurried == [False, False]
    assert caught.value.__cause__ is error
