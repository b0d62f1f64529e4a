"""The only way out: calls to hosts that are listed, at addresses that were checked."""

from __future__ import annotations

import asyncio
import re
import socket
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from serdab.core import Settings, expected
from serdab.guard.addresses import is_disguised, is_outside, read_address
from serdab.guard.allowing import AllowList, plain_host
from serdab.guard.errors import BadHeader, CallFailed, DeniedAddress, DeniedHost, DeniedUrl, ReplyRefused

#: Header that lets the other side notice a call that it has already had.
IDEMPOTENCY_HEADER = "Idempotency-Key"
#: Largest answer that is read, bytes, as it comes and as it is unpacked.
MOST_REPLY_BYTES = 10_485_760
#: Longest URL and longest header value that is sent, characters.
MOST_TEXT = 8_000
#: Most headers of one call.
MOST_HEADERS = 64
_MOST_KEY = 255
_CONNECT_TIMEOUT_S = 10.0
_PIECE = 65_536
_SCHEMES = ("http", "https")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_KEY = re.compile(r"[\x21-\x7e]+")
_USER = re.compile(r"[^/]*//[^/?#]*@")
_FRONT = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)(?:[^/?#]*@)?([^/?#@:\s]*)")
_URL_NEVER = re.compile(r"[\x00-\x20\x7f\\]")
#: Headers that the connection owns: a caller who sets one could smuggle a second request.
_OWNED = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "idempotency-key",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

#: Finds the addresses of a host name, as texts.
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back; a redirect comes back as it is and is never followed."""

    status: int
    #: Names in lower case; of several headers with one name, the last.
    headers: Mapping[str, str]
    #: Unpacked.
    body: bytes


async def resolve_name(host: str, port: int) -> Sequence[str]:
    """The addresses that this machine's resolver gives a name."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Fetcher:
    """Makes calls to the hosts of an allow list; `async with` it, or `close` it.

    A name is resolved once for each connection, every address that came is checked, and the connection goes to a
    checked one. No proxy, no cookie, no redirect.
    """

    def __init__(
        self, allow: AllowList, resolver: Resolver = resolve_name, most_reply_bytes: int = MOST_REPLY_BYTES
    ) -> None:
        self._allow = allow
        self._resolver = resolver
        self._most = most_reply_bytes
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The fetcher that `guard.allow` describes.

        Raises:
            BadAllowList: it cannot be read.
        """
        return cls(AllowList.read(settings.guard.allow))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; a second call does nothing."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def get(self, url: str, headers: Mapping[str, str] | None = None, timeout_s: float = 30.0) -> Reply:
        """Fetch; see `post` for what may be raised."""
        return await self._call("GET", check_url(url, self._allow), None, _headers(headers, None), timeout_s)

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        timeout_s: float = 30.0,
    ) -> Reply:
        """Send a body, with a key by which the other side can tell a repetition.

        Raises:
            Denied: the URL, its host or an address of its host may not be called.
            BadHeader: a header or the key cannot be sent.
            ReplyRefused: the answer is too large or packed in a way that is not read.
            CallFailed: no answer came in time, or none at all.
        """
        return await self._call(
            "POST", check_url(url, self._allow), body, _headers(headers, idempotency_key), timeout_s
        )

    async def _call(
        self, method: str, url: URL, body: bytes | None, headers: dict[str, str], timeout_s: float
    ) -> Reply:
        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=_CONNECT_TIMEOUT_S)
        where = f"{url.scheme}://{url.raw_authority}"
        try:
            async with self._open().request(
                method, url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                packed = await _read(response, self._most)
                answer = _unpack(packed, response.headers.get("Content-Encoding", ""), self._most)
                names = {name.lower(): value for name, value in response.headers.items()}
                return Reply(status=response.status, headers=names, body=answer)
        except TimeoutError as error:
            raise CallFailed(expected(where, f"answering within {timeout_s:g} s", "no answer"), host=where) from error
        except (aiohttp.ClientError, OSError) as error:
            got = f"{type(error).__name__}: {error}"
            raise CallFailed(expected(where, "answering", got), host=where) from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=_CheckedResolver(self._allow, self._resolver), use_dns_cache=False, limit_per_host=32
            )
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False
            )
        return self._session


class _CheckedResolver(AbstractResolver):
    """Gives the connector only addresses that were checked; it asks nobody else."""

    def __init__(self, allow: AllowList, resolver: Resolver) -> None:
        self._allow = allow
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = list(dict.fromkeys(await self._resolver(host, port)))
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, f"no address for {host}")
        inside = self._allow.allows_inside(plain_host(host), port)
        results = []
        for text in found:
            address = read_address(text)
            # One bad address refuses all: a name that is half inside is an attack or a mistake.
            if address is None or not (address.is_loopback if inside else is_outside(address)):
                raise DeniedAddress(_inside(host, text), host=host, address=text)
            results.append(
                ResolveResult(
                    hostname=host,
                    host=text,
                    port=port,
                    family=socket.AF_INET6 if address.version == 6 else socket.AF_INET,
                    proto=0,
                    flags=socket.AI_NUMERICHOST,
                )
            )
        return results

    async def close(self) -> None:
        """Nothing is held."""


def check_url(text: str, allow: AllowList) -> URL:
    """The URL as it will be called, after every check that needs no name service.

    Raises:
        Denied: it may not be called.
    """
    todo = "use http(s)://host/path"
    if len(text) > MOST_TEXT or _URL_NEVER.search(text):
        raise DeniedUrl(expected("the URL", f"at most {MOST_TEXT} characters without spaces or controls", _shown(text)))
    try:
        url = URL(text)
        host, port = url.raw_host, url.port
    except ValueError as error:
        raise DeniedUrl(expected("the URL", "one that can be read", _shown(text), todo)) from error
    if url.scheme not in _SCHEMES or not host or not port:
        raise DeniedUrl(expected("the URL", "an http or https one with a host", _shown(text), todo))
    if _USER.match(text) or "%" in host:
        raise DeniedUrl(expected("the URL", "without a user, a password and a zone", f"{url.scheme}://…@{host}"))
    plain = plain_host(host)
    if is_disguised(plain):
        raise DeniedUrl(expected("the host", "a name, or an address in its usual form", plain))
    if not allow.allows(plain, port):
        what = expected(f"the host {plain} at port {port}", "listed in guard.allow", "no entry for it")
        raise DeniedHost(f"{what}; add {plain}:{port} there if it may be called", host=plain, port=port)
    address = read_address(plain)
    if address is not None and not is_outside(address) and not allow.allows_inside(plain, port):
        raise DeniedAddress(_inside(plain, plain), host=plain, address=plain)
    return url.with_fragment(None)


def check_mailbox(host: str, port: int, allow: AllowList) -> None:
    """See that a mail server may be called.

    Raises:
        Denied: it is not listed, or is inside the house without its very port being listed.
    """
    plain = plain_host(host)
    if is_disguised(plain) or not allow.allows(plain, port):
        what = expected(f"the mail server {plain} at port {port}", "listed in guard.allow", "no entry for it")
        raise DeniedHost(f"{what}; add {plain}:{port} there if it may be called", host=plain, port=port)
    address = read_address(plain)
    if address is not None and not is_outside(address) and not allow.allows_inside(plain, port):
        raise DeniedAddress(_inside(plain, plain), host=plain, address=plain)


def _shown(text: str) -> str:
    """A URL without what may be secret in it: user, password, path and query."""
    found = _FRONT.match(text)
    return f"{found[1]}{found[2][:_MOST_KEY]}/…" if found else "…"


def _inside(host: str, address: str) -> str:
    return expected(
        f"the address of {host}",
        "one of the public internet",
        address,
        "list the address itself, or localhost, with its port in guard.allow if it is meant",
    )


def _headers(headers: Mapping[str, str] | None, key: str | None) -> dict[str, str]:
    given = dict(headers or {})
    if len(given) > MOST_HEADERS:
        raise BadHeader(expected("the headers of a call", f"at most {MOST_HEADERS}", len(given)))
    for name, value in given.items():
        if not _NAME.fullmatch(name) or name.lower() in _OWNED:
            raise BadHeader(expected("the name of a header", "a token that the connection does not own", name))
        if len(value) > MOST_TEXT or not _VALUE.fullmatch(value):
            raise BadHeader(expected(f"the header {name}", "one line of printable characters", value[:80]))
    if key is not None:
        if len(key) > _MOST_KEY or not _KEY.fullmatch(key):
            raise BadHeader(expected("the idempotency key", f"1 to {_MOST_KEY} printable ASCII characters", key))
        given[IDEMPOTENCY_HEADER] = key
    return given | {"Accept-Encoding": "identity"}


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    length = response.content_length
    if length is not None and length > most:
        raise ReplyRefused(expected("the answer", f"at most {most} bytes", length))
    pieces, size = [], 0
    async for piece in response.content.iter_chunked(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            response.close()
            raise ReplyRefused(expected("the answer", f"at most {most} bytes", f"more than {size}"))
    return b"".join(pieces)


def _unpack(packed: bytes, encoding: str, most: int) -> bytes:
    kind = encoding.strip().lower()
    if kind in ("", "identity") or not packed:
        return packed
    if kind not in ("gzip", "x-gzip", "deflate"):
        raise ReplyRefused(expected("the encoding of the answer", "identity, gzip or deflate", encoding))
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        body = unpacker.decompress(packed, most + 1)
    except zlib.error as error:
        raise ReplyRefused(expected("the answer", f"valid {kind}", str(error))) from error
    if len(body) > most:
        raise ReplyRefused(expected("the unpacked answer", f"at most {most} bytes", f"more than {most}"))
    if not unpacker.eof:
        raise ReplyRefused(expected("the answer", f"complete {kind}", "its beginning only"))
    if unpacker.unused_data:
        raise ReplyRefused(expected("the answer", f"{kind} and nothing behind it", "more"))
    return body


def is_success(status: int) -> bool:
    """Whether a status says that the other side has taken it."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
