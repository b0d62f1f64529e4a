"""The process around one embedding model: OpenAI's `/v1/embeddings` on loopback.

`python -m serdab.engines.embedding_server --model-folder FOLDER --name NAME --precision auto --threads 2 --port 0`

It writes one JSON line with its address to stdout when a first real embedding has been made, keeps its loop free by
thinking in a thread, and ends on SIGTERM, when stdin closes (with `--exit-with-stdin`) or when its parent is gone.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
from aiohttp import web

from serdab.core import SerdabError, expected
from serdab.engines.batching import Batcher
from serdab.engines.encoder import Encoder
from serdab.engines.errors import BadEmbeddingInput, EngineBusy
from serdab.engines.precision import comparable_precision
from serdab.engines.wire import (
    MOST_BYTES,
    MOST_TEXTS,
    EmbeddingRequest,
    EmbeddingResponse,
    EngineReady,
    Usage,
    error_body,
    write_vectors,
)

#: How much nicer than a worker an engine is.
NICENESS = 5
#: How often the process looks whether its parent still lives, s.
PARENT_EVERY_S = 2.0
#: How long requests in flight may go on after SIGTERM, s.
DRAIN_S = 5.0
#: A first text of ordinary length, so that every buffer is made before anyone waits for it.
WARM_UP = "Please transfer the amount of the enclosed invoice within thirty days. " * 3

_logger = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()
_request_decoder = msgspec.json.Decoder(EmbeddingRequest)


class EmbeddingServer:
    """The routes of one engine."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._encoder: Encoder | None = None
        self._batcher: Batcher | None = None

    def application(self) -> web.Application:
        """The aiohttp application; every error in it has OpenAI's shape."""
        app = web.Application(client_max_size=MOST_BYTES, middlewares=[_shape_errors])
        app.router.add_post("/v1/embeddings", self.embeddings)
        app.router.add_get("/v1/models", self.models)
        app.router.add_get("/health", self.health)
        return app

    def open(self, encoder: Encoder, batcher: Batcher) -> None:
        """From now on the engine is ready."""
        self._encoder, self._batcher = encoder, batcher

    async def health(self, _: web.Request) -> web.Response:
        """200 once a real embedding has been made, 503 before."""
        if self._batcher is None:
            return web.json_response({"status": "loading"}, status=503, headers={"Retry-After": "1"})
        return web.json_response({"status": "ready"})

    async def models(self, _: web.Request) -> web.Response:
        """The one model."""
        return web.json_response({"object": "list", "data": [{"id": self._name, "object": "model", "owned_by": ""}]})

    async def embeddings(self, request: web.Request) -> web.Response:
        """Embed one text or a list of texts."""
        if self._batcher is None or self._encoder is None:
            raise EngineBusy("expected the engine to be ready, got a model that is still loading; try again soon")
        asked = _read(await request.read())
        texts = self._check(asked, self._encoder.dimensions)
        vectors, tokens, cut = await self._batcher.embed(texts)
        answer = EmbeddingResponse(
            data=write_vectors(vectors, asked.encoding_format),
            model=self._name,
            usage=Usage(prompt_tokens=tokens, total_tokens=tokens, truncated=cut),
            precision=comparable_precision(self._encoder.precision),
        )
        return web.Response(body=_encoder.encode(answer), content_type="application/json")

    def _check(self, asked: EmbeddingRequest, dimensions: int) -> list[str]:
        if asked.encoding_format not in ("float", "base64"):
            what = expected("encoding_format", "float or base64", asked.encoding_format)
            raise BadEmbeddingInput(what, param="encoding_format")
        if asked.dimensions not in (None, dimensions):
            what = expected("dimensions", f"{dimensions} or absent", asked.dimensions)
            raise BadEmbeddingInput(what, param="dimensions")
        if asked.model not in ("", self._name):
            what = expected("model", self._name, asked.model)
            raise BadEmbeddingInput(what, param="model", code="model_not_found")
        texts = asked.texts()
        if len(texts) > MOST_TEXTS:
            what = expected("input", f"at most {MOST_TEXTS:,} texts", len(texts), "send them in parts")
            raise BadEmbeddingInput(what, param="input")
        return texts


def _read(body: bytes) -> EmbeddingRequest:
    try:
        return _request_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadEmbeddingInput(expected("the request", "JSON of /v1/embeddings", str(error))) from error


@web.middleware
async def _shape_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except BadEmbeddingInput as error:
        code = error.facts.get("code")
        status = 404 if code == "model_not_found" else 400
        return _refuse(status, error_body(str(error), "invalid_request_error", error.facts.get("param"), code))
    except EngineBusy as error:
        return _refuse(503, error_body(str(error), "server_error", code="busy"), {"Retry-After": "1"})
    except web.HTTPException as error:
        return _refuse(error.status, error_body(error.text or error.reason, "invalid_request_error"))
    except Exception:
        _logger.exception("%s %s failed", request.method, request.path)
        return _refuse(500, error_body("the engine failed; its log says why", "server_error"))


def _refuse(status: int, body: bytes, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


async def serve(options: argparse.Namespace) -> None:
    """Listen, load, warm up, say so, and serve until told to stop."""
    started = time.monotonic()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = EmbeddingServer(options.name)
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=DRAIN_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, options.host, options.port)
        await site.start()
        async with asyncio.TaskGroup() as group:
            watcher = group.create_task(_watch_parent(stop, options.exit_with_stdin))
            encoder = await asyncio.to_thread(Encoder, options.model_folder, options.precision, options.threads)
            async with Batcher(encoder, options.most_waiting) as batcher:
                await batcher.embed([WARM_UP] * 4)
                server.open(encoder, batcher)
                _say_ready(runner, options, encoder, time.monotonic() - started)
                await stop.wait()
                await runner.cleanup()
            watcher.cancel()
    finally:
        await runner.cleanup()


def _say_ready(runner: web.AppRunner, options: argparse.Namespace, encoder: Encoder, load_s: float) -> None:
    host, port = runner.addresses[0][:2]
    ready = EngineReady(
        url=f"http://{host}:{port}",
        pid=os.getpid(),
        model=options.name,
        dimensions=encoder.dimensions,
        most_tokens=encoder.most_tokens,
        precision=encoder.precision,
        load_s=round(load_s, 3),
    )
    with suppress(BrokenPipeError):
        sys.stdout.buffer.write(_encoder.encode(ready) + b"\n")
        sys.stdout.buffer.flush()


async def _watch_parent(stop: asyncio.Event, watch_stdin: bool) -> None:
    """Set `stop` when whoever started us is gone."""
    if not watch_stdin:
        return
    loop = asyncio.get_running_loop()
    os.set_blocking(0, False)

    def read() -> None:
        with suppress(BlockingIOError):
            if not os.read(0, 4096):
                loop.remove_reader(0)
                stop.set()

    loop.add_reader(0, read)
    parent = os.getppid()
    while os.getppid() == parent:
        with suppress(TimeoutError):
            async with asyncio.timeout(PARENT_EVERY_S):
                await stop.wait()
            return
    stop.set()


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="serdab.engines.embedding_server", description="Serve one embedding model.")
    parser.add_argument("--model-folder", type=Path, required=True, help="folder with config.json and weights")
    parser.add_argument("--name", default="", help="name of the model; the folder's name when empty")
    parser.add_argument("--precision", choices=("auto", "f32", "bf16", "int8"), default="auto")
    parser.add_argument("--threads", type=int, default=0, help="0 means all cores")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 means any free one")
    parser.add_argument("--most-waiting", type=int, default=20_000, help="texts that may wait before 503")
    parser.add_argument("--niceness", type=int, default=NICENESS, help="added to the process's niceness")
    parser.add_argument("--exit-with-stdin", action="store_true", help="end when stdin closes or the parent dies")
    options = parser.parse_args(arguments)
    options.name = options.name or options.model_folder.name
    options.threads = options.threads or len(os.sched_getaffinity(0))
    return options


def main() -> int:
    """Run until stopped; the exit code is 0, or 1 with the reason on stderr."""
    options = read_options()
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    with suppress(OSError):
        os.nice(options.niceness)
    code = 0
    try:
        asyncio.run(serve(options))
    except* (SerdabError, OSError) as errors:
        code = 1
        for error in errors.exceptions:
            _logger.error("%s", error)  # noqa: TRY400 (the last line of the log is the reason)
    return code


if __name__ == "__main__":
    sys.exit(main())
