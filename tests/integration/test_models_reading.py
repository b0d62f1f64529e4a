"""Reading models over HTTP: a real server on loopback that counts what it sends, with and without ranges."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from serdab.core import Settings, load_settings
from serdab.models import BadModelFile, ModelHead, PullFailed, read_model
from serdab.models.headers.stores import RemoteStore
from serdab.testing.model_files import (
    gguf_head,
    hf_tensors,
    llama_metadata,
    llama_tensors,
    long_tokenizer,
    write_gguf,
    write_safetensors,
)

MEGABYTE = 1_000_000
CONFIG: dict[str, Any] = {
    "model_type": "llama",
    "num_hidden_layers": 24,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 1000,
    "torch_dtype": "bfloat16",
    "_name_or_path": "owner/small",
}


class Hub:
    """Serves a folder as a hub does, and counts the bytes of its answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sent = 0
        self.requests = 0
        self.url = ""
        self.ranges = True
        self.lists = True
        self.tells_length = True
        #: How many times a question is sent on to another place before it is answered, and what is answered wrongly.
        self.sent_on = 0
        self.wrong_range = self.silent = False
        self.ended = asyncio.Event()

    async def resolve(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        if self.silent:
            await self.ended.wait()
        times = int(request.query.get("times", "0"))
        if times < self.sent_on:
            raise web.HTTPFound(f"{request.path}?times={times + 1}")
        path = self.folder / request.match_info["file"]
        if not path.is_file():
            raise web.HTTPNotFound
        size = path.stat().st_size
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
        start, end = (int(asked[1]), min(int(asked[2]) + 1, size)) if asked and self.ranges else (0, size)
        if start >= size:
            raise web.HTTPRequestRangeNotSatisfiable
        headers = {"Content-Length": str(end - start)} if self.tells_length else {}
        if asked and self.ranges:
            headers["Content-Range"] = f"bytes {start + self.wrong_range}-{end - 1}/{size}"
        response = web.StreamResponse(status=206 if asked and self.ranges else 200, headers=headers)
        await response.prepare(request)
        with path.open("rb") as file:
            file.seek(start)
            while start < end:
                block = file.read(min(65_536, end - start))
                try:
                    await response.write(block)
                except ConnectionError:
                    break
                start += len(block)
                self.sent += len(block)
        return response

    async def tree(self, request: web.Request) -> web.Response:
        self.requests += 1
        if not self.lists:
            raise web.HTTPNotFound
        found = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        answer = json.dumps([{"type": "file", "path": path.relative_to(self.folder).as_posix()} for path in found])
        self.sent += len(answer)
        return web.Response(text=answer, content_type="application/json")


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    folder = tmp_path / "hub"
    folder.mkdir()
    hub = Hub(folder)
    app = web.Application()
    app.router.add_get("/owner/name/resolve/main/{file:.+}", hub.resolve)
    app.router.add_get("/api/models/owner/name/tree/main", hub.tree)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield hub
    hub.ended.set()
    await runner.cleanup()


def settings_of(hub: Hub) -> Settings:
    return load_settings([f"models.hub_url={hub.url}"], environ={})


def same(one: ModelHead, other: ModelHead) -> bool:
    return (one.shape, one.weights, one.types) == (other.shape, other.weights, other.types)


@pytest.mark.parametrize("vocabulary", [1_000, 32_000, 152_000, 262_144])
async def test_a_gguf_with_megabytes_of_tokenizer_is_read_by_less_than_one(hub: Hub, vocabulary: int) -> None:
    metadata = llama_metadata(32) | long_tokenizer(vocabulary)
    file = write_gguf(hub.folder / "m-Q4_K_M.gguf", metadata, llama_tensors(32, 4096, 1024, vocabulary))
    head = await read_model("owner/name", settings_of(hub))
    assert same(head, await read_model(str(file), settings_of(hub)))
    assert head.shape.vocabulary == 32_000
    assert head.bytes_read <= hub.sent < MEGABYTE
    assert hub.requests < 60


async def test_many_parts_of_a_split_file_are_read_by_less_than_one(hub: Hub) -> None:
    tensors = llama_tensors(80)
    for part in range(40):
        metadata = llama_metadata(80) | long_tokenizer() if part == 0 else {"split.no": part}
        write_gguf(hub.folder / f"m-{part + 1:05d}-of-00040.gguf", metadata, tensors[part::40])
    head = await read_model("owner/name", settings_of(hub))
    assert same(head, await read_model(str(hub.folder), settings_of(hub)))
    assert head.shape.depth == 80
    assert hub.sent < MEGABYTE


async def test_keys_after_the_tokenizer_are_found_too(hub: Hub) -> None:
    metadata = {"general.architecture": "llama"} | long_tokenizer() | llama_metadata()
    file = write_gguf(hub.folder / "m.gguf", metadata, llama_tensors())
    head = await read_model(f"{hub.url}/owner/name/resolve/main/m.gguf", settings_of(hub))
    assert same(head, await read_model(str(file), settings_of(hub)))
    assert hub.sent < MEGABYTE


async def test_scores_between_the_strings_are_passed(hub: Hub) -> None:
    tokenizer = long_tokenizer(64_000)
    more = {"tokenizer.ggml.scores": [float(-place) for place in range(64_000)]}
    metadata = llama_metadata() | {"tokenizer.ggml.tokens": tokenizer["tokenizer.ggml.tokens"]} | more | tokenizer
    file = write_gguf(hub.folder / "m.gguf", metadata, llama_tensors())
    head = await read_model("owner/name", settings_of(hub))
    assert same(head, await read_model(str(file), settings_of(hub)))
    assert hub.sent < MEGABYTE


async def test_one_of_several_files_is_chosen_by_its_name(hub: Hub) -> None:
    for quantisation in ("Q4_K_M", "Q8_0"):
        write_gguf(hub.folder / f"m-{quantisation}.gguf", llama_metadata(), llama_tensors())
    with pytest.raises(BadModelFile, match=r"m-Q4_K_M.gguf, m-Q8_0.gguf"):
        await read_model("owner/name", settings_of(hub))
    assert (await read_model("owner/name:Q8_0", settings_of(hub))).shape.depth == 4
    assert (await read_model("owner/name/m-Q8_0.gguf", settings_of(hub))).shape.depth == 4


def write_shards(folder: Path, shards: int, layers: int, config: dict[str, Any]) -> int:
    """A model of several files; the bytes of its tensors."""
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    tensors = hf_tensors(layers)
    weight_map: dict[str, str] = {}
    for shard in range(shards):
        name = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        write_safetensors(folder / name, tensors[shard::shards])
        weight_map |= {tensor[0]: name for tensor in tensors[shard::shards]}
    total = sum(2 * sizes[0] * sizes[1] for _, sizes, _ in tensors)
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    return total


@pytest.mark.parametrize("lists", [True, False])
async def test_shards_are_read_by_their_heads(hub: Hub, lists: bool) -> None:
    hub.lists = lists
    total = write_shards(hub.folder, 4, 24, CONFIG)
    head = await read_model("owner/name", settings_of(hub))
    assert head.weights is not None
    assert (head.weights.bytes, head.weights.exact) == (total, True)
    assert head.weights.embedding_bytes == 1000 * 64 * 2
    assert same(head, await read_model(str(hub.folder), settings_of(hub)))
    assert hub.sent < MEGABYTE


@pytest.mark.parametrize(("shards", "layers"), [(40, 60), (8, 4000)])
async def test_heads_that_are_too_long_together_are_not_read(hub: Hub, shards: int, layers: int) -> None:
    total = write_shards(hub.folder, shards, layers, CONFIG)
    head = await read_model("owner/name", settings_of(hub))
    assert head.weights is not None
    assert head.weights.bytes == total
    assert head.shape.parameters == total // 2
    assert any("too long to read" in each for each in head.shape.assumed)
    assert hub.sent < MEGABYTE


async def test_a_pipeline_of_pictures_is_read_by_its_heads(hub: Hub) -> None:
    (hub.folder / "model_index.json").write_text(json.dumps({"transformer": ["a", "b"], "vae": ["a", "b"]}), "utf-8")
    write_safetensors(hub.folder / "transformer" / "diffusion_pytorch_model.safetensors", [("a", (9, 9), "BF16")])
    write_safetensors(hub.folder / "vae" / "diffusion_pytorch_model.safetensors", [("c", (5, 10), "BF16")])
    head = await read_model("owner/name", settings_of(hub))
    assert [(part.name, part.parameters) for part in head.shape.parts] == [("transformer", 81), ("vae", 50)]


async def test_a_server_without_ranges_is_told_and_nothing_big_is_read(hub: Hub) -> None:
    hub.ranges = False
    write_gguf(hub.folder / "m.gguf", llama_metadata(), llama_tensors())
    with pytest.raises(PullFailed, match="ranges"):
        await read_model("owner/name", settings_of(hub))
    (hub.folder / "m.gguf").unlink()
    write_shards(hub.folder, 2, 24, CONFIG)
    os.truncate(hub.folder / "model-00001-of-00002.safetensors", 3 * MEGABYTE)
    with pytest.raises(PullFailed, match="ranges"):
        await read_model("owner/name", settings_of(hub))


async def test_a_server_that_tells_no_length_is_read_too_and_cut_off(hub: Hub) -> None:
    hub.ranges = hub.tells_length = False
    (hub.folder / "config.json").write_text(json.dumps(CONFIG), "utf-8")
    head = await read_model("owner/name", settings_of(hub))
    assert (head.layout, head.weights) == ("config", None)
    (hub.folder / "config.json").write_bytes(b" " * 50 * MEGABYTE)
    with pytest.raises(PullFailed, match="ranges"):
        await read_model("owner/name", settings_of(hub))
    assert hub.sent < 20 * MEGABYTE


async def test_a_server_that_sends_us_on_is_followed_but_not_for_ever(hub: Hub) -> None:
    file = write_gguf(hub.folder / "m.gguf", llama_metadata(), llama_tensors())
    hub.sent_on = 3
    assert same(await read_model("owner/name", settings_of(hub)), await read_model(str(file), settings_of(hub)))
    hub.sent_on = 99
    with pytest.raises(PullFailed, match="TooManyRedirects"):
        await read_model("owner/name", settings_of(hub))


async def test_another_piece_than_was_asked_for_is_refused(hub: Hub) -> None:
    write_gguf(hub.folder / "m.gguf", llama_metadata(), llama_tensors())
    hub.wrong_range = True
    with pytest.raises(PullFailed, match="the range"):
        await read_model("owner/name", settings_of(hub))


async def test_a_server_that_says_nothing_is_given_up(hub: Hub) -> None:
    hub.silent = True
    async with RemoteStore("owner/name", f"{hub.url}/owner/name/resolve/main", most_s=0.2) as store:
        with pytest.raises(PullFailed, match="in time"):
            await store.read("m.gguf", 0, 8)
        with pytest.raises(PullFailed, match="in time"):  # what is asked later has no time of its own
            await store.read("m.gguf", 0, 8)


async def test_a_head_without_end_is_given_up(hub: Hub) -> None:
    endless = b"".join(b"\x05" + bytes(7) + os.urandom(1) + b"\x00\xff\xfe\xfd" for _ in range(300_000))
    head, _ = gguf_head(llama_metadata(), [])
    head = head.rstrip(b"\x00")[:8] + (0).to_bytes(8, "little") + (99).to_bytes(8, "little")
    array = len(b"words").to_bytes(8, "little") + b"words" + (9).to_bytes(4, "little") + (8).to_bytes(4, "little")
    (hub.folder / "m.gguf").write_bytes(head + array + (300_000).to_bytes(8, "little") + endless)
    with pytest.raises(BadModelFile):
        await read_model("owner/name", settings_of(hub))
    assert hub.sent < 2 * MEGABYTE


async def test_what_is_not_there_and_who_does_not_answer_is_told(hub: Hub) -> None:
    with pytest.raises(BadModelFile, match=r"config.json"):
        await read_model("owner/name", settings_of(hub))
    with pytest.raises(PullFailed, match=r"models.hub_url"):
        await read_model("owner/name", load_settings(environ={}))
    with pytest.raises(PullFailed, match="to answer"):
        await read_model("owner/name", load_settings(["models.hub_url=http://127.0.0.1:1"], environ={}))
