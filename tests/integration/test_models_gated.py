"""Gated models: a hub on loopback that wants a token and sends its files from another host."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from serdab.core import BadSetting, Settings, load_settings
from serdab.models import MODELS, PullFailed, pull_model, read_model
from serdab.models.hub import hub_headers

TOKEN = "hf_a-token-that-nobody-may-see"
NAME = "all-MiniLM-L6-v2"
CONFIG = {
    "model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": 1000, "torch_dtype": "bfloat16",
}  # fmt: skip


class GatedHub:
    """Answers who has the token with a redirect to a store at another port, and counts who gets what."""

    def __init__(self) -> None:
        self.url = self.store_url = ""
        self.files: tuple[str, ...] = ("config.json",)
        #: Headers of calls of the hub, and of the store.
        self.asked: list[str | None] = []
        self.stored: list[str | None] = []

    async def resolve(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization")
        self.asked.append(given)
        if given != f"Bearer {TOKEN}":
            raise web.HTTPUnauthorized
        raise web.HTTPFound(f"{self.store_url}/{request.match_info['file']}?signature=s3cret")

    async def store(self, request: web.Request) -> web.Response:
        self.stored.append(request.headers.get("Authorization"))
        if request.match_info["file"] not in self.files:
            raise web.HTTPNotFound
        return web.Response(body=json.dumps(CONFIG).encode())


async def serve(
    path: str, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> tuple[web.AppRunner, str]:
    app = web.Application()
    app.router.add_get(path, handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


@pytest.fixture
async def hub() -> AsyncIterator[GatedHub]:
    hub = GatedHub()
    first, hub.url = await serve("/{owner}/{name}/resolve/main/{file}", hub.resolve)
    second, hub.store_url = await serve("/{file}", hub.store)
    yield hub
    await first.cleanup()
    await second.cleanup()


def settings_of(hub: GatedHub, *more: str, token: str = TOKEN) -> Settings:
    return load_settings([f"models.hub_url={hub.url}", *more], environ={"HF_TOKEN": token})


async def test_the_token_goes_to_the_hub_and_not_to_where_it_sends_us(hub: GatedHub, tmp_path: Path) -> None:
    head = await read_model("owner/name", settings_of(hub))
    assert head.shape.depth == 2
    await read_model(f"{hub.url}/owner/name/resolve/main/config.json", settings_of(hub))
    hub.files = tuple(MODELS[NAME].files)
    await pull_model(NAME, settings_of(hub, f"home={tmp_path}"))
    assert set(hub.asked) == {f"Bearer {TOKEN}"}
    assert len(hub.stored) >= 2 + len(MODELS[NAME].files)
    assert set(hub.stored) == {None}


async def test_another_host_never_gets_it(hub: GatedHub) -> None:
    settings = load_settings(["models.hub_url=https://hub.example"], environ={"HF_TOKEN": TOKEN})
    with pytest.raises(PullFailed, match="gated models need"):
        await read_model(f"{hub.url}/owner/name/resolve/main/config.json", settings)
    assert set(hub.asked) == {None}


@pytest.mark.parametrize("token", ["", "hf_another"])
async def test_a_refusal_says_what_to_do_and_no_token(
    hub: GatedHub, token: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = settings_of(hub, f"home={tmp_path}", token=token)
    for reading in (read_model("owner/name:x", settings), pull_model(NAME, settings)):
        with pytest.raises(
            PullFailed, match="is the token right" if token else r"models\.hub_token or HF_TOKEN"
        ) as told:
            await reading
        assert "hf_another" not in str(told.value) + repr(told.value) + caplog.text
    assert hub.stored == []


@pytest.mark.parametrize(
    ("hub_url", "url", "is_sent"),
    [
        ("https://hub.example", "https://hub.example/a/b", True),
        ("https://hub.example/mirror/", "https://hub.example/mirror/a/b", True),
        ("https://hub.example", "https://hub.example:8443/a/b", False),
        ("https://hub.example", "http://hub.example/a/b", False),
        ("https://hub.example", "https://hub.example.evil.example/a/b", False),
        ("https://hub.example", "https://hub.example@evil.example/a/b", False),
        ("http://hub.example", "http://hub.example/a/b", False),
        ("http://localhost:81", "http://localhost:81/a/b", True),
        ("", "https://hub.example/a/b", False),
        ("https://hub.example", "http://[", False),
    ],
)
def test_who_gets_the_token(hub_url: str, url: str, is_sent: bool) -> None:
    settings = load_settings([f"models.hub_url={hub_url}"], environ={"HF_TOKEN": TOKEN})
    assert bool(hub_headers(settings, url)) == is_sent


def test_the_setting_goes_before_the_variable_and_a_wrong_one_is_not_shown() -> None:
    environ = {"HF_TOKEN": f"{TOKEN}\n", "SERDAB_MODELS_HUB_TOKEN": "own"}
    assert load_settings(environ=environ).models.hub_token == "own"
    assert load_settings(environ={"HF_TOKEN": f"{TOKEN}\n"}).models.hub_token == TOKEN
    with pytest.raises(BadSetting, match=r"models\.hub_token") as told:
        load_settings(environ={"HF_TOKEN": "two words\r\nX-Evil: 1"})
    assert "words" not in str(told.value)
