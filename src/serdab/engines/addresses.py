"""Where the engines of one home listen: a small file each, so that other processes find them."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

import msgspec
import psutil

from serdab.core import BadInput, Settings, expected, private_folder

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class EngineAddress(msgspec.Struct, frozen=True, kw_only=True):
    """What the file of a running engine says."""

    url: str
    pid: int
    #: When that process started, seconds since 1970: a number that a later process of the same id does not have.
    started_at: float
    model: str
    dimensions: int
    #: `f32`, `bf16` or `int8`: what it computes in.
    precision: str


def address_file(settings: Settings, model: str) -> Path:
    """Where the address of a model's engine stands.

    Raises:
        BadInput: the name could not be a file's.
    """
    if not _NAME.fullmatch(model):
        raise BadInput(expected("the name of a model", "letters, digits, dots and dashes", model))
    return settings.folder / "run" / f"engine-{model}.json"


def write_address(settings: Settings, address: EngineAddress) -> None:
    """Publish an engine, in one step."""
    path = address_file(settings, address.model)
    private_folder(path.parent)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        partial.write_bytes(msgspec.json.encode(address))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read_address(settings: Settings, model: str) -> EngineAddress | None:
    """The engine that serves a model now; None when there is none or its process has ended."""
    try:
        address = msgspec.json.decode(address_file(settings, model).read_bytes(), type=EngineAddress)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return address if started_at(address.pid) == address.started_at else None


def remove_address(settings: Settings, model: str, pid: int) -> None:
    """Take back the address of one process; another's stays."""
    path = address_file(settings, model)
    try:
        if msgspec.json.decode(path.read_bytes(), type=EngineAddress).pid == pid:
            path.unlink(missing_ok=True)
    except (FileNotFoundError, msgspec.MsgspecError):
        return


def find_engine(settings: Settings, model: str) -> str | None:
    """The address of a living engine for a model, such as `http://127.0.0.1:40123`; None when there is none."""
    address = read_address(settings, model)
    return address.url if address else None


def started_at(pid: int) -> float | None:
    """When a living process started, seconds since 1970; None when it is gone."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None
