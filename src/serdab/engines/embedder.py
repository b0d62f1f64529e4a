"""The client of an embedding engine: calls that come together travel together."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import msgspec

from serdab.core import Settings, expected
from serdab.engines.addresses import find_engine
from serdab.engines.errors import BadEmbeddingInput, EngineFailed, EngineUnavailable
from serdab.engines.extras import load_extra
from serdab.engines.input_format import USUAL_INPUT_FORMAT, InputFormat
from serdab.engines.wire import check_texts, read_vectors

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

#: Most texts of one request that the client makes: about a second of work on two cores when they are short …
TEXTS_PER_REQUEST = 512
#: … and most characters, which is a second or two of long ones: a busy machine still answers within the deadline.
CHARACTERS_PER_REQUEST = 64_000
#: Requests under way at once: one in the model, one ready behind it.
MOST_IN_FLIGHT = 2
_CONNECT_TIMEOUT_S = 5.0
_MOST_PAUSE_S = 2.0
#: Statuses of an engine that is loading, busy, or behind a proxy that lost it.
_RETRIED = {HTTPStatus.TOO_MANY_REQUESTS, 500, 502, 503, 504}


@dataclass(slots=True, kw_only=True, eq=False)
class _Ask:
    """Part of one call, small enough for one request."""

    texts: Sequence[str]
    characters: int
    done: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Embedder:
    """Texts to vectors through an engine; `async with` it, or `close` it.

    While a request is under way the calls that come in gather for the next one, so a thousand small calls become a few
    requests and nobody waits for a timer.
    """

    def __init__(
        self,
        url: str | Callable[[], str | None],
        dimensions: int,
        deadline_s: float = 60.0,
        input_format: InputFormat = USUAL_INPUT_FORMAT,
    ) -> None:
        """Nothing is opened yet.

        Args:
            url: the engine's address, or a function that finds it now (None: there is none at the moment).
            dimensions: the width of its vectors.
            deadline_s: how long a call goes on trying while no engine answers, seconds.
            input_format: how its model wants texts.
        """
        self.input_format = input_format
        self.dimensions = dimensions
        #: Model and precision of the engine that answered last, such as `all-MiniLM-L6-v2/int8`; empty: none yet.
        self.made_by = ""
        self._find = (lambda: url) if isinstance(url, str) else url
        self._deadline_s = deadline_s
        self._asks: deque[_Ask] = deque()
        self._requests: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._scheduled = False
        self._closed = False

    @classmethod
    def of(
        cls, settings: Settings, model: str, dimensions: int, input_format: InputFormat = USUAL_INPUT_FORMAT
    ) -> Embedder:
        """A client of whichever engine of this home serves the model, also after that engine moved."""
        return cls(lambda: find_engine(settings, model), dimensions, input_format=input_format)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def embed(self, texts: Sequence[str]) -> NDArray[float32]:
        """The meaning of texts that are kept: vectors of length one, float32 of (texts, dimensions), in their order.

        Raises:
            BadEmbeddingInput: a text is empty, no string, or no Unicode; no request was made.
            EngineUnavailable: no engine answered within the deadline.
            EngineFailed: the engine answered something else.
        """
        return await self._embed(texts, self.input_format.before_text)

    async def embed_questions(self, questions: Sequence[str]) -> NDArray[float32]:
        """The meaning of questions about such texts; the same otherwise."""
        return await self._embed(questions, self.input_format.before_question)

    async def _embed(self, texts: Sequence[str], before: str) -> NDArray[float32]:
        if self._closed:
            raise EngineUnavailable("expected the embedder to be open, got a call after close")
        numpy = load_extra("numpy")
        if len(texts) == 0:
            empty: NDArray[float32] = numpy.empty((0, self.dimensions), numpy.float32)
            return empty
        check_texts(texts)
        asks = _asks_of([before + text for text in texts] if before else texts)
        self._asks.extend(asks)
        self._schedule()
        try:
            parts = [await ask.done for ask in asks]
        finally:
            for ask in asks:
                ask.done.cancel()
        vectors: NDArray[float32] = parts[0] if len(parts) == 1 else numpy.concatenate(parts)
        return vectors

    async def close(self) -> None:
        """Fail what still waits and close the connections; a second call does nothing."""
        self._closed = True
        for request in self._requests:
            # Not at once: one that is cancelled before its first step fails nobody's call.
            asyncio.get_running_loop().call_soon(request.cancel)
        await asyncio.gather(*self._requests, return_exceptions=True)
        _fail(self._asks, EngineUnavailable("expected the embedder to be open, got close while a call was waiting"))
        self._asks.clear()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _schedule(self) -> None:
        # One turn of the loop later: calls made in the same turn join the same request.
        if not self._scheduled and not self._closed:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._start_requests)

    def _start_requests(self) -> None:
        self._scheduled = False
        while not self._closed and len(self._requests) < MOST_IN_FLIGHT:
            asks = self._take()
            if not asks:
                return
            request = asyncio.get_running_loop().create_task(self._request(asks))
            self._requests.add(request)
            request.add_done_callback(self._ended)

    def _ended(self, request: asyncio.Task[None]) -> None:
        self._requests.discard(request)
        self._schedule()

    def _take(self) -> list[_Ask]:
        asks: list[_Ask] = []
        texts = characters = 0
        while self._asks:
            ask = self._asks[0]
            texts, characters = texts + len(ask.texts), characters + ask.characters
            if asks and (texts > TEXTS_PER_REQUEST or characters > CHARACTERS_PER_REQUEST):
                break
            self._asks.popleft()
            if ask.done.done():
                texts, characters = texts - len(ask.texts), characters - ask.characters
            else:
                asks.append(ask)
        return asks

    async def _request(self, asks: list[_Ask]) -> None:
        try:
            vectors = await self._post([text for ask in asks for text in ask.texts])
        except BadEmbeddingInput as error:
            if len(asks) == 1:
                _fail(asks, error)
                return
            for ask in asks:  # One caller's mistake must not fail its neighbours.
                await self._request([ask])
        except (EngineUnavailable, EngineFailed) as error:
            _fail(asks, error)
        except asyncio.CancelledError:
            _fail(asks, EngineUnavailable("expected the embedder to be open, got close while a call was waiting"))
            raise
        except Exception as error:
            _fail(asks, error)
            raise
        else:
            start = 0
            for ask in asks:
                if not ask.done.done():
                    ask.done.set_result(vectors[start : start + len(ask.texts)])
                start += len(ask.texts)

    async def _post(self, texts: list[str]) -> NDArray[float32]:
        body = msgspec.json.encode({"input": texts, "encoding_format": "base64"})
        loop = asyncio.get_running_loop()
        end = loop.time() + self._deadline_s
        pause, seen = 0.05, "no address"
        while True:
            url = self._find()
            if url is not None:
                try:
                    return await self._post_once(url, body, len(texts), end - loop.time())
                except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError, _Retry) as error:
                    seen = f"{type(error).__name__} {error}".strip()
            pause = min(pause * 2, _MOST_PAUSE_S)
            wait = pause * random.uniform(0.5, 1)  # noqa: S311 (spreads clients, keeps no secret)
            if loop.time() + wait >= end:
                what = expected("an embedding engine", f"answering within {self._deadline_s:g} s", seen)
                raise EngineUnavailable(f"{what}; `serdab status` says whether one runs", url=url)
            await asyncio.sleep(wait)

    async def _post_once(self, url: str, body: bytes, count: int, left_s: float) -> NDArray[float32]:
        session = self._open_session()
        timeout = aiohttp.ClientTimeout(total=max(0.1, left_s), sock_connect=_CONNECT_TIMEOUT_S)
        headers = {"Content-Type": "application/json"}
        async with session.post(f"{url}/v1/embeddings", data=body, headers=headers, timeout=timeout) as response:
            answer = await response.read()
        if response.status in _RETRIED:
            raise _Retry(f"{response.status} from {url}: {_message(answer)}")
        if response.status in (400, 413, 422):
            raise BadEmbeddingInput(_message(answer))
        if response.status != HTTPStatus.OK:
            raise EngineFailed(expected(f"the answer of {url}", "200", f"{response.status}: {_message(answer)}"))
        vectors, made_by = read_vectors(answer, count)
        if vectors.shape[1] != self.dimensions:
            what = expected(f"the vectors of {url}", f"{self.dimensions} wide", vectors.shape[1])
            raise EngineFailed(f"{what}; another model runs there")
        self.made_by = made_by
        return vectors

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=MOST_IN_FLIGHT))
        return self._session


class _Retry(Exception):
    """The engine is not there for a moment."""


def _asks_of(texts: Sequence[str]) -> list[_Ask]:
    asks: list[_Ask] = []
    start = characters = 0
    for end, text in enumerate(texts):
        if end > start and (end - start >= TEXTS_PER_REQUEST or characters + len(text) > CHARACTERS_PER_REQUEST):
            asks.append(_Ask(texts=texts[start:end], characters=characters))
            start, characters = end, 0
        characters += len(text)
    asks.append(_Ask(texts=texts[start:], characters=characters))
    return asks


def _fail(asks: Sequence[_Ask] | deque[_Ask], error: Exception) -> None:
    for ask in asks:
        if not ask.done.done():
            ask.done.set_exception(error)
            ask.done.exception()  # Marks it as seen: a caller that was cancelled asks no more.


def _message(answer: bytes) -> str:
    try:
        return str(msgspec.json.decode(answer)["error"]["message"])
    except (msgspec.MsgspecError, KeyError, TypeError):
        return answer[:200].decode(errors="replace")
