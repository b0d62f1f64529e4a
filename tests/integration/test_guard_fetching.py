"""The fetcher against real servers on loopback and name services that lie."""

from __future__ import annotations

import asyncio
import gzip
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from serdab.guard import (
    AllowList,
    BadHeader,
    CallFailed,
    DeniedAddress,
    Fetcher,
    ReplyRefused,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


@dataclass
class Names:
    """A name service that gives each answer once, the last for ever, and counts."""

    answers: list[Sequence[str]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(f"{host}:{port}")
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


@dataclass
class Site:
    """A server on loopback that remembers what it was sent."""

    port: int = 0
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


def _packed(body: bytes, kind: str = "gzip") -> web.Response:
    return web.Response(body=body, headers={"Content-Encoding": kind})


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(100):
        await response.write(b"x" * 10_000)
    return response


async def _serve(site: Site, host: str, port: int = 0) -> web.AppRunner:
    answers = {
        "/redirect": lambda: web.Response(status=302, headers={"Location": f"http://127.0.0.1:{site.port}/inside"}),
        "/large": lambda: web.Response(body=b"x" * 300_000),
        "/bomb": lambda: _packed(gzip.compress(b"\0" * 50_000_000)),
        "/packed": lambda: _packed(gzip.compress(b"good")),
        "/torn": lambda: _packed(gzip.compress(b"good" * 99)[:-9]),
        "/odd": lambda: _packed(b"x", "zstd"),
        "/status": lambda: web.Response(status=503, text="later"),
    }

    async def take(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        site.seen.append((request.path, {k.lower(): v for k, v in request.headers.items()}, body))
        if request.path == "/endless":
            return await _endless(request)
        if request.path in answers:
            return answers[request.path]()
        return web.Response(text=f"{host} took {len(body)}", headers={"Set-Cookie": "a=b"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    tcp = web.TCPSite(runner, host, port)
    await tcp.start()
    site.port = runner.addresses[0][1]
    return runner


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    here = Site()
    runner = await _serve(here, "127.0.0.1")
    yield here
    await runner.cleanup()


def _fetcher(site: Site, *answers: Sequence[str], allow: str = "", most: int = 100_000) -> tuple[Fetcher, Names]:
    names = Names(list(answers) or [["127.0.0.1"]])
    listed = f"127.0.0.1:{site.port},localhost:{site.port},hooks.example:{site.port},{allow}"
    return Fetcher(AllowList.read(listed), names, most), names


async def test_a_body_arrives_with_its_key_and_without_cookies(site: Site) -> None:
    fetcher, names = _fetcher(site)
    async with fetcher:
        url = f"http://127.0.0.1:{site.port}/hook"
        reply = await fetcher.post(url, b"{}", {"Content-Type": "application/json"}, idempotency_key="run-1/deliver")
        await fetcher.post(url, b"{}", idempotency_key="run-1/deliver")
    assert (reply.status, reply.body) == (200, b"127.0.0.1 took 2")
    assert [headers["idempotency-key"] for _, headers, _ in site.seen] == ["run-1/deliver"] * 2
    assert "cookie" not in site.seen[1][1]
    assert names.asked == []


async def test_a_name_that_leads_inside_is_denied_and_nothing_is_sent(site: Site) -> None:
    for answer in (["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["169.254.169.254"], ["::ffff:127.0.0.1"], ["fe80::1%lo"]):
        fetcher, names = _fetcher(site, answer)
        async with fetcher:
            with pytest.raises(DeniedAddress, match="public internet"):
                await fetcher.post(f"http://hooks.example:{site.port}/hook", b"secret")
        assert len(names.asked) == 1
    assert site.seen == []


async def test_the_connection_goes_to_the_address_that_was_checked(site: Site) -> None:
    other = Site()
    runner = await _serve(other, "127.0.0.2", site.port)
    try:
        fetcher, names = _fetcher(site, ["127.0.0.1"], ["127.0.0.2"])
        async with fetcher:
            reply = await fetcher.get(f"http://localhost:{site.port}/hook")
        assert reply.body == b"127.0.0.1 took 0"
        assert (len(names.asked), len(site.seen), other.seen) == (1, 1, [])
    finally:
        await runner.cleanup()


async def test_a_name_that_moves_inside_later_is_denied_then(site: Site) -> None:
    fetcher, names = _fetcher(site, ["127.0.0.1"], ["10.0.0.7"])
    async with fetcher:
        assert (await fetcher.get(f"http://localhost:{site.port}/")).status == 200
        await fetcher.close()
        with pytest.raises(DeniedAddress, match=r"10\.0\.0\.7"):
            await fetcher.get(f"http://localhost:{site.port}/")
    assert len(names.asked) == 2


async def test_a_redirect_is_handed_back_and_not_followed(site: Site) -> None:
    fetcher, _ = _fetcher(site)
    async with fetcher:
        reply = await fetcher.get(f"http://127.0.0.1:{site.port}/redirect")
    assert reply.status == 302
    assert reply.headers["location"].endswith("/inside")
    assert [path for path, *_ in site.seen] == ["/redirect"]


@pytest.mark.parametrize("path", ["large", "endless", "bomb", "torn", "odd"])
async def test_an_answer_that_is_too_large_or_badly_packed_is_refused(site: Site, path: str) -> None:
    fetcher, _ = _fetcher(site)
    async with fetcher:
        with pytest.raises(ReplyRefused):
            await fetcher.get(f"http://127.0.0.1:{site.port}/{path}")


async def test_a_packed_answer_is_unpacked_and_an_error_status_is_an_answer(site: Site) -> None:
    fetcher, _ = _fetcher(site)
    async with fetcher:
        assert (await fetcher.get(f"http://127.0.0.1:{site.port}/packed")).body == b"good"
        assert (await fetcher.get(f"http://127.0.0.1:{site.port}/status")).status == 503
    assert site.seen[0][1]["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "b\r\nX-C: d"),
        ("X-A", "b\nc"),
        ("X-A", "b\0c"),
        ("X-A", "عربي"),
        ("X A", "b"),
        ("X-A\r\nX-B", "c"),
        ("", "b"),
        ("Host", "evil.org"),
        ("Transfer-Encoding", "chunked"),
        ("content-length", "5"),
        ("Idempotency-Key", "mine"),
    ],
)
async def test_a_header_that_could_carry_another_request_is_refused(site: Site, name: str, value: str) -> None:
    fetcher, _ = _fetcher(site)
    async with fetcher:
        with pytest.raises(BadHeader):
            await fetcher.post(f"http://127.0.0.1:{site.port}/", b"", {name: value})
    assert site.seen == []


@pytest.mark.parametrize("key", ["", "a b", "a\r\nb", "k" * 256, "مفتاح"])
async def test_a_key_that_is_no_header_is_refused(site: Site, key: str) -> None:
    fetcher, _ = _fetcher(site)
    async with fetcher:
        with pytest.raises(BadHeader, match="idempotency key"):
            await fetcher.post(f"http://127.0.0.1:{site.port}/", b"", idempotency_key=key)


async def test_a_server_that_is_away_or_silent_is_a_failed_call() -> None:
    taken = socket.socket()  # nobody else can answer there, and it does not listen
    taken.bind(("127.0.0.1", 0))
    site = Site(port=taken.getsockname()[1])
    fetcher, _ = _fetcher(site, [])
    async with fetcher:
        with pytest.raises(CallFailed, match="answering"):
            await fetcher.get(f"http://127.0.0.1:{site.port}/")
        with pytest.raises(CallFailed, match="no address"):
            await fetcher.get(f"http://localhost:{site.port}/")
    taken.close()


async def test_a_server_that_does_not_answer_in_time_is_a_failed_call() -> None:
    async def accept(reader: object, writer: object) -> None:
        kept.append(writer)

    kept: list[object] = []
    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    site = Site(port=server.sockets[0].getsockname()[1])
    fetcher, _ = _fetcher(site)
    async with fetcher:
        with pytest.raises(CallFailed, match=r"within 0\.2 s"):
            await fetcher.get(f"http://127.0.0.1:{site.port}/", timeout_s=0.2)
    server.close()
