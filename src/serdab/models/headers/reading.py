"""Reading a model where it is: a file, a folder, a URL, or a place on a hub. The weights stay where they are."""

from __future__ import annotations

import re
from pathlib import Path

from serdab.core import Settings, expected
from serdab.models.errors import BadModelFile, PullFailed
from serdab.models.headers.folders import ModelHead, folder_head
from serdab.models.headers.gguf import CHUNK, GgufHead, read_gguf
from serdab.models.headers.gguf_shape import shape_of_gguf
from serdab.models.headers.gguf_types import FILE_TYPES
from serdab.models.headers.stores import LocalStore, RemoteStore, Store, run
from serdab.models.headers.tensors import Tensor, count
from serdab.models.hub import hub_headers

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}(?:/[\w./-]{1,200}\.gguf)?(?::[\w.-]{1,60})?")
_SPLIT = re.compile(r"(.{1,200})-(\d{5})-of-(\d{5})\.gguf")
_MOST_SPLITS = 200
_MOST_SHOWN = 12
#: Bytes that are read at first of a part after the first.
_PART = 8_192


def is_place(target: str) -> bool:
    """Whether a word names a file, a folder, a URL or a place on a hub, and is no plain name."""
    is_path = target.startswith(("/", "./", "../", "~")) or target.endswith((".gguf", ".safetensors"))
    return is_path or is_here(target) or "://" in target or _HUB_ID.fullmatch(target) is not None


def is_here(target: str) -> bool:
    """Whether a word names a file or a folder of this machine, perhaps with a word after a colon."""
    head, _, _ = target.rpartition(":")
    return Path(target).expanduser().exists() or bool(head and Path(head).expanduser().is_dir())


async def read_model(target: str, settings: Settings) -> ModelHead:
    """Read what a model is from the heads of its files.

    Args:
        target: a path, a URL of a file, or `owner/name` on the hub `models.hub_url`; of several GGUF files the one
            whose name has the word after a colon, as in `owner/name:Q4_K_M`.
        settings: `models.hub_url` and `models.hub_token`.

    Raises:
        BadModelFile: a file is truncated, damaged, or no model; or reading on would need more than a megabyte.
        UnknownShape: a field that memory depends on is missing.
        PullFailed: the other side does not answer, or sends no ranges.
    """
    path = Path(target).expanduser()
    if path.exists():
        return await _read_local(path)
    head, _, variant = target.rpartition(":")
    if head and Path(head).expanduser().is_dir():
        return await _read_folder(LocalStore(Path(head).expanduser()), variant)
    if target.startswith(("http://", "https://")):
        base, _, file = target.rpartition("/")
        async with RemoteStore(target, base, headers=hub_headers(settings, target)) as store:
            return await _read_file(store, file)
    if _HUB_ID.fullmatch(target) is None:
        todo = "give a path, a URL, or owner/name on the hub"
        raise BadModelFile(expected("the place of a model", "one that exists", target, todo))
    if not settings.models.hub_url:
        raise PullFailed(
            expected(
                "models.hub_url", "the URL of a hub", "", f"set it, as in --set models.hub_url=URL, to read {target}"
            )
        )
    return await _read_hub(target, settings)


async def _read_hub(target: str, settings: Settings) -> ModelHead:
    hub = settings.models.hub_url.rstrip("/")
    place, _, variant = target.partition(":")
    owner, name, *rest = place.split("/", 2)
    base = f"{hub}/{owner}/{name}/resolve/main"
    listing = f"{hub}/api/models/{owner}/{name}/tree/main?recursive=true"
    async with RemoteStore(target, base, "" if rest else listing, hub_headers(settings, base)) as store:
        if rest:
            return await _read_file(store, rest[0])
        return await _read_folder(store, variant)


async def _read_local(path: Path) -> ModelHead:
    if path.is_dir():
        return await _read_folder(LocalStore(path), "")
    store = LocalStore(path.parent)
    return await _read_file(store, path.name)


async def _read_file(store: Store, file: str) -> ModelHead:
    if file.endswith(".gguf"):
        return await _read_ggufs(store, _siblings(file))
    if file.endswith((".safetensors", ".safetensors.index.json", "config.json", "model_index.json")):
        return await folder_head(store, await store.files(), only=file if file.endswith(".safetensors") else "")
    raise BadModelFile(expected(file[:200], "a .gguf or .safetensors file, a config.json, or a folder", "another"))


async def _read_folder(store: Store, variant: str) -> ModelHead:
    files = await store.files()
    ggufs = [file for file in files if file.endswith(".gguf")]
    chosen = sorted(
        {_first(file) for file in ggufs if variant.lower() in file.lower() and "mmproj" not in file.lower()}
    )
    if ggufs and (variant or not {"config.json", "model_index.json"} & set(files) or len(chosen) == 1):
        if len(chosen) != 1:
            shown = ", ".join(chosen[:_MOST_SHOWN]) if chosen else ", ".join(sorted(ggufs)[:_MOST_SHOWN])
            raise BadModelFile(
                expected(
                    f"the file of {store.name}",
                    "one",
                    f"{len(chosen)} of {len(ggufs)}",
                    f"name it after a colon: {shown}",
                )
            )
        return await _read_ggufs(store, _siblings(chosen[0]))
    return await folder_head(store, files)


def _first(file: str) -> str:
    split = _SPLIT.fullmatch(file)
    return f"{split[1]}-00001-of-{split[3]}.gguf" if split else file


def _siblings(file: str) -> list[str]:
    """All files of a GGUF that was split into several."""
    split = _SPLIT.fullmatch(file)
    if split is None:
        return [file]
    number = int(split[3])
    if not 1 <= number <= _MOST_SPLITS:
        raise BadModelFile(expected(f"the parts of {file[:200]}", f"1 to {_MOST_SPLITS}", number))
    return [f"{split[1]}-{each:05d}-of-{split[3]}.gguf" for each in range(1, number + 1)]


async def _read_ggufs(store: Store, files: list[str]) -> ModelHead:
    heads: list[GgufHead] = []
    for file in files:
        # The parts after the first describe a few tensors each, and there may be many parts.
        piece = await store.read(file, 0, CHUNK if not heads else _PART)
        if piece is None:
            raise BadModelFile(expected(f"{file[:200]} of {store.name}", "there", "nothing"))
        heads.append(await run(read_gguf(piece.data, piece.file_size, store.remote), store, file))
    tensors: tuple[Tensor, ...] = tuple(tensor for head in heads for tensor in head.tensors)
    counted = count(tensors)
    first = heads[0]
    file_type = first.metadata.get("general.file_type")
    named = FILE_TYPES.get(file_type) if isinstance(file_type, int) else None
    return ModelHead(
        shape=shape_of_gguf(first, tensors, counted, files[0].rpartition("/")[2].removesuffix(".gguf")),
        weights=counted.weights(named or next(iter(counted.types), "")),
        layout="gguf",
        place=f"{store.name}" if store.remote else f"{store.name}/{files[0]}",
        types=counted.types,
        bytes_read=store.bytes_read,
    )
