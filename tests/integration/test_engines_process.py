"""A real engine process with a small model: ready, found, restarted, busy with many callers, gone with its parent."""

import asyncio
import base64
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import psutil
import pytest

from serdab.core import Settings, load_settings
from serdab.engines import (
    BadEmbeddingInput,
    Embedder,
    EngineFailed,
    EngineOptions,
    EngineProcess,
    EngineUnavailable,
    find_engine,
    read_address,
)
from serdab.engines.addresses import address_file
from serdab.engines.precision import FAST_BF16
from serdab.machine import Root, processor_flags
from serdab.testing.small_models import WIDTH, make_model

MODEL = "small"


@pytest.fixture(scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    make_model(path)
    return path


@pytest.fixture(scope="module")
async def own(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load_settings([f"home={tmp_path_factory.mktemp('home')}"], environ={})


@pytest.fixture(scope="module")
async def engine(folder: Path, own: Settings) -> AsyncIterator[EngineProcess]:
    options = EngineOptions(model=MODEL, folder=folder, dimensions=WIDTH, threads=1)
    async with EngineProcess(options, own) as process:
        yield process


async def post(url: str, body: bytes) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.post(f"{url}/v1/embeddings", data=body) as answer:
        return answer.status, json.loads(await answer.read())


async def test_a_ready_engine_is_found_and_answers_as_openai_does(engine: EngineProcess, own: Settings) -> None:
    assert find_engine(own, MODEL) == engine.url
    status, plain = await post(engine.url, b'{"input": ["a b", "c"], "model": "small"}')
    assert status == 200
    assert [row["index"] for row in plain["data"]] == [0, 1]
    assert plain["usage"]["prompt_tokens"] == 7
    _, packed = await post(engine.url, b'{"input": "a b", "encoding_format": "base64"}')
    vector = np.frombuffer(base64.b64decode(packed["data"][0]["embedding"]), "<f4")
    np.testing.assert_allclose(vector, plain["data"][0]["embedding"], atol=1e-5)


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"{", 400, None),
        (b"{}", 400, None),
        (b'{"input": []}', 400, "input"),
        (b'{"input": [""]}', 400, "input"),
        (b'{"input": [[1, 2]]}', 400, "input"),
        (b'{"input": "a", "encoding_format": "hex"}', 400, "encoding_format"),
        (b'{"input": "a", "dimensions": 5}', 400, "dimensions"),
        (b'{"input": "a", "model": "other"}', 404, "model"),
        (json.dumps({"input": ["a"] * 2049}).encode(), 400, "input"),
    ],
)
async def test_bad_requests_get_an_error_of_openais_shape(
    engine: EngineProcess, body: bytes, status: int, param: str | None
) -> None:
    got, answer = await post(engine.url, body)
    assert got == status
    assert answer["error"]["type"] == "invalid_request_error"
    assert answer["error"]["param"] == param
    assert "expected" in answer["error"]["message"]


async def test_many_small_calls_get_their_own_vectors_in_order(engine: EngineProcess, own: Settings) -> None:
    texts = [chr(97 + number % 26) * (1 + number % 5) for number in range(700)]
    async with Embedder.of(own, MODEL, WIDTH) as embedder:
        together = await embedder.embed(texts)
        apart = await asyncio.gather(*(embedder.embed([text]) for text in texts))
        assert (await embedder.embed([])).shape == (0, WIDTH)
        with pytest.raises(BadEmbeddingInput):
            await embedder.embed(["good", ""])
    assert together.shape == (700, WIDTH)
    np.testing.assert_allclose(np.concatenate(apart), together, atol=1e-4)


async def test_another_width_is_a_failure_that_says_so(engine: EngineProcess) -> None:
    async with Embedder(engine.url, WIDTH + 1) as embedder:
        with pytest.raises(EngineFailed, match="wide"):
            await embedder.embed(["a"])


@pytest.mark.parametrize(("precision", "maker"), [("f32", "f32"), ("bf16", "f32"), ("int8", "int8")])
async def test_an_engine_says_what_it_computes_in_and_its_vectors_say_what_they_compare_with(
    folder: Path, own: Settings, precision: str, maker: str
) -> None:
    if precision == "bf16" and (find_spec("openvino") is None or FAST_BF16.isdisjoint(processor_flags(Root()))):
        pytest.skip("this machine is not fast in bf16")
    options = EngineOptions(model="each", folder=folder, dimensions=WIDTH, precision=precision, threads=2)
    async with EngineProcess(options, own) as process, Embedder(process.url, WIDTH) as embedder:
        await embedder.embed(["a b", "c"])
        assert embedder.made_by == f"each/{maker}"
        assert process.ready.precision == precision
        address = read_address(own, "each")
        assert address is not None
        assert address.precision == precision


async def test_nobody_there_is_unavailable_after_the_deadline() -> None:
    async with Embedder(lambda: None, WIDTH, deadline_s=0.2) as embedder:
        with pytest.raises(EngineUnavailable, match="answering within"):
            await embedder.embed(["a"])


async def test_a_killed_engine_comes_back_and_a_waiting_call_gets_its_answer(
    engine: EngineProcess, own: Settings
) -> None:
    before = engine.restarts
    first = engine.ready.pid
    async with Embedder.of(own, MODEL, WIDTH) as embedder:
        os.kill(first, signal.SIGKILL)
        assert (await embedder.embed(["a"])).shape == (1, WIDTH)
    assert engine.restarts == before + 1
    assert engine.ready.pid != first


async def test_an_engine_is_found_again_when_one_that_was_started_beside_it_has_ended(
    engine: EngineProcess, own: Settings, folder: Path, eventually: Callable[..., Any]
) -> None:
    async with EngineProcess(EngineOptions(model=MODEL, folder=folder, dimensions=WIDTH, threads=1), own) as beside:
        assert find_engine(own, MODEL) == beside.url != engine.url

    async def is_found() -> bool:
        return find_engine(own, MODEL) == engine.url

    await eventually(is_found)


async def test_an_engine_is_started_again_also_after_its_address_could_not_be_told(
    engine: EngineProcess, own: Settings, eventually: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    before, place = engine.restarts, address_file(own, MODEL)
    place.unlink()
    place.mkdir()  # what is there cannot be written, as on a full disk
    await eventually(lambda: "cannot be told" in caplog.text)
    place.rmdir()
    assert [path.name for path in place.parent.iterdir() if path.name.startswith(".")] == []
    os.kill(engine.ready.pid, signal.SIGKILL)
    await eventually(lambda: engine.restarts == before + 1)
    await eventually(place.is_file)


async def test_an_engine_that_cannot_load_says_why_and_leaves_no_address(own: Settings, tmp_path: Path) -> None:
    options = EngineOptions(model="broken", folder=tmp_path, dimensions=WIDTH)
    with pytest.raises(EngineFailed, match=r"config\.json"):
        await EngineProcess(options, own).start()
    assert find_engine(own, "broken") is None


async def test_an_engine_ends_with_the_parent_that_was_killed(
    folder: Path, own: Settings, eventually: Callable[..., Any]
) -> None:
    script = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom serdab.core import load_settings\n"
        "from serdab.engines import EngineOptions, EngineProcess\n"
        "async def main():\n"
        f"    options = EngineOptions(model='orphan', folder=Path({str(folder)!r}), dimensions={WIDTH})\n"
        f"    engine = EngineProcess(options, load_settings(['home={own.home}'], environ={{}}))\n"
        "    await engine.start()\n    print(engine.ready.pid, flush=True)\n    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()

    def gone() -> bool:
        return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

    await eventually(gone)
    assert find_engine(own, "orphan") is None
