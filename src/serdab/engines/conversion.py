"""Converted graphs beside the weights they come from, made once and reused."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from serdab.core import expected, owner_only, private_folder
from serdab.engines.bert import digest_of, read_shape, read_weights
from serdab.engines.bert_graph import GRAPH_VERSION, build_bert, exact_product
from serdab.engines.errors import BadModelFolder
from serdab.engines.int8 import int8_product

#: Folder of converted graphs under the model's own.
FOLDER = "onnx"
PRODUCTS = {"f32": exact_product, "int8": int8_product}


def convert_model(folder: Path, precision: str) -> Path:
    """The ONNX file of a model, made when it is not there yet; safe when several processes ask at once.

    Args:
        folder: where `config.json` and `model.safetensors` are.
        precision: `f32` or `int8`.

    Raises:
        BadModelFolder: the model cannot be read, or the folder cannot be written.
    """
    if precision not in PRODUCTS:
        raise BadModelFolder(expected("the precision", " or ".join(PRODUCTS), precision))
    cache = folder / FOLDER
    path = cache / f"{precision}-{GRAPH_VERSION}-{digest_of(folder)[:16]}.onnx"
    if path.exists():
        return path
    try:
        private_folder(cache)
        with open(cache / ".lock", "w", opener=owner_only) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                _write(path, build_bert(read_shape(folder), read_weights(folder), PRODUCTS[precision]))
                _forget_older(path, precision)
    except OSError as error:
        todo = "free some space or change its permissions"
        raise BadModelFolder(expected(f"the folder {cache}", "writable", str(error), todo)) from error
    return path


def _write(path: Path, content: bytes) -> None:
    partial = path.with_suffix(".partial")
    with open(partial, "wb", opener=owner_only) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)


def _forget_older(path: Path, precision: str) -> None:
    for older in path.parent.glob(f"{precision}-*.onnx"):
        if older != path:
            older.unlink(missing_ok=True)
