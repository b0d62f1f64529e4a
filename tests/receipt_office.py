"""A server of the test's own that takes receipts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


class Office:
    """Keeps what it is sent, and answers as it is told to."""

    def __init__(self) -> None:
        self.port = 0
        self.status = 200
        #: The first answers; then it is always `status`.
        self.answers: list[int] = []
        #: Its header `Retry-After`; empty: none.
        self.retry_after = ""
        #: Headers, their names in small letters, and body.
        self.taken: list[tuple[dict[str, str], bytes]] = []

    @property
    def keys(self) -> list[str]:
        """By which it can tell a repetition."""
        return [headers["idempotency-key"] for headers, _ in self.taken]

    async def take(self, request: web.Request) -> web.Response:
        self.taken.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        status = self.answers.pop(0) if self.answers else self.status
        headers = {"Location": "/elsewhere"} | ({"Retry-After": self.retry_after} if self.retry_after else {})
        return web.Response(status=status, text="said the office", headers=headers)


@asynccontextmanager
async def open_office() -> AsyncIterator[Office]:
    """An office that listens on a port of this machine while the block runs."""
    here = Office()
    app = web.Application()
    app.router.add_post("/{path:.*}", here.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        here.port = runner.addresses[0][1]
        yield here
    finally:
        await runner.cleanup()
