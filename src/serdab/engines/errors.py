"""What can go wrong with engines.

SerdabError
├── MissingExtra                     a heavy library that an extra brings is not installed
├── BadInput
│   ├── BadModelFolder               a folder does not hold a model that this engine can load
│   └── BadEmbeddingInput            a text cannot be embedded
├── EngineFailed                     the engine answered, but not as it must
└── Unavailable
    ├── EngineUnavailable            no engine answered in time
    └── EngineBusy                   the engine's queue is full
"""

from __future__ import annotations

from serdab.core import BadInput, SerdabError, Unavailable


class MissingExtra(SerdabError):
    """A library for this work is not installed; say: pip install 'serdab[documents]'."""

    code = "missing_extra"


class BadModelFolder(BadInput):
    """The folder does not hold a model that this engine can load."""

    code = "bad_model_folder"


class BadEmbeddingInput(BadInput):
    """A text cannot be embedded."""

    code = "bad_embedding_input"


class EngineFailed(SerdabError):
    """The engine answered, but not as it must; its log says why."""

    code = "engine_failed"


class EngineUnavailable(Unavailable):
    """No engine answered in time; start one with `serdab up`."""

    code = "engine_unavailable"


class EngineBusy(Unavailable):
    """The engine's queue is full; try again in a moment."""

    code = "engine_busy"
