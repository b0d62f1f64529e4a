"""Folders as Hugging Face's libraries write them: `config.json` beside safetensors files, or several such folders."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from serdab.core import expected
from serdab.models.errors import BadModelFile
from serdab.models.headers.config_shape import read_config, reckoned_expert_parameters, shape_of_config, text_fields
from serdab.models.headers.quantisation import BYTES_OF, Packing, format_of, packing_of
from serdab.models.headers.safetensors import head_size, read_safetensors
from serdab.models.headers.stores import MOST_REMOTE_BYTES, Store, run
from serdab.models.headers.tensors import Counted, Tensor, count
from serdab.plan import Part, Shape, Weights

#: Files of weights by the libraries' own names.
_BASES = ("model.safetensors", "diffusion_pytorch_model.safetensors")
_MOST_CONFIG_BYTES = 262_144
_MOST_INDEX_BYTES = 65_536
#: Most files of one model whose heads are read over a network, and bytes that are left for what else is to be read.
_MOST_REMOTE_FILES = 32
_SPARE_BYTES = 200_000
_MOST_FILES = 2_000
_TOTAL = re.compile(rb'"total_size"\s{0,8}:\s{0,8}(\d{1,16})')
_PLAIN_NAME = re.compile(r"[\w.-]{1,200}(?:/[\w.-]{1,200}){0,2}")


class ModelHead(msgspec.Struct, frozen=True, kw_only=True):
    """What the heads of a model's files say."""

    shape: Shape
    #: None: no weights were found.
    weights: Weights | None
    layout: Literal["gguf", "safetensors", "config", "diffusers"]
    #: Where it was read.
    place: str
    #: Bytes of weights by type of tensor, the most first; empty where only their sum is known.
    types: dict[str, int]
    #: Bytes that were read to know this.
    bytes_read: int


class _Files(msgspec.Struct, frozen=True, kw_only=True):
    """Weights of one folder: their tensors, or only how many bytes they have together."""

    tensors: tuple[Tensor, ...] | None
    bytes: int
    #: False when it is the size of files that cannot be looked into.
    exact: bool = True


async def folder_head(store: Store, files: list[str], only: str = "") -> ModelHead:
    """What a folder holds.

    Args:
        store: where its files are.
        files: their names, as far as the store tells.
        only: read the weights of this file alone.

    Raises:
        BadModelFile: there is no configuration, or a file is damaged.
        UnknownShape: the configuration lacks a field that memory depends on.
    """
    index = None if only else await _json(store, "model_index.json", files)
    if index is not None:
        return await _pipeline(store, files, index)
    config = await _json(store, "config.json", files)
    if config is None:
        todo = "a GGUF has all in one file; for others bring config.json too"
        raise BadModelFile(
            expected(store.name, "a folder with config.json, model_index.json or a .gguf file", files[:5], todo)
        )
    name = (
        str(config.get("_name_or_path") or "").rstrip("/").rpartition("/")[2]
        or store.name.rstrip("/").rpartition("/")[2]
    )
    if "hf_quant_config.json" in files and not packing_of(config).name:
        said = await _json(store, "hf_quant_config.json", files) or {}
        config["quantization_config"] = said.get("quantization")
    packing = packing_of(config)
    found = await _weights(store, "", files, only)
    kind = "embedding" if "modules.json" in files else None
    if found is None:
        shape = shape_of_config(config, name, None)
        return ModelHead(
            shape=_assuming(shape, "no weights are here: parameters are not known"),
            weights=None, layout="config", place=store.name, types={}, bytes_read=store.bytes_read,
        )  # fmt: skip
    if found.tensors is None:
        return _by_sum(store, config, name, packing, found)
    counted = count(found.tensors, packing.in_byte)
    shape = shape_of_config(config, name, counted, "embedding" if kind and "ForSequence" not in str(config) else None)
    return ModelHead(
        shape=shape,
        weights=counted.weights(format_of(packing, counted.types)),
        layout="safetensors",
        place=store.name,
        types=counted.types,
        bytes_read=store.bytes_read,
    )


def _by_sum(store: Store, config: dict[str, Any], name: str, packing: Packing, found: _Files) -> ModelHead:
    """The sum of the bytes is known; what belongs to experts and embeddings is reckoned by the configuration."""
    fields = text_fields(config)
    said = str(config.get("torch_dtype") or config.get("dtype") or fields.values.get("dtype") or "")
    of_one = BYTES_OF.get(said, 2.0)
    in_weights = {"FP8": 1.0, "INT8": 1.0}.get(packing.name, 0.53 if packing.in_byte == 2 else of_one)
    expert_parameters = reckoned_expert_parameters(config)
    parameters = round(found.bytes / in_weights)
    expert_parameters = min(expert_parameters, parameters)
    embedding = round((fields.number("vocab_size") or 0) * (fields.number("hidden_size") or 0) * of_one)
    counted = Counted(
        parameters=parameters,
        expert_parameters=expert_parameters,
        vision_parameters=0,
        bytes=found.bytes,
        embedding_bytes=min(embedding, found.bytes),
        expert_bytes=min(round(expert_parameters * in_weights), found.bytes),
        has_output=False,
        has_embedding=False,
        types={},
    )
    shape = shape_of_config(config, name, counted)
    shape = _assuming(
        shape,
        "the heads of all files together were too long to read: parameters are the sum of their bytes at "
        f"{in_weights:g} bytes each, those of experts and embeddings are reckoned by the configuration"
        if found.exact
        else "the files are pickles, which are not looked into: parameters are reckoned by their size",
    )
    weights = counted.weights(packing.name or {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}.get(said, said))
    return ModelHead(
        shape=shape,
        weights=msgspec.structs.replace(weights, exact=found.exact),
        layout="safetensors",
        place=store.name,
        types={},
        bytes_read=store.bytes_read,
    )


async def _pipeline(store: Store, files: list[str], index: dict[str, Any]) -> ModelHead:
    """Several models that make pictures together, each in a folder of its own."""
    parts: list[Part] = []
    types: dict[str, int] = {}
    total, exact = 0, True
    assumed: list[str] = []
    for name, made_of in sorted(index.items()):
        if name.startswith("_") or not isinstance(made_of, list) or not _PLAIN_NAME.fullmatch(name):
            continue
        found = await _weights(store, f"{name}/", files, "")
        if found is None:
            continue
        config = await _json(store, f"{name}/config.json", files) or {}
        if found.tensors is None:
            assumed.append(f"the parameters of {name} are reckoned at 2 bytes each")
            parameters, exact = found.bytes // 2, exact and found.exact
        else:
            counted = count(found.tensors, packing_of(config).in_byte)
            parameters = counted.parameters
            for kind, size in counted.types.items():
                types[kind] = types.get(kind, 0) + size
        total += found.bytes
        parts.append(Part(name=name, parameters=parameters))
    if not parts:
        raise BadModelFile(expected(store.name, "a pipeline with weights in its folders", "none"))
    types = dict(sorted(types.items(), key=lambda each: -each[1]))
    everything = sum(part.parameters for part in parts)
    return ModelHead(
        shape=Shape(
            name=store.name.rstrip("/").rpartition("/")[2],
            kind="image",
            parameters=everything,
            active_parameters=everything,
            parts=tuple(parts),
            assumed=tuple(assumed),
        ),
        weights=Weights(format=format_of(Packing(), types), bytes=total, exact=exact),
        layout="diffusers",
        place=store.name,
        types=types,
        bytes_read=store.bytes_read,
    )


async def _weights(store: Store, prefix: str, files: list[str], only: str) -> _Files | None:
    """The weights of one folder."""
    if only:
        return await _heads(store, [only], None)
    for base in _BASES:
        if not files or f"{prefix}{base}.index.json" in files:
            shards, total = await _index(store, f"{prefix}{base}.index.json")
            if shards:
                return await _heads(store, [prefix + shard for shard in shards], total)
            if total:
                return _Files(tensors=None, bytes=total)
        if not files or f"{prefix}{base}" in files:
            found = await _heads(store, [f"{prefix}{base}"], None)
            if found is not None:
                return found
    loose = [each for each in files if each.endswith(".safetensors") and each.rpartition("/")[0] == prefix.rstrip("/")]
    if loose:
        return await _heads(store, loose, None)
    pickles = [each for each in files if re.fullmatch(re.escape(prefix) + r"pytorch_model[\w.-]{0,40}\.bin", each)]
    sizes = [piece.file_size for each in pickles if (piece := await store.read(each, 0, 8)) is not None]
    return _Files(tensors=None, bytes=sum(sizes), exact=False) if sizes else None


async def _heads(store: Store, names: list[str], total: int | None) -> _Files | None:
    """The tensors of some files; only the sum of their bytes where their heads are too long for a network."""
    if len(names) > (_MOST_REMOTE_FILES if store.remote and total else _MOST_FILES):
        return _Files(tensors=None, bytes=total) if total else None
    starts: list[tuple[str, bytes, int]] = []
    sizes = 0
    for name in names:
        piece = await store.read(name, 0, 8)
        if piece is None:
            if len(names) == 1:
                return None
            raise BadModelFile(expected(f"{name[:200]} of {store.name}", "there, as the index says", "nothing"))
        sizes += head_size(piece.data, piece.file_size)
        starts.append((name, piece.data, piece.file_size))
    if store.remote and total and sizes > MOST_REMOTE_BYTES - store.bytes_read - _SPARE_BYTES:
        return _Files(tensors=None, bytes=total)
    tensors: list[Tensor] = []
    for name, data, file_size in starts:
        tensors += await run(read_safetensors(data, file_size), store, name)
    return _Files(tensors=tuple(tensors), bytes=sum(tensor.bytes for tensor in tensors))


async def _index(store: Store, name: str) -> tuple[list[str], int | None]:
    """The files that an index names, as far as it is short enough, and the bytes of all their tensors."""
    piece = await store.read(name, 0, _MOST_INDEX_BYTES if store.remote else 1 << 26)
    if piece is None:
        return [], None
    told = _TOTAL.search(piece.data)
    if told is None and piece.file_size > len(piece.data):
        tail = await store.read(name, piece.file_size - 4096, 4096)
        told = _TOTAL.search(tail.data) if tail is not None else None
    total = int(told[1]) if told else None
    if piece.file_size > len(piece.data):
        return [], total
    try:
        weight_map = msgspec.json.decode(piece.data)["weight_map"]
        shards = sorted(set(weight_map.values()))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError, KeyError, AttributeError) as error:
        raise BadModelFile(expected(name, "an index with a weight_map", str(error))) from error
    if not all(isinstance(each, str) and _PLAIN_NAME.fullmatch(each) and ".." not in each for each in shards):
        raise BadModelFile(expected(name, "an index of plain names of files", shards[:5]))
    return shards, total


async def _json(store: Store, name: str, files: list[str]) -> dict[str, Any] | None:
    if files and name not in files:
        return None
    piece = await store.read(name, 0, _MOST_CONFIG_BYTES)
    if piece is None:
        return None
    if piece.file_size > len(piece.data):
        raise BadModelFile(expected(name, f"at most {_MOST_CONFIG_BYTES:,} bytes", piece.file_size))
    return read_config(piece.data)


def _assuming(shape: Shape, what: str) -> Shape:
    return msgspec.structs.replace(shape, assumed=(*shape.assumed, what))
