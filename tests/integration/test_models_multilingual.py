"""From a hub to an answer: a model of many languages is pulled, started, and asked with the words that it wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy
import pytest
from aiohttp import web
from index_entries import entry

from plain_encoder import embed_apart
from serdab.app import some_engine
from serdab.core import Settings, load_settings
from serdab.engines import EngineFailed
from serdab.engines.encoder import Encoder
from serdab.knowledge import Index, search_documents
from serdab.models import MODELS, PullFailed, find_model, pull_model
from serdab.store import Database
from serdab.testing.small_models import make_multilingual_model

NAME = "multilingual-e5-small"
SENTENCES = [
    "query: passage: Die Rechnung ist am Montag fällig.",
    "query: passage: اجتمع مجلس الإدارة في مقر الشركة صباح اليوم.",
    "query: passage: 该公司董事会今天上午在总部召开会议。",
]


@asynccontextmanager
async def hub_of(folder: Path) -> AsyncIterator[str]:
    """A hub with one repository; it compresses for whoever can read that, as many do."""

    async def answer(request: web.Request) -> web.Response:
        path = folder / request.match_info["file"]
        if not path.is_file():
            raise web.HTTPNotFound
        response = web.Response(body=await asyncio.to_thread(path.read_bytes))
        response.enable_compression()
        return response

    app = web.Application()
    app.router.add_get(f"/{MODELS[NAME].repository}/resolve/main/{{file}}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def settings_of(home: Path, hub: str) -> Settings:
    values = [f"home={home}", f"models.hub_url={hub}", f"models.embedder={NAME}", "models.threads=1"]
    values.append("models.precision=f32")  # What is compared to four places.
    return load_settings(values, environ={})


async def test_a_pulled_model_answers_questions_with_the_words_it_wants(tmp_path: Path, database: Database) -> None:
    source = tmp_path / "source"
    source.mkdir()
    make_multilingual_model(source, SENTENCES, MODELS[NAME].dimensions)
    texts = ["اجتمع مجلس الإدارة", "董事会今天", "Die Rechnung"]
    async with hub_of(source) as hub:
        settings = settings_of(tmp_path / "home", hub)
        folder = await pull_model(NAME, settings)
    assert find_model(NAME, settings) == folder
    assert all((folder / file).read_bytes() == (source / file).read_bytes() for file in MODELS[NAME].files)
    plain = Encoder(folder, "f32", 1)
    async with some_engine(settings) as embedder, Index(database) as index:
        kept, asked = await embedder.embed(texts), await embedder.embed_questions(texts)
        numpy.testing.assert_allclose(kept, embed_apart(plain, [f"passage: {text}" for text in texts]), atol=1e-5)
        numpy.testing.assert_allclose(asked, embed_apart(plain, [f"query: {text}" for text in texts]), atol=1e-5)
        for text, vector in zip(texts, kept, strict=True):
            assert await index.add(entry(text, text), vector[None], embedder.made_by)
        for number, text in enumerate(texts):
            found = {each.source: each.similarity for each in await search_documents(index, embedder, text)}
            expected = {other: float(asked[number] @ vector) for other, vector in zip(texts, kept, strict=True)}
            assert found == pytest.approx(expected, abs=1e-4)


async def test_a_model_of_another_width_is_refused(tmp_path: Path) -> None:
    make_multilingual_model(tmp_path, SENTENCES, 32)
    async with hub_of(tmp_path) as hub:
        settings = settings_of(tmp_path / "home", hub)
        await pull_model(NAME, settings)
    with pytest.raises(EngineFailed, match="384 wide, got 32"):
        async with some_engine(settings):
            pass


@pytest.mark.parametrize("name", MODELS)
async def test_the_database_takes_the_vectors_of_every_model(name: str, database: Database) -> None:
    vectors = numpy.ones((1, MODELS[name].dimensions), numpy.float32)
    async with Index(database) as index:
        assert await index.add(entry("a text", "a text"), vectors / numpy.linalg.norm(vectors), f"{name}/f32")


async def test_without_a_hub_a_model_that_no_package_carries_says_what_to_type(tmp_path: Path) -> None:
    settings = load_settings([f"home={tmp_path}"], environ={})
    with pytest.raises(PullFailed, match=rf"serdab models pull {NAME} --set models\.hub_url=https://"):
        await pull_model(NAME, settings)
    assert not list(tmp_path.rglob("*"))
