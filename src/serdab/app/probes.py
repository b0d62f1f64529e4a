"""The small HTTP server of a process: `/livez`, `/readyz`, `/metrics`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web

from serdab.app.errors import PortTaken
from serdab.app.readiness import Readiness
from serdab.core import expected

Answer = Callable[[], Awaitable[str]]


@asynccontextmanager
async def serving(
    host: str, port: int, readiness: Callable[[], Awaitable[Readiness]], metrics: Answer
) -> AsyncIterator[str]:
    """Serve while the block runs; gives the address, such as `http://127.0.0.1:8321`.

    Raises:
        PortTaken: another program listens there.
    """

    async def livez(_: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def readyz(_: web.Request) -> web.Response:
        found = await readiness()
        body = msgspec.json.encode(found)
        return web.Response(body=body, status=200 if found.ready else 503, content_type="application/json")

    async def figures(_: web.Request) -> web.Response:
        return web.Response(text=await metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    application = web.Application()
    application.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", figures)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            got = error.strerror or str(error)
            todo = "choose another with --set http.port=…, 0 for any free one"
            raise PortTaken(expected(f"{host}:{port}", "an address to listen on", got, todo)) from error
        address = runner.addresses[0]
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]
        yield f"http://{shown}:{address[1]}"
    finally:
        await runner.cleanup()
