"""The fetcher under attack: by URLs that mean another host than they show, by name services and servers that lie."""

from __future__ import annotations

import asyncio
import gzip
import resource
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest

from serdab.guard import AllowList, BadAllowList, CallFailed, Denied, DeniedAddress, Fetcher, ReplyRefused, check_url

#: What a server says, piece by piece; it may never end.
Talk = Callable[[], Iterator[bytes]]
OK = b"HTTP/1.1 200 OK\r\n"


class Liar:
    """A server on loopback that says what it is told to, whatever it is asked; it counts what came."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.port = 0
        self.calls = 0
        self.sent = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            for piece in self._talk():
                writer.write(piece)
                self.sent += len(piece)
                await writer.drain()
                await asyncio.sleep(0)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def lying(talk: Talk) -> AsyncIterator[Liar]:
    liar = Liar(talk)
    server = await asyncio.start_server(liar.serve, "127.0.0.1", 0)
    liar.port = server.sockets[0].getsockname()[1]
    try:
        yield liar
    finally:
        server.close()


def fetcher_to(liar: Liar, most: int = 100_000, names: Sequence[str] = ("127.0.0.1",)) -> Fetcher:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return names

    allow = AllowList.read(f"127.0.0.1:{liar.port},localhost:{liar.port},hooks.example:{liar.port}")
    return Fetcher(allow, resolve, most)


async def get(liar: Liar, timeout_s: float = 60.0, most: int = 100_000) -> object:
    async with fetcher_to(liar, most) as fetcher:
        return await fetcher.get(f"http://127.0.0.1:{liar.port}/", timeout_s=timeout_s)


# ── Where a call goes ───────────────────────────────────────────────────────────────────────────────────────────────

#: Hosts by which a server on loopback can be reached, or which a careless reader takes for another.
DISGUISES = [
    "2130706433", "017700000001", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "127.0.1", "127.00.0.1",
    "127.0.0.1.", "①②⑦.⓪.⓪.①", "１２７.0.0.1", "127。0。0。1", "١٢٧.0.0.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[::127.0.0.1]", "[::1]", "[0:0:0:0:0:0:0:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[::ffff:0:127.0.0.1]", "[fe80::1%25lo]", "[fe80::1%lo]", "[::1%25lo]",
    "0.0.0.0", "0", "[::]", "169.254.169.254", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "100.100.100.200",  # noqa: S104 - to refuse
    "10.0.0.1", "[fc00::1]", "224.0.0.1", "[ff02::1]", "255.255.255.255", "192.0.0.192", "0.0.0.0.", "00.0x0.0",
]  # fmt: skip


@pytest.mark.parametrize("host", DISGUISES)
async def test_no_form_of_an_address_inside_reaches_a_server_there(host: str) -> None:
    """Even when somebody was talked into listing that very host, by its form, without a port of its own."""
    async with lying(lambda: iter([OK + b"Content-Length: 2\r\n\r\nok"])) as liar:
        try:
            allow = AllowList.read(f"{host},*.hooks.example")
        except BadAllowList:
            allow = AllowList.read("*.hooks.example")
        for url in (f"http://{host}:{liar.port}/", f"http://{host}/", f"http://{host}.:{liar.port}/"):
            async with Fetcher(allow) as fetcher:
                with pytest.raises(Denied):
                    await fetcher.get(url)
        assert liar.calls == 0


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "127.00.0.1", "*.0.1", "a.0x7f"])
def test_a_number_that_is_no_plain_address_cannot_be_listed(host: str) -> None:
    with pytest.raises(BadAllowList, match="a host"):
        AllowList.read(f"{host}:8080")


@pytest.mark.parametrize(
    "url",
    [
        "http://good.example@127.0.0.1:{port}/", "http://good.example:80@127.0.0.1:{port}/", "http://@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}\\@good.example/", "http://127.0.0.1:{port}#@good.example/",
        "http://127.0.0.1:{port}?@good.example/", "http://good.example%40127.0.0.1:{port}/",
        "http://good.example\t@127.0.0.1:{port}/", "http://good.example%2f@127.0.0.1:{port}/",
        "http:/\\127.0.0.1:{port}/", "http:127.0.0.1:{port}/", "//127.0.0.1:{port}/", "http://[::1]good.example/",
        "http://good.example\u2044@127.0.0.1:{port}/", "http://good.example\uff0f.127.0.0.1:{port}/",
        "http://127.0.0.1\u0000.good.example:{port}/", "http://127.0.0.1%00.good.example:{port}/",
        "http://good.example:{port}:{port}/", "http://good.example /", "http://good%2eexample:{port}/",
    ],
)  # fmt: skip
async def test_a_url_that_shows_one_host_and_means_another_is_denied(url: str) -> None:
    async with lying(lambda: iter([OK])) as liar:
        async with Fetcher(AllowList.read(f"good.example,good.example:{liar.port},*.good.example")) as fetcher:
            with pytest.raises(Denied):
                await fetcher.get(url.format(port=liar.port))
        assert liar.calls == 0


@pytest.mark.parametrize(
    "url",
    [
        "ftp://me:hunter2@good.example/hunter2", "https://good.example/ hunter2", "https://good.example:hunter2@x:y/",
        "https://me:hunter2@good.example/", "https://other.example/hooks/hunter2?token=hunter2", "hunter2",
        "https://good.example:99999/hunter2", "https://good.example/" + "hunter2" * 2000,
    ],
)  # fmt: skip
def test_a_denial_never_repeats_what_may_be_secret_in_a_url(url: str) -> None:
    with pytest.raises(Denied) as caught:
        check_url(url, AllowList.read("good.example"))
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.facts)


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:{port}/", "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "//[::1]:{port}/",
     "file:///etc/passwd", "http://localhost:{port}/inside"],
)  # fmt: skip
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Keep", "308 Stay"])
async def test_no_redirect_is_followed(status: str, target: str) -> None:
    def talk() -> Iterator[bytes]:
        where = target.format(port=liar.port)
        yield f"HTTP/1.1 {status}\r\nLocation: {where}\r\nRefresh: 0; url={where}\r\nContent-Length: 0\r\n\r\n".encode()

    async with lying(talk) as liar:
        async with fetcher_to(liar) as fetcher:
            reply = await fetcher.post(f"http://127.0.0.1:{liar.port}/", b"body")
        assert (str(reply.status), liar.calls) == (status[:3], 1)


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["169.254.169.254"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"],
     ["2002:7f00:1::"], ["fe80::1%lo"], ["::1%lo"], ["2130706433"], ["127.1"], ["0x7f.1"], ["localhost"], [""],
     ["0.0.0.0"], ["10.0.0.1"], ["fd00:ec2::254"], ["100.64.0.1"], ["192.168.0.1"]],  # noqa: S104 - to refuse
)  # fmt: skip
async def test_a_name_whose_answers_lead_inside_is_denied(answers: list[str]) -> None:
    async with lying(lambda: iter([OK])) as liar:
        async with fetcher_to(liar, names=answers) as fetcher:
            with pytest.raises(DeniedAddress):
                await fetcher.get(f"http://hooks.example:{liar.port}/")
        assert liar.calls == 0


async def test_a_name_that_is_rebound_between_the_check_and_the_call_goes_where_it_was_checked() -> None:
    """A resolver that answers the outside first and the inside ever after is asked once for a connection."""
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["203.0.113.9"] if len(asked) > 1 else ["127.0.0.1"]

    async with lying(lambda: iter([OK + b"Content-Length: 2\r\n\r\nok"])) as liar:
        allow = AllowList.read(f"localhost:{liar.port}")
        async with Fetcher(allow, rebinding) as fetcher:
            assert (await fetcher.get(f"http://localhost:{liar.port}/")).body == b"ok"
            assert asked == ["localhost"]
            with pytest.raises(DeniedAddress, match=r"203\.0\.113\.9"):
                await fetcher.get(f"http://localhost:{liar.port}/")  # the server closed: a new connection, a new look
        assert (liar.calls, len(asked)) == (1, 2)


# ── What comes back ─────────────────────────────────────────────────────────────────────────────────────────────────

MB = 1 << 20


def bomb(layers: int = 1) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    body = b"".join([*(packer.compress(bytes(MB)) for _ in range(200)), packer.flush()])
    for _ in range(layers - 1):
        body = gzip.compress(body)
    return body


def packed(encoding: str, body: bytes) -> Talk:
    head = OK + f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return lambda: iter([head, body])


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", bomb()),
        ("x-gzip", bomb()),
        ("deflate", zlib.compress(bytes(50 * MB), 9)),
        ("gzip, gzip", bomb(2)),
        ("br", b"\x5b\xff\xff\xff"),
        ("gzip", b"\x1f\x8b garbage"),
        ("GZIP", bomb()),
        ("zstd", b"\x28\xb5\x2f\xfd" + bytes(MB)),
        ("gzip", gzip.compress(b"what is read") + gzip.compress(b"what is lost")),
    ],
    ids=["gzip", "x-gzip", "deflate", "twice", "brotli", "garbage", "upper", "zstd", "one behind the other"],
)
async def test_a_bomb_is_refused_before_it_is_unpacked(encoding: str, body: bytes) -> None:
    async with lying(packed(encoding, body)) as liar:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(ReplyRefused):
            await get(liar, most=MB)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30 * 1024  # kB; a bomb holds 200 MB


def endless(head: bytes, piece: bytes) -> Talk:
    def talk() -> Iterator[bytes]:
        yield head
        while True:
            yield piece

    return talk


CHUNK = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
ENDLESS = {
    "body by length": (endless(OK + b"Content-Length: 99999999999999\r\n\r\n", b"x" * 65_536), ReplyRefused),
    "body to the end": (endless(OK + b"\r\n", b"x" * 65_536), ReplyRefused),
    "body in chunks": (endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", CHUNK), ReplyRefused),
    "packed body": (endless(OK + b"Content-Encoding: gzip\r\n\r\n", b"x" * 65_536), ReplyRefused),
    "tiny chunks": (endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 1000), ReplyRefused),
    "chunk size": (endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 65_536), CallFailed),
    "chunk extension": (endless(OK + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x" * 65_536), CallFailed),
    "trailers": (endless(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n" * 1000), CallFailed),
    "one trailer": (endless(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: ", b"b" * 65_536), CallFailed),
    "status line": (endless(b"HTTP/1.1 200 ", b"O" * 65_536), CallFailed),
    "one header": (endless(OK + b"X-A: ", b"b" * 65_536), CallFailed),
    "name of a header": (endless(OK, b"X" * 65_536), CallFailed),
    "headers": (endless(OK, b"X-A: b\r\n" * 1000), CallFailed),
    "folded header": (endless(OK + b"X-A: b\r\n", b" c\r\n" * 1000), CallFailed),
    "cookies": (endless(OK, b"Set-Cookie: a=b\r\n" * 1000), CallFailed),
    "interim answers": (endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 100), CallFailed),
    "100 Continue": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), CallFailed),
}


@pytest.mark.parametrize("name", ENDLESS)
async def test_a_server_that_never_stops_talking_is_cut_off(name: str) -> None:
    talk, refusal = ENDLESS[name]
    async with lying(talk) as liar:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(refusal):  # some are only left when the time is over, which is a failed call
            await get(liar, timeout_s=2.0 if refusal is CallFailed else 60.0)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30 * 1024


SLOW = {
    "nothing": b"",
    "half a status line": b"HTTP/1.1 2",
    "half of the headers": OK + b"X-A: b\r\nX-",
    "half of the body": OK + b"Content-Length: 100\r\n\r\nhalf",
    "half of a chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n64\r\nhalf",
    "no last chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
}


@pytest.mark.parametrize("name", SLOW)
async def test_a_server_that_falls_silent_is_left_when_the_time_is_over(name: str) -> None:
    fallen_silent = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SLOW[name])
        await fallen_silent.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Fetcher(AllowList.read(f"127.0.0.1:{port}")) as fetcher:
        with pytest.raises(CallFailed, match=r"within 0\.3 s"):
            await fetcher.get(f"http://127.0.0.1:{port}/", timeout_s=0.3)
    fallen_silent.set()
    server.close()


async def test_a_server_that_drips_is_left_when_the_time_is_over() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.05)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Fetcher(AllowList.read(f"127.0.0.1:{port}")) as fetcher:
        with pytest.raises(CallFailed, match=r"within 0\.5 s"):
            await fetcher.get(f"http://127.0.0.1:{port}/", timeout_s=0.5)
    server.close()


@pytest.mark.parametrize(
    "said",
    [
        b"", b"\x00" * 500, b"SSH-2.0-OpenSSH_9\r\n", OK[:5], b"HTTP/9.9 200 OK\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n",
        OK + b"Content-Length: -5\r\n\r\n", OK + b"Content-Length: 5, 6\r\n\r\nhello", OK + b"X-\x00A: b\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", OK + b"Content-Length: 99\r\n\r\nshort",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        OK + b"Content-Length: \xd9\xa5\r\n\r\nhello",
    ],
)  # fmt: skip
async def test_an_answer_that_is_no_http_is_a_failed_call(said: bytes) -> None:
    async with lying(lambda: iter([said])) as liar:
        with pytest.raises(CallFailed):
            await get(liar)
