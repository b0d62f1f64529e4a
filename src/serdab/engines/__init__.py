"""Engines: processes around models that speak OpenAI's HTTP on loopback, their launchers and their clients."""

from serdab.engines.addresses import EngineAddress, find_engine, read_address
from serdab.engines.embedder import Embedder
from serdab.engines.errors import (
    BadEmbeddingInput,
    BadModelFolder,
    EngineBusy,
    EngineFailed,
    EngineUnavailable,
    MissingExtra,
)
from serdab.engines.extras import load_extra
from serdab.engines.input_format import HUNDRED_LANGUAGES, USUAL_INPUT_FORMAT, InputFormat, Vocabulary
from serdab.engines.process import EngineOptions, EngineProcess

__all__ = [
    "HUNDRED_LANGUAGES",
    "USUAL_INPUT_FORMAT",
    "BadEmbeddingInput",
    "BadModelFolder",
    "Embedder",
    "EngineAddress",
    "EngineBusy",
    "EngineFailed",
    "EngineOptions",
    "EngineProcess",
    "EngineUnavailable",
    "InputFormat",
    "MissingExtra",
    "Vocabulary",
    "find_engine",
    "load_extra",
    "read_address",
]
